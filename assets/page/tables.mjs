// The tables (ag-grid): how they are written to past Dash, how their cells follow the threshold, and which columns stand in them.
import { atOnce, table as tableOf } from "./bridge.mjs";
import * as cells from "./cells.mjs";
import { columns as written } from "./columns.mjs";

const waiting = new Map(); // table -> what is to be done with it once it is there: the last
const attempt = (table) => {
  const grid = tableOf(table);
  const then = waiting.get(table);
  if (!grid) {
    setTimeout(() => attempt(table), 50);
    return;
  }
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

// The fields that follow the threshold: those of columns that say so, and others beside them.
const followers = new WeakMap();
const followingOf = (grid, beside) => {
  if (!followers.has(grid)) {
    const live = grid
      .getColumnDefs()
      .filter(({ cellRenderer }) => cellRenderer === "fsLive")
      .map(({ field }) => field);
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
    if (grid.getColumnState().some((column) => column.sort && following.has(column.colId)))
      atOnce(() => grid.refreshClientSideRowModel("sort"));
  } else {
    held.set(grid, rows);
    atOnce(() => grid.setGridOption("rowData", rows));
  }
  cells.write();
};

// --- columns -------------------------------------------------------------------------------------------------
// How wide a text is in a table.
const WIDEST = 260; // of a column of text: what is longer is cut there, and in its tooltip
const PADDING = 15;
const SORTED = 30; // the arrow of a sorted header, which must not push the name away
let pen = null;
const widthOf = (text, header) => {
  if (!pen) {
    pen = document.createElement("canvas").getContext("2d");
    pen.fontKerning = "normal";
  }
  pen.font = `${header ? 500 : 400} 13px ${getComputedStyle(document.body).fontFamily}`;
  return pen.measureText(text).width;
};
const isDrawn = ({ cellClass }) => cellClass === "fs-drawn";
const isNumber = ({ cellClass }) => cellClass === "ag-right-aligned-cell";
const grows = (def) => (isDrawn(def) ? def.field !== "revision" : !isNumber(def)); // pictures of a chip have one size
// A cell as it is written.
const said = (def, data) => {
  const params = { data, value: data[def.field] };
  const { format } = def.cellRendererParams || {};
  if (format) return written[format](params);
  return String((typeof def.valueFormatter === "function" ? def.valueFormatter(params) : params.value) ?? "");
};
const MARK = 46; // of a chip that the model has seen

// Of many rows some are measured, from the first to the last.
const MEASURED = 2000;
const sample = (rows) => {
  const step = Math.ceil(rows.length / MEASURED);
  return step > 1 ? rows.filter((_, i) => i % step === 0) : rows;
};

// What a column needs so that neither its name nor a cell is cut; what follows the threshold has its own width at least.
const needs = (def, rows) => {
  const header = widthOf(def.headerName, true) + PADDING + (def.sortable === false ? 0 : SORTED);
  if (isDrawn(def)) return Math.ceil(Math.max(def.width, header));
  const widest = rows.reduce((most, data) => {
    const text = said(def, data);
    return text.length > most.length ? text : most;
  }, "");
  const marked = def.cellRendererParams?.marked && rows.some(({ seen }) => seen !== undefined && seen !== false);
  const content = widthOf(widest, false) + PADDING + (marked && !widest.includes("[") ? MARK : 0);
  if (!isNumber(def)) return Math.ceil(Math.max(header, Math.min(content, WIDEST)));
  return Math.ceil(Math.max(header, content, def.cellRendererParams?.format ? def.width - SORTED : 0));
};

/**
 * Which columns stand in so much room, in their order: those chosen; else those that must, and of the others as many as fit.
 * @param {{id: string, width: number}[]} all
 * @param {number} room
 * @param {{chosen?: string[] | null, must?: string[]}} [how]
 * @returns {Set<string>}
 */
const standing = (all, room, { chosen, must = [] } = {}) => {
  if (chosen) return new Set(all.filter(({ id }) => chosen.includes(id)).map(({ id }) => id));
  const out = new Set(must);
  let left = all.filter(({ id }) => out.has(id)).reduce((sum, { width }) => sum - width, room);
  for (const { id, width } of all) {
    if (out.has(id)) continue;
    if (width > left) break;
    out.add(id);
    left -= width;
  }
  return out;
};

const arranged = new WeakMap(); // grid -> how its columns were arranged last: {must, chosen}
const roomOf = (grid, table) => {
  const body = document.querySelector(`#${table} .ag-body-viewport`);
  return body ? body.clientWidth : 0;
};
// A shadow at the edge where a table goes on.
const edge = (table) => {
  const view = document.querySelector(`#${table} .ag-center-cols-viewport`);
  const place = /** @type {HTMLElement | null} */ (document.getElementById(table));
  if (view && place) place.dataset.more = String(view.scrollWidth - view.clientWidth - view.scrollLeft > 2);
};
const arrange = (grid, table) => {
  const how = arranged.get(grid);
  const room = roomOf(grid, table);
  if (!room) return;
  const defs = grid.getColumnDefs();
  const rows = sample(held.get(grid) || []);
  const all = defs.map((def) => ({ id: def.field, width: needs(def, rows), grows: grows(def) }));
  const must = [
    ...new Set([
      ...how.must,
      ...grid
        .getColumnState()
        .filter(({ sort }) => sort)
        .map(({ colId }) => colId),
    ]),
  ];
  const shown = standing(all, room, { chosen: how.chosen, must });
  const seen = all.filter(({ id }) => shown.has(id));
  const left = Math.max(0, room - seen.reduce((sum, { width }) => sum + width, 0));
  const growing = seen.filter((one) => one.grows);
  const more = growing.length ? Math.floor(left / growing.length) : 0;
  const state = all.map(({ id, width, grows }) => ({
    colId: id,
    hide: !shown.has(id),
    width: width + (grows && shown.has(id) ? more : 0),
  }));
  const now = JSON.stringify(state);
  if (how.now !== now) {
    how.now = now;
    grid.applyColumnState({ state });
  }
  edge(table);
};
// Have a table show the columns that were chosen, or as many as fit, and again when its room or its order changes.
const columns = (grid, table, chosen, must) => {
  if (!arranged.has(grid)) {
    arranged.set(grid, {});
    grid.addEventListener("gridSizeChanged", () => arrange(grid, table));
    grid.addEventListener("sortChanged", () => arrange(grid, table));
    grid.addEventListener("bodyScroll", () => edge(table));
  }
  Object.assign(arranged.get(grid), { chosen: chosen ? chosen.split(",") : null, must });
  arrange(grid, table);
};
// The columns of a table: [{id, name, shown}]; none as long as it is not there.
const columnsOf = (table) => {
  const grid = tableOf(table);
  if (!grid) return [];
  const shown = new Set(grid.getAllDisplayedColumns().map((column) => column.getColId()));
  return grid.getColumnDefs().map((def) => ({ id: def.field, name: def.headerName, shown: shown.has(def.field) }));
};
// What stands in a table: its names and, in its order, the values of its rows as they are kept, not as they are rounded.
const contents = (table) => {
  const grid = tableOf(table);
  const defs = grid.getAllDisplayedColumns().map((column) => column.getColDef());
  const fields = defs
    .filter((def) => !isDrawn(def))
    .flatMap((def) => [
      [def.headerName, (row) => row[def.field]],
      ...(def.field === "iou" && table === "regions-table"
        ? [
            ["IoU low", (row) => row.low],
            ["IoU high", (row) => row.high],
          ]
        : []),
      ...(def.field === "iou"
        ? [["seen by the model", (row) => (row.seen === true ? "yes" : row.seen === false ? "no" : "")]]
        : []),
    ]);
  const rows = [];
  grid.forEachNodeAfterFilterAndSort(({ data }) => {
    if (data) rows.push(fields.map(([, value]) => value(data)));
  });
  return [fields.map(([name]) => name), ...rows];
};

export { columns, columnsOf, contents, use, write };
