// How is a prefix scan done? One after the other, by two trees, or in chunks.
// A schedule is a list of levels. A level is a list of pairs [i, j], j < i, that act at once: x[i] ← x[j] combined with x[i].

import { clock, html, label, line, set, slider, svg, throttle, whenSized } from "./lib/kit.js";
import { clamp } from "./lib/pole.js";

// ---------------------------------------------------------------- schedules

const range = (length) => Array.from({ length }, (_, k) => k);
const strides = (n) => range(Math.log2(n)).map((k) => 2 ** k); // 1, 2, 4, .. < n

/** The pairs (i, i - d) of the up-sweep, at the right end of every block of 2d. */
const up = (n, d) => range(n / (2 * d)).map((k) => 2 * d * (k + 1) - 1).map((i) => [i, i - d]);

/** The pairs (i + d, i) of the down-sweep, from the same ends into the next block. */
const down = (n, d) => up(n, d).slice(0, -1).map(([i]) => [i + d, i]);

/** The pairs up and down, each as early as its two segments are there. */
function tree(n) {
  const [ready, levels] = [Array(n).fill(0), []];
  [...strides(n).map((d) => up(n, d)), ...strides(n / 2).reverse().map((d) => down(n, d))].flat().forEach(([i, j]) => {
    ready[i] = Math.max(ready[i], ready[j]) + 1;
    (levels[ready[i] - 1] ??= []).push([i, j]);
  });
  return levels;
}

/** Each chunk by itself, then from chunk to chunk: all places of a chunk take in the end of the one before. */
function chunked(n, size) {
  const starts = range(n / size).map((k) => k * size);
  const alone = range(size - 1).map((m) => starts.map((k) => [k + m + 1, k + m]));
  return [...alone, ...starts.slice(1).map((k) => range(size).map((m) => [k + m, k - 1]))];
}

const ALGORITHMS = {
  sequential: { name: "sequential", levels: (n) => range(n - 1).map((j) => [[j + 1, j]]) },
  hillis_steele: { name: "Hillis–Steele", levels: (n) => strides(n).map((d) => range(n - d).map((j) => [j + d, j])) },
  blelloch: { name: "up and down", levels: tree },
  chunked: { name: "chunks of 4", levels: chunked },
};

/** The levels of an algorithm over n places, n a power of two; `size` is that of the chunks. */
export function schedule(name, n, size = 4) {
  return ALGORITHMS[name].levels(n, size);
}

/** Where the segment starts that each place covers after the first `upto` levels; it ends at the place. */
export function covers(levels, n, upto = levels.length) {
  return levels.slice(0, upto).reduce((before, pairs) => {
    const after = [...before];
    pairs.forEach(([i, j]) => { after[i] = before[j]; });
    return after;
  }, range(n));
}

/** Of each of the first `upto` levels, the pairs on which x[place] depends after them. */
export function ancestors(levels, place, upto = levels.length) {
  const needed = new Set([place]);
  return levels.slice(0, upto).reduceRight((found, pairs) => {
    const used = pairs.filter(([i]) => needed.has(i));
    used.forEach(([, j]) => needed.add(j));
    return [used, ...found];
  }, []);
}

/** The time of a schedule when `processors` pairs act in one round and no round spans two levels. */
export function rounds(levels, processors) {
  return levels.reduce((sum, pairs) => sum + Math.ceil(pairs.length / processors), 0);
}

/** The last of the first `upto` levels that writes to a place; 0 for its input. */
function written(levels, place, upto) {
  return levels.slice(0, upto).map((pairs) => pairs.some(([i]) => i === place)).lastIndexOf(true) + 1;
}

// ---------------------------------------------------------------- words

const N = 16;
const MOST = 4; // log2 of the most processors

/** The inputs that the place covers by now, in words: their name and their numbers. */
function segment({ levels, level, place }) {
  const start = covers(levels, N, level)[place];
  return start === place ? ["input ", String(place)] : ["inputs ", `${start} to ${place}`];
}

/** The readout, with the numbers that matter in bold. */
function sentence(view) {
  const strong = (text) => html("strong", {}, text);
  const { algorithm, levels, processors, place } = view;
  const [work, time] = [levels.flat().length, rounds(levels, processors)];
  const [inputs, numbers] = segment(view);
  const against = algorithm === "sequential" ? ", one after the other" : ` (one after the other: ${N - 1} in ${N - 1})`;
  return [strong(work), " combinations in ", strong(levels.length), ` levels${against}; with `, strong(processors),
    processors === 1 ? " processor " : " processors ", strong(time), " rounds. Place ", strong(place), ` covers ${inputs}`, strong(numbers), " by now."];
}

// ---------------------------------------------------------------- the drawing

const SIDE = 24; // room for the numbers on either side
const TOP = 52; // the row of inputs

/** A row for each level and a column for each place, with what flows into one place marked. */
function treePane(onPlace) {
  const face = svg("rect", { class: "face", fill: "none", x: SIDE, y: 20 });
  const band = svg("rect", { class: "band", y: 20 });
  const part = Object.fromEntries(["wires", "segment", "later", "done", "flow"].map((name) => [name, svg("path", { class: name })]));
  const [nodes, rows] = [svg("g"), svg("g")];
  const titles = ["start", "middle", "end"].map((anchor, j) => label(["level", "place", "rounds"][j], { class: "muted", y: 13, "text-anchor": anchor }));
  const places = range(N).map((k) => label(String(k), { class: "muted", y: 36, "text-anchor": "middle" }));
  const node = svg("svg", { class: "st-tree", role: "img" }, face, band, ...Object.values(part), nodes, rows, ...titles, ...places);
  let frame = { width: 0, height: 0, pitch: 1, radius: 1 };

  function pick(event) {
    const x = event.clientX - node.getBoundingClientRect().left - SIDE;
    onPlace(clamp(Math.floor(x / frame.pitch), 0, N - 1));
  }
  face.addEventListener("pointerdown", pick);
  face.addEventListener("pointermove", pick);

  function resize(width, height) {
    const pitch = (width - 2 * SIDE) / N;
    frame = { width, height, pitch, radius: clamp(0.27 * pitch, 3.5, 6) };
    set(face, { width: N * pitch, height: height - 20 });
    titles.forEach((text, j) => set(text, { x: (j * width) / 2 }));
  }

  const X = (place) => SIDE + (place + 0.5) * frame.pitch;
  const rowOf = ({ levels }) => (level) => TOP + ((frame.height - TOP - 10) * level) / levels.length;

  /** Both edges of a pair, each down its column from the row that `since` gives, then to the node. */
  function edges(Y, level, [i, j], since) {
    return line([[X(j), Y(since(j))], [X(j), Y(level - 1)], [X(i), Y(level)]]) + line([[X(i), Y(since(i))], [X(i), Y(level)]]);
  }

  function drawPairs(view, Y) {
    const { levels, level, place } = view;
    const used = ancestors(levels, place, level);
    const paths = { later: "", done: "", flow: line([[X(place), Y(written(levels, place, level))], [X(place), Y(level)]]) };
    const circles = range(N).map((k) => svg("circle", { class: "source", cx: X(k), cy: TOP, r: 3 }));
    levels.forEach((pairs, k) => {
      const starts = covers(levels, N, k + 1);
      pairs.forEach((pair) => {
        const kind = k >= level ? "later" : used[k].includes(pair) ? "flow" : "done";
        paths[kind] += edges(Y, k + 1, pair, (column) => (kind === "flow" ? written(levels, column, k) : k));
        circles.push(svg("circle", { class: `node ${kind}${starts[pair[0]] === 0 ? " whole" : ""}`, cx: X(pair[0]), cy: Y(k + 1), r: frame.radius }));
      });
    });
    Object.entries(paths).forEach(([kind, d]) => set(part[kind], { d }));
    nodes.replaceChildren(...circles);
  }

  function drawNumbers({ levels, level, place, processors }, Y) {
    const row = (text, k, x) => label(String(text), { class: k === level ? "muted now" : "muted", x, y: Y(k) + 4, "text-anchor": "end" });
    rows.replaceChildren(
      ...range(levels.length + 1).map((k) => row(k, k, 15)),
      ...levels.map((pairs, k) => row(rounds([pairs], processors), k + 1, frame.width)));
    places.forEach((text, k) => {
      const room = frame.pitch > 21 || k === place || (k % 5 === 0 && Math.abs(k - place) > 1);
      set(text, { x: X(k), visibility: room ? "visible" : "hidden" });
      text.classList.toggle("chosen", k === place);
    });
  }

  function draw(view) {
    const { algorithm, levels, level, place } = view;
    const Y = rowOf(view);
    const start = covers(levels, N, level)[place];
    set(band, { x: SIDE + place * frame.pitch, width: frame.pitch, height: Math.max(0, frame.height - 20) });
    set(part.wires, { d: range(N).map((k) => line([[X(k), TOP], [X(k), Y(levels.length)]])).join("") });
    set(part.segment, { d: line([[X(start), TOP], [X(place), TOP]]) });
    drawPairs(view, Y);
    drawNumbers(view, Y);
    const now = `after ${level} of ${levels.length} levels place ${place} covers ${segment(view).join("")}`;
    set(node, { "aria-label": `Prefix scan of ${N} inputs, ${ALGORITHMS[algorithm].name}: ${now}` });
  }
  return { node, resize, draw };
}

// ---------------------------------------------------------------- the figure

const BEAT = 0.7; // seconds for one level

function legend() {
  const entry = (kind, mark, text) => html("span", {}, html("span", { class: kind, "aria-hidden": "true" }, mark), ` ${text}`);
  const entries = [entry("done", "●", "whole prefix"), entry("done", "○", "a part of it"), entry("flow", "━", "flows into the place")];
  return html("p", { class: "st-legend" }, ...entries);
}

/** Draw the explorable into `element`. Options: algorithm, level (else it plays once), place, processors. */
export function mount(element, options = {}) {
  const algorithm = Object.hasOwn(ALGORITHMS, options.algorithm ?? "") ? options.algorithm : "blelloch";
  const view = {
    algorithm,
    levels: schedule(algorithm, N),
    level: 0,
    place: clamp(Math.round(options.place ?? 11), 0, N - 1),
    processors: 2 ** clamp(Math.round(Math.log2(options.processors ?? 4)), 0, MOST),
  };
  const tree = treePane((place) => place !== view.place && move({ place }));
  const sliders = {
    level: slider(["level"], { min: 0, max: 1, step: 1 }, (level) => {
      rest();
      move({ level });
    }),
    place: slider(["place"], { min: 0, max: N - 1, step: 1 }, (place) => move({ place })),
    processors: slider(["processors"], { min: 0, max: MOST, step: 1 }, (power) => move({ processors: 2 ** power })),
  };
  const readout = html("p", { class: "explorable-readout", "aria-live": "polite" });
  const say = throttle(() => {
    set(readout, { "aria-live": playing() ? "off" : "polite" });
    readout.replaceChildren(...sentence(view));
  }, 500);
  const buttons = Object.entries(ALGORITHMS).map(([key, { name }]) => {
    const button = html("button", { type: "button" }, name);
    button.addEventListener("click", () => choose(key));
    return [key, button];
  });
  const play = clock(tree.node, tick);
  const playing = () => play.dataset.playing === "true";
  const rest = () => playing() && play.click();
  let waited = 0;

  function tick(seconds) {
    waited += seconds;
    const ended = view.level === view.levels.length;
    if (waited < BEAT && !ended) return;
    waited = 0;
    move({ level: ended ? 0 : view.level + 1 });
    if (view.level === view.levels.length) queueMicrotask(rest); // once the clock has asked for its next frame
  }

  /** Another algorithm, after as many levels; after all of them if this one was at its end. */
  function choose(key) {
    const levels = schedule(key, N);
    const level = view.level === view.levels.length ? levels.length : Math.min(view.level, levels.length);
    move({ algorithm: key, levels, level });
  }

  function move(change) {
    Object.assign(view, change);
    const depth = view.levels.length;
    tree.draw(view);
    set(sliders.level.node.querySelector("input"), { max: depth });
    sliders.level.show(view.level, `${view.level} of ${depth}`);
    sliders.place.show(view.place, String(view.place));
    sliders.processors.show(Math.log2(view.processors), String(view.processors));
    buttons.forEach(([key, button]) => set(button, { "aria-pressed": key === view.algorithm }));
    say();
  }

  element.replaceChildren(html("div", { class: "st" },
    html("div", { class: "explorable-presets", role: "group", "aria-label": "Algorithm" }, ...buttons.map(([, button]) => button)),
    legend(),
    play,
    tree.node,
    html("div", { class: "st-sliders" }, ...Object.values(sliders).map(({ node }) => node)),
    readout));
  if (options.level !== undefined) rest();
  whenSized(tree.node, (width, height) => {
    tree.resize(width, height);
    tree.draw(view);
  });
  move({ level: playing() ? 0 : clamp(Math.round(options.level ?? Infinity), 0, view.levels.length) });
}
