// A pole λ = r e^{iθ} of the unit disc: its numbers, the disc in which it is dragged, its impulse response.

import { dots, label, line, set, svg } from "./kit.js";

// ---------------------------------------------------------------- numerics

/** Re λ^k for k = 0 .. length - 1. */
export function impulseResponse(r, theta, length) {
  return Array.from({ length }, (_, k) => r ** k * Math.cos(k * theta));
}

/** Steps after which the envelope r^k has fallen to one half. */
export function halfLife(r) {
  return r < 1 ? Math.log(0.5) / Math.log(r) : Infinity;
}

// ---------------------------------------------------------------- words

export const DEGREES = { min: 0, max: 180, step: 1 };

export const degrees = (theta) => (theta * 180) / Math.PI;
export const short = (number, digits = 1) => String(Number(number.toFixed(digits)));
export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

// ---------------------------------------------------------------- the disc

const LAGS = 41; // powers shown, λ^0 to λ^40

/** The unit disc with the draggable pole, its conjugate and its powers; `radius` is the range of r. */
export function discPane(name, radius, onMove) {
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
  const node = svg("svg", { class: `disc ${name}`, role: "img" }, face, ...powers, ...Object.values(part), ...Object.values(names));
  let frame = { cx: 0, cy: 0, R: 1 };

  function move(event) {
    const box = node.getBoundingClientRect();
    const x = (event.clientX - box.left - frame.cx) / frame.R;
    const y = (event.clientY - box.top - frame.cy) / frame.R;
    const snap = (value, step) => Math.round(value / step) * step;
    const r = clamp(snap(Math.hypot(x, y), radius.step), 0, radius.max);
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

/** Stems of Re λ^k between the envelopes ±r^k, with the half-life marked; the class `minus` is for those below 0. */
export function impulsePane(name, heading, below) {
  const part = {
    grid: svg("path", { class: "grid" }),
    rule: svg("path", { class: "rule" }),
    envelope: svg("path", { class: "envelope" }),
    drop: svg("path", { class: "envelope-drop" }),
    stems: svg("path", { class: "state" }),
    tips: svg("path", { class: "state-dots" }),
    minus: svg("path", { class: "state minus" }),
    minusTips: svg("path", { class: "state-dots minus" }),
    half: svg("circle", { class: "envelope-dot", r: 4 }),
  };
  const title = label(heading, { class: "state-text", y: 16 });
  const bound = label("envelope *r^k", { class: "envelope-text", y: 16, "text-anchor": "end" });
  const mark = label("", { class: "envelope-text halo" });
  const levels = [1, 0, -1].map((value) => label(String(value).replace("-", "−"), { class: "muted", "text-anchor": "end" }));
  const lags = [0, 10, 20, 30, 40].map((k) => label(String(k), { class: "muted", "text-anchor": "middle" }));
  const axis = label(below, { class: "muted", "text-anchor": "middle" });
  const node = svg("svg", { class: name, role: "img" }, ...Object.values(part), title, bound, mark, ...levels, ...lags, axis);
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
    const values = impulseResponse(r, theta, LAGS);
    const points = (keep) => values.map((value, k) => [X(k), Y(value)]).filter((_, k) => keep(values[k]));
    const [plus, minus] = [points((value) => value > -1e-9), points((value) => value <= -1e-9)];
    const stems = (tips) => tips.map(([x, y]) => `M${x.toFixed(2)} ${Y(0)}V${y.toFixed(2)}`).join("");
    const fine = Array.from({ length: 4 * LAGS - 3 }, (_, j) => j / 4);
    const edge = (sign) => line(fine.map((k) => [X(k), Y(sign * r ** k)]));
    set(part.envelope, { d: edge(1) + edge(-1) });
    set(part.stems, { d: stems(plus) });
    set(part.tips, { d: dots(plus) });
    set(part.minus, { d: stems(minus) });
    set(part.minusTips, { d: dots(minus) });
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
