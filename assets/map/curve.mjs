// What a threshold would give, drawn behind its slider: the open chip's IoU, without a label its share of water.
import * as catalog from "../data/catalog.mjs";
import * as state from "../page/state.mjs";
import * as curves from "../scores/curves.mjs";
import * as palette from "./palette.mjs";

const [WIDTH, HEIGHT] = [100, 24];
let drawn = ""; // of what

/** Draw it for what is open now, if it is not drawn. */
export const show = () => {
  const { model, chip } = state.get();
  const p = chip && catalog.shown(model, chip);
  const place = document.getElementById("threshold");
  const theme = document.documentElement.dataset.theme;
  const of = `${p ? p.revision : ""} ${theme}`;
  if (!place || of === drawn) return;
  const area = p && catalog.details.get(p.revision)?.area;
  const labelled = Boolean(p?.histogram && p.histogram.water[0]);
  const values = labelled ? curves.iou(p.histogram) : area && Array.from(area, (value) => value / (area[0] || 1)).slice(0, 255);
  if (p && !values) return; // its areas are on their way
  drawn = of;
  const points = (values || []).map(
    (value, v) => `${((WIDTH * v) / 254).toFixed(1)},${(HEIGHT - 1 - (HEIGHT - 2) * (value ?? 0)).toFixed(1)}`,
  );
  const line = `<polyline points="${points.join(" ")}" fill="none" stroke="${palette.ofTheme("--fs-muted")}" vector-effect="non-scaling-stroke"/>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none">${line}</svg>`;
  place.style.backgroundImage = points.length ? `url("data:image/svg+xml,${encodeURIComponent(svg)}")` : "";
  place.parentElement.title = points.length
    ? `Behind it: ${labelled ? "this chip's IoU" : "the share of water"} at each threshold`
    : "";
};
