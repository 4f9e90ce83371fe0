// Where should a state keep its eigenvalue?
// One diagonal state h_t = λ h_{t-1} + u_t with λ = r e^{iθ}, read out as Re h_t.

import { clock, dots, html, label, line, set, slider, svg, throttle, whenSized } from "./lib/kit.js";
import { streamPane } from "./lib/stream.js";

// ---------------------------------------------------------------- numerics

/** Re λ^k for k = 0 .. length - 1. */
export function impulseResponse(r, theta, length) {
  return Array.from({ length }, (_, k) => r ** k * Math.cos(k * theta));
}

/** Re h_t of h_t = λ h_{t-1} + u_t, starting from h = 0. */
export function response(r, theta, u) {
  const a = r * Math.cos(theta);
  const b = r * Math.sin(theta);
  let x = 0;
  let y = 0;
  return u.map((input) => {
    [x, y] = [a * x - b * y + input, b * x + a * y];
    return x;
  });
}

/** Steps after which the envelope r^k has fallen to one half. */
export function halfLife(r) {
  return r < 1 ? Math.log(0.5) / Math.log(r) : Infinity;
}

/** Steps for one full turn of λ^k; Infinity where there is no rotation. */
export function period(theta) {
  return (2 * Math.PI) / Math.abs(theta);
}

/** A sparse sequence of signed pulses of height 0.5 to 1, from a linear congruential generator. */
export function pulses(seed, length) {
  let word = seed >>> 0;
  const uniform = () => {
    word = (Math.imul(word, 1664525) + 1013904223) >>> 0;
    return word / 2 ** 32;
  };
  const u = new Array(length).fill(0);
  for (let t = 4; t < length; t += 9 + Math.floor(18 * uniform())) {
    const sign = uniform() < 0.35 ? -1 : 1;
    u[t] = sign * (0.5 + 0.5 * uniform());
  }
  return u;
}

// ---------------------------------------------------------------- words

const RADIUS = { min: 0, max: 0.995, step: 0.005 };
const DEGREES = { min: 0, max: 180, step: 1 };
const PRESETS = [
  ["leaky integrator", 0.9, 0],
  ["sunspot cycle", 0.97, (2 * Math.PI) / 11],
  ["the 127° rotation", 0.95, Math.acos(-0.6)],
];

const degrees = (theta) => (theta * 180) / Math.PI;
const short = (number) => String(Number(number.toFixed(1)));
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** The readout, with the two numbers that matter in bold. */
function sentence(r, theta) {
  const strong = (text) => html("strong", {}, text);
  const half = halfLife(r);
  const memory = half < 1 ? "under 1 step" : `${half.toFixed(1)} steps`;
  const turn = theta === 0 ? ["; ", strong("no oscillation")] : ["; one turn every ", strong(`${short(period(theta))} steps`)];
  return ["Remembers half of a pulse for ", strong(memory), ...turn, "."];
}

// ---------------------------------------------------------------- the disc

const LAGS = 41; // powers shown, λ^0 to λ^40

/** The unit disc with the draggable pole, its conjugate and its powers. */
function discPane(onMove) {
  const face = svg("circle", { class: "rule face" });
  const part = {
    axes: svg("path", { class: "grid" }),
    modulus: svg("circle", { class: "envelope" }),
    orbit: svg("path", { class: "state faint" }),
    arc: svg("path", { class: "angle" }),
    mirror: svg("circle", { class: "mirror", r: 5 }),
    handle: svg("circle", { class: "handle", r: 12 }),
    grip: svg("circle", { class: "grip", r: 24 }),
  };
  const powers = Array.from({ length: LAGS }, (_, k) => svg("circle", { class: "power", r: 3 - k / 30, opacity: 1 - k / 60 }));
  const names = {
    one: label("1", { class: "muted" }),
    i: label("*i", { class: "muted" }),
    theta: label("*θ", { class: "halo", "text-anchor": "middle" }),
    pole: label("*λ", { class: "handle-text", "text-anchor": "middle" }),
    title: label("unit disc: drag *λ", { class: "muted", y: 16 }),
  };
  const node = svg("svg", { class: "pm-disc", role: "img" }, face, ...powers, ...Object.values(part), ...Object.values(names));
  let frame = { cx: 0, cy: 0, R: 1 };

  function move(event) {
    const box = node.getBoundingClientRect();
    const x = (event.clientX - box.left - frame.cx) / frame.R;
    const y = (event.clientY - box.top - frame.cy) / frame.R;
    const snap = (value, step) => Math.round(value / step) * step;
    const r = clamp(snap(Math.hypot(x, y), RADIUS.step), 0, RADIUS.max);
    onMove(r, (snap(Math.atan2(Math.abs(y), x) * 180 / Math.PI, DEGREES.step) * Math.PI) / 180);
  }

  part.grip.addEventListener("pointerdown", (event) => part.grip.setPointerCapture(event.pointerId));
  part.grip.addEventListener("pointermove", (event) => {
    if (part.grip.hasPointerCapture(event.pointerId)) move(event);
  });
  face.addEventListener("click", move);

  function resize(width, height) {
    const R = Math.min(width - 28, height - 48) / 2;
    const cx = width / 2;
    const cy = (height + 24) / 2;
    frame = { cx, cy, R };
    set(face, { cx, cy, r: R });
    set(part.modulus, { cx, cy });
    set(part.axes, { d: `M${cx - R} ${cy}H${cx + R}M${cx} ${cy - R}V${cy + R}` });
    set(names.one, { x: cx + R + 5, y: cy + 5 });
    set(names.i, { x: cx - 2, y: cy - R - 8 });
  }

  function draw(r, theta) {
    const { cx, cy, R } = frame;
    const at = (radius, angle) => [cx + radius * Math.cos(angle), cy - radius * Math.sin(angle)];
    const orbit = powers.map((_, k) => at(R * r ** k, k * theta));
    const [x, y] = at(R * r, theta);
    const [mx, my] = at(R * r, -theta);
    const [tx, ty] = at(40, theta / 2);
    set(part.modulus, { r: R * r });
    set(part.orbit, { d: line(orbit) });
    powers.forEach((dot, k) => set(dot, { cx: orbit[k][0], cy: orbit[k][1] }));
    set(part.arc, { d: `M${line([[cx, cy], [x, y]]).slice(1)}M${cx + 26} ${cy}A26 26 0 0 0 ${at(26, theta).join(" ")}` });
    set(part.mirror, { cx: mx, cy: my });
    set(part.handle, { cx: x, cy: y });
    set(part.grip, { cx: x, cy: y });
    set(names.pole, { x, y: y + 5 });
    set(names.theta, { x: tx, y: ty + 5, visibility: degrees(theta) > 15 ? "visible" : "hidden" });
    set(node, { "aria-label": `Unit disc with the eigenvalue at modulus ${r.toFixed(3)} and angle ${short(degrees(theta))} degrees` });
  }
  return { node, resize, draw };
}

// ---------------------------------------------------------------- the impulse response

/** Stems of Re λ^k between the envelopes ±r^k, with the half-life marked. */
function impulsePane() {
  const part = {
    grid: svg("path", { class: "grid" }),
    rule: svg("path", { class: "rule" }),
    envelope: svg("path", { class: "envelope" }),
    drop: svg("path", { class: "envelope-drop" }),
    stems: svg("path", { class: "state" }),
    tips: svg("path", { class: "state-dots" }),
    half: svg("circle", { class: "envelope-dot", r: 4 }),
  };
  const title = label("one pulse: Re *λ^k", { class: "state-text", y: 16 });
  const bound = label("envelope *r^k", { class: "envelope-text", y: 16, "text-anchor": "end" });
  const mark = label("", { class: "envelope-text halo" });
  const levels = [1, 0, -1].map((value) => label(String(value).replace("-", "−"), { class: "muted", "text-anchor": "end" }));
  const lags = [0, 10, 20, 30, 40].map((k) => label(String(k), { class: "muted", "text-anchor": "middle" }));
  const axis = label("steps *k after the pulse", { class: "muted", "text-anchor": "middle" });
  const node = svg("svg", { class: "pm-impulse", role: "img" }, ...Object.values(part), title, bound, mark, ...levels, ...lags, axis);
  let X = (k) => k;
  let Y = (value) => value;
  let right = 0;

  function resize(width, height) {
    const [top, bottom] = [34, height - 42];
    right = width - 6;
    X = (k) => 34 + ((right - 34) * k) / (LAGS - 1);
    Y = (value) => (top + bottom) / 2 - (value * (bottom - top)) / 2;
    set(part.grid, { d: [1, -1].map((value) => `M${X(0)} ${Y(value)}H${right}`).join("") });
    set(part.rule, { d: `M${X(0)} ${Y(0)}H${right}` });
    levels.forEach((text, j) => set(text, { x: 26, y: Y(1 - j) + 4 }));
    lags.forEach((text, j) => set(text, { x: X(10 * j), y: bottom + 18 }));
    set(axis, { x: X(20), y: height - 4 });
    set(bound, { x: width });
  }

  function draw(r, theta) {
    const values = impulseResponse(r, theta, LAGS).map((value, k) => [X(k), Y(value)]);
    const fine = Array.from({ length: 4 * LAGS - 3 }, (_, j) => j / 4);
    const edge = (sign) => line(fine.map((k) => [X(k), Y(sign * r ** k)]));
    set(part.envelope, { d: edge(1) + edge(-1) });
    set(part.stems, { d: values.map(([x, y]) => `M${x.toFixed(2)} ${Y(0)}V${y.toFixed(2)}`).join("") });
    set(part.tips, { d: dots(values) });
    drawHalfLife(r, halfLife(r));
    set(node, { "aria-label": `Impulse response within an envelope that halves every ${halfLife(r).toFixed(1)} steps` });
  }

  function drawHalfLife(r, half) {
    const visibility = half < LAGS - 1 ? "visible" : "hidden";
    mark.textContent = `half left at ${half.toFixed(1)}`;
    const x = Math.min(X(half) + 6, right - 92);
    const lag = (x - X(0)) / (X(1) - X(0));
    set(mark, { visibility, x, y: Y(Math.min(0.5, r ** lag)) - 8 });
    set(part.half, { visibility, cx: X(half), cy: Y(0.5) });
    set(part.drop, { visibility, d: `M${X(half)} ${Y(0.5)}V${Y(0)}` });
  }
  return { node, resize, draw };
}

// ---------------------------------------------------------------- the figure

const STEPS_PER_SECOND = 8;

/** Draw the explorable into `element`. Options: r, theta (radians), seed. */
export function mount(element, options = {}) {
  const pole = {
    r: clamp(Number(options.r ?? 0.97), RADIUS.min, RADIUS.max),
    theta: clamp(Number(options.theta ?? PRESETS[1][2]), 0, Math.PI),
  };
  const u = pulses(Number(options.seed ?? 204), 256);
  const disc = discPane(move);
  const stream = streamPane(u);
  const impulse = impulsePane();
  const modulus = slider(["modulus ", html("i", {}, "r")], RADIUS, (r) => move(r, pole.theta));
  const angle = slider(["angle ", html("i", {}, "θ")], DEGREES, (value) => move(pole.r, (value * Math.PI) / 180));
  const readout = html("p", { class: "explorable-readout", "aria-live": "polite" });
  const say = throttle(() => readout.replaceChildren(...sentence(pole.r, pole.theta)), 500);
  const play = clock(element, (seconds) => stream.advance(seconds * STEPS_PER_SECOND));
  const presets = PRESETS.map(([name, r, theta]) => {
    const button = html("button", { type: "button" }, name);
    button.addEventListener("click", () => move(r, theta));
    return button;
  });

  const draw = new Map([
    [disc, () => disc.draw(pole.r, pole.theta)],
    [stream, () => stream.draw(response(pole.r, pole.theta, [...u, ...u, ...u]).slice(-u.length))],
    [impulse, () => impulse.draw(pole.r, pole.theta)],
  ]);

  function move(r, theta) {
    Object.assign(pole, { r, theta });
    draw.forEach((drawPane) => drawPane());
    modulus.show(r, String(Number(r.toFixed(3))));
    angle.show(degrees(theta), `${short(degrees(theta))}°`);
    presets.forEach((button, j) => set(button, { "aria-pressed": PRESETS[j][1] === r && PRESETS[j][2] === theta }));
    say();
  }

  const body = html("div", { class: "pm" },
    disc.node,
    html("div", { class: "pm-time" }, stream.node, play),
    impulse.node,
    html("div", { class: "pm-sliders" }, modulus.node, angle.node),
    html("div", { class: "explorable-presets", role: "group", "aria-label": "Examples" }, ...presets),
    readout);
  element.replaceChildren(body);
  draw.forEach((drawPane, pane) => {
    whenSized(pane.node, (width, height) => {
      pane.resize(width, height);
      drawPane();
    });
  });
  move(pole.r, pole.theta);
}
