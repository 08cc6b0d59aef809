// The list of chips: its rows, how they are sorted, and the two ways to show them, a table and a grid of pictures.

import * as catalog from "../data/catalog.mjs";
import * as filters from "../data/filters.mjs";
import * as shelf from "../data/shelf.mjs";
import * as tiles from "../map/tiles.mjs";
import { fill, make } from "../page/dom.mjs";
import * as format from "../page/format.mjs";
import * as marks from "../page/marks.mjs";
import { SORTS, sorted } from "../page/order.mjs";
import * as state from "../page/state.mjs";
import * as tables from "../page/tables.mjs";
import * as scores from "../scores/histogram.mjs";
import * as worst from "../scores/worst.mjs";
import * as thumbnails from "./thumbnails.mjs";

const TABLE = "chips-table";
const GALLERY = "chips-gallery";
const FOLLOWING = ["worst", "wrong"]; // fields beside the columns that follow the threshold
const BESIDE_IOU = 3; // the place after picture, name and IoU
const PORTION = 60; // cards that are made at once; more follow as they are scrolled to

const stateOf = (chip, model, p, known) => {
  if (chip.problem) return "unusable";
  if (!chip.imagery) return "no image";
  if (!p && catalog.failure(model, chip.id)) return "failed";
  if (!chip.labelled) return "no label";
  if (!p) return "to predict";
  return known ? "scored" : "predicted";
};

const rowOf = (chip, { model, other, k }) => {
  const p = catalog.prediction(model, chip.id);
  const f = catalog.chipFigures(model, chip.id, k);
  const known = Boolean(f) && scores.counted(f);
  return {
    id: chip.id,
    country: chip.country || (chip.unplaced ? "no place" : null),
    event: chip.event,
    date: chip.date ? chip.date.slice(0, 10) : null,
    split: chip.split,
    file: chip.file,
    state: stateOf(chip, model, p, known),
    iou: f ? f.iou : null,
    predicted: Boolean(p),
    missed: f ? f.fn : null,
    false: f ? f.fp : null,
    uncertain: p ? p.uncertain : null,
    apart: other ? shelf.apart(model, other, chip.id, k) : null,
    model,
    revision: p ? p.revision : null,
    seen: known ? (p?.seen ?? null) : undefined, // a mark stands beside a score
    worst: f ? worst.value(f) : null,
    wrong: f ? f.fp + f.fn : null,
    little: Boolean(f) && worst.little(f),
  };
};
// The rows of the catalog that are listed: those with an image, then the others.
const listed = () => {
  const { imagery } = catalog.chips.numbers;
  const shown = filters.rows().filter(filters.focusedRows());
  return [...shown.filter((row) => imagery[row]), ...shown.filter((row) => !imagery[row])];
};
const rows = (shown) => listed().map((row) => rowOf(catalog.chips.at(row), shown));

// --- the table -----------------------------------------------------------------------------------------------
let applied = null; // the sort that the table was given; whoever clicks a header sorts by it
const showTable = (list, sort, chosen) =>
  tables.use(TABLE, (grid) => {
    if (applied === null) {
      grid.addEventListener("sortChanged", () => {
        const by = grid.getColumnState().find((column) => column.sort);
        const found = Object.entries(SORTS).find(
          ([, [, column, descending]]) => by && column === by.colId && descending === (by.sort === "desc"),
        );
        if (found && found[0] !== applied) state.set({ sort: found[0] });
      });
    }
    tables.write(grid, list, FOLLOWING);
    if (applied !== sort) {
      applied = sort;
      const [, column, descending] = SORTS[sort];
      if (!["id", "iou"].includes(column)) grid.moveColumns([column], BESIDE_IOU); // what is sorted by is in sight
      grid.applyColumnState({ state: [{ colId: column, sort: descending ? "desc" : "asc" }], defaultState: { sort: null } });
    }
    tables.columns(grid, TABLE, chosen, ["id"]);
  });

// --- the grid of pictures ------------------------------------------------------------------------------------
const note = (row, sort) => {
  const { integer, percent, score } = format;
  if (sort === "missed" && row.missed !== null) return `${integer(row.missed)} px missed`;
  if (sort === "false" && row.false !== null) return `${integer(row.false)} px false`;
  if (sort === "uncertain" && row.uncertain !== null) return `${percent(row.uncertain)} uncertain`;
  if (sort === "apart" && row.apart !== null) return `${percent(row.apart)} differ`;
  if ((sort === "newest" || sort === "oldest") && row.date) return row.date;
  return row.iou === null
    ? row.state === "scored"
      ? "no water"
      : row.state
    : `IoU ${score(row.iou)}${row.little ? ", dry land" : ""}`;
};
const labelOf = (row, said) => `Open ${row.id}, ${said}${marks.tipOf(row.seen) && `, ${marks.tipOf(row.seen)}`}`;
const card = (row, model, sort) => {
  const chip = catalog.chips.get(row.id);
  const said = note(row, sort);
  return make(
    "button",
    {
      class: "fs-card",
      type: "button",
      "data-chip": row.id,
      "aria-label": labelOf(row, said),
      onclick: () => tiles.choose(row.id),
    },
    make("span", { class: "fs-thumbs" }, thumbnails.elements(chip, model)),
    make("span", { class: "fs-card-name" }, row.id),
    make("span", { class: "fs-card-foot" }, make("span", { class: "fs-card-note" }, said), marks.mark(row.seen)),
  );
};
let watcher = null;
let drawn = ""; // what the cards are of: they are made anew where it changes, and else written over
const showGallery = (list, { model, sort }) => {
  const place = document.getElementById(GALLERY);
  if (!place) return;
  const opened = (row) => (catalog.drawings.get(row.id)?.settled ? "opened" : ""); // a scene's pictures come anew then
  const now = `${model} ${list.map((row) => `${row.id}:${row.revision}:${row.seen}${opened(row)}`).join()}`;
  if (now === drawn) {
    const by = new Map(list.map((row) => [row.id, row]));
    /** @type {NodeListOf<HTMLElement>} */ (place.querySelectorAll(".fs-card")).forEach((element) => {
      const said = note(by.get(element.dataset.chip), sort);
      element.querySelector(".fs-card-note").textContent = said;
      element.setAttribute("aria-label", labelOf(by.get(element.dataset.chip), said));
    });
    return;
  }
  drawn = now;
  if (watcher) watcher.disconnect();
  const more = make("div", { class: "fs-card-more" });
  let at = 0;
  const next = () => {
    list.slice(at, at + PORTION).forEach((row) => more.before(card(row, model, sort)));
    at += PORTION;
    if (at >= list.length) {
      watcher.disconnect();
      more.remove();
    }
  };
  watcher = new IntersectionObserver(
    (entries) => {
      if (entries.some((entry) => entry.isIntersecting)) next();
    },
    { root: place.closest(".fs-tab"), rootMargin: "400px" },
  );
  fill(place, list.length ? more : make("p", { class: "fs-soft" }, "No chip passes the filters."));
  if (list.length) {
    next();
    if (more.isConnected) watcher.observe(more);
  }
};

const show = (shown) => {
  const list = rows(shown);
  if (shown.list === "grid") showGallery(sorted(list, shown.sort), shown);
  else showTable(list, shown.sort, shown.chosen);
  return list.length;
};

export { rows, show };
