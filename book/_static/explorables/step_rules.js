// Which step rule keeps a mode stable?
// One free mode h' = A h with A = -α + iω, stepped with δ: h ← f(z) h with z = δA.

import { dots, html, label, line, set, slider, svg, throttle, uniqueId, whenSized } from "./lib/kit.js";

// ---------------------------------------------------------------- numerics

/** x / y for complex numbers [re, im]. */
function divide([a, b], [c, d]) {
  const size = c * c + d * d;
  return [(a * c + b * d) / size, (b * c - a * d) / size];
}

/** Of each rule: its name, its f as a label, f(x + iy), and a number with the sign of |f(x + iy)| - 1. */
const RULES = {
  exact: { name: "exact", formula: "*e^z", factor: (x, y) => [Math.exp(x) * Math.cos(y), Math.exp(x) * Math.sin(y)], excess: (x) => x },
  forward: { name: "forward Euler", formula: "1 + *z", factor: (x, y) => [1 + x, y], excess: (x, y) => x * x + 2 * x + y * y },
  backward: { name: "backward Euler", formula: "1 / (1 − *z)", factor: (x, y) => divide([1, 0], [1 - x, -y]), excess: (x, y) => 2 * x - x * x - y * y },
  bilinear: { name: "bilinear", formula: "(1 + *z/2) / (1 − *z/2)", factor: (x, y) => divide([1 + x / 2, y / 2], [1 - x / 2, -y / 2]), excess: (x) => x },
};

/** f(z) of a rule at z = re + i im, as [re, im]. */
export function factor(rule, re, im) {
  return RULES[rule].factor(re, im);
}

/** Whether |f(z)| < 1: the free mode decays under the rule. */
export function inside(rule, re, im) {
  return RULES[rule].excess(re, im) < 0;
}

/** Re f(δA)^k for k = 0 .. steps. */
export function decay(rule, alpha, omega, delta, steps) {
  const [a, b] = factor(rule, -alpha * delta, omega * delta);
  const values = [];
  for (let k = 0, x = 1, y = 0; k <= steps; k += 1) {
    values.push(x);
    [x, y] = [a * x - b * y, b * x + a * y];
  }
  return values;
}

/** The mode with δA = re + i im on the sliders; δ grows where α or ω would leave its range. */
export function modeAt(re, im, delta) {
  const snap = (value, { min, max, step }) => Number(clamp(Math.round(value / step) * step, min, max).toFixed(3));
  const need = Math.max(-re / ALPHA.max, im / OMEGA.max);
  const step = need > delta ? snap(need + DELTA.step / 2, DELTA) : delta;
  return { alpha: snap(-re / step, ALPHA), omega: snap(im / step, OMEGA), delta: step };
}

// ---------------------------------------------------------------- words

const DELTA = { min: 0.05, max: 4, step: 0.05 };
const ALPHA = { min: 0, max: 1.5, step: 0.005 };
const OMEGA = { min: 0, max: 3, step: 0.01 };
const PRESETS = [
  ["seasonal mode, monthly", { alpha: Math.LN2 / 24, omega: Math.PI / 6, delta: 1 }],
  ["fast decay", { alpha: 1.2, omega: 0, delta: 4 }],
  ["the 127° rotation", { alpha: -Math.log(0.95), omega: Math.acos(-0.6), delta: 1 }],
  ["pure rotation", { alpha: 0, omega: 1, delta: 0.5 }],
];

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const short = (number, digits) => String(Number(number.toFixed(digits)));
const turn = (radians) => `${short((radians * 180) / Math.PI, 1)}°`;

/** What becomes of the stepped mode: -1 it decays, 0 neither, 1 it grows. */
function fate({ rule, alpha, omega, delta }) {
  const excess = RULES[rule].excess(-alpha * delta, omega * delta);
  return Math.abs(excess) < 1e-9 ? 0 : Math.sign(excess);
}

/** A modulus with the digits that tell it from 1. */
function modulus(value) {
  const digits = Math.abs(value - 1) < 1e-10 ? 3 : clamp(Math.ceil(-Math.log10(Math.abs(value - 1))), 3, 8);
  return value.toFixed(digits);
}

/** The readout, with what the rule does in bold. */
function sentence(mode) {
  const strong = (text) => html("strong", {}, text);
  const { rule, alpha, omega, delta } = mode;
  const [re, im] = factor(rule, -alpha * delta, omega * delta);
  const verdict = strong(["decays", "neither grows nor decays", "grows"][fate(mode) + 1]);
  const truth = `True factor per step ${modulus(Math.exp(-alpha * delta))}, turning ${turn(omega * delta)}; `;
  if (rule === "exact") return [truth, "exact ", strong("the same"), ": ", verdict, "."];
  const turning = strong(turn(Math.atan2(im, re)));
  return [truth, `${RULES[rule].name} `, strong(modulus(Math.hypot(re, im))), ", turning ", turning, ": ", verdict, "."];
}

// ---------------------------------------------------------------- the plane of z

const VIEW = { left: -5.3, right: 2.3, top: 3.5, bottom: -1.6 }; // shown at least
const HELD = { left: -5, top: 3.2 }; // the point stays within

/** The plane of z with the region |f| < 1, the ray that z follows as δ changes, and the draggable z. */
function planePane(onMove) {
  const face = svg("rect", { class: "face", x: 0, y: 24, fill: "none" });
  const part = {
    region: svg("path", { class: "region", "fill-rule": "evenodd" }),
    axis: svg("path", { class: "grid" }),
    border: svg("path", { class: "truth" }),
    ray: svg("path", { class: "ray" }),
    stops: svg("path", { class: "stops" }),
  };
  const handle = svg("circle", { class: "handle", r: 12 });
  const grip = svg("circle", { class: "grip", r: 24 });
  const title = label("plane of *z = *δ*A: drag *z", { class: "muted", y: 16 });
  const shaded = label("", { class: "state-text" });
  const truths = [label("true decay", { class: "muted", "text-anchor": "end" }), label("true growth", { class: "muted" })];
  const marks = [["−4", -4, 0], ["−2", -2, 0], ["2", 2, 0], ["*i", 0, 1], ["2*i", 0, 2]].map(([text, x, y]) =>
    [label(text, { class: "muted", "text-anchor": "middle" }), x, y]);
  const point = label("*z", { class: "handle-text", "text-anchor": "middle" });
  const texts = [title, shaded, ...truths, ...marks.map(([text]) => text)];
  const node = svg("svg", { class: "sr-plane", role: "img" }, face, ...Object.values(part), ...texts, handle, grip, point);
  let frame = { cx: 0, cy: 0, scale: 1, width: 0, height: 0 };
  let shown = { delta: 1 };
  let held = 1; // δ when the drag began

  function move(event) {
    const box = node.getBoundingClientRect();
    const re = (event.clientX - box.left - frame.cx) / frame.scale;
    const im = Math.abs(event.clientY - box.top - frame.cy) / frame.scale;
    onMove(modeAt(clamp(re, HELD.left, 0), Math.min(im, HELD.top), held));
  }

  node.addEventListener("pointerdown", () => { held = shown.delta; });
  grip.addEventListener("pointerdown", (event) => grip.setPointerCapture(event.pointerId));
  grip.addEventListener("pointermove", (event) => {
    if (grip.hasPointerCapture(event.pointerId)) move(event);
  });
  face.addEventListener("click", move);

  function resize(width, outer) {
    const height = outer - 48;
    const scale = Math.min(width / (VIEW.right - VIEW.left), height / (VIEW.top - VIEW.bottom));
    const [cx, cy] = [width - VIEW.right * scale, 24 + height + VIEW.bottom * scale];
    frame = { cx, cy, scale, width, height };
    set(face, { width, height });
    set(part.axis, { d: `M0 ${cy}H${width}` });
    set(part.border, { d: `M${cx} 24v${height}` });
    truths.forEach((text, j) => set(text, { x: cx + (j ? 8 : -8), y: height + 17 }));
    marks.forEach(([text, x, y]) => set(text, { x: cx + x * scale + (y ? 24 : 0), y: cy - y * scale + (y ? 5 : 18) }));
    set(shaded, { y: outer - 5 });
  }

  /** The region |f| < 1: the left half-plane, a disc, or all but a disc. */
  function region(rule) {
    const { cx, cy, scale, width, height } = frame;
    const disc = (x) => `M${cx + (x - 1) * scale} ${cy}a${scale} ${scale} 0 0 0 ${2 * scale} 0a${scale} ${scale} 0 0 0 ${-2 * scale} 0`;
    if (rule === "forward") return disc(-1);
    if (rule === "backward") return `M0 24h${width}v${height}h${-width}z${disc(1)}`;
    return `M0 24h${cx}v${height}h${-cx}z`;
  }

  function draw(mode) {
    const { rule, alpha, omega, delta } = mode;
    const { cx, cy, scale } = frame;
    const leaves = Math.min(HELD.left / -alpha, HELD.top / omega); // the δ at which z leaves the picture
    const at = (step) => [cx - alpha * step * scale, cy - omega * step * scale];
    const [x, y] = at(Math.min(delta, leaves));
    const roomy = Math.hypot(alpha, omega) * scale > 8;
    shown = mode;
    set(part.region, { d: region(rule) });
    set(part.ray, { d: line([[cx, cy], at(Math.min(DELTA.max, leaves))]) });
    set(part.stops, { d: dots([1, 2, 3, 4].filter((step) => roomy && step <= leaves).map(at)) });
    [handle, grip].forEach((circle) => set(circle, { cx: x, cy: y }));
    set(point, { x, y: y + 5 });
    node.classList.toggle("outside", delta > leaves + 1e-9);
    shaded.replaceChildren(...label(`shaded: |${RULES[rule].formula}| < 1`).childNodes);
    const place = `${short(-alpha * delta, 2)} + ${short(omega * delta, 2)} i`;
    const where = inside(rule, -alpha * delta, omega * delta) ? "inside" : "not inside";
    set(node, { "aria-label": `Plane of z with z = ${place}, ${where} the shaded region` });
  }
  return { node, resize, draw };
}

// ---------------------------------------------------------------- the free decay

const SPAN = 24; // units of time shown
const HIGH = 1.5; // the values shown, up and down
const FAR = 20; // the joining line ends at the first value above

/** The true curve Re exp(At), and the stepped values Re f(z)^k at the times kδ. */
function decayPane() {
  const id = uniqueId("clip");
  const clip = svg("rect", { x: 26, y: 26 });
  const part = {
    grid: svg("path", { class: "grid" }),
    zero: svg("path", { class: "rule" }),
    truth: svg("path", { class: "truth" }),
    steps: svg("path", { class: "steps" }),
    samples: svg("path", { class: "samples" }),
  };
  const legend = [label("true Re *e^A^t", { y: 16 }), label("stepped Re *f(*z)^k", { class: "stepped-text", y: 16, "text-anchor": "end" })];
  const levels = [1, 0, -1].map((value) => [value, label(String(value).replace("-", "−"), { class: "muted", x: 20, "text-anchor": "end" })]);
  const times = [0, 6, 12, 18, 24].map((time) => [time, label(String(time), { class: "muted", "text-anchor": time === SPAN ? "end" : "middle" })]);
  const axis = label("time", { class: "muted", "text-anchor": "middle" });
  const node = svg("svg", { class: "sr-decay", role: "img" }, svg("clipPath", { id }, clip),
    svg("g", { "clip-path": `url(#${id})` }, ...Object.values(part)), ...legend, ...[...levels, ...times].map(([, text]) => text), axis);
  let X = (time) => time;
  let Y = (value) => value;

  function resize(width, height) {
    const [top, bottom] = [26, height - 26];
    X = (time) => 32 + ((width - 38) * time) / SPAN;
    Y = (value) => (top + bottom) / 2 - (value * (bottom - top)) / (2 * HIGH);
    set(clip, { width: width - 26, height: bottom - top });
    set(part.grid, { d: times.map(([time]) => `M${X(time)} ${top}V${bottom}`).join("") + [1, -1].map((value) => `M${X(0)} ${Y(value)}H${X(SPAN)}`).join("") });
    set(part.zero, { d: `M${X(0)} ${Y(0)}H${X(SPAN)}` });
    levels.forEach(([value, text]) => set(text, { y: Y(value) + 4 }));
    times.forEach(([time, text]) => set(text, { x: time === SPAN ? width : X(time), y: height - 8 }));
    set(axis, { x: X(3), y: height - 8 });
    set(legend[1], { x: width });
  }

  function draw({ rule, alpha, omega, delta }) {
    const fine = Array.from({ length: 40 * SPAN + 1 }, (_, j) => j / 40);
    const values = decay(rule, alpha, omega, delta, Math.floor(SPAN / delta + 1e-9));
    const points = values.map((value, k) => [X(k * delta), Y(value)]);
    const far = (value) => Math.abs(value) > FAR;
    const end = values.some(far) ? values.findIndex(far) + 1 : values.length;
    set(part.truth, { d: line(fine.map((time) => [X(time), Y(Math.exp(-alpha * time) * Math.cos(omega * time))])) });
    set(part.steps, { d: line(points.slice(0, end)) });
    set(part.samples, { d: dots(points.filter((_, k) => !far(values[k]))), "stroke-width": clamp(0.6 * (X(delta) - X(0)), 2.5, 6) });
    set(node, { "aria-label": `Free decay over ${SPAN} units of time, true and stepped ${values.length - 1} times by the rule ${RULES[rule].name}` });
  }
  return { node, resize, draw };
}

// ---------------------------------------------------------------- the figure

/** Draw the explorable into `element`. Options: alpha, omega, delta, rule. */
export function mount(element, options = {}) {
  const read = (name, { min, max }) => clamp(Number(options[name] ?? PRESETS[0][1][name]), min, max);
  const mode = {
    rule: Object.hasOwn(RULES, options.rule ?? "") ? options.rule : "forward",
    alpha: read("alpha", ALPHA),
    omega: read("omega", OMEGA),
    delta: read("delta", DELTA),
  };
  const panes = [planePane(move), decayPane()];
  const sliders = {
    delta: slider(["step ", html("i", {}, "δ")], DELTA, (delta) => move({ delta })),
    alpha: slider(["decay ", html("i", {}, "α")], ALPHA, (alpha) => move({ alpha })),
    omega: slider(["frequency ", html("i", {}, "ω")], OMEGA, (omega) => move({ omega })),
  };
  const readout = html("p", { class: "explorable-readout", "aria-live": "polite" });
  const say = throttle(() => readout.replaceChildren(...sentence(mode)), 500);
  const choice = ([name, values]) => {
    const button = html("button", { type: "button" }, name);
    button.addEventListener("click", () => move(values));
    return [button, values];
  };
  const rules = Object.entries(RULES).map(([rule, { name }]) => choice([name, { rule }]));
  const presets = PRESETS.map(choice);

  function move(change) {
    Object.assign(mode, change);
    panes.forEach((pane) => pane.draw(mode));
    Object.entries(sliders).forEach(([name, { show }]) => show(mode[name], short(mode[name], 3)));
    const holds = (values) => Object.entries(values).every(([name, value]) => mode[name] === value);
    [...rules, ...presets].forEach(([button, values]) => set(button, { "aria-pressed": holds(values) }));
    body.classList.toggle("grows", fate(mode) > 0);
    say();
  }

  const group = (name, kind, choices) =>
    html("div", { class: `explorable-presets ${kind}`, role: "group", "aria-label": name }, ...choices.map(([button]) => button));
  const body = html("div", { class: "sr" },
    group("Step rule", "sr-rules", rules),
    ...panes.map(({ node }) => node),
    html("div", { class: "sr-sliders" }, ...Object.values(sliders).map(({ node }) => node)),
    group("Examples", "sr-examples", presets),
    readout);
  element.replaceChildren(body);
  panes.forEach((pane) => {
    whenSized(pane.node, (width, height) => {
      pane.resize(width, height);
      pane.draw(mode);
    });
  });
  move(mode);
}
