// One pole pair from four sides: the disc, the kernel, the gain and the matrix.
// One real system with the poles r e^{±iθ}: h_t = λ h_{t-1} + u_t, y_t = Re h_t, so that K_k = r^k cos kθ.

import { html, label, line, set, slider, svg, throttle, whenSized } from "./lib/kit.js";
import { DEGREES, clamp, degrees, discPane, halfLife, impulsePane, impulseResponse, short } from "./lib/pole.js";

// ---------------------------------------------------------------- numerics

export { impulseResponse as kernel } from "./lib/pole.js";

/** |H(e^{-iω})| at ω = 2π turns, with H(x) = (1 - ax) / ((1 - λx) (1 - λ̄x)) and a = r cos θ. */
export function gain(r, theta, turns) {
  const omega = 2 * Math.PI * turns;
  const distance = (radius, angle) => Math.hypot(1 - radius * Math.cos(omega - angle), radius * Math.sin(omega - angle));
  return distance(r * Math.cos(theta), 0) / (distance(r, theta) * distance(r, -theta));
}

/** The largest gain and its frequency, in turns per step from 0 to 1/2; 1/|H|² is convex in cos ω. */
export function peak(r, theta) {
  const [c, s] = [Math.cos(theta), Math.sin(theta)];
  const root = s * Math.hypot(s, c * (1 - r * r));
  const top = c * (1 + 2 * r * r * (1 + s * s) + r ** 4 * (c * c - s * s));
  const best = r === 0 ? 1 : top / (2 * r * (1 + r * r * c * c + root)); // where the derivative is 0
  const turns = Math.acos(clamp(best, -1, 1)) / (2 * Math.PI);
  return { turns, height: gain(r, theta, turns) };
}

/** The rank of every block of two or more rows t >= c and columns s <= c of K_{t-s}: the numbers of state needed. */
export function blockRank(r, theta) {
  return r === 0 || Math.abs(Math.sin(theta)) < 1e-9 ? 1 : 2;
}

// ---------------------------------------------------------------- words

const RADIUS = { min: 0, max: 0.99, step: 0.005 };
const SIDE = 24; // rows and columns of the matrix
const CUT = { min: 1, max: SIDE - 2, step: 1 };
const PRESETS = [
  ["leaky integrator", 0.9, 0],
  ["sunspot cycle", 0.97, (2 * Math.PI) / 11],
  ["the 127° rotation", 0.95, Math.acos(-0.6)],
  ["alternating", 0.9, Math.PI],
];

/** The readout, with the numbers that matter in bold. */
function sentence({ r, theta }) {
  const strong = (text) => html("strong", {}, text);
  const half = halfLife(r);
  const { turns, height } = peak(r, theta);
  const left = half < 1 ? [r === 0 ? "Nothing" : "Less than half", "1 step"] : ["Half", `${half.toFixed(1)} steps`];
  const loudest = r === 0 ? ["is ", strong("1"), " at every frequency"]
    : ["is largest, ", strong(height.toPrecision(3)), ", at ", strong(short(turns, 3)), " turns per step"];
  const rank = blockRank(r, theta);
  const state = rank === 1 ? [strong("one"), " number of state"] : [strong("two"), " numbers of state"];
  return [`${left[0]} of a click is left after `, strong(left[1]), "; the gain ", ...loudest, "; ", ...state,
    ", and rank ", strong(rank), r === 0 ? " from the diagonal alone." : " below the diagonal."];
}

// ---------------------------------------------------------------- the gain

const LOW = 0.45; // |H| is above 1/2 ...
const HIGH = 115; // ... and at most 1 / (1 - r), here 100

/** The gain against the frequency, its peak and the angle of the pole; both axes stay as they are. */
function gainPane() {
  const part = {
    grid: svg("path", { class: "grid" }),
    rule: svg("path", { class: "rule" }),
    angle: svg("path", { class: "envelope" }),
    curve: svg("path", { class: "state" }),
    peak: svg("circle", { class: "peak", r: 4.5 }),
  };
  const title = label("gain |*H|", { class: "state-text", y: 16 });
  const bound = label("angle *θ / 2π", { class: "envelope-text", y: 16, "text-anchor": "end" });
  const mark = label("", { class: "state-text halo", "text-anchor": "middle" });
  const levels = [1, 10, 100].map((value) => [value, label(String(value), { class: "muted", x: 26, "text-anchor": "end" })]);
  const ticks = [0, 0.1, 0.2, 0.3, 0.4, 0.5].map((turns) => [turns, label(String(turns), { class: "muted", "text-anchor": "middle" })]);
  const axis = label("frequency, turns per step", { class: "muted", "text-anchor": "middle" });
  const node = svg("svg", { class: "tv-gain", role: "img" }, ...Object.values(part), title, bound, ...[...levels, ...ticks].map(([, text]) => text), axis, mark);
  let X = (turns) => turns;
  let Y = (value) => value;
  let span = [0, 0];

  function resize(width, height) {
    const [top, bottom, right] = [36, height - 42, width - 6];
    span = [top, bottom];
    X = (turns) => 34 + (right - 34) * 2 * turns;
    Y = (value) => bottom - ((bottom - top) * Math.log(value / LOW)) / Math.log(HIGH / LOW);
    set(part.grid, { d: levels.map(([value]) => `M${X(0)} ${Y(value)}H${right}`).join("") });
    set(part.rule, { d: `M${X(0)} ${bottom}H${right}` + ticks.map(([turns]) => `M${X(turns)} ${bottom}v4`).join("") });
    levels.forEach(([value, text]) => set(text, { y: Y(value) + 4 }));
    ticks.forEach(([turns, text]) => set(text, { x: X(turns), y: bottom + 18 }));
    set(axis, { x: X(0.25), y: height - 4 });
    set(bound, { x: width });
  }

  function draw({ r, theta }) {
    const { turns, height } = peak(r, theta);
    const even = Array.from({ length: 201 }, (_, j) => j / 400);
    const near = Array.from({ length: 121 }, (_, j) => turns + ((j - 60) / 60) ** 3 / 10);
    const places = [...even, ...near].filter((place) => place >= 0 && place <= 0.5).sort((a, b) => a - b);
    const x = X(theta / (2 * Math.PI));
    set(part.angle, { d: `M${x} ${span[0]}V${span[1]}` });
    set(part.curve, { d: line(places.map((place) => [X(place), Y(gain(r, theta, place))])) });
    const visibility = r === 0 ? "hidden" : "visible"; // no peak in a flat gain
    set(part.peak, { visibility, cx: X(turns), cy: Y(height) });
    set(mark, { visibility, x: clamp(X(turns), X(0) + 18, X(0.5) - 12), y: Y(height) - 10 });
    mark.textContent = height.toPrecision(3);
    set(node, { "aria-label": `Gain, largest at ${short(turns, 3)} turns per step, where it is ${height.toPrecision(3)}` });
  }
  return { node, resize, draw };
}

// ---------------------------------------------------------------- the matrix

/** The lower triangle of K_{t-s}, a path for each lag, with the block t >= c >= s outlined. */
function matrixPane() {
  const cells = Array.from({ length: SIDE }, () => svg("path", { class: "cell" }));
  const triangle = svg("path", { class: "triangle" });
  const block = svg("rect", { class: "block" });
  const title = label("matrix *K_t_−_s", { class: "state-text", y: 16 });
  const input = label("input at *s", { class: "muted", "text-anchor": "middle" });
  const output = label("output at *t", { class: "muted", "text-anchor": "middle" });
  const where = label("", { "text-anchor": "end" });
  const rank = label("", { "text-anchor": "end" });
  const node = svg("svg", { class: "tv-matrix", role: "img" }, triangle, ...cells, block, title, input, output, where, rank);
  let frame = { x: 0, y: 30, cell: 1 };

  function resize(width, height) {
    const cell = Math.floor(Math.min(width - 24, height - 52) / SIDE);
    const [x, y, side] = [Math.max(22, Math.round((width - cell * SIDE) / 2)), 30, cell * SIDE];
    frame = { x, y, cell };
    const square = (t, s) => `M${x + s * cell} ${y + t * cell}h${cell - 1}v${cell - 1}h${1 - cell}z`;
    cells.forEach((path, lag) => {
      set(path, { d: Array.from({ length: SIDE - lag }, (_, s) => square(s + lag, s)).join("") });
    });
    set(triangle, { d: `M${x - 1} ${y - 1}v${side + 1}h${side + 1}v${-side - 1}z` });
    set(input, { x: x + side / 2, y: y + side + 16 });
    set(output, { transform: `translate(${x - 9} ${y + side / 2}) rotate(-90)` });
    [where, rank].forEach((text, j) => set(text, { x: x + side - 8, y: y + 20 + 20 * j }));
  }

  function draw({ r, theta, cut }) {
    const { x, y, cell } = frame;
    const values = impulseResponse(r, theta, SIDE);
    cells.forEach((path, lag) => {
      set(path, { "fill-opacity": Math.abs(values[lag]).toFixed(4) });
      path.classList.toggle("minus", values[lag] < 0);
    });
    set(block, { x: x - 1, y: y + cut * cell - 1, width: (cut + 1) * cell + 1, height: (SIDE - cut) * cell + 1 });
    where.replaceChildren(...label(`*t ≥ ${cut} ≥ *s:`).childNodes);
    rank.textContent = `rank ${blockRank(r, theta)}`;
    set(node, { "aria-label": `Lower triangular matrix; the block of rows from ${cut} and columns up to ${cut} has rank ${blockRank(r, theta)}` });
  }
  return { node, resize, draw };
}

// ---------------------------------------------------------------- the figure

/** Draw the explorable into `element`. Options: r, theta (radians). */
export function mount(element, options = {}) {
  const view = {
    r: clamp(Number(options.r ?? PRESETS[1][1]), RADIUS.min, RADIUS.max),
    theta: clamp(Number(options.theta ?? PRESETS[1][2]), 0, Math.PI),
    cut: 11,
  };
  const disc = discPane("tv-disc", RADIUS, (r, theta) => move({ r, theta }));
  const stems = impulsePane("tv-kernel", "kernel *K_k = *r^k cos *k*θ", "steps *k after the click");
  const [response, matrix] = [gainPane(), matrixPane()];
  const modulus = slider(["modulus ", html("i", {}, "r")], RADIUS, (r) => move({ r }));
  const angle = slider(["angle ", html("i", {}, "θ")], DEGREES, (value) => move({ theta: (value * Math.PI) / 180 }));
  const cutter = slider(["cut ", html("i", {}, "c")], CUT, (cut) => move({ cut }));
  const readout = html("p", { class: "explorable-readout", "aria-live": "polite" });
  const say = throttle(() => readout.replaceChildren(...sentence(view)), 500);
  const presets = PRESETS.map(([name, r, theta]) => {
    const button = html("button", { type: "button" }, name);
    button.addEventListener("click", () => move({ r, theta }));
    return button;
  });

  const draw = new Map([
    [disc, () => disc.draw(view.r, view.theta)],
    [stems, () => stems.draw(view.r, view.theta)],
    [response, () => response.draw(view)],
    [matrix, () => matrix.draw(view)],
  ]);

  function move(change) {
    Object.assign(view, change);
    draw.forEach((drawPane) => drawPane());
    modulus.show(view.r, short(view.r, 3));
    angle.show(degrees(view.theta), `${short(degrees(view.theta))}°`);
    cutter.show(view.cut, String(view.cut));
    presets.forEach((button, j) => set(button, { "aria-pressed": PRESETS[j][1] === view.r && PRESETS[j][2] === view.theta }));
    say();
  }

  const body = html("div", { class: "tv" },
    disc.node,
    stems.node,
    response.node,
    matrix.node,
    html("div", { class: "tv-sliders" }, modulus.node, angle.node, cutter.node),
    html("div", { class: "explorable-presets", role: "group", "aria-label": "Examples" }, ...presets),
    readout);
  element.replaceChildren(body);
  draw.forEach((drawPane, pane) => {
    whenSized(pane.node, (width, height) => {
      pane.resize(width, height);
      drawPane();
    });
  });
  move({});
}
