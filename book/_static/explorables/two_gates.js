// Can two gated steps grow where the free system shrinks?
// Two numbers of state, a gate for each: h_t = (1 - g_t) h_{t-1} + g_t (A h_{t-1}). Matrices are [a, b, c, d], by rows.

import { dots, html, label, line, set, slider, svg, throttle, uniqueId, whenSized } from "./lib/kit.js";
import { DEGREES, clamp, degrees, short } from "./lib/pole.js";

// ---------------------------------------------------------------- numerics

const START = [Math.SQRT1_2, Math.SQRT1_2];
const LONG = 1000; // steps over which the growth under random gates is measured

/** A = ρ times a rotation by θ, or times the reflection in the line at θ/2. */
export function matrix(kind, rho, theta) {
  const [c, s] = [rho * Math.cos(theta), rho * Math.sin(theta)];
  return kind === "reflection" ? [c, s, s, -c] : [c, -s, s, c];
}

/** The matrix of one gated step, I - D(I - A) with D the gates on the diagonal. */
export function gated([a, b, c, d], [g, f]) {
  return [1 - g + g * a, g * b, f * c, 1 - f + f * d];
}

const apply = ([a, b, c, d], [x, y]) => [a * x + b * y, c * x + d * y];
const times = ([a, b, c, d], [p, q, r, s]) => [a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s];

/** The spectral radius. */
export function radius([a, b, c, d]) {
  const middle = (a + d) / 2;
  const spread = ((a - d) / 2) ** 2 + b * c;
  return spread < 0 ? Math.sqrt(middle * middle - spread) : Math.abs(middle) + Math.sqrt(spread);
}

/** The gates of each turn: k -> [gate of h_1, gate of h_2], with p the open gate and q the closed one. */
const SCHEDULES = {
  turns: { name: "in turn", gates: (p, q) => (k) => (k % 2 ? [q, p] : [p, q]) },
  together: { name: "together", gates: (p, q) => (k) => (k % 2 ? [q, q] : [p, p]) },
  random: { name: "at random", gates: (p, q, uniform) => () => [0, 0].map(() => (uniform() < 0.5 ? p : q)) },
};

/** The gates of the steps 1 .. `steps`; they are held for `held` steps at a time. */
export function gates(schedule, p, q, held, seed, steps) {
  let word = seed >>> 0; // of a linear congruential generator
  const uniform = () => {
    word = (Math.imul(word, 1664525) + 1013904223) >>> 0;
    return word / 2 ** 32;
  };
  const next = SCHEDULES[schedule].gates(p, q, uniform);
  const turns = Array.from({ length: Math.ceil(steps / held) }, (_, k) => next(k));
  return Array.from({ length: steps }, (_, t) => turns[Math.floor(t / held)]);
}

/** The states h_0 .. h_T under the gates of T steps. */
export function orbit(A, list, start = START) {
  const states = [start];
  list.forEach((g) => states.push(apply(gated(A, g), states.at(-1))));
  return states;
}

/** The factor of one round, which is two turns: exact if the gates repeat, else measured over `list`. */
export function growth(A, schedule, held, list) {
  if (schedule !== "random") return radius(list.slice(0, 2 * held).reduce((M, g) => times(gated(A, g), M), [1, 0, 0, 1]));
  return Math.exp((2 * held * logLength(A, list)) / list.length);
}

/** log |h| after the steps of a list, however long or short h is by then. */
function logLength(A, list) {
  let [h, log] = [START, 0];
  list.forEach((g) => {
    const moved = apply(gated(A, g), h);
    const size = Math.hypot(...moved) || Number.MIN_VALUE;
    h = moved.map((value) => value / size);
    log += Math.log(size);
  });
  return log;
}

/** The largest spectral radius of a single step. */
export function stepRadius(A, list) {
  return Math.max(...list.map((g) => radius(gated(A, g))));
}

/** The spectral radius of |A|: below 1, no gates make the state grow. */
export function absRadius(A) {
  return radius(A.map(Math.abs));
}

/** Where values on a grid exceed a level: polygons that fill it, and the pieces of its border. Places are [column, row]. */
export function above(values, level) {
  const [fill, border] = [[], []];
  const corners = (j, i) => [[j, i], [j + 1, i], [j + 1, i + 1], [j, i + 1]].map(([x, y]) => [x, y, values[y][x] - level]);
  for (let i = 0; i < values.length - 1; i += 1) {
    for (let j = 0, from = 0; j < values[0].length - 1; j += 1) {
      const cell = corners(j, i);
      const whole = cell.every(([, , value]) => value > 0);
      if (whole && j < values[0].length - 2) continue;
      const to = whole ? j + 1 : j;
      if (to > from) fill.push([[from, i], [to, i], [to, i + 1], [from, i + 1]]);
      from = j + 1;
      if (!whole) cut(cell, fill, border);
    }
  }
  return { fill, border };
}

/** The part of a cell above 0, and the edge across it. */
function cut(cell, fill, border) {
  const [polygon, edge] = [[], []];
  cell.forEach(([x, y, value], k) => {
    const [nextX, nextY, next] = cell[(k + 1) % 4];
    if (value > 0) polygon.push([x, y]);
    if (value > 0 === next > 0) return;
    const part = value / (value - next);
    edge.push([x + part * (nextX - x), y + part * (nextY - y)]);
    polygon.push(edge.at(-1));
  });
  if (polygon.length) fill.push(polygon);
  if (edge.length) border.push(edge.slice(0, 2));
}

// ---------------------------------------------------------------- words

const RHO = { min: 0.5, max: 1, step: 0.005 };
const GATE = { min: 0, max: 1, step: 0.01 };
const TURN = { min: 1, max: 8, step: 1 };
const STEPS = 40;
const KINDS = { rotation: "rotation", reflection: "reflection" };
const OPENING = Math.acos(-0.6); // 126.87 degrees
const EXAMPLES = [
  ["127°, hard gates", { rho: 0.95, theta: OPENING, p: 1, q: 0, turn: 1 }],
  ["127°, soft gates", { rho: 0.95, theta: OPENING, p: 0.99, q: 0.02, turn: 1 }],
  ["the edge", { rho: 0.705, theta: (3 * Math.PI) / 4, p: 1, q: 0, turn: 1 }],
  ["45°, long turns", { rho: 0.95, theta: Math.PI / 4, p: 1, q: 0, turn: 5 }],
].map(([name, values]) => [name, { kind: "rotation", schedule: "turns", ...values }]);

const strong = (text) => html("strong", {}, text);

/** A factor with enough digits to tell it from 1. */
function factor(value) {
  const gap = Math.abs(value - 1);
  return value < 5e-4 ? "< 0.001" : value.toFixed(gap < 1e-9 ? 3 : clamp(Math.ceil(-Math.log10(gap)), 3, 5));
}

const SURE = 1e-9; // the least log of a factor that is told from 0

/** What becomes of the state: -1 it shrinks, 0 neither, 1 it grows; a little growth under random gates is chance. */
function fate({ schedule, round }) {
  const log = Math.log(round);
  if (log > SURE) return schedule === "random" ? 0 : 1;
  return log < -SURE ? -1 : 0;
}

/** Why, or why not. */
function reason(view) {
  const A = html("i", {}, "A");
  const bound = (sign) => html("span", { class: "term" }, "ρ(|", A, `|) ${sign} 1`);
  if (fate(view) > 0 && view.rho < 1) return [A, " alone shortens every vector to ", strong(short(view.rho, 3)), " of its length."];
  if (fate(view) > 0) return [A, " alone changes no length."];
  if (view.schedule === "random") return ["Fresh gates of equal mean never lengthen it on average, whatever ", A, "."];
  if (view.schedule === "together") return ["With one gate for both numbers no step lengthens it."];
  if (view.kind === "reflection") return [A, " is symmetric, and then no gates make it grow."];
  if (absRadius(view.A) < 1 + 1e-9) return ["Here ", bound("≤"), ", and then no gates make it grow."];
  return ["But ", bound(">"), ": other gates make it grow."];
}

const every = (held) => `every ${held === 1 ? "two" : 2 * held} steps`;

/** The readout, with the verdict in bold. */
function sentence(view) {
  const verdict = fate(view) > 0 ? `grows by a factor of ${factor(view.round)}` : `shrinks to ${factor(view.round)} of its size`;
  const whole = fate(view) === 0 ? [strong("neither grows nor shrinks")] : [strong(verdict), ` ${every(view.held)}`];
  return ["The gated state ", ...whole, ". ", ...reason(view)];
}

// ---------------------------------------------------------------- the plane of the state

const DRAWN = 16; // steps drawn
const REACH = [1.4, 60]; // the coordinate at the border of the plane, at least and at most

/** The orbit in the plane; the axes are linear near 0 and logarithmic far out. Each step has the colour of what it moves. */
function planePane() {
  const id = uniqueId("clip");
  const clip = svg("rect");
  const part = Object.fromEntries(["grid", "rule", "free", "free-dots", "both", "first", "second", "places"].map((name) => [name, svg("path", { class: name })]));
  const start = svg("circle", { class: "start", r: 4.5 });
  const legend = svg("text", { y: 16 }, ...[["a step of *h_1, ", "first-text"], ["of *h_2, ", "second-text"], ["of both", ""]].map(([text, name]) =>
    svg("tspan", { class: name }, ...label(text).childNodes)));
  const free = label("free *A^t*h_0", { class: "muted", y: 16, "text-anchor": "end" });
  const norms = [1, 10].map((value) => [value, label(`length ${value}`, { class: "muted halo", "text-anchor": "end" })]);
  const names = [label("*h_1", { class: "first-text" }), label("*h_2", { class: "second-text halo" }), label("*h_0", { class: "halo" })];
  const node = svg("svg", { class: "tg-plane", role: "img" }, svg("clipPath", { id }, clip),
    svg("g", { "clip-path": `url(#${id})` }, ...Object.values(part), start), ...norms.map(([, text]) => text), ...names, legend, free);
  let frame = { cx: 0, cy: 0, half: 1 };

  function resize(width, height) {
    const half = Math.min(width - 40, height - 28) / 2;
    const [cx, cy] = [width / 2, 28 + (height - 28) / 2];
    frame = { cx, cy, half };
    set(clip, { x: 0, y: 24, width, height: height - 24 });
    set(part.rule, { d: `M${cx - half} ${cy}h${2 * half}M${cx} ${cy - half}v${2 * half}` });
    set(names[0], { x: cx + half + 5, y: cy + 5 });
    set(names[1], { x: cx + 7, y: cy - half + 14 });
    set(free, { x: width });
  }

  /** The circles of the lengths 1 and 10 where they fit, the larger with its name. */
  function drawNorms(at, edge) {
    const ring = (size) => line(Array.from({ length: 97 }, (_, k) => at([size * Math.cos((k * Math.PI) / 48), size * Math.sin((k * Math.PI) / 48)])));
    set(part.grid, { d: norms.filter(([size]) => size < edge).map(([size]) => ring(size)).join("") });
    norms.forEach(([size, text]) => {
      const [x, y] = at([size * Math.SQRT1_2, -size * Math.SQRT1_2]);
      set(text, { x: x + 6, y: y + 14, visibility: size < edge && edge <= 10 * size ? "visible" : "hidden" });
    });
  }

  function draw({ A, list, states }) {
    const { cx, cy, half } = frame;
    const seen = states.slice(0, DRAWN + 1);
    const edge = clamp(1.2 * Math.max(...seen.flat().map(Math.abs)), ...REACH);
    const scale = half / Math.asinh(edge);
    const at = ([x, y]) => [cx + scale * Math.asinh(x), cy - scale * Math.asinh(y)];
    const places = seen.map(at);
    const alone = orbit(A, Array(DRAWN).fill([1, 1])).map(at);
    const steps = (keep) => list.slice(0, DRAWN).map((g, t) => (keep(g) ? line(places.slice(t, t + 2)) : "")).join("");
    drawNorms(at, edge);
    set(part.free, { d: line(alone) });
    set(part["free-dots"], { d: dots(alone) });
    set(part.first, { d: steps(([g, f]) => g > f) });
    set(part.second, { d: steps(([g, f]) => g < f) });
    set(part.both, { d: steps(([g, f]) => g === f) });
    set(part.places, { d: dots(places) });
    set(start, { cx: places[0][0], cy: places[0][1] });
    set(names[2], { x: places[0][0] + 8, y: places[0][1] - 6 });
    const size = Math.hypot(...states[DRAWN]).toPrecision(3);
    set(node, { "aria-label": `Orbit of the state: length 1 at first, ${Number(size)} after ${DRAWN} steps` });
  }
  return { node, resize, draw };
}

// ---------------------------------------------------------------- the length of the state

const DECADES = [-3, 4.3]; // shown

/** The length at each step, gated and free, with the line of its growth; below it the gates. */
function lengthPane() {
  const id = uniqueId("clip");
  const clip = svg("rect");
  const marks = ["grid", "rule", "rate", "free", "free-dots", "gated", "gated-dots", "gate one", "gate two"];
  const part = Object.fromEntries(marks.map((name) => [name, svg("path", { class: name })]));
  const legend = [label("length of *h_t", { y: 16 }), label("free", { class: "muted", y: 16 }), label("", { class: "rate-text", y: 16, "text-anchor": "end" })];
  const levels = [[4, "10^4"], [2, "10^2"], [0, "1"], [-2, "10^−^2"]].map(([power, text]) => [power, label(text, { class: "muted", "text-anchor": "end" })]);
  const ticks = [0, 10, 20, 30, 40].map((t) => [t, label(String(t), { class: "muted", "text-anchor": "middle" })]);
  const names = ["first", "second"].map((name, j) => label(`*g_${j + 1}`, { class: `${name}-text`, "text-anchor": "end" }));
  const axis = label("step", { class: "muted", "text-anchor": "middle" });
  const node = svg("svg", { class: "tg-length", role: "img" }, svg("clipPath", { id }, clip), part.grid, part.rule,
    svg("g", { "clip-path": `url(#${id})` }, ...Object.values(part).slice(2, -2)), part["gate one"], part["gate two"],
    ...legend, ...[...levels, ...ticks].map(([, text]) => text), ...names, axis);
  let [X, Y] = [(t) => t, (value) => value];
  let bottom = 0;

  function resize(width, height) {
    bottom = height - 64;
    const [left, right, top] = [38, width - 9, 28];
    X = (t) => left + ((right - left) * t) / STEPS;
    Y = (power) => bottom - ((bottom - top) * (power - DECADES[0])) / (DECADES[1] - DECADES[0]);
    set(clip, { x: left - 4, y: top - 4, width: right - left + 8, height: bottom - top + 4 });
    set(part.grid, { d: [...levels.map(([power]) => Y(power)), bottom + 22, bottom + 39].map((y) => `M${left} ${y}H${right}`).join("") });
    set(part.rule, { d: `M${left} ${Y(0)}H${right}` });
    levels.forEach(([power, text]) => set(text, { x: left - 8, y: Y(power) + 4 }));
    ticks.forEach(([t, text]) => set(text, { x: X(t), y: height - 8 }));
    names.forEach((text, j) => set(text, { x: left - 8, y: bottom + 19 + 17 * j }));
    set(axis, { x: X(35), y: height - 8 });
    set(legend[1], { x: 96 });
    set(legend[2], { x: width });
  }

  /** The path of lengths, as powers of ten, up to the first that is far below the picture. */
  function curve(powers) {
    const low = powers.findIndex((power) => power < DECADES[0] - 3);
    return powers.slice(0, low < 0 ? powers.length : low + 1).map((power, t) => [X(t), Y(Math.max(power, DECADES[0] - 9))]);
  }

  function draw({ rho, held, list, states, round }) {
    const steps = Array.from({ length: STEPS + 1 }, (_, t) => t);
    const shown = curve(states.map((state) => Math.log10(Math.hypot(...state))));
    const free = curve(steps.map((t) => t * Math.log10(rho)));
    set(part.gated, { d: line(shown) });
    set(part["gated-dots"], { d: dots(shown) });
    set(part.free, { d: line(free) });
    set(part["free-dots"], { d: dots(free) });
    set(part.rate, { d: line(curve(steps.map((t) => (t * Math.log10(round)) / (2 * held)))) });
    legend[2].textContent = `× ${factor(round)} ${every(held)}`;
    ["gate one", "gate two"].forEach((name, row) => {
      const width = X(1) - X(0) - 1;
      const bar = (height, t) => `M${(X(t) + 0.5).toFixed(2)} ${bottom + 22 + 17 * row}v${-height}h${width}v${height}z`;
      set(part[name], { d: list.slice(0, STEPS).map((g, t) => bar(13 * g[row], t)).join("") });
    });
    const last = Math.hypot(...states[STEPS]).toPrecision(3);
    set(node, { "aria-label": `Length of the state against the step: after ${STEPS} steps ${Number(last)} gated and ${Number((rho ** STEPS).toPrecision(3))} free` });
  }
  return { node, resize, draw };
}

// ---------------------------------------------------------------- the map of A

const COLUMNS = 60; // cells of the map, 3 degrees wide
const ROWS = 24; // 1/48 high
const BANDS = [1, 1.25, 1.5, 2, 3]; // factors of one round

/** All A by angle and norm, shaded where the state grows under the gates; A is dragged. */
function mapPane(onMove) {
  const face = svg("rect", { class: "face", fill: "none" });
  const outline = svg("path", { class: "grid" });
  const bands = BANDS.map(() => svg("path", { class: "band" }));
  const [border, safe] = ["border", "safe"].map((name) => svg("path", { class: name }));
  const handle = svg("circle", { class: "handle", r: 12 });
  const grip = svg("circle", { class: "grip", r: 24 });
  const [title, empty] = [label("", { class: "rate-text", y: 16 }), label("nothing grows", { class: "rate-text halo", "text-anchor": "middle" })];
  const certain = label("ρ(|*A|) < 1: safe under any gates", { class: "muted", "text-anchor": "middle" });
  const angles = [[0, "0°"], [45, "45°"], [90, "90°"], [113, "*θ"], [135, "135°"], [180, "180°"]].map(([angle, text]) => [angle, label(text, { class: "muted", "text-anchor": "middle" })]);
  const sizes = [0.5, 0.6, 0.7, 0.8, 0.9, 1].map((rho) => [rho, label(String(rho), { class: "muted", "text-anchor": "end" })]);
  const point = label("*A", { class: "handle-text", "text-anchor": "middle" });
  const texts = [title, empty, certain, ...[...angles, ...sizes].map(([, text]) => text)];
  const node = svg("svg", { class: "tg-map", role: "img" }, face, ...bands, outline, border, safe, ...texts, handle, grip, point);
  let box = null;
  let known = "";

  const X = (angle) => box.left + ((box.right - box.left) * angle) / 180;
  const Y = (rho) => box.bottom - ((box.bottom - box.top) * (rho - RHO.min)) / (RHO.max - RHO.min);

  function move(event) {
    const { x, y } = node.getBoundingClientRect();
    const snap = (value, { min, max, step }) => Number(clamp(Math.round(value / step) * step, min, max).toFixed(3));
    const angle = (180 * (event.clientX - x - box.left)) / (box.right - box.left);
    const rho = RHO.min + ((RHO.max - RHO.min) * (box.bottom - (event.clientY - y))) / (box.bottom - box.top);
    onMove({ theta: (snap(angle, DEGREES) * Math.PI) / 180, rho: snap(rho, RHO) });
  }
  grip.addEventListener("pointerdown", (event) => grip.setPointerCapture(event.pointerId));
  grip.addEventListener("pointermove", (event) => {
    if (grip.hasPointerCapture(event.pointerId)) move(event);
  });
  face.addEventListener("click", move);

  function resize(width, height) {
    box = { left: 32, right: width - 14, top: 32, bottom: height - 24 };
    const { left, right, top, bottom } = box;
    set(face, { x: left, y: top, width: right - left, height: bottom - top });
    set(outline, { d: `M${left} ${top}H${right}V${bottom}H${left}Z` });
    const arch = (from) => line(Array.from({ length: 46 }, (_, k) => from + 2 * k).map((angle) => {
      const [c, s] = [Math.cos((angle * Math.PI) / 180), Math.sin((angle * Math.PI) / 180)];
      return [X(angle), Y(1 / (Math.abs(c) + s))];
    }));
    set(safe, { d: arch(0) + arch(90) });
    angles.forEach(([angle, text]) => set(text, { x: X(angle), y: height - 6 }));
    sizes.forEach(([rho, text]) => set(text, { x: left - 7, y: Y(rho) + 4 }));
    set(certain, { x: X(90), y: Y(0.55) });
    set(empty, { x: X(90), y: Y(0.62) });
    known = "";
  }

  /** The regions; under fresh random gates there is none. */
  function shade(view) {
    const { kind, schedule, held, list } = view;
    const rho = (i) => RHO.min + (i * (RHO.max - RHO.min)) / ROWS;
    const theta = (j) => (j * Math.PI) / COLUMNS;
    const logOf = (i, j) => Math.log(growth(matrix(kind, rho(i), theta(j)), schedule, held, list));
    const upTo = (count) => Array.from({ length: count + 1 }, (_, k) => k);
    const logs = schedule === "random" ? [] : upTo(ROWS).map((i) => upTo(COLUMNS).map((j) => logOf(i, j)));
    const place = ([j, i]) => [X(degrees(theta(j))), Y(rho(i))];
    const regions = BANDS.map((level) => above(logs, Math.log(level) + SURE));
    bands.forEach((band, k) => set(band, { d: regions[k].fill.map((polygon) => `${line(polygon.map(place))}z`).join("") }));
    set(border, { d: regions[0].border.map((edge) => line(edge.map(place))).join("") });
    set(empty, { visibility: regions[0].fill.length ? "hidden" : "visible" });
  }

  function draw(view) {
    const { kind, schedule, p, q, turn, rho, theta } = view;
    if (!box) return;
    const now = [kind, schedule, p, q, turn].join(); // what the regions depend on
    if (now !== known) shade(view);
    known = now;
    const [x, y] = [X(degrees(theta)), Y(rho)];
    title.textContent = `shaded: grows with gates ${SCHEDULES[schedule].name}`;
    [handle, grip].forEach((circle) => set(circle, { cx: x, cy: y }));
    set(point, { x, y: y + 5 });
    const words = fate(view) > 0 ? "inside" : "not inside";
    const at = `A at ${short(degrees(theta))} degrees and norm ${short(rho, 3)}`;
    set(node, { "aria-label": `Map of all A by angle and norm; ${at} is ${words} the region where the state grows` });
  }
  return { node, resize, draw };
}

// ---------------------------------------------------------------- the figure

/** Four numbers, each with its name. */
function numbersPane() {
  const rows = Array.from({ length: 4 }, () => [html("dt"), html("dd")]);
  const node = html("div", { class: "tg-numbers" }, html("dl", {}, ...rows.map((row) => html("div", {}, ...row))));
  const of = (...inner) => ["spectral radius of ", ...inner];

  function draw(view) {
    const { schedule, held, rho, A, list, round } = view;
    const steps = `${held === 1 ? "two" : 2 * held} gated steps`;
    const product = schedule === "random" ? [`${steps}, measured`] : of(steps);
    const texts = [["norm of ", html("i", {}, "A")], of("one gated step"), product, of("|", html("i", {}, "A"), "|")];
    [rho, stepRadius(A, list), round, absRadius(A)].forEach((value, k) => {
      rows[k][0].replaceChildren(...texts[k]);
      rows[k][1].textContent = factor(value);
    });
    rows[2][1].classList.toggle("above", fate(view) > 0);
  }
  return { node, draw };
}

/** Draw the explorable into `element`. Options: kind, schedule, rho, angle (degrees), p, q, turn, seed. */
export function mount(element, options = {}) {
  const usual = { ...EXAMPLES[0][1], angle: degrees(OPENING) };
  const read = (name, { min, max }) => clamp(Number(options[name] ?? usual[name]), min, max);
  const pick = (name, all) => (Object.hasOwn(all, options[name] ?? "") ? options[name] : usual[name]);
  const view = {
    kind: pick("kind", KINDS),
    schedule: pick("schedule", SCHEDULES),
    rho: read("rho", RHO),
    theta: options.angle === undefined ? OPENING : (read("angle", DEGREES) * Math.PI) / 180,
    p: read("p", GATE),
    q: read("q", GATE),
    turn: Math.round(read("turn", TURN)),
    seed: Math.round(Number(options.seed ?? 1)),
  };
  const panes = [planePane(), lengthPane(), mapPane(move)];
  const numbers = numbersPane();
  const sliders = {
    rho: slider(["norm of ", html("i", {}, "A")], RHO, (rho) => move({ rho })),
    theta: slider(["angle ", html("i", {}, "θ")], DEGREES, (angle) => move({ theta: (angle * Math.PI) / 180 })),
    p: slider(["open gate ", html("i", {}, "p")], GATE, (p) => move({ p })),
    q: slider(["closed gate ", html("i", {}, "q")], GATE, (q) => move({ q })),
    turn: slider(["steps per turn"], TURN, (turn) => move({ turn })),
  };
  const readout = html("p", { class: "explorable-readout", "aria-live": "polite" });
  const say = throttle(() => readout.replaceChildren(...sentence(view)), 500);
  const choice = ([name, values]) => {
    const button = html("button", { type: "button" }, name);
    button.addEventListener("click", () => move(values));
    return [button, values];
  };
  const schedules = Object.entries(SCHEDULES).map(([schedule, { name }]) => choice([name, { schedule }]));
  const kinds = Object.entries(KINDS).map(([kind, name]) => choice([name, { kind }]));
  const examples = EXAMPLES.map(choice);
  const again = html("button", { type: "button", class: "tg-again" }, "draw again");
  again.addEventListener("click", () => move({ seed: view.seed + 1 }));

  function move(change) {
    Object.assign(view, change);
    const { kind, schedule, rho, theta, p, q, turn, seed } = view;
    view.A = matrix(kind, rho, theta);
    view.held = schedule === "random" ? 1 : turn; // steps for which the gates stay as they are
    view.list = gates(schedule, p, q, view.held, seed, LONG);
    view.states = orbit(view.A, view.list.slice(0, STEPS));
    view.round = growth(view.A, schedule, view.held, view.list);
    [...panes, numbers].forEach((pane) => pane.draw(view));
    sliders.theta.show(degrees(theta), `${short(degrees(theta))}°`);
    ["rho", "p", "q", "turn"].forEach((name) => sliders[name].show(view[name], short(view[name], 3)));
    const holds = (values) => Object.entries(values).every(([name, value]) => view[name] === value);
    [...schedules, ...kinds, ...examples].forEach(([button, values]) => set(button, { "aria-pressed": holds(values) }));
    sliders.turn.node.querySelector("input").disabled = schedule === "random";
    again.style.visibility = schedule === "random" ? "visible" : "hidden";
    say();
  }

  const group = (name, kind, choices, ...more) =>
    html("div", { class: `explorable-presets ${kind}`, role: "group", "aria-label": name }, ...choices.map(([button]) => button), ...more);
  element.replaceChildren(html("div", { class: "tg" },
    group("Gates open", "tg-schedules", schedules),
    group("Matrix A", "tg-kinds", kinds),
    again,
    ...panes.map(({ node }) => node),
    html("div", { class: "tg-sliders" }, ...Object.values(sliders).map(({ node }) => node)),
    numbers.node,
    group("Examples", "tg-examples", examples),
    readout));
  panes.forEach((pane) => {
    whenSized(pane.node, (width, height) => {
      pane.resize(width, height);
      pane.draw(view);
    });
  });
  move({});
}
