// Small pieces shared by the explorables: elements, a slider, a clock. No dependencies.

const SVG = "http://www.w3.org/2000/svg";
let serial = 0;

/** Set attributes on a node; returns the node. */
export function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

export function svg(tag, attributes = {}, ...children) {
  const node = set(document.createElementNS(SVG, tag), attributes);
  node.append(...children);
  return node;
}

export function html(tag, attributes = {}, ...children) {
  const node = set(document.createElement(tag), attributes);
  node.append(...children);
  return node;
}

/** An identifier that no other element of the page has. */
export function uniqueId(stem) {
  serial += 1;
  return `${stem}-${serial}`;
}

/** An SVG text in which `*x`, `_x` and `^x` set one character in italics, as a subscript, as a superscript. */
export function label(text, attributes = {}) {
  const node = svg("text", attributes);
  let shift = 0;
  for (const part of text.split(/([*_^].)/).filter(Boolean)) {
    const marked = "*_^".includes(part[0]);
    const target = { _: 4, "^": -5 }[part[0]] ?? 0;
    const style = { class: (marked ? "italic" : "") + (target ? " script" : "") };
    node.append(svg("tspan", { dy: target - shift, ...style }, marked ? part[1] : part));
    shift = target;
  }
  return node;
}

/** A path through points [[x, y], ...]. */
export function line(points) {
  return "M" + points.map(([x, y]) => `${x.toFixed(2)} ${y.toFixed(2)}`).join("L");
}

/** Dots at points, for a stroke with round caps. */
export function dots(points) {
  return points.map(([x, y]) => `M${x.toFixed(2)} ${y.toFixed(2)}h0`).join("");
}

/** A labelled native slider with its value beside it. `show(value, text)` moves it silently. */
export function slider(name, range, onInput) {
  const id = uniqueId("slider");
  const input = html("input", { type: "range", id, ...range });
  const value = html("span", { class: "explorable-value", "aria-hidden": "true" });
  input.addEventListener("input", () => onInput(Number(input.value)));
  const node = html("div", { class: "explorable-slider" }, html("label", { for: id }, ...name), input, value);
  const show = (number, text) => {
    input.value = number;
    input.setAttribute("aria-valuetext", text);
    input.style.setProperty("--filled", `${(100 * (input.value - input.min)) / (input.max - input.min)}%`);
    value.textContent = text;
  };
  return { node, show };
}

/** Call `draw(width, height)` now and whenever the node changes size. */
export function whenSized(node, draw) {
  new ResizeObserver(([entry]) => {
    const { width, height } = entry.contentRect;
    if (width > 0) draw(width, height);
  }).observe(node);
}

/** At most one call in `wait` milliseconds, and the last one is never lost. */
export function throttle(call, wait) {
  let due = 0;
  let timer = 0;
  const fire = () => {
    due = performance.now() + wait;
    call();
  };
  return () => {
    clearTimeout(timer);
    timer = setTimeout(fire, Math.max(0, due - performance.now()));
  };
}

/** A play/pause button whose `tick(seconds)` runs only while playing, on screen and in a visible tab. */
export function clock(element, tick) {
  let playing = !matchMedia("(prefers-reduced-motion: reduce)").matches;
  let onScreen = false;
  let last = null;
  let frame = 0;
  const button = html("button", { type: "button", class: "explorable-play" });

  function step(now) {
    if (last !== null) tick(Math.min(0.1, (now - last) / 1000));
    last = now;
    frame = requestAnimationFrame(step);
  }

  function update() {
    button.textContent = playing ? "Pause" : "Play";
    button.dataset.playing = playing;
    cancelAnimationFrame(frame);
    last = null;
    if (playing && onScreen && !document.hidden) frame = requestAnimationFrame(step);
  }

  button.addEventListener("click", () => {
    playing = !playing;
    update();
  });
  document.addEventListener("visibilitychange", update);
  new IntersectionObserver((entries) => {
    onScreen = entries.at(-1).isIntersecting;
    update();
  }).observe(element);
  update();
  return button;
}
