// The graticule: lines of equal longitude and latitude with their degrees at the edges of the map, where it is asked for (key N).
import { libraries } from "../page/bridge.mjs";
import * as state from "../page/state.mjs";
import { free, onCover } from "./cover.mjs";
import * as leaflet from "./leaflet.mjs";
import * as board from "./picture.mjs";

const STEPS = [30, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];
const APART = 130; // pixels between two lines, at least
const EDGE = 48; // pixels at the corners in which no degrees stand
const HALF = { x: 34, y: 10 }; // of the room that degrees take
const MOST = 85; // web mercator ends there
const PANE = "graticule";
let drawn = null;

/** The finest step of degrees whose lines stand far enough apart. @param {number} degrees that a pixel is wide */
export const stepOf = (degrees) => STEPS.findLast((step) => step >= APART * degrees) ?? STEPS[0];

/** Multiples of a step between two values. @param {number} step @param {number} low @param {number} high */
export const between = (step, low, high) => {
  const out = [];
  for (let n = Math.ceil(low / step); n * step <= high; n += 1) out.push(n * step);
  return out;
};

/** Degrees as they are written at a line, in the digits of the step. */
export const written = (value, step, [positive, negative]) => {
  const digits = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
  const text = Math.abs(value).toFixed(digits);
  return `${text}°${Number(text) === 0 ? "" : `\u2009${value > 0 ? positive : negative}`}`;
};

const label = (place, text, kind) => {
  const icon = libraries.L.divIcon({
    className: `fs-degrees fs-degrees-${kind}`,
    html: `<span>${text}</span>`,
    iconSize: [0, 0],
  });
  return libraries.L.marker(place, { pane: "marks", icon, interactive: false, keyboard: false });
};

const draw = () => {
  const { map } = leaflet;
  if (drawn) drawn.remove();
  drawn = null;
  if (!state.get().graticule || board.shown) return; // a drawing board has no degrees
  const { L } = libraries;
  const bounds = map.getBounds();
  const size = map.getSize();
  const [west, east] = [bounds.getWest(), bounds.getEast()];
  const [south, north] = [Math.max(-MOST, bounds.getSouth()), Math.min(MOST, bounds.getNorth())];
  const step = stepOf((east - west) / size.x);
  const line = (corners) =>
    L.polyline(corners, { pane: PANE, interactive: false, className: "fs-graticule", weight: 1, fill: false });
  const parts = [];
  between(step, west, east).forEach((lon) => {
    parts.push(line([[south, lon], [north, lon]])); // biome-ignore format: two corners
    const { x } = map.latLngToContainerPoint([0, lon]);
    const around = ((((lon + 180) % 360) + 360) % 360) - 180;
    if (x > 4 * EDGE && x < size.x - 2 * EDGE && free([x - HALF.x, 0, x + HALF.x, 2 * HALF.y]))
      parts.push(label(map.containerPointToLatLng([x, 0]), written(around, step, ["E", "W"]), "top"));
  });
  between(step, south, north).forEach((lat) => {
    parts.push(line([[lat, west], [lat, east]])); // biome-ignore format: two corners
    const { y } = map.latLngToContainerPoint([lat, 0]);
    if (y > EDGE && y < size.y - EDGE && free([size.x - 2 * HALF.x, y - HALF.y, size.x, y + HALF.y]))
      parts.push(label(map.containerPointToLatLng([size.x, y]), written(lat, step, ["N", "S"]), "right"));
  });
  drawn = L.layerGroup(parts).addTo(map);
};

/** Draw it, and from now on follow the map and the state. */
export const show = () => {
  const { map } = leaflet;
  if (map.getPane(PANE)) return;
  const pane = map.createPane(PANE);
  pane.style.zIndex = "425"; // above the imagery, which it is read against
  pane.style.pointerEvents = "none";
  map.on("moveend resize", draw);
  onCover(draw);
  state.listen((now, before) => {
    if (now.graticule !== before.graticule || now.chip !== before.chip) draw();
  });
  draw();
};
