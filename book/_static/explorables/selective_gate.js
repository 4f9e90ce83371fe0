// What does a selective gate keep?
// One number of memory h' = -h + u reads a tape, with one step at symbols and another at noise.

import { dots, html, label, line, set, slider, svg, throttle, whenSized } from "./lib/kit.js";
import { clamp, short } from "./lib/pole.js";

// ---------------------------------------------------------------- numerics

const NOISE = [0.35, -0.2, 0.5, 0.1, -0.45, 0.6, 0.25, -0.3, 0.4, -0.1, 0.55, 0.2];
export const PLACES = NOISE.length;

/** Of each rule h_t = keep(δ) h_{t-1} + write(δ) u_t: its name, the rule as a label, and the two factors. */
const RULES = {
  hold: { name: "hold", formula: "*e^−^δ *h_t_−_1 + (1 − *e^−^δ) *u_t", keep: (delta) => Math.exp(-delta), write: gate },
  mamba: { name: "Mamba", formula: "*e^−^δ *h_t_−_1 + *δ *u_t", keep: (delta) => Math.exp(-delta), write: (delta) => delta },
  erase: { name: "erase", formula: "(1 − *e^−^δ) (*h_t_−_1 + *u_t)", keep: gate, write: gate },
};

/** 1 - e^{-δ}: closed at 0, open at 1. */
export function gate(delta) {
  return -Math.expm1(-delta);
}

/** The inputs of a tape of the characters + and - for symbols and . for noise. */
export function values(tape) {
  return [...tape].map((kind, t) => ({ "+": 1, "-": -1 })[kind] ?? NOISE[t]);
}

/** The step at each place of a tape. */
export function steps(tape, symbol, noise) {
  return [...tape].map((kind) => (kind === "." ? noise : symbol));
}

/** The state after each place, starting from 0. */
export function states(rule, deltas, inputs) {
  const { keep, write } = RULES[rule];
  let h = 0;
  return deltas.map((delta, t) => {
    h = keep(delta) * h + write(delta) * inputs[t];
    return h;
  });
}

/** The weight of each place in the last state. */
export function weights(rule, deltas) {
  const { keep, write } = RULES[rule];
  let kept = 1;
  const newestFirst = [...deltas].reverse().map((delta) => {
    const weight = kept * write(delta);
    kept *= keep(delta);
    return weight;
  });
  return newestFirst.reverse();
}

const sum = (list) => list.reduce((total, value) => total + value, 0);

/** The parts of the whole weight that fall on symbols and on noise; none where every weight is 0. */
export function share(tape, list) {
  const [symbols, noise] = [false, true].map((quiet) => sum(list.filter((_, t) => (tape[t] === ".") === quiet)));
  return symbols + noise > 0 ? [symbols / (symbols + noise), noise / (symbols + noise)] : null;
}

// ---------------------------------------------------------------- words

const STEP = { min: 0, max: 3, step: 0.05 };
const NEXT = { ".": "+", "+": "-", "-": "." };
const TAPE = "..+...-.++..";

const signed = (value) => String(value).replace("-", "−");
const nameOf = (kind, t) => `place ${t + 1}: ${{ "+": "symbol +1", "-": "symbol −1" }[kind] ?? `noise ${signed(NOISE[t])}`}`;

/** A part and the rest as whole per cents; 0 and 100 only where they are exact. */
function percents(part, rest) {
  if (part === 0 || rest === 0) return [100 * part, 100 * rest];
  if (part < 0.01 || rest < 0.01) return [part, rest].map((value) => (value < 0.5 ? "under 1" : "over 99"));
  return [Math.round(100 * part), 100 - Math.round(100 * part)];
}

/** What is true of the weights of a rule, whatever the tape. */
function clause(rule, deltas) {
  if (rule === "hold") return "Weights of this rule never sum to more than 1.";
  if (rule === "erase") return "An older place never weighs more than a newer one.";
  return deltas.some((delta) => delta > 1) ? "A step above 1 writes more than its input."
    : "No step is above 1, so none writes more than its input.";
}

/** The readout, with the numbers that matter in bold. */
function sentence({ rule, tape, deltas, weighed }) {
  const strong = (text) => html("strong", {}, text);
  const parts = share(tape, weighed);
  const end = ` ${clause(rule, deltas)}`;
  if (!parts) return ["Every weight is ", strong("0"), ": the last state keeps nothing of the tape.", end];
  const [symbols, noise] = percents(...parts);
  return ["Symbols make up ", strong(`${symbols} %`), " of the weight in the last state, noise ", strong(`${noise} %`),
    "; the weights sum to ", strong(sum(weighed).toFixed(2)), ".", end];
}

// ---------------------------------------------------------------- the panes

const TOP = 28;
const NARROW = 24; // no column is narrower

/** The columns of a pane: where they begin, where they end, how wide they are, and their middles. */
function columns(width) {
  const left = clamp(width - NARROW * PLACES, 0, 22);
  const cell = Math.max(NARROW, (width - left) / PLACES);
  return { left, right: left + PLACES * cell, cell, X: (t) => left + (t + 0.5) * cell };
}

/** A pane of values from `low` (-1 or 0) times a peak to that peak; `prepare` gives the coordinates. */
function valuePane(name, low, ...marks) {
  const grid = svg("path", { class: "grid" });
  const zero = svg("path", { class: "rule" });
  const title = label("", { y: 16 });
  const ticks = [1, -1].slice(0, 1 - low).map((sign) => [sign, label("", { class: "muted halo", "text-anchor": "end" })]);
  const node = svg("svg", { class: name, role: "img" }, grid, ...marks, zero, title, ...ticks.map(([, text]) => text));

  function prepare([width, height], peak, heading, words) {
    const frame = columns(width);
    const Y = (value) => TOP + ((1 - value / peak) * (height - TOP - 2)) / (1 - low);
    const tick = [5, 2, 1].find((value) => value <= peak);
    set(grid, { d: ticks.map(([sign]) => `M0 ${Y(sign * tick)}H${frame.right}`).join("") });
    set(zero, { d: `M0 ${Y(0)}H${frame.right}` });
    ticks.forEach(([sign, text]) => {
      text.textContent = signed(sign * tick);
      set(text, { x: Math.max(4, frame.left - 6), y: Y(sign * tick) + (sign > 0 ? 14 : -5) });
    });
    title.replaceChildren(...label(heading).childNodes);
    set(node, { "aria-label": words });
    return { ...frame, Y };
  }
  return { node, prepare };
}

const newBars = () => Array.from({ length: PLACES }, () => svg("rect", { class: "bar" }));

/** A bar from zero for each value, wide and coloured for a symbol, thin and grey for noise. */
function drawBars(bars, tape, list, { cell, X, Y }) {
  bars.forEach((bar, t) => {
    const width = (tape[t] === "." ? 0.3 : 0.6) * cell;
    bar.classList.toggle("symbol", tape[t] !== ".");
    set(bar, { x: X(t) - width / 2, y: Y(Math.max(0, list[t])), width, height: Math.abs(Y(list[t]) - Y(0)) });
  });
}

/** The tape, with a button on each place; the arrow keys move from one to the next. */
function tapePane(onPress) {
  const bars = newBars();
  const slots = svg("path", { class: "grid" });
  const legend = [["symbol", "input-text", 46], ["noise", "muted", 0]].map(([text, name, from]) =>
    [label(text, { class: name, y: 16, "text-anchor": "end" }), from]);
  const { node: drawing, prepare } = valuePane("sg-tape", -1, slots, ...bars, ...legend.map(([text]) => text));
  const buttons = bars.map((_, t) => html("button", { type: "button", tabindex: t === 0 ? 0 : -1 }));
  const places = html("div", { class: "sg-places", role: "toolbar", "aria-label": "Places of the tape" }, ...buttons);
  const reach = (t) => buttons.forEach((button, j) => set(button, { tabindex: j === t ? 0 : -1 }));

  buttons.forEach((button, t) => {
    button.addEventListener("click", () => {
      reach(t);
      onPress(t);
    });
    button.addEventListener("keydown", (event) => {
      const to = { ArrowLeft: Math.max(0, t - 1), ArrowRight: Math.min(PLACES - 1, t + 1), Home: 0, End: PLACES - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      reach(to);
      buttons[to].focus();
    });
  });

  function draw({ tape, inputs }, size) {
    const count = [...tape].filter((kind) => kind !== ".").length;
    const frame = prepare(size, 1, "tape *u_t: press to change", `Tape of ${PLACES} places, ${count} of them symbols`);
    const { left, right, cell } = frame;
    drawBars(bars, tape, inputs, frame);
    set(slots, { d: [left, right, ...bars.map((_, t) => left + t * cell)].map((x) => `M${x} ${TOP}V${size[1] - 2}`).join("") });
    Object.assign(places.style, { left: `${left}px`, width: `${right - left}px` });
    buttons.forEach((button, t) => set(button, { "aria-label": nameOf(tape[t], t) }));
    legend.forEach(([text, from]) => set(text, { x: size[0] - from }));
  }
  return { node: html("div", { class: "sg-desk" }, drawing, places), draw };
}

/** The state after each place. */
function statePane() {
  const [curve, points] = ["state", "state-dots"].map((name) => svg("path", { class: name }));
  const { node, prepare } = valuePane("sg-state", -1, curve, points);

  function draw({ rule, after }, size) {
    const words = `State after each place, at last ${signed(short(after.at(-1), 2))}`;
    const { left, X, Y } = prepare(size, Math.max(1, ...after.map(Math.abs)), `state *h_t = ${RULES[rule].formula}`, words);
    const places = after.map((h, t) => [X(t), Y(h)]);
    set(curve, { d: line([[left, Y(0)], ...places]) });
    set(points, { d: dots(places) });
  }
  return { node, draw };
}

/** The weight of each place in the last state. */
function weightsPane() {
  const bars = newBars();
  const { node, prepare } = valuePane("sg-weights", 0, ...bars);

  function draw({ tape, weighed }, size) {
    const words = `Weights in the last state: ${weighed.map((weight) => short(weight, 2)).join(", ")}`;
    drawBars(bars, tape, weighed, prepare(size, Math.max(1, ...weighed), "weight of each place in the last state", words));
  }
  return { node, draw };
}

/** The steps laid end to end, with a tick where a symbol falls; under `erase` the step is not a time. */
function clockPane() {
  const [zero, noise, symbols, ticks] = ["rule", "run", "run symbol", "tick"].map((name) => svg("path", { class: name }));
  const [title, total] = ["start", "end"].map((anchor) => label("", { y: 16, "text-anchor": anchor }));
  const node = svg("svg", { class: "sg-clock", role: "img" }, zero, noise, symbols, ticks, title, total);

  function draw({ rule, tape, deltas }, [width, height]) {
    const { left, right } = columns(width);
    const y = height - 14;
    const whole = sum(deltas);
    const X = (time) => left + (whole > 0 ? ((right - left) * time) / whole : 0);
    const runs = deltas.map((delta, t) => [tape[t], X(sum(deltas.slice(0, t))), X(sum(deltas.slice(0, t + 1)))]);
    const path = (keep, mark) => runs.filter(([kind]) => keep(kind)).map(mark).join("");
    const run = ([, from, to]) => `M${from} ${y}H${to}`;
    const timed = rule !== "erase";
    set(zero, { d: `M${left} ${y}H${right}` });
    set(noise, { d: path((kind) => kind === ".", run) });
    set(symbols, { d: path((kind) => kind !== ".", run) });
    set(ticks, { d: path((kind) => kind !== ".", ([kind, , to]) => `M${to} ${y}v${kind === "+" ? -12 : 12}`) });
    set(total, { x: width });
    title.textContent = timed ? "own clock: steps laid end to end" : "no clock: the step only sets the gate";
    total.textContent = timed ? `total ${short(whole, 2)}` : "";
    node.classList.toggle("off", !timed);
    set(node, { "aria-label": `${title.textContent} ${total.textContent}`.trim() });
  }
  return { node, draw };
}

// ---------------------------------------------------------------- the figure

/** Draw the explorable into `element`. Options: rule, symbol, noise, tape. */
export function mount(element, options = {}) {
  const read = (name, usual) => clamp(Number(options[name] ?? usual), STEP.min, STEP.max);
  const view = {
    rule: Object.hasOwn(RULES, options.rule ?? "") ? options.rule : "hold",
    symbol: read("symbol", 1.2),
    noise: read("noise", 0.05),
    tape: new RegExp(`^[.+-]{${PLACES}}$`).test(options.tape) ? options.tape : TAPE,
  };
  const press = (t) => move({ tape: view.tape.slice(0, t) + NEXT[view.tape[t]] + view.tape.slice(t + 1) });
  const panes = [tapePane(press), statePane(), weightsPane(), clockPane()];
  const sizes = new Map();
  const draw = (pane) => sizes.has(pane) && pane.draw(view, sizes.get(pane));
  const sliders = {
    symbol: slider(["step at a symbol"], STEP, (symbol) => move({ symbol })),
    noise: slider(["step at noise"], STEP, (noise) => move({ noise })),
  };
  const readout = html("p", { class: "explorable-readout", "aria-live": "polite" });
  const say = throttle(() => readout.replaceChildren(...sentence(view)), 500);
  const rules = Object.entries(RULES).map(([rule, { name }]) => {
    const button = html("button", { type: "button" }, name);
    button.addEventListener("click", () => move({ rule }));
    return [rule, button];
  });

  function move(change) {
    Object.assign(view, change);
    view.deltas = steps(view.tape, view.symbol, view.noise);
    view.inputs = values(view.tape);
    view.after = states(view.rule, view.deltas, view.inputs);
    view.weighed = weights(view.rule, view.deltas);
    panes.forEach(draw);
    Object.entries(sliders).forEach(([name, { show }]) => show(view[name], short(view[name], 3)));
    rules.forEach(([rule, button]) => set(button, { "aria-pressed": rule === view.rule }));
    say();
  }

  const body = html("div", { class: "sg" },
    html("div", { class: "explorable-presets", role: "group", "aria-label": "Rule" }, ...rules.map(([, button]) => button)),
    ...panes.map(({ node }) => node),
    html("div", { class: "sg-sliders" }, ...Object.values(sliders).map(({ node }) => node)),
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
