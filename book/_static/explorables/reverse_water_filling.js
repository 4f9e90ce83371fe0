// Where should a memory spend its nats?
// Twelve Gaussian components of different variance; on a logarithmic axis the height above the water is what is stored.

import { html, label, line, set, slider, svg, throttle, whenSized } from "./lib/kit.js";
import { clamp } from "./lib/pole.js";

// ---------------------------------------------------------------- numerics

export const COUNT = 12;
const TURN = (127 * Math.PI) / 180;

const sum = (list) => list.reduce((total, value) => total + value, 0);

/** The spectrum of a noise-driven memory with the factor r, alone or turning by 127°, at evenly spaced frequencies; mean 1. */
export function variances(kind, r) {
  const theta = kind === "turn" ? TURN : 0;
  const density = Array.from({ length: COUNT }, (_, j) => {
    const w = (Math.PI * (j + 0.5)) / COUNT;
    const near = (angle) => 1 - 2 * r * Math.cos(w - angle) + r * r;
    return kind === "turn" ? 1 / (near(theta) * near(-theta)) : 1 / near(0);
  });
  return density.map((value) => (value * COUNT) / sum(density));
}

/** The level m at which the components hold sum of ln+(λ/m)/2 = `nats`: the largest of the levels for the k largest. */
export function waterLevel(list, nats) {
  let logs = 0;
  const levels = [...list].sort((x, y) => y - x).map((value, j) => {
    logs += Math.log(value);
    return (logs - 2 * nats) / (j + 1);
  });
  return Math.exp(Math.max(...levels));
}

/** How many nats each component is given by a rule: best, even or least. */
export function shares(rule, list, nats) {
  if (rule === "even") return list.map(() => nats / list.length);
  if (rule === "least") {
    const least = list.indexOf(Math.min(...list));
    return list.map((_, j) => (j === least ? nats : 0));
  }
  const level = waterLevel(list, nats);
  return list.map((value) => Math.max(0, Math.log(value / level) / 2));
}

/** What is left of each variance. */
export function remainders(list, given) {
  return list.map((value, j) => value * Math.exp(-2 * given[j]));
}

/** The least error with so many nats. */
export function distortion(list, nats) {
  const level = waterLevel(list, nats);
  return sum(list.map((value) => Math.min(value, level)));
}

/** The largest error of a Gaussian memory with so many nats that is read in the best way. */
export function guaranteed(list, nats) {
  const least = Math.min(...list);
  return sum(list) - least + least * Math.exp(-2 * nats);
}

/** The numbers of a view. */
export function measure({ kind, rule, factor, nats }) {
  const list = variances(kind, factor);
  const given = shares(rule, list, nats);
  const left = remainders(list, given);
  const level = waterLevel(list, nats);
  return { list, given, left, level, error: sum(left), best: distortion(list, nats), worst: guaranteed(list, nats), heard: list.filter((value) => value > level * (1 + 1e-9)).length };
}

// ---------------------------------------------------------------- words

const RANGES = { nats: { min: 0, max: 16, step: 0.25 }, factor: { min: 0, max: 0.95, step: 0.01 } };
const KINDS = [["slow", "slow"], ["turn", "turn by 127°"]];
const RULES = [["best", "best"], ["even", "evenly"], ["least", "on the least"]];

const strong = (text) => html("strong", {}, text);
const counted = (count) => (count === 1 ? "1 component" : `${count} components`);

/** The readout, with the numbers that matter in bold. */
function sentence({ rule, nats, found }) {
  const { error, best, worst, level, heard } = found;
  const start = ["With ", strong(`${nats.toFixed(2)} nats`), " the error is ", strong(error.toFixed(2)), ` of ${COUNT}`];
  if (nats === 0) return [...start, ": nothing is known. The first nat takes away at most ", strong((2 * level).toFixed(2)), "."];
  if (rule === "best") {
    return [...start, ", and no memory has less. ", strong(counted(heard)), ` stand${heard === 1 ? "s" : ""} above the water; one more nat takes away at most `,
      strong((2 * level).toFixed(2)), ", twice its level."];
  }
  const end = rule === "even" ? `Spent best, these nats leave ${best.toFixed(2)}.`
    : `No Gaussian memory of these nats, read well, has more than ${worst.toFixed(2)}; spent best, they leave ${best.toFixed(2)}.`;
  return [...start, ". ", end];
}

// ---------------------------------------------------------------- the panes

const LEFT = 34;
const TICKS = [0.01, 0.1, 1, 10];
const [LOWEST, HIGHEST] = [0.002, 14];

/** Each variance as a bar, with what is left of it, and the water. */
function barsPane() {
  const grid = svg("path", { class: "grid" });
  const bars = Array.from({ length: COUNT }, () => [svg("rect", { class: "left" }), svg("rect", { class: "stored" })]);
  const water = svg("path", { class: "water" });
  const title = label("variance of each component", { y: 16 });
  const mark = label("water", { class: "water-text halo", "text-anchor": "end" });
  const ticks = TICKS.map((tick) => [tick, label(String(tick), { class: "muted", "text-anchor": "end" })]);
  const axis = label("frequency", { class: "muted", "text-anchor": "end" });
  const node = svg("svg", { class: "rw-bars", role: "img" }, grid, ...bars.flat(), water, title, mark, ...ticks.map(([, text]) => text), axis);

  function draw({ rule, nats, found }, [width, height]) {
    const [top, bottom] = [28, height - 22];
    const Y = (value) => bottom - ((bottom - top) * Math.log(clamp(value, LOWEST, HIGHEST) / LOWEST)) / Math.log(HIGHEST / LOWEST);
    const cell = (width - LEFT) / COUNT;
    bars.forEach(([left, stored], j) => {
      const box = { x: LEFT + (j + 0.15) * cell, width: 0.7 * cell };
      const [high, low] = [Y(found.list[j]), Y(found.left[j])];
      set(stored, { ...box, y: high, height: low - high });
      set(left, { ...box, y: low, height: bottom - low });
    });
    const y = Y(found.level);
    set(water, { d: rule === "best" && nats > 0 ? `M${LEFT} ${y}H${width}` : "" });
    set(mark, { x: width - 2, y: y - 6, visibility: rule === "best" && nats > 0 ? "visible" : "hidden" });
    set(grid, { d: TICKS.map((tick) => `M${LEFT} ${Y(tick)}H${width}`).join("") });
    ticks.forEach(([tick, text]) => set(text, { x: LEFT - 5, y: Y(tick) + 4 }));
    set(axis, { x: width, y: height - 5 });
    set(node, { "aria-label": `Variances of ${COUNT} components, ${found.given.filter((share) => share > 0).length} of them stored in part` });
  }
  return { node, draw };
}

const SAMPLES = Array.from({ length: 129 }, (_, j) => (RANGES.nats.max * j) / 128);

/** The least and the largest error by the number of nats, and where this memory stands. */
function curvePane() {
  const names = ["grid", "band", "tangent", "worst", "best", "drop"];
  const part = Object.fromEntries(names.map((name) => [name, svg("path", { class: name })]));
  const dot = svg("circle", { class: "handle", r: 7 });
  const title = label("error, by nats", { y: 16 });
  const low = label("*D(*C): least", { class: "best-text halo" });
  const high = label("largest, of a Gaussian memory", { class: "worst-text halo", "text-anchor": "end" });
  const ticks = [0, 4, 8, 12].map((value) => [value, label(String(value), { class: "muted", "text-anchor": "end" })]);
  const feet = [0, 4, 8, 12, 16].map((value) => [value, label(String(value), { class: "muted", "text-anchor": "middle" })]);
  const node = svg("svg", { class: "rw-curve", role: "img" }, ...Object.values(part), dot, title, low, high, ...[...ticks, ...feet].map(([, text]) => text));

  function draw({ nats, found }, [width, height]) {
    const [top, bottom, right] = [42, height - 22, width - 10];
    const X = (value) => LEFT + ((right - LEFT) * value) / RANGES.nats.max;
    const Y = (value) => bottom - ((bottom - top) * value) / COUNT;
    const curve = (of) => SAMPLES.map((value) => [X(value), Y(of(found.list, value))]);
    const [best, worst] = [curve(distortion), curve(guaranteed)];
    const end = Math.min(RANGES.nats.max, nats + found.best / (2 * found.level)); // where the tangent meets 0
    const begin = Math.max(0, nats - (COUNT - found.best) / (2 * found.level));
    const on = (value) => [X(value), Y(found.best - 2 * found.level * (value - nats))];
    set(part.best, { d: line(best) });
    set(part.worst, { d: line(worst) });
    set(part.band, { d: `${line([...best, ...worst.toReversed()])}Z` });
    set(part.tangent, { d: line([on(begin), on(end)]) });
    set(part.drop, { d: `M${X(nats)} ${bottom}V${Y(found.error)}` });
    set(part.grid, { d: ticks.map(([value]) => `M${LEFT} ${Y(value)}H${right}`).join("") });
    set(dot, { cx: X(nats), cy: Y(found.error) });
    set(low, { x: X(6.5), y: Y(distortion(found.list, 6.5)) - 10 });
    set(high, { x: right, y: Y(COUNT) - 6 });
    ticks.forEach(([value, text]) => set(text, { x: LEFT - 6, y: Y(value) + 4 }));
    feet.forEach(([value, text]) => set(text, { x: X(value), y: height - 5 }));
    set(node, { "aria-label": `Error ${found.error.toFixed(2)}, between ${found.best.toFixed(2)} and ${found.worst.toFixed(2)}, at ${nats.toFixed(2)} nats` });
  }
  return { node, draw };
}

// ---------------------------------------------------------------- the figure

const oneOf = (choices, wanted) => (choices.find(([name]) => name === wanted) ?? choices[0])[0];

/** Draw the explorable into `element`. Options: kind (slow or turn), rule (best, even, least), factor, nats. */
export function mount(element, options = {}) {
  const read = (name, usual) => {
    const wanted = Number(options[name] ?? usual);
    return clamp(Number.isFinite(wanted) ? wanted : usual, RANGES[name].min, RANGES[name].max);
  };
  const view = { kind: oneOf(KINDS, options.kind), rule: oneOf(RULES, options.rule), nats: read("nats", 4), factor: read("factor", 0.8) };
  const panes = [barsPane(), curvePane()];
  const sizes = new Map();
  const draw = (pane) => sizes.has(pane) && pane.draw(view, sizes.get(pane));
  const sliders = {
    nats: slider(["nats ", html("i", {}, "C")], RANGES.nats, (nats) => move({ nats })),
    factor: slider(["factor"], RANGES.factor, (factor) => move({ factor })),
  };
  const readout = html("p", { class: "explorable-readout", "aria-live": "polite" });
  const say = throttle(() => readout.replaceChildren(...sentence(view)), 500);
  const groups = [["kind", "Source", KINDS], ["rule", "How the nats are spent", RULES]].map(([field, name, choices]) => {
    const buttons = choices.map(([value, text]) => {
      const button = html("button", { type: "button" }, text);
      button.addEventListener("click", () => move({ [field]: value }));
      return [value, button];
    });
    const node = html("div", { class: "explorable-presets", role: "group", "aria-label": name }, ...buttons.map(([, button]) => button));
    return { field, buttons, node };
  });

  function move(change) {
    Object.assign(view, change);
    view.found = measure(view);
    panes.forEach(draw);
    Object.entries(sliders).forEach(([name, { show }]) => show(view[name], view[name].toFixed(2)));
    groups.forEach(({ field, buttons }) => buttons.forEach(([value, button]) => set(button, { "aria-pressed": value === view[field] })));
    say();
  }

  const body = html("div", { class: "rw" },
    ...groups.map(({ node }) => node),
    ...panes.map(({ node }) => node),
    html("div", { class: "rw-sliders" }, ...Object.values(sliders).map(({ node }) => node)),
    readout);
  element.replaceChildren(body);
  panes.forEach((pane) => {
    whenSized(pane.node, (...size) => {
      sizes.set(pane, size);
      draw(pane);
    });
  });
  move({});
}
