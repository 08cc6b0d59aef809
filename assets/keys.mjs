// Single keys for the whole review of a chip, and the dialog that tells them. They can be turned off (WCAG 2.1.4), and
// rest while something is typed.

import * as catalog from "./data/catalog.mjs";
import * as drawing from "./map/drawing.mjs";
import * as home from "./map/home.mjs";
import * as board from "./map/picture.mjs";
import * as pixel from "./map/pixel.mjs";
import * as tiles from "./map/tiles.mjs";
import { table, tell } from "./page/bridge.mjs";
import { make, terms, whenThere } from "./page/dom.mjs";
import * as layers from "./page/layers.mjs";
import { sorted } from "./page/order.mjs";
import * as state from "./page/state.mjs";
import * as inspector from "./panel/inspector.mjs";
import * as chiplist from "./review/chips.mjs";

const OFF = "floodscope-keys-off";
const set = (id, value) => tell(id, { value });
const dialog = () => /** @type {HTMLDialogElement | null} */ (document.getElementById("keys-dialog"));

const off = () => {
  try {
    return localStorage.getItem(OFF) === "yes";
  } catch {
    return false;
  }
};
const turn = (on) => {
  try {
    localStorage.setItem(OFF, on ? "no" : "yes");
  } catch {
    /* a page without storage */
  }
};

// The chips that pass the filters, in the order of their list; where a header of the table sorts it, in the table's.
const order = () => {
  const now = state.get();
  const rows = sorted(chiplist.rows({ model: now.model, other: now.other, k: now.level }), now.sort).map(({ id }) => id);
  const shown = [];
  const api = table("chips-table");
  if (api && now.list === "list")
    api.forEachNodeAfterFilterAndSort((node) => {
      if (node.data && node.data.id) shown.push(node.data.id);
    });
  const passed = new Set(rows);
  const current = shown.length === rows.length && shown.every((id) => passed.has(id));
  return (current ? shown : rows).filter((id) => catalog.chips.get(id)?.imagery);
};
const step = (by) => {
  const ids = order();
  if (!ids.length) return;
  const at = ids.indexOf(state.get().chip);
  tiles.choose(ids[at < 0 ? 0 : (at + by + ids.length) % ids.length]);
};

// A layer by key: of the one picture, or right of the handle.
const layer = (name) => {
  if (state.get().mode === "swipe") set("right", name === "none" ? "composite" : name);
  else set(layers.of(name).kind === "image" ? "base" : "overlay", name);
};
const mode = (name) => set("compare", state.get().mode === name ? "one" : name);
const threshold = (by) => {
  set("threshold", Math.round(100 * Math.min(1, Math.max(0, state.get().threshold + by))) / 100);
};
const predict = () => {
  if (pixel.now.chip) tell("ask-again", { data: { pressed: Date.now() } });
  else pixel.said("No chip is open: J opens the next.");
};
const toChip = () => {
  if (!home.chip()) pixel.said("No chip is open that the map can show: J opens the next.");
};
const open = () => {
  const box = dialog();
  if (!box.open) box.showModal();
};

const grey = () => tell("grey", { checked: !state.get().grey });
const outline = () => tell("outline", { checked: !state.get().outline });

const DO = {
  j: () => step(1),
  k: () => step(-1),
  p: predict,
  s: () => mode("swipe"),
  f: () => mode("four"),
  ",": () => threshold(-0.01),
  ".": () => threshold(0.01),
  "<": () => threshold(-0.1),
  ">": () => threshold(0.1),
  ";": () => threshold(-0.1),
  ":": () => threshold(0.1),
  g: grey,
  o: outline,
  z: toChip,
  h: home.world,
  n: home.graticule,
  l: () => document.getElementById("own-layers")?.click(),
  i: () => pixel.pinMiddle(),
  r: () => drawing.start("rectangle"),
  a: () => {
    set("tab", "chip");
    requestAnimationFrame(() => requestAnimationFrame(inspector.openForm));
  },
  "?": open,
};
// Of a layer by its own key.
const layerOf = (key) => layers.all.find((one) => one.key && one.key === key);
const done = (key) => DO[key] || (layerOf(key) && (() => layer(layerOf(key).name)));
/** @returns {[string, string]} */
const ofLayers = (kind) => {
  const some = layers.all.filter((one) => one.key && one.kind === kind);
  return [some.map(({ key }) => key.toUpperCase()).join(" "), some.map(({ told }) => told).join(", ")];
};
// What the dialog tells of them; `A B` are two keys, `Shift + arrows` two at once.
/** @returns {[string, [string, string][]][]} */
const told = () => [
  [
    "Chips",
    [
      ["J", "next chip"],
      ["K", "previous chip"],
      ["P", "predict the open chip"],
      ["Z", "zoom to the open chip"],
      ["H", "show the whole world"],
      ["N", "degrees on the map, or none"],
    ],
  ],
  [
    "Layers",
    [
      ofLayers("image"),
      ofLayers("overlay"),
      ["G", "grey ground under prediction, truth and confidence, or the image's own colours"],
      ["O", "outlines of prediction and truth, or filled"],
      ["S", "swipe between two layers, or back"],
      ["F", "four maps side by side, or back"],
      ["← →", "move the swipe's handle, when it has the focus"],
      ["L", "layers of your own"],
      [", .", "threshold down or up by 0.01; with Shift by 0.10"],
    ],
  ],
  [
    "Pixel and area",
    [
      ["I", "pin the pixel in the middle of the map"],
      ["Shift + arrows", "move the pin by a pixel"],
      ["R", "draw a rectangle"],
      ["A", "give an area by its coordinates"],
      ["Esc", "stop drawing, or take the pin away; back to the map from a picture"],
    ],
  ],
  ["Help", [["?", "these keys"]]],
];
const caps = (text) => {
  const place = document.createDocumentFragment();
  text.split(" ").forEach((part) => place.append(part === "+" ? " + " : make("kbd", {}, part)));
  return place;
};
const explain = () =>
  told().map(([title, rows]) => {
    return make("section", {}, make("h3", {}, title), terms(rows.map(([names, meaning]) => [caps(names), meaning])));
  });

const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const TYPED =
  "input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable=true], [role=combobox], [role=option], dialog";

const onKey = (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const at = event.target instanceof Element ? event.target : document.body;
  if (at.closest(TYPED)) return;
  if (event.key === "Escape") {
    if (!at.closest("#chip-panel") && !pixel.unpin()) board.close();
    return;
  }
  if (off() && event.key !== "?") return;
  if (event.shiftKey && event.key in MOVES && !at.closest("[role=slider], [role=radiogroup], .ag-theme-fs") && pixel.pinned) {
    pixel.move(...MOVES[event.key]);
  } else if (done(event.key) || (!event.shiftKey && done(event.key.toLowerCase()))) {
    (done(event.key) || done(event.key.toLowerCase()))();
  } else {
    return;
  }
  event.preventDefault();
  event.stopPropagation();
};

// Dash draws no checkbox without a list; this one is a line.
const toggle = () => {
  const label = document.createElement("label");
  const box = document.createElement("input");
  [box.type, box.checked, box.id] = ["checkbox", !off(), "keys-on"];
  box.addEventListener("change", () => turn(box.checked));
  label.append(box, " Single keys work outside of fields");
  return label;
};

whenThere("keys-dialog", (box) => {
  document.getElementById("keys-told").replaceChildren(...explain());
  document.getElementById("keys-off-place").replaceChildren(toggle());
  document.getElementById("keys-close").addEventListener("click", () => box.close());
  box.addEventListener("click", (event) => {
    if (event.target === box) box.close();
  }); // beside it
  document.getElementById("keys-button").addEventListener("click", open);
  document.addEventListener("keydown", onKey, true);
});
