// SVG filters that turn tiles into layers, so that layer, threshold and opacity move with no request to the server. Their
// steps are the layers' own (`paint` in tiles/drawing/layers.py).
// A score tile (contract 5) is R = probability value, G = 255 where the label is water, B = 255 where it is known, A = data.
import * as layers from "../page/layers.mjs";
import * as difference from "./difference.mjs";

const NS = "http://www.w3.org/2000/svg";
// Table of 256 steps for a discrete transfer: 0 below the level, 1 from it on.
const table = (level) => Array.from({ length: 256 }, (_, v) => (v >= level ? 1 : 0)).join(" ");

const make = (name, attributes, ...children) => {
  const element = document.createElementNS(NS, name);
  Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
  element.append(...children);
  return element;
};
const step = () =>
  make("feComponentTransfer", {}, make("feFuncR", { type: "discrete", class: "fs-step", tableValues: table(127) }));
const matrix = (rows) => make("feColorMatrix", { type: "matrix", values: rows.map((row) => row.join(" ")).join("  ") });
// R of 0 to 1 becomes a colour between those of a ramp.
const ramp = ({ colours }) => [
  matrix([
    [1, 0, 0, 0, 0],
    [1, 0, 0, 0, 0],
    [1, 0, 0, 0, 0],
    [0, 0, 0, 1, 0],
  ]),
  make(
    "feComponentTransfer",
    {},
    ...["R", "G", "B"].map((channel, index) =>
      make(`feFunc${channel}`, { type: "table", tableValues: colours.map((colour) => colour[index]).join(" ") }),
    ),
  ),
];
const painted = (one) => {
  if (one === "level") return [step()];
  return Array.isArray(one) ? [matrix(one)] : ramp(one);
};
const filter = (id, paint) =>
  make(
    "filter",
    {
      id,
      x: "0",
      y: "0",
      width: "100%",
      height: "100%",
      "color-interpolation-filters": "sRGB",
    },
    ...paint.flatMap(painted),
  );

// Layers of one paint share a filter, which has the name of the first of them.
const painter = ({ paint }) => layers.all.find((other) => JSON.stringify(other.paint) === JSON.stringify(paint));
const filterOf = (layer) => (layer.paint.length ? `url(#fs-${painter(layer).name})` : "none");

let steps = null;
const install = () => {
  if (steps) return;
  const hatch = make(
    "pattern",
    { id: "fs-hatch", width: "6", height: "6", patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    make("rect", { width: "6", height: "6", class: "fs-hatch-ground" }),
    make("line", { x1: "0", y1: "0", x2: "0", y2: "6", class: "fs-hatch-line" }),
  );
  const painters = layers.all.filter((layer) => layer.paint.length && painter(layer) === layer);
  const filters = painters.map(({ name, paint }) => filter(`fs-${name}`, paint));
  const svg = make(
    "svg",
    { width: "0", height: "0", "aria-hidden": "true", class: "fs-filters" },
    make("defs", {}, ...filters, hatch),
  );
  document.body.append(svg);
  steps = [...svg.querySelectorAll(".fs-step")];
};

const setLevel = (level) => {
  install();
  const values = table(level);
  steps.forEach((element) => element.setAttribute("tableValues", values));
};

// One side of the picture: how its image and what is over it are painted. Under classes colour gives way to grey:
// vermilion cannot be seen on orange speckle.
const dress = (style, side, prefix = "") => {
  const [image, overlay] = [side.image, side.overlay].map(layers.of);
  style.setProperty(`--fs-${prefix}base`, overlay.grey && !image.paint.length ? "grayscale(1)" : filterOf(image));
  style.setProperty(`--fs-${prefix}overlay`, filterOf(overlay));
};

// Show the layers from a level on, so opaque: `main`, or right of the swipe's handle, and `left` of it, if there is one.
const show = ({ main, left, level, opacity }) => {
  setLevel(level);
  difference.setLevel(level);
  const { style } = document.documentElement;
  Object.entries({ "": main, "left-": left })
    .filter(([, side]) => side)
    .forEach(([prefix, side]) => {
      dress(style, side, prefix);
      style.setProperty(`--fs-${prefix}overlay-opacity`, side.overlay === "none" ? "0" : String(opacity));
    });
  style.setProperty("--fs-opacity", String(opacity));
};

export { dress, show };
