// What columns of the tables name (dashboard/page/layout/tables.py): how a value is written, compared, explained, and shown grey.

import * as worst from "../scores/worst.mjs";
import * as format from "./format.mjs";
import * as marks from "./marks.mjs";

export const columns = {
  fsScore: (params) => format.score(params.value),
  fsScore3: (params) => format.score3(params.value),
  fsPercent: (params) => format.percent(params.value),
  fsInteger: (params) => format.integer(params.value),
  fsChips: (params) =>
    params.data.scored === 1 ? `n${"\u2009"}=${"\u2009"}1` : `${params.data.scored}\u2009/\u2009${params.data.labelled}`,
  fsIouOrState: (params) => (params.value === null || params.value === undefined ? params.data.state : params.value.toFixed(2)),
  fsIou: (params) => {
    if (params.value === null || params.value === undefined) return format.NONE;
    const { low, high, pending } = params.data;
    return `${params.value.toFixed(2)} ${pending ? "[ … ]" : low === null ? "" : format.interval([low, high])}`;
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
    const order = worst.compare(one, two);
    return stays && descending ? -order : order;
  },
  // Numbers that rest on too little are grey: of a region of one chip, without water, or seen by the model; of a chip with little water.
  fsFew: ({ data, column }) =>
    Boolean(data && (data.rank || (column.getColId() === "iou" && (data.little || data.seen === true)))),
  fsIouTip: ({ data }) =>
    data
      ? [
          marks.tipOf(data.seen),
          data.little
            ? "less than 1 % of the truth is water: ranked by the share of pixels that are right, more than by IoU"
            : "",
        ]
          .filter(Boolean)
          .join("; ") || null
      : null,
  fsChipsTip: ({ data }) =>
    data && data.seenChips
      ? `${format.count(data.seenChips, "scored chip")} seen by this model${data.seen ? "" : ", not counted"}`
      : null,
  fsTabOut: () => false, // the browser's own Tab: on to what stands after the table
  fsGridTheme: (quartz) =>
    quartz.withParams({
      fontFamily: "inherit",
      fontSize: 13,
      headerFontSize: 13,
      headerFontWeight: 500,
      wrapperBorderRadius: 8,
      cellHorizontalPadding: 6,
      backgroundColor: "var(--fs-surface)",
      foregroundColor: "var(--fs-ink)",
      headerBackgroundColor: "var(--fs-raised)",
      headerTextColor: "var(--fs-ink-soft)",
      borderColor: "var(--fs-border)",
      accentColor: "var(--fs-accent)",
      browserColorScheme: "inherit",
      selectedRowBackgroundColor: "color-mix(in srgb, var(--fs-accent) 22%, transparent)",
      rowHoverColor: "color-mix(in srgb, var(--fs-accent) 10%, transparent)",
    }),
};
