// The Regions table: rows from the groups, written into the grid without a round through Dash, and how its cells are drawn.

import * as catalog from "../data/catalog.mjs";
import * as grouping from "../data/grouping.mjs";
import * as groups from "../data/groups.mjs";
import * as palette from "../map/palette.mjs";
import * as cells from "../page/cells.mjs";
import { svg, terms } from "../page/dom.mjs";
import * as tables from "../page/tables.mjs";
import * as thumbnails from "./thumbnails.mjs";

const TABLE = "regions-table";

const NOTES = [
  ["n = 1", "One chip alone: no interval, and no number to rely on; such regions come after the others."],
  [
    "seen",
    "All scored chips of the region were seen by the model: their number is no measure of it, and such regions come last.",
  ],
  [
    "Grey",
    "One chip, seen chips alone, or no water in the labels, where every wet pixel is false and IoU is 0 at most; such regions come after the others.",
  ],
];
// What the columns mean, for those who hover over nothing. Told here, not by Dash, which weighs each of its words at every change.
const explain = (grid) => {
  const place = document.getElementById("regions-terms");
  const columns = grid.getColumnDefs().filter(({ headerTooltip }) => headerTooltip);
  if (place && !place.firstChild)
    place.append(terms([...columns.map((column) => [column.headerName, column.headerTooltip]), ...NOTES]));
};

// The line of IoU over the threshold in a box of 100 x 22, made once a group.
const spark = (curve) => {
  if (curve.path !== undefined) return curve.path;
  let [path, pen] = ["", "M"];
  for (let v = 0; v < curve.iou.length; v += 4) {
    if (curve.iou[v] === null) {
      pen = "M";
      continue;
    }
    path += `${pen}${((100 * v) / 254).toFixed(1)} ${(21 - 20 * curve.iou[v]).toFixed(1)}`;
    pen = "L";
  }
  curve.path = path;
  return path;
};

const FOLLOWING = ["low", "high", "pending", "k", "worst", "wrong"]; // fields beside the columns that follow the threshold
const rowOf = (r, k) => ({
  name: r.name,
  chips: r.chips,
  labelled: r.labelled,
  predicted: r.predicted,
  scored: r.scored,
  iou: r.iou,
  low: r.interval ? r.interval[0] : null,
  high: r.interval ? r.interval[1] : null,
  pending: r.pending,
  f1: r.f1,
  precision: r.precision,
  recall: r.recall,
  pixels: r.curve.pixels,
  water: r.curve.water,
  best: r.curve.best,
  calibration: r.curve.calibration,
  k,
  path: spark(r.curve),
  seen: r.all ? r.seen : undefined,
  seenChips: r.seenChips,
  rank: r.rank,
  worst: r.all ? r.worst : null,
  wrong: r.wrong,
});

// Show the regions that have a labelled chip.
const show = (model, k, by, region, chosen = null) => {
  const rows = groups
    .rows(model, k, by)
    .filter((r) => r.labelled)
    .map((r) => rowOf(r, k));
  tables.use(TABLE, (grid) => {
    explain(grid);
    tables.write(grid, rows, FOLLOWING);
    tables.columns(grid, TABLE, chosen, ["name", "iou"]);
    const header = grid.getColumnDef("name");
    if (header && header.headerName !== grouping.BY[by]) {
      header.headerName = grouping.BY[by];
      grid.refreshHeader();
    }
    const node = region && grid.getRowNode(region);
    if (node ? !node.isSelected() : grid.getSelectedNodes().length) {
      if (node) node.setSelected(true, true, "api");
      else grid.deselectAll("all", "api");
    }
  });
};

// --- cells that are drawn ------------------------------------------------------------------------------------

const chart = (place, ...parts) =>
  place.appendChild(
    svg("svg", { class: "fs-cell-chart", viewBox: "-1 0 102 22", preserveAspectRatio: "none", "aria-hidden": true }, ...parts),
  );
const put = (element, attributes) =>
  Object.entries(attributes).forEach(([name, value]) => {
    if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
  });
const share = (value) => Math.min(Math.max(value, 0), 1) * 100;

// IoU from 0 to 1 with its interval; grey and thin where it cannot be relied on.
const bar = cells.cell((place) => {
  const [body, rim, whisker] = [
    svg("rect", { x: 0, stroke: "var(--fs-muted)", "stroke-width": 0.5 }),
    svg("path", { class: "fs-whisker-rim", "stroke-width": 4.5 }),
    svg("path", { class: "fs-whisker", "stroke-width": 1.5 }),
  ];
  const all = chart(place, svg("path", { class: "fs-cell-axis", d: "M0 2V20M50 2V20M100 2V20" }), body, rim, whisker);
  return ({ iou, low, high, rank }) => {
    put(all, { visibility: iou === null ? "hidden" : "visible" });
    if (iou === null) return;
    const few = rank > 0;
    put(body, { y: few ? 9 : 5, height: few ? 4 : 12, width: share(iou), fill: few ? "var(--fs-muted)" : palette.ramp(iou) });
    const d = low === null ? "" : `M${share(low)} 11H${share(high)}M${share(low)} 7V15M${share(high)} 7V15`;
    [rim, whisker].forEach((path) => put(path, { d }));
  };
});

// IoU over the threshold, with a line at the present one and a tick at the best.
const line = cells.cell((place) => {
  const [now, curve, best] = ["fs-cell-axis", "fs-spark", "fs-spark-best"].map((name) => svg("path", { class: name }));
  const all = chart(place, now, curve, best);
  return (data) => {
    put(all, { visibility: data.path ? "visible" : "hidden", class: `fs-cell-chart${data.rank ? " fs-few" : ""}` });
    put(now, { d: `M${(100 * data.k) / 254} 0V22` });
    put(curve, { d: data.path });
    put(best, { d: data.best === null ? "" : `M${100 * data.best} 17V22` });
  };
});

// A chip's pictures, which React draws.
const thumbs = ({ data }) => {
  const chip = catalog.chips.get(data.id);
  return chip ? thumbnails.react(chip, data.model) : null;
};

export { bar, line, show, thumbs };
