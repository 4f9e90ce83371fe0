// How many bits does a state hold, and about which inputs?
// A stationary diagonal state, one mode for each pole, with one white Gaussian input; every real number has power 1 and is read through noise.

import { dots, html, label, line, set, slider, svg, throttle, whenSized } from "./lib/kit.js";
import { DEGREES, clamp, degrees, short } from "./lib/pole.js";

// ---------------------------------------------------------------- numerics
// A state is { complex, poles: [[x, y], ...] }; a complex pole stands for itself and its conjugate, and for two real numbers.

const RIM = 0.999; // the largest modulus
const times = ([a, b], [c, d]) => [a * c - b * d, a * d + b * c];
const over = (z, [c, d]) => times(z, [c / (c * c + d * d), -d / (c * c + d * d)]);
const bar = ([x, y]) => [x, -y];
const fromOne = ([x, y]) => [1 - x, -y];
const polar = (r, angle) => [r * Math.cos(angle), r * Math.sin(angle)];
const modulus = ([x, y]) => Math.hypot(x, y);
const angle = ([x, y]) => Math.atan2(y, x);

/** What the input of a lag has become in each mode, a complex number. */
const writes = ({ complex, poles }, lag) => poles.map((z) => polar(Math.sqrt((1 - modulus(z) ** 2) * (complex ? 2 : 1)) * modulus(z) ** lag, lag * angle(z)));

/** Covariance of the real numbers of the state, the real parts before the imaginary ones. */
export function covariance(state) {
  const w = writes(state, 0);
  const n = w.length;
  const numbers = Array.from({ length: state.complex ? 2 * n : n }, (_, p) => p);
  const moment = (i, j, of) => over(times(w[i], of(w[j])), fromOne(times(state.poles[i], of(state.poles[j])))); // of h and h' or its conjugate
  return numbers.map((p) => numbers.map((q) => {
    const [plain, crossed] = [(z) => z, bar].map((of) => moment(p % n, q % n, of));
    const sign = q < n ? 1 : -1;
    return (p < n === q < n ? crossed[0] + sign * plain[0] : plain[1] + sign * crossed[1]) / 2;
  }));
}

/** The Cholesky factor of the identity plus a matrix with the given entries. */
function factor(size, entry) {
  const L = Array.from({ length: size }, () => []);
  for (let i = 0; i < size; i += 1) {
    for (let j = 0; j <= i; j += 1) {
      let left = entry(i, j) + (i === j ? 1 : 0);
      for (let k = 0; k < j; k += 1) left -= L[i][k] * L[j][k];
      L[i][j] = i === j ? Math.sqrt(left) : left / L[j][j];
    }
  }
  return L;
}

/** Two functions of a lag: `held`, the bits that a reading has about the inputs of this and larger lags for who knows those of smaller ones, and `alone`, the bits about this one for who knows none. */
export function reading(state, noise) {
  const W = covariance(state);
  const radii = W.map((_, p) => modulus(state.poles[p % state.poles.length]));
  const now = factor(W.length, (i, j) => W[i][j] / noise ** 2);
  function held(lag) {
    const left = radii.map((r) => r ** lag / noise); // how the modes have turned since does not change a determinant
    return factor(W.length, (i, j) => W[i][j] * left[i] * left[j]).reduce((sum, row, i) => sum + Math.log2(row[i]), 0);
  }
  function alone(lag) {
    const w = writes(state, lag);
    const x = [];
    [...w.map(([re]) => re), ...w.map(([, im]) => im)].slice(0, W.length)
      .forEach((value, i) => x.push((value / noise - x.reduce((sum, y, j) => sum + now[i][j] * y, 0)) / now[i][i]));
    return -Math.log1p(-x.reduce((sum, y) => sum + y * y, 0)) / (2 * Math.LN2);
  }
  return { held, alone };
}

/** The most bits that d numbers of power 1 hold. */
export const most = (d, noise) => ((d / 2) * Math.log1p(noise ** -2)) / Math.LN2;

/** The poles, a complex one with its conjugate. */
export const spectrum = ({ complex, poles }) => (complex ? [...poles, ...poles.map(bar)] : poles);

/** Sum of log2 of the pseudo-hyperbolic distances of all pairs of poles; -Infinity if two of them coincide. */
export function crowding(state) {
  const distance = (a, b) => modulus(over([a[0] - b[0], a[1] - b[1]], fromOne(times(a, bar(b)))));
  return spectrum(state).reduce((sum, a, i, all) => all.slice(0, i).reduce((part, b) => part + Math.log2(distance(a, b)), sum), 0);
}

/** The number of newest inputs that half of the bits are about. */
export function half({ held }) {
  let fewer = 0;
  for (let step = 2 ** 13; step >= 1; step /= 2) if (2 * held(fewer + step) > held(0)) fewer += step;
  return fewer + 1;
}

/** All poles moved along the axis by a motion of the hyperbolic plane, which keeps their distances. */
export function slid(poles, shift) {
  const s = Math.tanh(shift);
  return poles.map(([x, y]) => over([x + s, y], [1 + s * x, s * y]));
}

/** Centre and radius of the circle at pseudo-hyperbolic distance 1/2 from a pole: a pair at that distance costs one bit. */
export function oneBit([x, y]) {
  const scale = 1 - (x * x + y * y) / 4;
  return [[(0.75 * x) / scale, (0.75 * y) / scale], (0.5 - 0.5 * (x * x + y * y)) / scale];
}

/** Names, kinds, and poles by the number of modes. */
const each = (n, at) => Array.from({ length: n }, (_, j) => at(j));
export const PRESETS = {
  leaky: ["leaky integrators", false, (n) => each(n, (j) => [Math.exp(-0.03 * (j + 1)), 0])],
  spread: ["spread on the axis", false, (n) => each(n, (j) => [n > 1 ? Math.tanh(((2 * j) / (n - 1) - 1) * Math.atanh(0.99)) : 0, 0])],
  rotating: ["rotating modes", true, (n) => each(n, (j) => polar(Math.exp(-0.015), 0.03 * Math.PI * j))],
  ring: ["ring", true, (n) => each(n, (j) => polar(0.9, (Math.PI * (j + 0.5)) / n))],
};

// ---------------------------------------------------------------- words

const bits = (number) => Math.abs(number).toFixed(1);
const count = (number, thing) => `${number} ${thing}${number === 1 ? "" : "s"}`;

/** The readout, with the numbers that matter in bold. */
function sentence({ state, found }) {
  const strong = (text) => html("strong", {}, text);
  const d = spectrum(state).length;
  const start = [count(d, "number"), d === 1 ? " holds " : " hold ", strong(`${bits(found.bits)} bits`), ` of at most ${bits(found.most)}, half of them about the newest `, strong(found.half === 1 ? "input" : `${found.half} inputs`), ". "];
  if (d === 1) return [...start, "One number holds as much wherever its pole is."];
  const cost = [...start, "Crowding costs ", strong(`${bits(found.most - found.bits)} bits`)];
  if (Number.isFinite(found.crowding)) return [...cost, ", and ", strong(bits(found.crowding)), " as the noise vanishes: the sum of ", html("span", { class: "term" }, "log₂ (1/ϱ)"), ` over ${count((d * (d - 1)) / 2, "pair")} of poles.`];
  const lost = state.complex && state.poles.some(([, y]) => y === 0) ? "a pole on the axis and its conjugate are one." : "two poles coincide.";
  return [...cost, ", and without end as the noise vanishes: ", lost];
}

// ---------------------------------------------------------------- the panes

/** The unit disc with the poles, which are dragged or moved by the arrow keys. */
function discPane(onChoose, onMove) {
  const [face, axes] = [svg("circle", { class: "rule" }), svg("path", { class: "grid" })];
  const [circles, mirrors] = [["near", 8], ["mirror", 4]].map(([kind, n]) => each(n, () => svg("circle", { class: kind, r: 4 })));
  const poles = each(8, (i) => svg("g", { class: "pole", tabindex: 0, role: "slider", "aria-label": `pole ${i + 1}`, "aria-valuemin": -1, "aria-valuemax": 1 },
    svg("circle", { class: "grip", r: 18 }), svg("circle", { class: "ring", r: 12 }), svg("circle", { class: "handle", r: 6 })));
  const top = svg("circle", { class: "handle top", r: 8 });
  const note = label("a pole inside another’s circle costs over 1 bit", { class: "muted", "text-anchor": "middle" });
  const node = svg("svg", { class: "mc-disc", role: "group", "aria-label": "Poles in the unit disc" }, face, axes, ...circles, ...mirrors, ...poles, top, note,
    label("drag the poles, or use the arrow keys", { class: "muted", y: 16 }));
  let [state, R, grabbed] = [null, 1, [0, 0]];
  const place = (event, box = face.getBoundingClientRect()) => [(event.clientX - box.left) / R - 1, 1 - (event.clientY - box.top) / R];
  node.addEventListener("pointerdown", (event) => {
    if (!event.target.matches(".grip")) return;
    event.preventDefault();
    const away = state.poles.map((z) => place(event).map((value, j) => z[j] - value));
    const i = away.map(modulus).indexOf(Math.min(...away.map(modulus))); // the nearest, where grips overlap
    grabbed = away[i];
    node.setPointerCapture(event.pointerId);
    poles[i].focus({ preventScroll: true });
  });
  node.addEventListener("pointermove", (event) => {
    if (!node.hasPointerCapture(event.pointerId)) return;
    const [x, y] = place(event).map((value, j) => value + grabbed[j]);
    onMove([x, Math.abs(y) < 0.015 ? 0 : y]);
  });
  poles.forEach((pole, i) => {
    pole.addEventListener("focus", () => onChoose(i));
    pole.addEventListener("keydown", (event) => {
      const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
      if (!step) return;
      event.preventDefault();
      const [x, y] = state.poles[i];
      const way = (event.shiftKey ? 0.01 : 0.05) * (1 - x * x - y * y); // of the same hyperbolic length everywhere
      onMove(state.complex ? [x + way * step[0], Math.max(0, y + way * step[1])] : [x + way * (step[0] + step[1]), 0]);
    });
  });

  function draw(view, [width, height]) {
    [state, R] = [view.state, Math.min(width - 20, height - 56) / 2];
    const [cx, cy] = [width / 2, height / 2];
    const spot = ([x, y]) => ({ cx: cx + R * x, cy: cy - R * y });
    const all = spectrum(state);
    const show = (nodes, points, how) => nodes.forEach((part, i) => set(part, i < points.length ? { display: "inline", ...how(points[i], part) } : { display: "none" }));
    set(face, { cx, cy, r: R });
    set(axes, { d: `M${cx - R} ${cy}H${cx + R}M${cx} ${cy - R}V${cy + R}` });
    show(circles, all.map(oneBit), ([centre, radius]) => ({ ...spot(centre), r: R * radius }));
    show(mirrors, all.slice(state.poles.length), spot);
    show(poles, state.poles, (z, pole) => {
      [...pole.children].forEach((circle) => set(circle, spot(z)));
      const r = (state.complex ? modulus(z) : z[0]).toFixed(3);
      return { "aria-valuenow": r, "aria-valuetext": state.complex ? `modulus ${r}, angle ${short(degrees(angle(z)))} degrees` : r };
    });
    set(top, spot(state.poles[view.chosen]));
    set(note, { x: cx, y: height - 4 });
  }
  return { node, draw };
}

const TICKS = [0, 9, 99, 999, 9999];
const LEFT = 36;
const SAMPLES = [...each(300, (k) => k), ...each(62, (j) => Math.round(10 ** (2.475 + j / 40)) - 1).filter((k) => k >= 300)];

/** Bits about the input of each lag, for two readers, and below the same added up, against the most that the numbers can hold. */
function curvePane() {
  const part = Object.fromEntries(["grid", "rule", "alone", "newer", "newer-dots", "area", "most", "gap", "sum"].map((kind) => [kind, svg("path", { class: kind })]));
  const keys = [["newer", "newer inputs known"], ["alone", "nothing known"]].flatMap(([kind, text], j) => [svg("path", { class: kind, d: `M${1 + 166 * j} 33h16` }), label(text, { class: `${kind}-text`, x: 24 + 166 * j, y: 38 })]);
  const added = label("added up from the newest input", {});
  const heights = each(4, () => label("", { class: "muted", "text-anchor": "end" }));
  const lags = TICKS.map((k) => label(String(k), { class: "muted", "text-anchor": "middle" }));
  const axis = label("steps back, *k", { class: "muted", "text-anchor": "end" });
  const texts = ["most-text", "held-text", "gap-text"].map((kind) => label("", { class: `${kind} halo`, "text-anchor": "end" }));
  const node = svg("svg", { class: "mc-curve", role: "img" }, ...Object.values(part), label("bits about the input *k steps back", { y: 16 }), ...keys, added, ...heights, ...lags, axis, ...texts);

  function draw({ state, found }, [width, height]) {
    const { held, alone, bits: whole, most: limit } = found;
    const [right, middle, bottom] = [width - 14, 0.43 * height, height - 42];
    const X = (k) => LEFT + ((right - LEFT) * Math.log10(k + 1)) / 4;
    const scale = (high, low, top) => (value) => low - ((low - top) * value) / high;
    const write = (text, words, where) => Object.assign(set(text, where), { textContent: words });
    const later = SAMPLES.map((k) => held(k + 1));
    const newer = SAMPLES.map((k, j) => (SAMPLES[j - 1] === k - 1 ? later[j - 1] : held(k)) - later[j]);
    const decade = 10 ** Math.floor(Math.log10(Math.max(...newer)));
    const high = [1, 2, 5, 10].map((m) => m * decade).find((value) => value >= Math.max(...newer));
    const [Y, Z] = [scale(high, middle, 56), scale(limit, bottom, middle + 62)];
    const sum = line(SAMPLES.map((k, j) => [X(k), Z(whole - later[j])]));
    const [y, top] = [Z(whole), Z(limit)];
    const points = SAMPLES.map((k, j) => [X(k), Y(newer[j])]);
    set(part.grid, { d: TICKS.map((k) => `M${X(k)} 56V${middle}M${X(k)} ${top}V${bottom}`).join("") });
    set(part.rule, { d: `M${LEFT} ${middle}H${right}M${LEFT} ${bottom}H${right}` });
    set(part.newer, { d: line(points) });
    set(part["newer-dots"], { d: dots(points.slice(0, 6)) });
    set(part.alone, { d: line(SAMPLES.map((k) => [X(k), Y(alone(k))])) });
    set(part.sum, { d: sum });
    set(part.area, { d: `${sum}V${bottom}H${LEFT}Z` });
    set(part.most, { d: `M${LEFT} ${top}H${right}` });
    set(part.gap, { d: y - top > 3 ? `M${right} ${top}V${y}` : "" });
    [[Y(0), "0"], [Y(high), String(Number(high.toPrecision(1)))], [Z(0), "0"], [top, bits(limit)]].forEach(([at, words], j) => write(heights[j], words, { x: LEFT - 8, y: at + 5 }));
    lags.forEach((text, j) => set(text, { x: X(TICKS[j]) - (j === 4 ? 6 : 0), y: bottom + 17 }));
    set(axis, { x: right, y: height - 6 });
    set(added, { y: middle + 30 });
    write(texts[0], `the most: ${bits(limit)}`, { x: right, y: top - 7 });
    write(texts[1], `held: ${bits(whole)}`, { x: right - 6, y: bottom - y > 26 ? y + 19 : y - 8 });
    write(texts[2], `crowding: −${bits(limit - whole)}`, { x: right - 8, y: (top + y) / 2 + 5, visibility: y - top > 56 ? "visible" : "hidden" });
    set(node, { "aria-label": `${newer[0].toPrecision(2)} bits about the newest input, ${bits(whole)} of at most ${bits(limit)} about all` });
  }
  return { node, draw };
}

// ---------------------------------------------------------------- the figure

/** Draw the explorable into `element`. Options: preset (leaky, spread, rotating, ring), numbers, noise (its standard deviation). */
export function mount(element, options = {}) {
  const log = Math.log2(Number(options.noise ?? 1 / 16));
  const view = { preset: PRESETS[options.preset] ?? PRESETS.leaky, noise: 2 ** clamp(Number.isFinite(log) ? Math.round(log) : -4, -10, 1), chosen: 0 };
  const modes = (complex, d) => Math.ceil((clamp(Math.round(d), 1, 8) || 8) / (complex ? 2 : 1));
  const pole = () => view.state.poles[view.chosen];
  const controls = {
    numbers: slider(["numbers"], { min: 1, max: 8, step: 1 }, recount),
    modulus: slider(["modulus"], { min: 0, max: 3.8, step: 0.05 }, (x) => moveChosen(polar(Math.tanh(x), angle(pole())))),
    angle: slider(["angle"], DEGREES, (value) => moveChosen(polar(modulus(pole()), (value * Math.PI) / 180))),
    shift: slider(["slide all"], { min: -1.5, max: 1.5, step: 0.05 }, slide),
    noise: slider(["noise σ"], { min: -10, max: 1, step: 1 }, (x) => move({ noise: 2 ** x })),
  };
  const panes = [discPane((chosen) => move({ chosen }), moveChosen), curvePane()];
  const sizes = new Map();
  const draw = (pane) => sizes.has(pane) && pane.draw(view, sizes.get(pane));
  const readout = html("p", { class: "explorable-readout", "aria-live": "polite" });
  const say = throttle(() => readout.replaceChildren(...sentence(view)), 500);
  const presets = Object.values(PRESETS).map((preset) => [preset, html("button", { type: "button" }, preset[0])]);
  presets.forEach(([preset, button]) => button.addEventListener("click", () => choose(preset, spectrum(view.state).length)));

  function choose(preset, d) {
    const [, complex, lay] = preset;
    move({ preset, kept: true, shift: 0, state: { complex, poles: lay(modes(complex, d)) } });
  }

  function recount(d) {
    const [{ complex, poles }, n] = [view.state, modes(view.state.complex, d)];
    const more = slid(view.preset[2](n), view.shift).slice(view.kept ? 0 : poles.length);
    move({ state: { complex, poles: view.kept ? more : [...poles.slice(0, n), ...more] } });
  }

  function moveChosen([x, y]) {
    const { complex, poles } = view.state;
    const inside = Math.min(1, RIM / Math.hypot(x, y));
    const height = complex && Math.abs(y) > 1e-9 ? Math.abs(y) : 0; // in the upper half of the disc
    move({ kept: false, state: { complex, poles: poles.with(view.chosen, [x * inside, height * inside]) } });
  }

  function slide(to) {
    const { complex, poles } = view.state;
    let n = Math.round((to - view.shift) / 0.05);
    const moved = () => slid(poles, 0.05 * n);
    while (n && moved().some((z) => modulus(z) > RIM + 1e-9)) n -= Math.sign(n); // as far as none leaves the rim
    move({ kept: view.kept && !n, shift: view.shift + 0.05 * n, state: { complex, poles: moved() } });
  }

  function move(change) {
    Object.assign(view, change);
    const { state, noise } = view;
    const d = spectrum(state).length;
    const read = reading(state, noise);
    view.chosen = Math.min(view.chosen, state.poles.length - 1);
    view.found = { ...read, bits: read.held(0), most: most(d, noise), crowding: crowding(state), half: half(read) };
    panes.forEach(draw);
    const [r, turn] = [modulus(pole()), degrees(angle(pole()))];
    set(controls.numbers.node.querySelector("input"), { min: state.complex ? 2 : 1, step: state.complex ? 2 : 1 });
    set(controls.angle.node.querySelector("input"), { step: state.complex ? 1 : 180 });
    controls.numbers.show(d, String(d));
    controls.modulus.show(Math.atanh(r), r.toFixed(3));
    controls.angle.show(turn, `${short(turn)}°`);
    controls.shift.show(view.shift, `${view.shift < -0.01 ? "−" : ""}${Math.abs(view.shift).toFixed(2)}`);
    controls.noise.show(Math.log2(noise), noise < 1 ? `1/${1 / noise}` : String(noise));
    presets.forEach(([preset, button]) => set(button, { "aria-pressed": view.kept && preset === view.preset }));
    say();
  }

  element.replaceChildren(html("div", { class: "mc" },
    html("div", { class: "explorable-presets", role: "group", "aria-label": "Examples" }, ...presets.map(([, button]) => button)),
    ...panes.map(({ node }) => node),
    html("div", { class: "mc-sliders" }, ...Object.values(controls).map(({ node }) => node)),
    readout));
  panes.forEach((pane) => whenSized(pane.node, (...size) => draw(pane, sizes.set(pane, size))));
  choose(view.preset, Number(options.numbers ?? 8));
}
