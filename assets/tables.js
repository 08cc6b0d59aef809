// Formats and the theme of the tables (ag-grid), and Enter as the key that opens a row.
window.dashAgGridFunctions = Object.assign(window.dashAgGridFunctions || {}, {
  fsScore: (params) => floodscope.words.score(params.value),
  fsChips: (params) => (params.data.scored === 1 ? `n${"\u2009"}=${"\u2009"}1` : `${params.data.scored} / ${params.data.imagery}`),
  fsIouOrState: (params) => (params.value === null || params.value === undefined ? params.data.state : params.value.toFixed(2)),
  fsIou: (params) => {
    if (params.value === null || params.value === undefined) return floodscope.words.NONE;
    const { low, high } = params.data;
    return `${params.value.toFixed(2)} ${low === null ? "" : floodscope.words.interval([low, high])}`;
  },
  fsGridTheme: (quartz) => quartz.withParams({
    fontFamily: "inherit", fontSize: 13, headerFontSize: 13, headerFontWeight: 500, wrapperBorderRadius: 8, cellHorizontalPadding: 6,
    backgroundColor: "var(--fs-surface)", foregroundColor: "var(--fs-ink)", headerBackgroundColor: "var(--fs-raised)",
    headerTextColor: "var(--fs-ink-soft)", borderColor: "var(--fs-border)", accentColor: "var(--fs-accent)", browserColorScheme: "inherit",
    selectedRowBackgroundColor: "color-mix(in srgb, var(--fs-accent) 22%, transparent)",
    rowHoverColor: "color-mix(in srgb, var(--fs-accent) 10%, transparent)",
  }),
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.target instanceof Element)) return;
  const cell = event.target.closest(".ag-theme-fs .ag-cell");
  if (cell) cell.click();
});
