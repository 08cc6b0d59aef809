// The tables (ag-grid): how they are written to past Dash, their formats, theme and keys.
window.floodscope = window.floodscope || {};

floodscope.tables = (() => {
  const waiting = new Map(); // table -> what is to be done with it once it is there: the last
  // A table, or null as long as its tab was not opened and its script has not come.
  const api = (table) => {
    try { return window.dash_ag_grid.getApi(table) || null; } catch { return null; }
  };
  const attempt = (table) => {
    const grid = api(table);
    const then = waiting.get(table);
    if (!grid) { setTimeout(() => attempt(table), 50); return; }
    waiting.delete(table);
    then(grid);
  };
  // Do something with a table: at once, or as soon as it is there.
  const use = (table, then) => {
    const first = !waiting.has(table);
    waiting.set(table, then);
    if (first) attempt(table);
  };
  // Is it the same row but for what follows the threshold?
  const alike = (old, row, following) => Object.keys(row).every((field) => following.has(field) || old[field] === row[field]);

  // Have the grid draw in this very frame: React would wait for the next.
  const now = (then) => (window.ReactDOM && window.ReactDOM.flushSync ? window.ReactDOM.flushSync(then) : then());

  // The fields that follow the threshold: those of columns that say so, and others beside them.
  const followers = new WeakMap();
  const followingOf = (grid, beside) => {
    if (!followers.has(grid)) {
      const live = grid.getColumnDefs().filter(({ cellRenderer }) => cellRenderer === "fsLive").map(({ field }) => field);
      followers.set(grid, new Set([...live, ...beside]));
    }
    return followers.get(grid);
  };

  // Write rows into a table. Where only fields that follow the threshold have changed, they are put into the rows that the grid
  // has, and their cells are written past it; else it is given all rows anew.
  const held = new WeakMap(); // grid -> its rows, in the order in which they were given
  const write = (grid, rows, beside) => {
    const following = followingOf(grid, beside);
    const old = held.get(grid) || [];
    if (rows.length && old.length === rows.length && rows.every((row, i) => alike(old[i], row, following))) {
      rows.forEach((row, i) => Object.assign(old[i], row));
      if (grid.getColumnState().some((column) => column.sort && following.has(column.colId))) now(() => grid.refreshClientSideRowModel("sort"));
    } else {
      held.set(grid, rows);
      now(() => grid.setGridOption("rowData", rows));
    }
    floodscope.live.write();
  };
  return { api, use, write };
})();

window.dashAgGridFunctions = Object.assign(window.dashAgGridFunctions || {}, {
  fsScore: (params) => floodscope.words.score(params.value),
  fsScore3: (params) => floodscope.words.score3(params.value),
  fsPercent: (params) => floodscope.words.percent(params.value),
  fsInteger: (params) => floodscope.words.integer(params.value),
  fsChips: (params) => (params.data.scored === 1 ? `n${"\u2009"}=${"\u2009"}1` : `${params.data.scored}\u2009/\u2009${params.data.labelled}`),
  fsIouOrState: (params) => (params.value === null || params.value === undefined ? params.data.state : params.value.toFixed(2)),
  fsIou: (params) => {
    if (params.value === null || params.value === undefined) return floodscope.words.NONE;
    const { low, high } = params.data;
    return `${params.value.toFixed(2)} ${low === null ? "" : floodscope.words.interval([low, high])}`;
  },
  // Chips without a score come last, whichever way the column is sorted.
  fsNullsLast: (a, b, nodeA, nodeB, descending) => {
    const [x, y] = [a ?? null, b ?? null];
    if (x === null || y === null) return x === y ? 0 : (x === null) === descending ? -1 : 1;
    return x - y;
  },
  // The one rule of what is the worst. What has no score, and a number that cannot be relied on, comes last whichever way.
  fsWorst: (a, b, nodeA, nodeB, descending) => {
    const [one, two] = [nodeA.data, nodeB.data];
    const [x, y] = [one.worst ?? null, two.worst ?? null];
    const stays = x === null || y === null || (one.rank || 0) !== (two.rank || 0);
    const order = floodscope.worst.compare(one, two);
    return stays && descending ? -order : order;
  },
  // Numbers that rest on too little are grey: of a region of one chip, without water, or seen by the model; of a chip with little water.
  fsFew: ({ data, column }) => Boolean(data && (data.rank || (column.getColId() === "iou" && (data.little || data.seen === true)))),
  fsIouTip: ({ data }) => (data ? [
    floodscope.seen.tipOf(data.seen),
    data.little ? "less than 1 % of the truth is water: ranked by the share of pixels that are right, more than by IoU" : "",
  ].filter(Boolean).join("; ") || null : null),
  fsChipsTip: ({ data }) => (data && data.seenChips ? `${floodscope.words.count(data.seenChips, "scored chip")} seen by this model${data.seen ? "" : ", not counted"}` : null),
  fsTabOut: () => false, // the browser's own Tab: on to what stands after the table
  fsGridTheme: (quartz) => quartz.withParams({
    fontFamily: "inherit", fontSize: 13, headerFontSize: 13, headerFontWeight: 500, wrapperBorderRadius: 8, cellHorizontalPadding: 6,
    backgroundColor: "var(--fs-surface)", foregroundColor: "var(--fs-ink)", headerBackgroundColor: "var(--fs-raised)",
    headerTextColor: "var(--fs-ink-soft)", borderColor: "var(--fs-border)", accentColor: "var(--fs-accent)", browserColorScheme: "inherit",
    selectedRowBackgroundColor: "color-mix(in srgb, var(--fs-accent) 22%, transparent)",
    rowHoverColor: "color-mix(in srgb, var(--fs-accent) 10%, transparent)",
  }),
});
