// Areas drawn on the map by mouse or finger, or given by numbers, and what the server counts in them. The answer is a
// score histogram (contract 3), so the threshold needs no further request.

import * as catalog from "../data/catalog.mjs";
import { ask } from "../page/ask.mjs";
import { libraries, tell } from "../page/bridge.mjs";
import * as state from "../page/state.mjs";
import * as scores from "../scores/histogram.mjs";
import * as leaflet from "./leaflet.mjs";
import * as pixel from "./pixel.mjs";

/** @typedef {import("../page/state.mjs").Place} Place */

const CLOSE_PX = 12; // a click this near the first corner closes the outline
const MAX_CORNERS = 100;
const sketch = { tool: null, corners: [], answer: null, error: "", asked: null };
let preview = null;

const surface = () => document.getElementById("draw-surface");
const map = () => leaflet.map;
/** @returns {Place} */
const lonlat = (event) => {
  const { lat, lng } = map().mouseEventToLatLng(event);
  return [lng, lat];
};
const rectangle = ([a, b], [c, d]) => [
  [Math.min(a, c), Math.min(b, d)],
  [Math.max(a, c), Math.min(b, d)],
  [Math.max(a, c), Math.max(b, d)],
  [Math.min(a, c), Math.max(b, d)],
];

// --- the area in use ------------------------------------------------------------------------------------------
const changed = () => {
  pixel.mark();
  pixel.changed();
};
// Take a ring of longitudes and latitudes, rounded as the address of the page writes it: a link counts the same.
const use = (ring) => {
  state.set({ area: ring.map((corner) => corner.map((v) => Number(v.toFixed(6)))) });
  tell("tab", { value: "chip" });
  refresh(pixel.now);
  changed();
  pixel.said("Area taken: its figures are in the panel.");
};
const remove = () => {
  state.set({ area: null });
  refresh(pixel.now);
  changed();
  document.getElementById("draw-rectangle")?.focus();
};

// Ask what is in the area under the model in use, once.
const refresh = ({ chip, model }) => {
  const { area } = state.get();
  const prediction = area && chip && catalog.shown(model, chip);
  const question = prediction ? `${chip} ${prediction.revision} ${JSON.stringify(area)}` : null;
  if (sketch.asked === question) return;
  Object.assign(sketch, { asked: question, answer: null, error: "" });
  if (!question) return;
  const body = { type: "Polygon", coordinates: [[...area, area[0]]] };
  const settle = (part) => {
    if (sketch.asked !== question) return;
    Object.assign(sketch, part);
    changed();
  };
  ask(`inspect/area/${encodeURIComponent(chip)}/${prediction.revision}`, { json: body }).then(
    (answer) =>
      settle({
        answer: {
          ...answer,
          area: scores.area(answer.area),
          histogram: answer.histogram ? scores.histogram(answer.histogram) : null,
        },
      }),
    (error) => settle({ error: error.message }),
  );
};

pixel.onOpen(refresh);

// --- drawing --------------------------------------------------------------------------------------------------
const HINTS = {
  rectangle: "Drag a rectangle over the image.",
  polygon: "Click the corners; the first again, Enter or Done closes the outline.",
};
const trace = (points) => {
  if (preview) preview.remove();
  const shape = points.map(([lon, lat]) => [lat, lon]);
  preview = libraries.L.featureGroup([
    libraries.L.polygon(shape, { pane: "marks", interactive: false, className: "fs-mark fs-mark-area-rim" }),
    libraries.L.polygon(shape, { pane: "marks", interactive: false, className: "fs-mark fs-mark-area" }),
    ...sketch.corners.map(([lon, lat]) =>
      libraries.L.circleMarker([lat, lon], { pane: "marks", interactive: false, radius: 4, className: "fs-mark fs-mark-corner" }),
    ),
  ]).addTo(map());
};
const stop = () => {
  if (!sketch.tool) return false;
  if (preview) preview.remove();
  Object.assign(sketch, { tool: null, corners: [] });
  preview = null;
  surface().hidden = true;
  return true;
};
const start = (tool) => {
  if (!map() || !pixel.sources()) return;
  if (state.get().mode === "four") tell("compare", { value: "one" });
  stop();
  Object.assign(sketch, { tool, corners: [] });
  surface().hidden = false;
  document.getElementById("draw-done").hidden = tool !== "polygon";
  document.getElementById("draw-hint").textContent = HINTS[tool];
};
const finish = () => {
  const ring = sketch.corners;
  if (ring.length < 3) {
    document.getElementById("draw-hint").textContent = "An area has three corners or more: click another.";
    return;
  }
  stop();
  use(ring);
};

const near = (a, event) =>
  map().latLngToContainerPoint([a[1], a[0]]).distanceTo(map().mouseEventToContainerPoint(event)) < CLOSE_PX;
const down = (event) => {
  if (event.button || event.target !== surface()) return;
  event.preventDefault();
  if (sketch.tool === "rectangle") {
    surface().setPointerCapture(event.pointerId);
    sketch.from = { place: lonlat(event), x: event.clientX, y: event.clientY };
    return;
  }
  const { corners } = sketch;
  if (corners.length >= 3 && near(corners[0], event)) {
    finish();
    return;
  }
  if (corners.length && near(corners[corners.length - 1], event)) return; // the second click of two
  corners.push(lonlat(event));
  if (corners.length >= MAX_CORNERS) finish();
  else trace(corners);
};
const move = (event) => {
  if (sketch.tool === "rectangle" && sketch.from) trace(rectangle(sketch.from.place, lonlat(event)));
  if (sketch.tool === "polygon" && sketch.corners.length && event.pointerType === "mouse")
    trace([...sketch.corners, lonlat(event)]);
};
const up = (event) => {
  if (sketch.tool !== "rectangle" || !sketch.from) return;
  const { place, x, y } = sketch.from;
  sketch.from = null;
  if (Math.abs(event.clientX - x) < 3 || Math.abs(event.clientY - y) < 3) {
    trace([]);
    return;
  }
  const ring = rectangle(place, lonlat(event));
  stop();
  use(ring);
};
const key = (event) => {
  if (!sketch.tool || event.target.closest("dialog")) return; // a key in a dialog is the dialog's
  if (event.key === "Escape") stop();
  else if (event.key === "Enter" && sketch.tool === "polygon" && event.target.tagName !== "BUTTON") finish();
  else if (event.key === "Backspace" && sketch.corners.length) {
    sketch.corners.pop();
    trace(sketch.corners);
  } else return;
  event.preventDefault();
  event.stopPropagation();
};

const install = () => {
  const place = surface();
  place.addEventListener("pointerdown", down);
  place.addEventListener("pointermove", move);
  place.addEventListener("pointerup", up);
  place.addEventListener("dblclick", (event) => {
    if (event.target === place && sketch.tool === "polygon") finish();
  });
  place.addEventListener("pointercancel", () => {
    sketch.from = null;
  });
  document.getElementById("draw-done").addEventListener("click", finish);
  document.getElementById("draw-cancel").addEventListener("click", stop);
  document.addEventListener("keydown", key, true);
};

export { install, remove, sketch, start, use };
