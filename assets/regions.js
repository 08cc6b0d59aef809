// The Regions table: rows from the groups, written into the grid without a round through Dash, and how its cells are drawn.
window.floodscope = window.floodscope || {};

floodscope.regions = (() => {
  const TABLE = "regions-table";
  const MIN_CHIPS = 2; // fewer scored chips than this give no interval, so no confident number

  // The line of IoU over the threshold in a box of 100 x 22, made once a group.
  const spark = (curve) => {
    if (curve.path !== undefined) return curve.path;
    let [path, pen] = ["", "M"];
    for (let v = 0; v < curve.iou.length; v += 4) {
      if (curve.iou[v] === null) { pen = "M"; continue; }
      path += `${pen}${((100 * v) / 254).toFixed(1)} ${(21 - 20 * curve.iou[v]).toFixed(1)}`;
      pen = "L";
    }
    curve.path = path;
    return path;
  };

  const rowOf = (r, k) => ({
    name: r.name, chips: r.chips, labelled: r.labelled, predicted: r.predicted, scored: r.scored, iou: r.iou,
    low: r.interval ? r.interval[0] : null, high: r.interval ? r.interval[1] : null, f1: r.f1, precision: r.precision, recall: r.recall,
    pixels: r.curve.pixels, water: r.curve.water, best: r.curve.best, calibration: r.curve.calibration,
    bar: { iou: r.iou, low: r.interval ? r.interval[0] : null, high: r.interval ? r.interval[1] : null, few: r.scored < MIN_CHIPS },
    spark: { path: spark(r.curve), k, best: r.curve.best, few: r.scored < MIN_CHIPS },
  });

  // Show the regions that have a labelled chip.
  const show = (model, k, by, region) => {
    const rows = floodscope.groups.rows(model, k, by).filter((r) => r.labelled).map((r) => rowOf(r, k));
    floodscope.tables.use(TABLE, (grid) => {
      floodscope.tables.write(grid, rows);
      const header = grid.getColumnDef("name");
      if (header && header.headerName !== floodscope.groups.BY[by]) {
        header.headerName = floodscope.groups.BY[by];
        grid.refreshHeader();
      }
      const node = region && grid.getRowNode(region);
      if (node ? !node.isSelected() : grid.getSelectedNodes().length) {
        if (node) node.setSelected(true, true, "api");
        else grid.deselectAll("all", "api");
      }
    });
  };

  // --- cells, which React draws --------------------------------------------------------------------------------
  const draw = (type, props, ...children) => window.React.createElement(type, props, ...children);
  const pixels = (value) => Math.min(Math.max(value, 0), 1) * 100;
  const bar = ({ value }) => {
    if (!value || value.iou === null) return null;
    const color = floodscope.map.ramp(value.iou);
    const whisker = value.low === null ? [] : [
      ["fs-whisker-rim", 4.5], ["fs-whisker", 1.5],
    ].map(([name, width]) => draw("path", {
      key: name, className: name, strokeWidth: width, d: `M${pixels(value.low)} 11H${pixels(value.high)}M${pixels(value.low)} 7V15M${pixels(value.high)} 7V15`,
    }));
    return draw("svg", { className: "fs-cell-chart", viewBox: "-1 0 102 22", preserveAspectRatio: "none", "aria-hidden": true },
      draw("path", { className: "fs-cell-axis", d: "M0 2V20M50 2V20M100 2V20" }),
      draw("rect", { x: 0, y: value.few ? 9 : 5, width: pixels(value.iou), height: value.few ? 4 : 12, fill: value.few ? "var(--fs-muted)" : color, stroke: "var(--fs-muted)", strokeWidth: 0.5 }),
      ...whisker);
  };
  const line = ({ value }) => {
    if (!value || !value.path) return null;
    const at = (100 * value.k) / 254;
    return draw("svg", { className: `fs-cell-chart${value.few ? " fs-few" : ""}`, viewBox: "-1 0 102 22", preserveAspectRatio: "none", "aria-hidden": true },
      draw("path", { className: "fs-cell-axis", d: `M${at} 0V22` }),
      draw("path", { className: "fs-spark", d: value.path }),
      value.best === null ? null : draw("path", { className: "fs-spark-best", d: `M${100 * value.best} 17V22` }));
  };
  window.dashAgGridComponentFunctions = Object.assign(window.dashAgGridComponentFunctions || {}, {
    fsBar: bar,
    fsSpark: line,
    fsThumbs: ({ data, context }) => {
      const chip = floodscope.book.chips.get(data.id);
      return chip ? floodscope.thumbs.react(chip, data.model) : null;
    },
  });

  return { show, MIN_CHIPS };
})();
