// The colours of this page, and patterns of them.
import { svg } from "../page/dom.mjs";
import { dark, ramp as rampOf } from "../scores/colour.mjs";

// The page is made with the palette (tiles/palette.py) as custom properties of its root.
const said = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--fs-${name}`).trim();
export const COLOURS = Object.fromEntries(
  ["water", "truth", "hit", "false", "missed", "wet", "dry", "onlyA", "onlyB"].map((name) => [
    name,
    said(name).split(" ").map(Number),
  ]),
);
const RAMP = said("ramp").split(", ");
export const css = (name) => `rgb(${COLOURS[name].join(",")})`;
// Colour of an IoU from 0 to 1.
export const ramp = (iou) => rampOf(RAMP, iou);

// A colour of the theme by name; kept, because a thousand footprints ask for it at each new threshold.
const themed = new Map();
export const ofTheme = (name) => {
  const key = `${document.documentElement.dataset.theme}${name}`;
  if (!themed.has(key)) themed.set(key, getComputedStyle(document.documentElement).getPropertyValue(name).trim());
  return themed.get(key);
};

// A colour with lines across, for a shape of the map; one pattern a colour, of which there are few.
const SVG = "http://www.w3.org/2000/svg";
let place = null;
export const hatch = (colour) => {
  if (!place) {
    place = svg("svg", { width: 0, height: 0, "aria-hidden": true, class: "fs-seen-patterns", xmlns: SVG });
    document.body.append(place);
  }
  const id = `fs-seen-${colour.replace(/\D+/g, "-")}`;
  if (!document.getElementById(id)) {
    place.append(
      svg(
        "pattern",
        { id, width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
        svg("rect", { width: 7, height: 7, fill: colour }),
        svg("line", { x1: 0, y1: 0, x2: 0, y2: 7, class: `fs-seen-line${dark(colour) ? " fs-seen-line-light" : ""}` }),
      ),
    );
  }
  return `url(#${id})`;
};
