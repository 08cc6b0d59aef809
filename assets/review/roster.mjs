// All models side by side: one row a region, one column a model, micro IoU at the threshold. It comes when the Models tab is opened.

import * as catalog from "../data/catalog.mjs";
import * as grouping from "../data/grouping.mjs";
import * as groups from "../data/groups.mjs";
import * as shelf from "../data/shelf.mjs";
import { make } from "../page/dom.mjs";
import * as format from "../page/format.mjs";
import * as marks from "../page/marks.mjs";

const ALL = "All chips";

// Those that have predicted something; their predictions are asked for where they are not there yet.
const models = () => {
  const some = shelf.usable().filter((one) => one.chips);
  some.forEach(({ spec }) => shelf.load(spec));
  return some.filter(({ spec }) => catalog.shelf(spec).size);
};

/** Regions and, of each model, its figures there; null where it has scored nothing. */
const table = (some, k, by) => {
  const of = some.map(({ spec }) => {
    const rows = new Map(groups.rows(spec, k, by).map((row) => [row.name, row]));
    return rows.set(ALL, groups.total(spec, k));
  });
  const names = new Set(
    of.flatMap((rows) => [...rows].filter(([, row]) => row.scored && row.name !== ALL).map(([name]) => name)),
  );
  names.delete(ALL);
  return [ALL, ...[...names].sort((a, b) => a.localeCompare(b))].map((name) => ({
    name,
    cells: of.map((rows) => {
      const row = rows.get(name);
      return row && row.scored ? row : null;
    }),
  }));
};

// Over all chips no number stands that is no measure of the model.
const hidden = (name, row) => name === ALL && row.seen === true;
const cell = (name, row) => {
  if (!row || row.iou === null || hidden(name, row))
    return make("td", { class: "fs-few" }, format.NONE, row ? marks.mark(row.seen) : "");
  const few = row.scored < 2 || row.seen === true;
  const told = `${format.count(row.scored, "chip")}${row.interval ? `, 95 % interval ${format.interval(row.interval)}` : ""}`;
  return make("td", { class: few ? "fs-few" : null, title: told }, format.score(row.iou), marks.mark(row.seen));
};

const save = async (some, rows, k, by, threshold) => {
  const { save: write } = await import("../page/csv.mjs");
  const columns = some.flatMap(({ name }) => [`${name} IoU`, `${name} chips`, `${name} seen`]);
  const values = rows.map(({ name, cells }) => [
    name,
    ...cells.flatMap((row) =>
      row
        ? [hidden(name, row) ? null : row.iou, row.scored, row.seen === true ? "yes" : row.seen === false ? "no" : ""]
        : [null, 0, ""],
    ),
  ]);
  write(`floodscope-models-${threshold.toFixed(2)}`, [[grouping.BY[by], ...columns], ...values], { threshold });
};

/** The section of the Models tab; nothing where fewer than two models have predicted. */
export const section = ({ k, by, threshold }) => {
  const some = models();
  if (some.length < 2) return [];
  const rows = table(some, k, by);
  return [
    make(
      "div",
      { class: "fs-part-head" },
      make("h2", {}, "All models by region"),
      make(
        "button",
        { class: "fs-button", type: "button", id: "roster-csv", onclick: () => save(some, rows, k, by, threshold) },
        "CSV",
      ),
    ),
    make(
      "p",
      { class: "fs-soft" },
      "Micro IoU at the threshold, of the chips that each model has scored and not seen; grey where that is one chip or seen ones alone.",
    ),
    make(
      "div",
      { class: "fs-scroll", tabindex: 0, role: "region", "aria-label": "All models by region" },
      make(
        "table",
        { class: "fs-table fs-roster", id: "roster-table" },
        make(
          "thead",
          {},
          make(
            "tr",
            {},
            make("th", { scope: "col" }, grouping.BY[by]),
            some.map(({ name }) => make("th", { scope: "col" }, name)),
          ),
        ),
        make(
          "tbody",
          {},
          rows.map(({ name, cells }) =>
            make(
              "tr",
              { "data-name": name },
              make("th", { scope: "row", title: name }, name),
              cells.map((row) => cell(name, row)),
            ),
          ),
        ),
      ),
    ),
  ];
};
