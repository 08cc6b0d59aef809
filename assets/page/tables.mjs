// The tables (ag-grid): how they are written to past Dash, and how their cells follow the threshold.
import { atOnce, table as tableOf } from "./bridge.mjs";
import * as cells from "./cells.mjs";

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

export { use, write };
