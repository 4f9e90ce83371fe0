// How long does a state remember that forgets where it began?
// One number of memory, h_t = κ h_{t-1} + u_t where the gate is open and h_t = h_{t-1} where it is closed, read through noise σ.

import { dots, html, label, line, set, slider, svg, throttle, whenSized } from "./lib/kit.js";
import { clamp } from "./lib/pole.js";

// ---------------------------------------------------------------- numerics

const INPUTS = [0.9, -0.6, 0.3, -1, 0.7, 0.5, -0.8, 0.2, 1, -0.4, -0.7, 0.8]; // repeated
export const STEPS = 60;
const CHOSEN = 44; // the step that writes the chosen input
const START = 3;
const AGREE = 0.01;
const chance = (t) => (Math.sqrt(5) * t * t) % 1;
const ORDER = Array.from({ length: CHOSEN - 1 }, (_, j) => j + 1).sort((s, t) => chance(s) - chance(t)); // in which the steps open as p grows

/** Nats about an input through noise sigma, when it has been multiplied by `weight` since. */
export function information(weight, sigma) {
  return Math.log1p((weight / sigma) ** 2) / 2;
}

/** The lag, a real number, at which an input of weight rate^lag is worth eps nats; negative if none is. */
export function horizon(rate, sigma, eps) {
  return Math.log(sigma * sigma * Math.expm1(2 * eps)) / (2 * Math.log(rate));
}

/** Steps, a real number, after which two copies are AGREE times as far apart. */
export function agreement(rate) {
  return Math.log(AGREE) / Math.log(rate);
}

/** Whether the gate is open at the steps 1 .. STEPS; a selective one opens for the chosen input and then stays closed. */
export function gates(selective, p) {
  const open = new Set([...ORDER.slice(0, Math.round(p * ORDER.length)), CHOSEN]);
  return Array.from({ length: STEPS }, (_, j) => !selective || open.has(j + 1));
}

/** The inputs of the steps 1 .. STEPS. */
export function inputs() {
  return Array.from({ length: STEPS }, (_, j) => INPUTS[j % INPUTS.length]);
}

/** The states h_0 .. h_STEPS. */
export function states(kappa, open, start) {
  const h = [start];
  inputs().forEach((u, j) => h.push(open[j] ? kappa * h[j] + u : h[j]));
  return h;
}

/** The numbers of a view. With a selective gate `rate` is the typical factor of a step, exp of the Lyapunov exponent. */
export function measure({ selective, kappa, sigma, eps, p }) {
  const exponent = (selective ? p : 1) * Math.log(kappa);
  const rate = Math.exp(exponent);
  const budget = -Math.log(sigma * sigma * Math.expm1(2 * eps)) / 2;
  return { exponent, rate, budget, horizon: horizon(rate, sigma, eps), agreement: agreement(rate), fresh: information(1, sigma) };
}

// ---------------------------------------------------------------- words

/** What the sliders hold: κ = 1 - 10^-x, σ = 10^x, ε, p. */
const RANGES = {
  kappa: { min: 0.3, max: 3, step: 0.02 },
  sigma: { min: -2, max: 0.5, step: 0.05 },
  eps: { min: 0.05, max: 1, step: 0.05 },
  p: { min: 0.05, max: 1, step: 0.05 },
};
const HOLDS = { kappa: (x) => 1 - 10 ** -x, sigma: (x) => 10 ** x, eps: (x) => x, p: (x) => x };
const FROM = { kappa: (kappa) => -Math.log10(1 - kappa), sigma: Math.log10, eps: (eps) => eps, p: (p) => p };
const NAMES = { kappa: ["factor κ"], sigma: ["noise σ"], eps: ["threshold ε"], p: ["gate open"] };
const SHOWN = {
  kappa: (kappa) => kappa.toFixed(kappa < 0.9 ? 2 : 4 - (kappa < 0.99)),
  sigma: (sigma) => String(Number(sigma.toPrecision(2))),
  eps: (eps) => `${eps.toFixed(2)} nats`,
  p: (p) => `${Math.round(100 * p)} %`,
};

const minus = (text) => text.replace("-", "−");
const count = (steps) => (steps === 1 ? "1 step" : `${steps} steps`);
const strong = (text) => html("strong", {}, text);

/** The readout, with the numbers that matter in bold. */
function sentence(view) {
  const { selective, eps } = view;
  const { exponent, budget, horizon: lag, agreement: steps, fresh } = view.found;
  const agree = count(Math.ceil(steps - 1e-9));
  const worth = `worth ${eps.toFixed(2)} nats`;
  const deaf = fresh < eps;
  if (!selective) {
    const start = ["Two copies agree to 1 % after ", strong(agree), ". "];
    if (deaf) return [...start, "Not even the newest input is ", worth, ": the noise is too loud."];
    return [...start, "An input is ", worth, " or more for ", strong(count(Math.floor(lag + 1e-9))),
      ". For every κ, ", html("span", { class: "term" }, "ln(1/κ)"), " times the horizon is at most ", strong(budget.toFixed(2)), "."];
  }
  const start = ["Lyapunov exponent ", strong(minus(exponent.toPrecision(2))), " a step: two copies agree to 1 % after about ", strong(agree), ". "];
  const kept = ["The chosen input keeps ", strong(`${fresh.toFixed(2)} nats`), " for as long as the gate stays closed; "];
  return [...start, ...kept, deaf ? `no input is ${worth}.` : `a typical one is ${worth} for about ${count(Math.floor(lag + 1e-9))}.`];
}

// ---------------------------------------------------------------- the panes

const LEFT = 30;

/** Two copies of the state from two starts, the inputs above them. */
function copiesPane() {
  const names = ["grid", "rule", "between", "input skipped", "input-dots skipped", "input", "input-dots", "chosen", "chosen-dot", "copy second", "copy first", "meet"];
  const part = Object.fromEntries(names.map((name) => [name, svg("path", { class: name })]));
  const title = label("inputs *u_t", { class: "input-text", y: 16 });
  const chosen = label("chosen, then closed", { class: "input-text", y: 16, "text-anchor": "middle" });
  const copies = label("two copies of the state *h_t", { class: "copy-text halo" });
  const met = label("agree", { class: "copy-text halo" });
  const ticks = [0, 20, 40, 60].map((t) => [t, label(String(t), { class: "muted", "text-anchor": "middle" })]);
  const axis = label("steps", { class: "muted", "text-anchor": "end" });
  const node = svg("svg", { class: "rh-copies", role: "img" }, ...Object.values(part), title, chosen, copies, met, ...ticks.map(([, text]) => text), axis);

  function draw({ selective, open, pair }, [width, height]) {
    const X = (t) => LEFT + ((width - LEFT - 8) * t) / STEPS;
    const lane = 46;
    const [top, bottom] = [92, height - 24];
    const peak = Math.max(...pair.flat().map(Math.abs));
    const Y = (h) => (top + bottom) / 2 - ((bottom - top) / 2) * (h / peak);
    const u = inputs();
    const heads = (keep) => u.map((value, j) => [X(j + 1), lane - 18 * value]).filter((_, j) => open[j] === keep);
    const stems = (list) => list.map(([x, y]) => `M${x.toFixed(2)} ${lane}V${y.toFixed(2)}`).join("");
    const curves = pair.map((h) => h.map((value, t) => [X(t), Y(value)]));
    const apart = pair[0].map((h, t) => Math.abs(h - pair[1][t]));
    const when = apart.findIndex((gap) => gap <= AGREE * apart[0]);
    set(part.grid, { d: ticks.map(([t]) => `M${X(t)} ${top}V${bottom}`).join("") });
    set(part.rule, { d: `M${X(0)} ${lane}H${X(STEPS)}M${X(0)} ${Y(0)}H${X(STEPS)}` });
    set(part.between, { d: `${line([...curves[0], ...curves[1].toReversed()])}Z` });
    set(part["input skipped"], { d: stems(heads(false)) });
    set(part["input-dots skipped"], { d: dots(heads(false)) });
    set(part.input, { d: stems(heads(true)) });
    set(part["input-dots"], { d: dots(heads(true)) });
    const last = selective ? heads(true).slice(-1) : [];
    set(part.chosen, { d: stems(last) });
    set(part["chosen-dot"], { d: dots(last) });
    set(part["copy first"], { d: line(curves[0]) });
    set(part["copy second"], { d: line(curves[1]) });
    set(part.meet, { d: when < 0 ? "" : `M${X(when)} ${top}V${bottom}` });
    set(met, { x: when > 45 ? X(when) - 5 : X(when) + 5, y: bottom - 6, "text-anchor": when > 45 ? "end" : "start", visibility: when < 0 ? "hidden" : "visible" });
    set(chosen, { x: Math.min(X(CHOSEN), width - 62), visibility: selective ? "visible" : "hidden" });
    set(copies, { x: LEFT, y: 84 });
    ticks.forEach(([t, text]) => set(text, { x: X(t), y: height - 6 }));
    set(axis, { x: X(56), y: height - 6 });
    const words = when < 0 ? `do not agree within ${STEPS} steps` : `agree to 1 % after ${count(when)}`;
    set(node, { "aria-label": `Two copies of the state, driven by the same inputs, ${words}` });
  }
  return { node, draw };
}

const DECADES = ["1", "10", "100", "10³", "10⁴", "10⁵"]; // of steps, on a logarithmic axis
const LAST = DECADES.length - 1;
const SAMPLES = Array.from({ length: 101 }, (_, j) => 10 ** ((LAST * j) / 100));

/** A curve against the number of steps, on a logarithmic axis, and an arrow along a level up to where it is crossed. */
function decayPane(name, heading, below) {
  const part = Object.fromEntries(["grid", "level", "kept", "curve", "arrow"].map((kind) => [kind, svg("path", { class: kind })]));
  const head = svg("path", { class: "head" });
  const title = label(heading, { class: "title", y: 16 });
  const mark = label("", { class: "mark halo" });
  const kept = label("chosen input", { class: "mark halo", "text-anchor": "end" });
  const heights = [0, 1].map(() => label("", { class: "muted", "text-anchor": "end" }));
  const decades = DECADES.map((text) => label(text, { class: "muted", "text-anchor": "middle" }));
  const axis = below ? [...decades, label(below, { class: "muted", "text-anchor": "end" })] : [];
  const node = svg("svg", { class: name, role: "img" }, ...Object.values(part), head, title, kept, mark, ...heights, ...axis);

  /** `value` of a number of steps, `share` of a value as part of the height, the `level`, where it is crossed (`at`), and words. */
  function draw({ value, share, level, at, keeps, ticks, words }, [width, height]) {
    const [top, bottom] = [26, height - (below ? 44 : 8)];
    const right = width - 10;
    const X = (steps) => LEFT + ((right - LEFT) * clamp(Math.log10(steps), 0, LAST)) / LAST;
    const Y = (number) => bottom - (bottom - top) * clamp(share(number), 0, 1);
    const y = Y(level);
    const end = at >= 1 ? X(at) : X(1);
    set(part.grid, { d: decades.map((_, j) => `M${X(10 ** j)} ${top}V${bottom}`).join("") });
    set(part.level, { d: `M${X(1)} ${y}H${right}` });
    set(part.curve, { d: line(SAMPLES.map((steps) => [X(steps), Y(value(steps))])) });
    set(part.kept, { d: keeps === undefined ? "" : `M${X(1)} ${Y(keeps)}H${right}` });
    set(part.arrow, { d: at >= 1 ? `M${X(1)} ${y}H${Math.max(X(1), end - 8)}` : "" });
    set(head, { d: at >= 1 ? `M${end} ${y}l-10 -5v10Z` : "" });
    mark.textContent = at >= 0 ? words : "none";
    const room = end + 8 + 7.5 * mark.textContent.length < width;
    set(mark, { x: room ? end + 6 : end - 12, y: y - 7, "text-anchor": room ? "start" : "end" });
    set(kept, { x: right, y: keeps === undefined ? 0 : Y(keeps) + 16, visibility: keeps === undefined ? "hidden" : "visible" });
    heights.forEach((text, j) => {
      text.textContent = ticks[j][1];
      set(text, { x: LEFT - 6, y: Y(ticks[j][0]) + (j ? 5 : 4) });
    });
    decades.forEach((text, j) => set(text, { x: X(10 ** j), y: bottom + 17 }));
    if (below) set(axis.at(-1), { x: right, y: height - 6 });
    set(node, { "aria-label": `${title.textContent}: ${mark.textContent}` });
  }
  return { node, draw };
}

/** Nats about an input of each lag. */
function informationPane() {
  const pane = decayPane("rh-information", "nats kept about an input, by its age");

  function draw({ selective, sigma, eps, found }, size) {
    const top = Math.max(found.fresh, eps) * 1.02;
    pane.draw({
      value: (steps) => information(found.rate ** steps, sigma),
      share: (nats) => nats / top,
      level: eps,
      at: found.horizon,
      keeps: selective ? found.fresh : undefined,
      ticks: [[0, "0"], [found.fresh, found.fresh.toFixed(1)]],
      words: `${selective ? "typical " : ""}horizon ${Math.floor(found.horizon + 1e-9)}`,
    }, size);
  }
  return { node: pane.node, draw };
}

/** How far apart two copies still are. */
function distancePane() {
  const pane = decayPane("rh-distance", "distance of two copies, of its first value", "steps");
  const lowest = AGREE / 4;

  function draw({ selective, found }, size) {
    pane.draw({
      value: (steps) => found.rate ** steps,
      share: (part) => 1 - Math.log(Math.max(part, lowest)) / Math.log(lowest),
      level: AGREE,
      at: found.agreement,
      ticks: [[AGREE, "1 %"], [1, "all"]],
      words: `${selective ? "typically " : ""}agree ${Math.ceil(found.agreement - 1e-9)}`,
    }, size);
  }
  return { node: pane.node, draw };
}

// ---------------------------------------------------------------- the figure

/** Draw the explorable into `element`. Options: kappa, sigma, eps, p, gate (open or selective). */
export function mount(element, options = {}) {
  const usual = { kappa: 0.9, sigma: 0.1, eps: 0.1, p: 0.2 };
  const view = { selective: options.gate === "selective" };
  const controls = Object.entries(RANGES).map(([name, range]) => {
    const wanted = FROM[name](Number(options[name] ?? usual[name]));
    const x = clamp(Number.isFinite(wanted) ? wanted : FROM[name](usual[name]), range.min, range.max);
    view[name] = HOLDS[name](x);
    return [name, slider(NAMES[name], range, (to) => move({ [name]: HOLDS[name](to) }))];
  });
  const panes = [copiesPane(), informationPane(), distancePane()];
  const sizes = new Map();
  const draw = (pane) => sizes.has(pane) && pane.draw(view, sizes.get(pane));
  const readout = html("p", { class: "explorable-readout", "aria-live": "polite" });
  const say = throttle(() => readout.replaceChildren(...sentence(view)), 500);
  const modes = [["gate always open", false], ["selective gate", true]].map(([name, selective]) => {
    const button = html("button", { type: "button" }, name);
    button.addEventListener("click", () => move({ selective }));
    return [selective, button];
  });

  function move(change) {
    Object.assign(view, change);
    view.found = measure(view);
    view.open = gates(view.selective, view.p);
    view.pair = [START, -START].map((start) => states(view.kappa, view.open, start));
    panes.forEach(draw);
    controls.forEach(([name, { node, show }]) => {
      const idle = name === "p" && !view.selective;
      show(idle ? 1 : FROM[name](view[name]), SHOWN[name](idle ? 1 : view[name]));
      node.querySelector("input").disabled = idle;
      node.classList.toggle("idle", idle);
    });
    modes.forEach(([selective, button]) => set(button, { "aria-pressed": selective === view.selective }));
    say();
  }

  const body = html("div", { class: "rh" },
    html("div", { class: "explorable-presets", role: "group", "aria-label": "Gate" }, ...modes.map(([, button]) => button)),
    ...panes.map(({ node }) => node),
    html("div", { class: "rh-sliders" }, ...controls.map(([, { node }]) => node)),
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
