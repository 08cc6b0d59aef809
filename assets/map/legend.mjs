// What the colours on the map mean now, and how many pixels have them.

import { html } from "../page/drawn.mjs";
import * as format from "../page/format.mjs";
import * as layers from "../page/layers.mjs";
import { dark, shaded } from "../scores/colour.mjs";
import { grounded, outlined } from "./sides.mjs";

const MOSTLY = 0.75; // as opaque as layers are until somebody chooses otherwise

const GREYED = "linear-gradient(90deg,#000,color-mix(in srgb,#fff calc(100% * var(--fs-grey-ground)),#000))";
const greyed = ({ title }) => [
  { colour: GREYED, letter: "", text: `${title} in grey`, note: "darkened, so that colours over it can be told apart" },
];
const counted = (legend, counts) =>
  legend.map((line) => {
    const pixels = line.count ? (counts[line.count] ?? null) : null;
    return pixels === null ? line : { ...line, told: ` ${format.integer(pixels)} px` };
  });

const outlineItem = (kind, style, text) =>
  html.Span(
    { className: `fs-legend-item fs-legend-${kind}`, title: "the edge of the pixels above the threshold" },
    html.Span({ className: "fs-swatch fs-swatch-line", style }),
    text,
  );

// A colour over the grey ground is shown as it is there (assets/style.css mixes it): its letter is for what that is mostly.
const item =
  (kind) =>
  ({ colour, letter, text, note, told, over, line }) => {
    const look = line ? { borderColor: colour } : over ? { "--fs-colour": colour } : { background: colour };
    if (line) return outlineItem(kind, look, `outline of ${text}`);
    const light = dark(over ? shaded(colour, MOSTLY) : colour) ? " fs-swatch-dark" : "";
    // One child of words, so that no gap stands between a word and its number.
    const words = told ? html.Span({}, text, html.Span({ className: "fs-legend-count" }, told)) : text;
    return html.Span(
      { className: `fs-legend-item fs-legend-${kind}`, title: note || `${text}${told || ""}` },
      html.Span({ className: `fs-swatch${over ? " fs-swatch-over" : ""}${light}`, style: look }, letter),
      words,
    );
  };

// The legend of the sides that are shown: {image, overlay} each.
const items = (sides, counts, unlabelled, agreement, problem, usual) => {
  const said = (text) => html.Span({ className: "fs-legend-item" }, text);
  const told = sides.map((side) => ({ side, image: layers.of(side.image), overlay: layers.of(side.overlay) }));
  const missing = unlabelled ? [...new Set(told.map(({ overlay }) => overlay.without_label).filter(Boolean))] : [];
  if (missing.length && sides.length === 1) return [said(`This chip has no known label, so there is no ${missing[0]} to show.`)];
  const blind = told.some(({ overlay }) => overlay.usual) && usual !== undefined && !usual?.area;
  const some = told.filter(({ overlay }) => !missing.includes(overlay.without_label) && !(blind && overlay.usual));
  const rows = some.flatMap(({ side, overlay }) => {
    const over = grounded(side);
    return counted(overlay.legend, { ...counts, ...agreement }).map((line) => ({ ...line, over, line: outlined(side) }));
  });
  // What stands under scores in a swipe is the image that is named beside it, or no news.
  const images = some
    .filter(({ side }) => sides.length === 1 || side.overlay === "none")
    .flatMap(({ side, image }) => (grounded(side) ? greyed(image) : image.legend));
  const out = [...rows.map(item("class")), ...images.map(item("image"))];
  if (missing.length) out.push(said(`no known label, so ${missing.map((what) => `no ${what}`).join(" and ")}`));
  const why = usual?.problem
    ? "The file that says where water is usual is not used"
    : "No file beside this image says where water is usual";
  if (blind) out.unshift(said(`${why}, so flood cannot be told from it.`));
  if (problem) out.unshift(html.Span({ className: "fs-legend-item fs-legend-problem", role: "alert" }, problem));
  return out;
};

export { items };
