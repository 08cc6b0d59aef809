// The lower part of the chip's panel: the pinned pixel, the histograms of backscatter, the drawn area. Plain elements:
// Dash draws nothing here.

import * as catalog from "../data/catalog.mjs";
import * as training from "../data/training.mjs";
import * as areas from "../map/drawing.mjs";
import * as palette from "../map/palette.mjs";
import * as pixel from "../map/pixel.mjs";
import { ask } from "../page/ask.mjs";
import { make } from "../page/dom.mjs";
import * as format from "../page/format.mjs";
import * as marks from "../page/marks.mjs";
import * as state from "../page/state.mjs";
import * as backscatter from "../scores/backscatter.mjs";
import * as scores from "../scores/histogram.mjs";
import * as square from "../scores/square.mjs";
import { drawing } from "./spread.mjs";

const button = (text, then, attributes = {}) =>
  make("button", { class: "fs-button", type: "button", onclick: then, ...attributes }, text);
const row = (name, value, swatch) =>
  make(
    "div",
    { class: "fs-row" },
    make("span", { class: "fs-row-name" }, name),
    make(
      "span",
      { class: "fs-row-value" },
      swatch ? make("i", { class: "fs-row-swatch", style: `background:${palette.css(swatch)}` }) : "",
      value,
    ),
  );
const notice = (text) => make("p", { class: "fs-notice fs-notice-error", role: "alert" }, text);

const spreads = new Map(); // prediction revision -> decoded counts, a promise's message, or "busy"
let parts = null; // the sections, made once

// --- the pixel ------------------------------------------------------------------------------------------------
const pixelPart = (pinned) =>
  pinned
    ? [
        make("div", { class: "fs-part-head" }, make("h3", {}, "Pinned pixel"), button("Unpin", pixel.unpin)),
        make(
          "div",
          { class: "fs-rows" },
          ...pixel
            .facts(pinned)
            .map(([name, value, colour]) =>
              row(name === "p" ? "Probability of water" : name === "p of B" ? "Probability under B" : name, value, colour),
            ),
        ),
      ]
    : [];

// --- the histograms -------------------------------------------------------------------------------------------
const askSpread = (chip, revision) => {
  if (spreads.has(revision)) return;
  spreads.set(revision, "busy");
  ask(`inspect/spread/${encodeURIComponent(chip)}/${revision}`)
    .then(
      (answer) => spreads.set(revision, backscatter.decode(answer)),
      (error) => {
        spreads.set(revision, error.message);
      },
    )
    .finally(() => render(pixel.now, pixel.pinned));
};
const spreadPart = (now, revision, pinned) => {
  const found = spreads.get(revision);
  if (!found || found === "busy") return [make("p", { class: "fs-quiet" }, "Counting pixels …")];
  if (typeof found === "string") return [notice(found)];
  return [
    ...backscatter.BANDS.map((band) =>
      make(
        "figure",
        {},
        make("figcaption", {}, `${band.toUpperCase()}, dB`),
        drawing(found, band, now.level, pinned ? pinned[band] : null),
      ),
    ),
    make(
      "div",
      { class: "fs-legend" },
      ...backscatter
        .names(found, now.level)
        .map(([name, css]) => make("span", { class: "fs-legend-item" }, make("span", { class: `fs-line fs-line-${css}` }), name)),
      pinned ? make("span", { class: "fs-legend-item" }, make("span", { class: "fs-line fs-line-here" }), "pinned pixel") : "",
    ),
    make("p", { class: "fs-quiet" }, "Each curve is drawn to its own height. Errors follow the threshold."),
    found.looked === null
      ? ""
      : make("p", { class: "fs-quiet" }, `Of ${format.integer(found.looked)} pixels in squares spread over the scene.`),
  ];
};

// --- the area -------------------------------------------------------------------------------------------------
const areaFigures = (now, answer) => {
  const { integer, score, km2, percent } = format;
  const k = now.level;
  // Of a chip without a place pixels are counted.
  const water = (value) => (answer.placed ? km2(value) : `${integer(value)} px, ${percent(value / (answer.area[0] || 1))}`);
  const rows = [row("Size", `${answer.placed ? `${km2(answer.km2)}, ` : ""}${integer(answer.pixels)} px`)];
  if (answer.valid_pixels < answer.pixels) rows.push(row("With data", percent(answer.valid_pixels / answer.pixels)));
  rows.push(row("Water predicted", water(answer.area[k]), "water"));
  const f = answer.histogram && scores.figures(scores.confusion(answer.histogram, k));
  const known = f && f.tp + f.fp + f.fn + f.tn > 0;
  if (!known) return [...rows, row("Truth", "no known label here")];
  rows.push(
    row("Water in the label", answer.placed ? km2(answer.label_water_km2) : `${integer(answer.histogram.water[0])} px`, "truth"),
    row(
      "IoU",
      f.iou === null
        ? "no water here, none predicted"
        : make("span", {}, score(f.iou), ...marks.after(training.of(now.model, now.chip))),
    ),
    row("Precision, recall", `${score(f.precision)}, ${score(f.recall)}`),
    row("True water (TP)", `${integer(f.tp)} px`, "hit"),
    row("False water (FP)", `${integer(f.fp)} px`, "false"),
    row("Missed water (FN)", `${integer(f.fn)} px`, "missed"),
    row("True dry (TN)", `${integer(f.tn)} px`),
  );
  return rows;
};
const areaPart = (now) => {
  const { area } = state.get();
  const { sketch } = areas;
  const out = [
    make(
      "div",
      { class: "fs-part-head" },
      make("h3", {}, "Area"),
      make(
        "div",
        { class: "fs-buttons" },
        button("Rectangle", () => areas.start("rectangle"), { id: "draw-rectangle" }),
        button("Polygon", () => areas.start("polygon"), { id: "draw-polygon" }),
        area ? button("Remove", areas.remove, { id: "draw-remove" }) : "",
      ),
    ),
  ];
  if (!area)
    out.push(make("p", { class: "fs-quiet" }, "Draw over the image, or give coordinates: water, IoU and counts inside."));
  else if (sketch.error) out.push(notice(sketch.error));
  else if (sketch.answer) out.push(make("div", { class: "fs-rows", id: "area-figures" }, ...areaFigures(now, sketch.answer)));
  else out.push(make("p", { class: "fs-quiet" }, "Counting pixels …"));
  return out;
};

// The open chip, where it has no place: its rectangles are given in pixels, from its upper left corner.
const unplaced = () => {
  const chip = catalog.chips.get(pixel.now.chip);
  return chip && chip.unplaced ? chip : null;
};
const NAMES = (board) =>
  board
    ? { west: "Left", south: "Bottom", east: "Right", north: "Top" }
    : { west: "West", south: "South", east: "East", north: "North" };

// A rectangle by numbers: the keyboard's way, and the exact one.
const form = () => {
  const field = (name, side) =>
    make(
      "label",
      {},
      make("span", {}, name),
      make("input", { type: "number", step: "any", required: true, name: side, class: "fs-input" }),
    );
  const made = make(
    "form",
    { class: "fs-coordinates", novalidate: true },
    field("West", "west"),
    field("South", "south"),
    field("East", "east"),
    field("North", "north"),
    make("p", { class: "fs-form-problem", role: "alert" }),
    make("button", { class: "fs-button fs-button-primary", type: "submit" }, "Measure"),
  );
  made.addEventListener("submit", (event) => {
    event.preventDefault();
    const [west, south, east, north] = ["west", "south", "east", "north"].map((side) => Number(made.elements[side].value || NaN));
    const board = unplaced();
    const wrong = [west, south, east, north].some((v) => !Number.isFinite(v))
      ? `Give four numbers, ${board ? "pixels" : "degrees in WGS84"}.`
      : west >= east
        ? `${NAMES(board).west} must be smaller than ${NAMES(board).east.toLowerCase()}.`
        : board && north >= south
          ? "Top must be smaller than bottom."
          : !board && south >= north
            ? "South must be smaller than north."
            : "";
    made.querySelector(".fs-form-problem").textContent = wrong;
    /** @type {[number, number][]} */
    const corners = [
      [west, south],
      [east, south],
      [east, north],
      [west, north],
    ];
    if (!wrong) areas.use(board ? corners.map((corner) => square.ofPixel(board, corner)) : corners);
  });
  return made;
};
// The form begins with what is drawn, else with the chip.
const fill = (ring) => {
  const made = parts.form;
  const board = unplaced();
  const [x, y] = [0, 1].map((i) => ring.map((corner) => (board ? square.toPixel(board, corner) : corner)[i]));
  const [low, high] = [Math.min(...y), Math.max(...y)];
  const values = { west: Math.min(...x), south: board ? high : low, east: Math.max(...x), north: board ? low : high };
  Object.entries(values).forEach(([side, value]) => {
    made.elements[side].value = String(Number(value.toFixed(board ? 1 : 6)));
    made.elements[side].labels[0].firstElementChild.textContent = NAMES(board)[side];
  });
  parts.coordinates.firstElementChild.textContent = board ? "Rectangle by pixels" : "Rectangle by coordinates";
};
const openForm = () => {
  if (!parts) return;
  parts.coordinates.open = true;
  parts.form.elements.west.focus();
};

// --- all ------------------------------------------------------------------------------------------------------
const build = (place) => {
  const made = {
    pixel: make("section", { "aria-label": "Pinned pixel" }),
    area: make("section", { "aria-label": "Area" }),
    spread: make("div", { class: "fs-spread" }),
    form: form(),
  };
  made.backscatter = make(
    "details",
    { class: "fs-explained", id: "backscatter" },
    make("summary", {}, "Backscatter of water, dry land and errors"),
    made.spread,
  );
  made.backscatter.addEventListener("toggle", () => render(pixel.now, pixel.pinned));
  made.coordinates = make(
    "details",
    { class: "fs-explained", id: "coordinates" },
    make("summary", {}, "Rectangle by coordinates"),
    made.form,
  );
  place.replaceChildren(made.pixel, made.backscatter, made.area, made.coordinates);
  return made;
};
// Buttons that have the focus keep it when their part is drawn anew.
const renew = (part, children) => {
  const { id } = part.contains(document.activeElement) ? document.activeElement : {};
  part.replaceChildren(...children);
  if (id) document.getElementById(id)?.focus();
};

let filled = null; // the chip or area that the form was filled with
const render = (now, pinned) => {
  const place = document.getElementById("inspector");
  if (!place) return;
  const chip = catalog.chips.get(now.chip);
  const prediction = chip && catalog.shown(now.model, chip.id);
  place.hidden = !(chip && chip.imagery && chip.frame && prediction);
  if (place.hidden) return;
  if (!parts) parts = build(place);
  renew(parts.pixel, pixelPart(pinned));
  parts.pixel.hidden = !pinned;
  if (parts.backscatter.open) {
    askSpread(chip.id, prediction.revision);
    renew(parts.spread, spreadPart(now, prediction.revision, pinned));
  }
  renew(parts.area, areaPart(now));
  const { area } = state.get();
  if (filled !== (area || chip.id)) {
    filled = area || chip.id;
    const [west, south, east, north] = chip.frame;
    fill(
      area || [
        [west, south],
        [east, north],
      ],
    );
  }
};

pixel.onChange(render);
render(pixel.now, pixel.pinned);

export { openForm };
