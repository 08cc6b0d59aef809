// What the colours on the map mean now, and how many pixels have them.

import * as format from "../page/format.mjs";
import * as layers from "../page/layers.mjs";
import { dark } from "../scores/colour.mjs";

const GREYED = [{ colour: "linear-gradient(90deg,#000,#fff)", letter: "", text: "image in grey" }];
const counted = (legend, counts) =>
  legend.map((line) => {
    const pixels = line.count ? (counts[line.count] ?? null) : null;
    return pixels === null ? line : { ...line, told: ` ${format.integer(pixels)} px` };
  });

const item =
  (kind) =>
  ({ colour, letter, text, note, told }) => {
    const { html } = format;
    // One child of words, so that no gap stands between a word and its number.
    const words = told ? html.Span({}, text, html.Span({ className: "fs-legend-count" }, told)) : text;
    return html.Span(
      { className: `fs-legend-item fs-legend-${kind}`, title: note || `${text}${told || ""}` },
      html.Span({ className: `fs-swatch${dark(colour) ? " fs-swatch-dark" : ""}`, style: { background: colour } }, letter),
      words,
    );
  };

// The legend of the sides that are shown: {image, overlay} each.
const items = (sides, counts, unlabelled, agreement, problem) => {
  const said = (text) => format.html.Span({ className: "fs-legend-item" }, text);
  const told = sides.map((side) => ({ side, image: layers.of(side.image), overlay: layers.of(side.overlay) }));
  const missing = unlabelled ? [...new Set(told.map(({ overlay }) => overlay.without_label).filter(Boolean))] : [];
  if (missing.length && sides.length === 1) return [said(`This chip has no known label, so there is no ${missing[0]} to show.`)];
  const some = told.filter(({ overlay }) => !missing.includes(overlay.without_label));
  const rows = some.flatMap(({ overlay }) => counted(overlay.legend, { ...counts, ...agreement }));
  // What stands under scores in a swipe is the image that is named beside it, or no news.
  const images = some
    .filter(({ side }) => sides.length === 1 || side.overlay === "none")
    .flatMap(({ image, overlay }) => (overlay.grey && !image.paint.length ? GREYED : image.legend));
  const out = [...rows.map(item("class")), ...images.map(item("image"))];
  if (missing.length) out.push(said(`no known label, so ${missing.map((what) => `no ${what}`).join(" and ")}`));
  if (problem) out.unshift(format.html.Span({ className: "fs-legend-item fs-legend-problem", role: "alert" }, problem));
  return out;
};

export { items };
