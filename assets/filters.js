// SVG filters that turn tiles into layers, so that layer, threshold and opacity move with no request to the server.
// A score tile (contract 5) is R = probability value, G = 255 where the label is water, B = 255 where it is known, A = data.
// A composite tile is R = VV, G = VH, each on the scale that the single-band layers have.
window.floodscope = window.floodscope || {};

floodscope.filters = (() => {
  const NS = "http://www.w3.org/2000/svg";
  // The page is made with the palette (tiles/palette.py) as custom properties of its root.
  const said = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--fs-${name}`).trim();
  const COLOURS = Object.fromEntries(["water", "truth", "hit", "false", "missed", "wet", "dry", "onlyA", "onlyB"].map((name) => [name, said(name).split(" ").map(Number)]));
  const RAMP = said("ramp").split(", ");
  const unit = ([r, g, b]) => [r / 255, g / 255, b / 255];
  const rows = (...matrix) => matrix.map((row) => row.join(" ")).join("  ");

  // The alpha row names what is drawn; colour is constant.
  const painted = (colour, alpha) => rows(...unit(colour).map((c) => [0, 0, 0, 0, c]), alpha);

  // R, G, B become false, true and missed water: 1 or clamped to 0 (R = predicted, G = truth, B = known).
  const CLASSES = rows([1, -1, 1, 0, -1], [1, 1, 1, 0, -2], [-1, 1, 0, 0, 0], [0, 0, 0, 1, 0]);
  const errorColours = () => {
    const columns = [COLOURS.false, COLOURS.hit, COLOURS.missed].map(unit);
    return rows(...[0, 1, 2].map((i) => [...columns.map((c) => c[i]), 0, 0]), [1, 1, 1, 1, -1]);
  };

  const GREY = (column) => {
    const row = [0, 1, 2, 3, 4].map((i) => (i === column ? 1 : 0));
    return rows(row, row, row, [0, 0, 0, 1, 0]);
  };

  // Table of 256 steps for a discrete transfer: 0 below the level, 1 from it on.
  const table = (level) => Array.from({ length: 256 }, (_, v) => (v >= level ? 1 : 0)).join(" ");

  const make = (name, attributes, ...children) => {
    const element = document.createElementNS(NS, name);
    Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
    element.append(...children);
    return element;
  };
  const step = () => make("feComponentTransfer", {}, make("feFuncR", { type: "discrete", class: "fs-step", tableValues: table(127) }));
  const matrix = (values) => make("feColorMatrix", { type: "matrix", values });
  const filter = (id, ...children) => make("filter", {
    id, x: "0", y: "0", width: "100%", height: "100%", "color-interpolation-filters": "sRGB",
  }, ...children);

  let steps = null;
  const install = () => {
    if (steps) return;
    const hatch = make("pattern", { id: "fs-hatch", width: "6", height: "6", patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
      make("rect", { width: "6", height: "6", class: "fs-hatch-ground" }), make("line", { x1: "0", y1: "0", x2: "0", y2: "6", class: "fs-hatch-line" }));
    const svg = make("svg", { width: "0", height: "0", "aria-hidden": "true", class: "fs-filters" }, make("defs", {},
      filter("fs-prediction", step(), matrix(painted(COLOURS.water, [1, 0, 0, 1, -1]))),
      filter("fs-truth", matrix(painted(COLOURS.truth, [0, 1, 0, 1, -1]))),
      filter("fs-errors", step(), matrix(CLASSES), matrix(errorColours())),
      filter("fs-vv", matrix(GREY(0))),
      filter("fs-vh", matrix(GREY(1))),
      hatch));
    document.body.append(svg);
    steps = [...svg.querySelectorAll(".fs-step")];
  };

  const setLevel = (level) => {
    install();
    const values = table(level);
    steps.forEach((element) => element.setAttribute("tableValues", values));
  };

  // Under classes false colour gives way to grey: vermilion cannot be seen on orange speckle.
  const GREYED = ["errors", "difference"];
  const OF = { none: "none", difference: "none", other: "url(#fs-prediction)" }; // other overlays have the filter of their name

  // One side of the picture: which image, and what over it.
  const dress = (prefix, { image, overlay }, opacity) => {
    const style = document.documentElement.style;
    const plain = GREYED.includes(overlay) ? "grayscale(1)" : "none";
    style.setProperty(`--fs-${prefix}base`, image === "composite" ? plain : `url(#fs-${image})`);
    style.setProperty(`--fs-${prefix}overlay`, OF[overlay] || `url(#fs-${overlay})`);
    style.setProperty(`--fs-${prefix}overlay-opacity`, overlay === "none" ? "0" : String(opacity));
  };

  // Show the layers from a level on, so opaque: `main`, or right of the swipe's handle, and `left` of it, if there is one.
  const show = ({ main, left, level, opacity }) => {
    setLevel(level);
    floodscope.difference.setLevel(level);
    dress("", main, opacity);
    if (left) dress("left-", left, opacity);
    document.documentElement.style.setProperty("--fs-opacity", String(opacity));
  };

  const css = (name) => `rgb(${COLOURS[name].join(",")})`;
  // Whether letters on a colour must be light: its relative luminance (WCAG 2.2) is nearer to black's.
  const dark = (colour) => {
    const rgb = /^rgb\((\d+),(\d+),(\d+)\)$/.exec(colour);
    if (!rgb) return false;
    const [r, g, b] = rgb.slice(1).map((v) => v / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b < 0.18;
  };

  return { COLOURS, RAMP, GREYED, show, install, css, dark };
})();
