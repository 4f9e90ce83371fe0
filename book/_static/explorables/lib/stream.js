// An oscilloscope: pulses arrive at the right edge and scroll left; below them the state answers.

import { dots, label, line, set, svg, uniqueId } from "./kit.js";

const STEP = 7; // pixels for one step of time
const LANE = 60; // height of the lane of pulses
const LEFT = 34; // room for the numbers of the axis

/** A pane for the periodic input `u`; `draw(h)` sets the state and `advance(steps)` moves time on. */
export function streamPane(u) {
  const part = {
    grid: svg("path", { class: "grid" }),
    input: svg("path", { class: "input" }),
    heads: svg("path", { class: "input-dots" }),
    state: svg("path", { class: "state" }),
    samples: svg("path", { class: "state-dots small" }),
  };
  const clip = svg("rect", { x: LEFT, y: 0 });
  const id = uniqueId("clip");
  const tape = svg("g", {}, ...Object.values(part));
  const rules = svg("path", { class: "rule" });
  const ticks = [1, -1].map(() => label("", { class: "muted", x: LEFT - 8, "text-anchor": "end" }));
  const legend = [label("input *u_t", { class: "input-text", y: 16 }), label("state Re *h_t", { class: "state-text halo" })];
  const time = label("time, a line every 10 steps", { class: "muted" });
  const now = label("now", { class: "muted", "text-anchor": "end" });
  const window_ = svg("g", { "clip-path": `url(#${id})` }, tape);
  const node = svg("svg", { class: "pm-stream", role: "img", "aria-label": "Pulses arrive and the state responds, scrolling in time" },
    svg("clipPath", { id }, clip), window_, rules, ...ticks, ...legend, time, now);
  let size = { width: 0, height: 0, zero: 0, half: 0 };
  let h = u;
  let peak = 1;
  let clockTime = 0;
  let drawn = NaN;

  function resize(width, height) {
    const half = (height - LANE - 48) / 2;
    const zero = LANE + 24 + half;
    size = { width, height, zero, half };
    set(clip, { width: width - LEFT, height: height - 20 });
    set(rules, { d: `M${LEFT} ${LANE - 16}H${width}M${LEFT} ${zero}H${width}` });
    set(legend[1], { y: LANE + 18 });
    set(time, { x: LEFT, y: height - 4 });
    set(now, { x: width, y: height - 4 });
  }

  function scroll() {
    const whole = Math.floor(clockTime);
    if (whole !== drawn) drawTape(whole);
    set(tape, { transform: `translate(${((whole - clockTime) * STEP).toFixed(2)} 0)` });
  }

  function drawTape(whole) {
    const { width, height, zero, half } = size;
    const count = Math.ceil(width / STEP) + 2;
    const steps = Array.from({ length: count }, (_, j) => whole + 1 - j);
    const x = (t) => width + (t - whole) * STEP;
    const wrap = (t) => ((t % u.length) + u.length) % u.length;
    const curve = steps.map((t) => [x(t), zero - (half * h[wrap(t)]) / peak]);
    const arrivals = steps.filter((t) => u[wrap(t)] !== 0).map((t) => [x(t), LANE - 16 - 16 * u[wrap(t)]]);
    set(part.grid, { d: steps.filter((t) => t % 10 === 0).map((t) => `M${x(t)} ${LANE}V${height - 22}`).join("") });
    set(part.input, { d: arrivals.map(([px, py]) => `M${px} ${LANE - 16}V${py}`).join("") });
    set(part.heads, { d: dots(arrivals) });
    set(part.state, { d: line(curve) });
    set(part.samples, { d: dots(curve) });
    drawn = whole;
  }

  function draw(state) {
    h = state;
    peak = Math.max(...h.map(Math.abs));
    drawn = NaN;
    const tick = [10, 5, 2, 1, 0.5].find((value) => value <= 0.9 * peak);
    ticks.forEach((text, j) => {
      const value = j === 0 ? tick : -tick;
      text.textContent = String(value).replace("-", "−");
      set(text, { y: size.zero - (size.half * value) / peak + 4 });
    });
    scroll();
  }

  function advance(steps) {
    clockTime += steps;
    scroll();
  }
  return { node, resize, draw, advance };
}
