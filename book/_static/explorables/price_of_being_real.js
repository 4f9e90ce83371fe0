// What must the weights of real modes be to do the work of one complex mode?
// Stable real modes that match Re λ^k for k < L need between max |Re T_n(λ)|, n < L, and ρ^(L-1), in sum of moduli.

import { dots, html, label, line, set, slider, svg, throttle, uniqueId, whenSized } from "./lib/kit.js";
import { DEGREES, clamp, degrees, short } from "./lib/pole.js";

// ---------------------------------------------------------------- numerics

const FAR = 10000; // values up to which a crossing is looked for

/** The point of modulus r at an angle in degrees; on the axis at 0° and 180°. */
export function point(r, angle) {
  const turn = (angle * Math.PI) / 180;
  return [r * Math.cos(turn), angle % 180 === 0 ? 0 : r * Math.sin(turn)];
}

/** log2 ρ for a point of the closed unit disc; (ρ - 1/ρ)/2 is the short half-axis of the ellipse with foci ±1 through it. */
export function rate(x, y) {
  const left = 1 - x * x - y * y;
  const square = y === 0 ? 0 : (2 * y * y) / (left + Math.hypot(left, 2 * y)); // so nothing cancels near the axis
  return Math.asinh(Math.sqrt(square)) / Math.LN2;
}

/** max over n < L of |Re T_n(λ)| for L = 1 to `length`, or to the first that reaches `stop`. */
export function bounds(x, y, length, stop = Infinity) {
  const found = [];
  let [now, next, most] = [[1, 0], [x, y], 1];
  while (found.push(most) < length && most < stop) {
    [now, next] = [next, [2 * (x * next[0] - y * next[1]) - now[0], 2 * (x * next[1] + y * next[0]) - now[1]]];
    most = Math.max(most, Math.abs(now[0]));
  }
  return found;
}

/** The moduli of the weights of real modes that match Re λ^k, k < L, add up to this at least. */
export function needed(x, y, L) {
  return bounds(x, y, L).at(-1);
}

/** There are real modes that match it whose weights add up to no more than this. */
export function enough(x, y, L) {
  return 2 ** ((L - 1) * rate(x, y));
}

/** The first L for which 2^bits is needed; Infinity if it is none up to 10 000. */
export function crossing(x, y, bits) {
  const found = bounds(x, y, y === 0 ? 1 : FAR, 2 ** bits);
  return found.at(-1) >= 2 ** bits ? found.length : Infinity;
}

/** The numbers of a view. */
export function measure({ r, angle, length }) {
  const [x, y] = point(r, angle);
  return { x, y, rate: rate(x, y), curve: bounds(x, y, RANGES.length.max), needed: needed(x, y, length), spent: FLOATS.map(([, bits]) => crossing(x, y, bits)) };
}

// ---------------------------------------------------------------- words

const RANGES = { r: { min: 0, max: 1, step: 0.001 }, angle: DEGREES, length: { min: 2, max: 64, step: 1 } };
const FLOATS = [["float32", 24], ["float64", 53]];
const PRESETS = [
  ["quarter turn", 1, 90],
  ["the opening", 0.99, 126.87],
  ["a slow turn", 0.999, 6],
  ["a decay", 0.9, 0],
];

const strong = (...parts) => html("strong", {}, ...parts);

/** A lower bound, rounded down, but 17 is not 16.9 for its last bit. */
function rounded(value) {
  const safe = value * (1 + 1e-9);
  if (safe < 10000) return [String(safe < 10 ? Math.floor(10 * safe) / 10 : Math.floor(safe))];
  const exponent = Math.floor(Math.log10(safe));
  return [`${(Math.floor((10 * safe) / 10 ** exponent) / 10).toFixed(1)} × 10`, html("sup", {}, String(exponent))];
}

/** The readout, with the numbers that matter in bold. */
function sentence({ r, angle, length, found }) {
  const where = `λ = ${short(r, 3)} at ${short(angle)}°`;
  if (found.y === 0) return [`${where} is real, so that ρ = 1: `, strong("0 bits"), " a step. One real mode of weight 1 does what the complex one does."];
  const bits = found.rate < 0.1 ? found.rate.toPrecision(2) : found.rate.toFixed(2);
  const start = [`${where}: ρ = ${(2 ** found.rate).toPrecision(3)}, `, strong(`${bits} bits`), " a step. To match ", strong(`${length} values`),
    ", real modes need weights of at least ", strong(...rounded(found.needed)), " in sum of moduli, the complex one of 1. "];
  const spent = FLOATS.flatMap(([name], j) => (found.spent[j] === Infinity ? []
    : [j ? `, of ${name} from ` : `All bits of ${name} cancel from `, strong(`L = ${found.spent[j]}`), " on"]));
  return [...start, ...(spent.length ? [...spent, "."] : [`Up to L = ${FAR} the bound leaves float32 some bits.`])];
}

// ---------------------------------------------------------------- the panes

const LEVELS = [1.25, 1, 0.75, 0.5, 0.25];

/** The upper half of the unit disc in bands of equal price, with λ, which is dragged or moved by the arrow keys. */
function discPane(onMove) {
  const id = uniqueId("half");
  const clip = svg("path");
  const face = svg("path", { class: "face dearest" });
  const bands = LEVELS.map(() => svg("ellipse", { class: "cheaper" }));
  const same = svg("ellipse", { class: "same" });
  const part = { rim: svg("path", { class: "rule" }), real: svg("path", { class: "real" }), ends: svg("path", { class: "ends" }) };
  const pole = svg("g", { class: "pole", tabindex: 0, role: "slider", "aria-label": "λ", "aria-valuemin": 0, "aria-valuemax": 1 },
    svg("circle", { class: "grip", r: 24 }), svg("circle", { class: "ring", r: 16 }), svg("circle", { class: "handle", r: 12 }), label("*λ", { class: "handle-text", "text-anchor": "middle" }));
  const prices = LEVELS.slice(1).map((level) => label(level === 1 ? "1 bit" : String(level), { class: "price halo", "text-anchor": "middle" }));
  const most = label("1.27 at *i", { class: "muted" });
  const feet = ["−1", "real: no price", "1"].map((text) => label(text, { class: "muted", "text-anchor": "middle" }));
  const titles = [label("price of being real, in bits a step", { y: 16 }), label("drag *λ, or use the arrow keys", { class: "muted", y: 38 })];
  const node = svg("svg", { class: "pr-disc", role: "group", "aria-label": "The upper half of the unit disc" }, svg("clipPath", { id }, clip),
    svg("g", { "clip-path": `url(#${id})` }, face, ...bands, same), ...Object.values(part), ...prices, ...feet, most, ...titles, pole);
  let [R, cx, cy, at] = [1, 0, 0, [0, 0]];

  const go = (x, y) => onMove(Math.min(1, Math.hypot(x, y)), degrees(Math.atan2(y, x)));
  const drag = (event, box = node.getBoundingClientRect()) => {
    const [x, y] = [(event.clientX - box.left - cx) / R, (cy - event.clientY + box.top) / R];
    go(x, y < 0.015 ? 0 : y); // below the axis λ stays on it
  };
  face.addEventListener("click", drag);
  pole.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    pole.setPointerCapture(event.pointerId);
    pole.focus({ preventScroll: true });
  });
  pole.addEventListener("pointermove", (event) => {
    if (pole.hasPointerCapture(event.pointerId)) drag(event);
  });
  pole.addEventListener("keydown", (event) => {
    const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!step) return;
    event.preventDefault();
    const way = event.shiftKey ? 0.005 : 0.025;
    const y = at[1] + way * step[1];
    go(at[0] + way * step[0], y < 1e-9 ? 0 : y);
  });

  function draw({ r, angle, found }, [width, height]) {
    [R, cx, cy, at] = [Math.min(width / 2 - 13, height - 90), width / 2, height - 30, [found.x, found.y]];
    const half = `M${cx - R} ${cy}A${R} ${R} 0 0 1 ${cx + R} ${cy}`;
    const ellipse = (bits) => ({ cx, cy, rx: (R * (2 ** bits + 2 ** -bits)) / 2, ry: (R * (2 ** bits - 2 ** -bits)) / 2 });
    [clip, face].forEach((path) => set(path, { d: `${half}Z` }));
    bands.forEach((band, j) => set(band, ellipse(LEVELS[j])));
    set(same, ellipse(found.rate));
    set(part.rim, { d: half });
    set(part.real, { d: `M${cx - R} ${cy}H${cx + R}` });
    set(part.ends, { d: dots([[cx - R, cy], [cx + R, cy]]) });
    prices.forEach((text, j) => set(text, { x: cx, y: cy - ellipse(LEVELS[j + 1]).ry - 6 }));
    set(most, { x: cx + 18, y: cy - R - 6 });
    feet.forEach((text, j) => set(text, { x: cx + (j - 1) * R, y: cy + 26 }));
    const [x, y] = [cx + R * found.x, cy - R * found.y];
    [...pole.children].forEach((child) => set(child, child.tagName === "text" ? { x, y: y + 5 } : { cx: x, cy: y }));
    set(pole, { "aria-valuenow": r.toFixed(3), "aria-valuetext": `modulus ${r.toFixed(3)}, angle ${short(angle)} degrees` });
  }
  return { node, draw };
}

const power = (bits) => `2${String(bits).replaceAll(/./g, "^$&")}`; // for a label
const LEFT = 34;
const HIGHEST = 81; // bits
const TICKS = [0, 20, 40, 60, 80];
const FEET = [1, 16, 32, 48, 64];

/** The sum of the moduli by the number of values, on a logarithmic axis: what is needed, what is enough, and what cancels floats. */
function curvePane() {
  const part = Object.fromEntries(["grid", "rule", "band", "float", "enough", "needed", "complex", "drop"].map((kind) => [kind, svg("path", { class: kind })]));
  const crossings = FLOATS.map(() => [svg("circle", { class: "crossed", r: 4.5 }), label("", { class: "needed-text halo" })]);
  const dot = svg("circle", { class: "mark", r: 6 });
  const title = label("Σ |*w| of real modes for Re *λ^k, *k < *L", { y: 16 });
  const keys = [["needed", "needed at least"], ["enough", "enough"]].flatMap(([kind, text], j) => [svg("path", { class: kind, d: `M${1 + 150 * j} 33h18` }), label(text, { class: "needed-text", x: 26 + 150 * j, y: 38 })]);
  const ticks = TICKS.map((bits) => label(bits ? power(bits) : "1", { class: "muted upright", "text-anchor": "end" }));
  const feet = FEET.map((L) => label(String(L), { class: "muted", "text-anchor": "middle" }));
  const names = FLOATS.map(([name, bits]) => label(`${name}: ${power(bits)}`, { class: "muted upright halo" }));
  const alone = label("", { class: "complex-text halo", "text-anchor": "end" });
  const axis = label("values to match, *L", { class: "muted", "text-anchor": "end" });
  const node = svg("svg", { class: "pr-curve", role: "img" }, ...Object.values(part), title, ...keys, ...names, ...crossings.flat(), alone, dot, ...ticks, ...feet, axis);

  function draw({ length, found }, [width, height]) {
    const [top, right, bottom] = [56, width - 8, height - 42];
    const X = (L) => LEFT + ((right - LEFT) * (L - 1)) / (RANGES.length.max - 1);
    const Y = (bits) => bottom - ((bottom - top) * bits) / HIGHEST;
    const low = found.curve.map((value, j) => [X(j + 1), Y(Math.log2(value))]);
    const high = found.curve.map((_, j) => [X(j + 1), Y(j * found.rate)]);
    set(part.grid, { d: TICKS.map((bits) => `M${LEFT} ${Y(bits)}H${right}`).join("") });
    set(part.rule, { d: `M${LEFT} ${bottom}H${right}` });
    set(part.band, { d: `${line([...high, ...low.toReversed()])}Z` });
    set(part.enough, { d: line(high) });
    set(part.needed, { d: line(low) });
    set(part.complex, { d: `M${LEFT} ${bottom}H${right}` });
    set(part.float, { d: FLOATS.map(([, bits]) => `M${LEFT} ${Y(bits)}H${right}`).join("") });
    const [x, y] = low[length - 1];
    set(part.drop, { d: `M${x} ${bottom}V${y}` });
    set(dot, { cx: x, cy: y });
    crossings.forEach(([circle, text], j) => {
      const L = found.spent[j];
      const visibility = L <= RANGES.length.max ? "visible" : "hidden";
      const [x, y] = low[Math.min(L, low.length) - 1];
      set(circle, { visibility, cx: x, cy: y });
      text.textContent = `L = ${L}`;
      set(text, { visibility, x: Math.min(x + 9, right - 44), y: Y(FLOATS[j][1]) + 17 });
      const before = L > 40;
      set(names[j], { x: before ? LEFT + 6 : right, y: Y(FLOATS[j][1]) - 6, "text-anchor": before ? "start" : "end" });
    });
    alone.textContent = found.y === 0 ? "real and complex: 1" : "complex: 1";
    set(alone, { x: right, y: bottom - 8 });
    ticks.forEach((text, j) => set(text, { x: LEFT - 6, y: Y(TICKS[j]) + 5 }));
    feet.forEach((text, j) => set(text, { x: X(FEET[j]), y: bottom + 18 }));
    set(axis, { x: right, y: height - 5 });
    set(node, { "aria-label": `Real modes that match ${length} values need weights of 2 to the ${short(Math.log2(found.needed))} or more, at most 2 to the ${short((length - 1) * found.rate)}` });
  }
  return { node, draw };
}

// ---------------------------------------------------------------- the figure

/** Draw the explorable into `element`. Options: r, angle (degrees), length. */
export function mount(element, options = {}) {
  const read = (name, usual) => {
    const wanted = Number(options[name] ?? usual);
    return clamp(Number.isFinite(wanted) ? wanted : usual, RANGES[name].min, RANGES[name].max);
  };
  const view = { r: read("r", 0.99), angle: read("angle", 126.87), length: Math.round(read("length", 32)) };
  const panes = [discPane((r, angle) => move({ r, angle })), curvePane()];
  const sizes = new Map();
  const draw = (pane) => sizes.has(pane) && pane.draw(view, sizes.get(pane));
  const sliders = {
    r: slider(["modulus ", html("i", {}, "r")], RANGES.r, (r) => move({ r })),
    angle: slider(["angle ", html("i", {}, "θ")], RANGES.angle, (angle) => move({ angle })),
    length: slider(["values ", html("i", {}, "L")], RANGES.length, (length) => move({ length })),
  };
  const presets = PRESETS.map(([name, r, angle]) => {
    const button = html("button", { type: "button" }, name);
    button.addEventListener("click", () => move({ r, angle }));
    return button;
  });
  const readout = html("p", { class: "explorable-readout", "aria-live": "polite" });
  const say = throttle(() => readout.replaceChildren(...sentence(view)), 500);

  function move(change) {
    Object.assign(view, change);
    view.found = measure(view);
    panes.forEach(draw);
    sliders.r.show(view.r, short(view.r, 3));
    sliders.angle.show(view.angle, `${short(view.angle)}°`);
    sliders.length.show(view.length, String(view.length));
    presets.forEach((button, j) => set(button, { "aria-pressed": PRESETS[j][1] === view.r && PRESETS[j][2] === view.angle }));
    say();
  }

  element.replaceChildren(html("div", { class: "pr" },
    html("div", { class: "explorable-presets", role: "group", "aria-label": "Examples" }, ...presets),
    ...panes.map(({ node }) => node),
    html("div", { class: "pr-sliders" }, ...Object.values(sliders).map(({ node }) => node)),
    readout));
  panes.forEach((pane) => {
    whenSized(pane.node, (...size) => {
      sizes.set(pane, size);
      draw(pane);
    });
  });
  move({});
}
