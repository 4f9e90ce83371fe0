// Where should a state keep its eigenvalue?
// One diagonal state h_t = λ h_{t-1} + u_t with λ = r e^{iθ}, read out as Re h_t.

import { clock, html, set, slider, throttle, whenSized } from "./lib/kit.js";
import { DEGREES, clamp, degrees, discPane, halfLife, impulsePane, short } from "./lib/pole.js";
import { streamPane } from "./lib/stream.js";

export { halfLife, impulseResponse } from "./lib/pole.js";

// ---------------------------------------------------------------- numerics

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
const PRESETS = [
  ["leaky integrator", 0.9, 0],
  ["sunspot cycle", 0.97, (2 * Math.PI) / 11],
  ["the 127° rotation", 0.95, Math.acos(-0.6)],
];

/** The readout, with the two numbers that matter in bold. */
function sentence(r, theta) {
  const strong = (text) => html("strong", {}, text);
  const half = halfLife(r);
  const memory = half < 1 ? "under 1 step" : `${half.toFixed(1)} steps`;
  const turn = theta === 0 ? ["; ", strong("no oscillation")] : ["; one turn every ", strong(`${short(period(theta))} steps`)];
  return ["Remembers half of a pulse for ", strong(memory), ...turn, "."];
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
  const disc = discPane("pm-disc", RADIUS, move);
  const stream = streamPane(u);
  const impulse = impulsePane("pm-impulse", "one pulse: Re *λ^k", "steps *k after the pulse");
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
