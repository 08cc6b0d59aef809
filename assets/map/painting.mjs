// SVG filters that turn tiles into layers, so that layer, threshold and opacity move with no request to the server. Their
// steps are the layers' own (`paint` in tiles/drawing/layers.py).
// A score tile (contract 5) is R = probability value, G = 255 where the label is water, B = 255 where it is known, A = data.
import * as layers from "../page/layers.mjs";
import { dark } from "../scores/colour.mjs";
import * as difference from "./difference.mjs";
import * as sides from "./sides.mjs";

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

// The outline of what is painted: pixels of the screen at its edge keep its colour, and a rim around them, black or white, tells
// it from any ground. It is made of a whole pane, since a tile does not know where water goes on beyond its edge; a pane has no
// size of its own, so the region is given in pixels.
const FAR = 30000;
const outline = (rim) =>
  make(
    "filter",
    {
      id: `fs-outline-${rim}`,
      filterUnits: "userSpaceOnUse",
      x: -FAR,
      y: -FAR,
      width: 2 * FAR,
      height: 2 * FAR,
      "color-interpolation-filters": "sRGB",
    },
    make("feMorphology", { operator: "erode", in: "SourceGraphic", radius: "1", result: "inner" }),
    make("feComposite", { operator: "out", in: "SourceGraphic", in2: "inner", result: "line" }),
    make("feMorphology", { operator: "dilate", in: "SourceAlpha", radius: "1", result: "outer" }),
    make("feFlood", { "flood-color": rim }),
    make("feComposite", { operator: "in", in2: "outer" }),
    make("feComposite", { operator: "out", in2: "SourceAlpha", result: "rim" }),
    make("feMerge", {}, make("feMergeNode", { in: "rim" }), make("feMergeNode", { in: "line" })),
  );
const outlineOf = ({ legend }) => `url(#fs-outline-${dark(legend[0].colour) ? "white" : "black"})`;

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
    make("defs", {}, ...filters, outline("black"), outline("white"), hatch),
  );
  document.body.append(svg);
  steps = [...svg.querySelectorAll(".fs-step")];
};

const setLevel = (level) => {
  install();
  const values = table(level);
  steps.forEach((element) => element.setAttribute("tableValues", values));
};

// One side of the picture: how its image and what is over it are painted. Under classes, and where it is asked for, colour gives
// way to a dark grey: vermilion cannot be seen on orange speckle, nor cyan on a false colour whose water is blue.
const QUIET = "brightness(var(--fs-grey-ground))";
const dress = (style, side, prefix = "") => {
  const [image, overlay] = [side.image, side.overlay].map(layers.of);
  const ground = image.paint.length ? filterOf(image) : "grayscale(1)";
  style.setProperty(`--fs-${prefix}base`, sides.grounded(side) ? `${ground} ${QUIET}` : filterOf(image));
  style.setProperty(`--fs-${prefix}overlay`, filterOf(overlay));
  style.setProperty(`--fs-${prefix}shape`, sides.outlined(side) ? outlineOf(overlay) : "none");
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
