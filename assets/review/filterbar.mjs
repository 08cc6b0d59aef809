// The bar above tables and figures: which chips are shown, by what, and how wide the panel is.

import * as catalog from "../data/catalog.mjs";
import * as filters from "../data/filters.mjs";
import * as grouping from "../data/grouping.mjs";
import { fill, make, select } from "../page/dom.mjs";
import * as format from "../page/format.mjs";
import * as state from "../page/state.mjs";
import { NO_FILTERS } from "../page/state.mjs";

const PLACE = "filter-bar";

// Of the state, which has the last change at once; what is sifted follows it by way of Dash.
const chosen = () => state.get().filters;
const set = (news) => state.set({ filters: { ...chosen(), ...news } });

const namesOf = (key) => {
  const counts = new Map();
  catalog.chips.forEach((chip) => {
    if (!filters.values.known && filters.onlyKnown(chip)) return;
    const name = grouping.nameOf(key, chip);
    counts.set(name, (counts.get(name) || 0) + 1);
  });
  return [...counts].sort((a, b) => a[0].localeCompare(b[0]));
};

// Several of a list: boxes to tick, folded.
const several = (key, label) => {
  const on = filters.values[key] || [];
  const names = namesOf(key);
  return make(
    "details",
    { class: "fs-pick", id: `pick-${key}` },
    make("summary", {}, `${label}: ${on.length === 0 ? "all" : on.length === 1 ? on[0] : format.integer(on.length)}`),
    make(
      "div",
      { class: "fs-pick-list", role: "group", "aria-label": label },
      names.map(([name, count], i) =>
        make(
          "label",
          {},
          make("input", {
            type: "checkbox",
            id: `pick-${key}-${i}`,
            checked: on.includes(name),
            onchange: (event) => {
              const now = new Set(chosen()[key] || []);
              if (event.target.checked) now.add(name);
              else now.delete(name);
              set({ [key]: [...now] });
            },
          }),
          make("span", {}, name),
          make("span", { class: "fs-soft" }, format.integer(count)),
        ),
      ),
    ),
  );
};

const date = (key, label) =>
  make(
    "label",
    { class: "fs-field" },
    label,
    make("input", {
      type: "date",
      id: `filter-${key}`,
      value: filters.values[key] || "",
      onchange: (event) => set({ [key]: event.target.value || null }),
    }),
  );
const iou = (index, label) =>
  make(
    "label",
    { class: "fs-field" },
    label,
    make("input", {
      type: "number",
      id: `filter-iou-${index}`,
      min: 0,
      max: 1,
      step: 0.05,
      value: String((filters.values.iou || [0, 1])[index]),
      onchange: (event) => {
        const value = Math.min(1, Math.max(0, Number(event.target.value)));
        const now = [...(chosen().iou || [0, 1])];
        now[index] = Number.isFinite(value) ? value : index;
        set({ iou: now[0] <= now[1] ? now : [now[1], now[0]] });
      },
    }),
  );
const either = (key, label, yes, no) =>
  make(
    "label",
    { class: "fs-field" },
    label,
    select(
      { id: `filter-${key}`, onchange: (event) => set({ [key]: event.target.value || null }) },
      [
        ["", "either"],
        ["yes", yes],
        ["no", no],
      ],
      filters.values[key] || "",
    ),
  );

const form = () =>
  make(
    "div",
    { class: "fs-filter-form" },
    several("country", "Country"),
    several("event", "Event"),
    several("split", "Split"),
    make("div", { class: "fs-field-row" }, date("from", "From"), date("to", "To")),
    make("div", { class: "fs-field-row" }, iou(0, "IoU from"), iou(1, "to")),
    make(
      "div",
      { class: "fs-field-row" },
      either("labelled", "Label", "labelled", "no label"),
      either("predicted", "Prediction", "predicted", "not predicted"),
    ),
    make(
      "div",
      { class: "fs-field-row" },
      either("seen", "Seen in training or calibration", "seen by this model", "unseen by this model"),
    ),
  );

// What filters are on, each with a button that takes it off.
const NAMES = {
  country: "Country",
  event: "Event",
  split: "Split",
  date: "Date",
  iou: "IoU",
  labelled: "Label",
  predicted: "Prediction",
  seen: "Seen",
};
const textOf = (key) => {
  const v = filters.values;
  if (key === "date") return [v.from && `from ${v.from}`, v.to && `to ${v.to}`].filter(Boolean).join(" ");
  if (key === "iou") return `${v.iou[0]} to ${v.iou[1]}`;
  if (key === "labelled") return v.labelled === "yes" ? "labelled" : "no label";
  if (key === "predicted") return v.predicted === "yes" ? "predicted" : "not predicted";
  if (key === "seen") return v.seen === "yes" ? "seen by this model" : "unseen by this model";
  return v[key].length > 2 ? `${v[key].length} chosen` : v[key].join(", ");
};
const off = {
  country: { country: [] },
  event: { event: [] },
  split: { split: [] },
  date: { from: null, to: null },
  iou: { iou: [0, 1] },
  labelled: { labelled: null },
  predicted: { predicted: null },
  seen: { seen: null },
};
const tags = () =>
  Object.entries(filters.active())
    .filter(([, on]) => on)
    .map(([key]) =>
      make(
        "button",
        {
          class: "fs-tag",
          type: "button",
          "aria-label": `Take off the filter ${NAMES[key]} ${textOf(key)}`,
          onclick: () => set(off[key]),
        },
        `${NAMES[key]}: ${textOf(key)}`,
        make("span", { "aria-hidden": true }, " ×"),
      ),
    );

// The switch for chips of which there is no image: their place is known, and nothing of them can be opened.
const ghosts = (count, known) =>
  count
    ? make(
        "button",
        {
          class: "fs-button fs-known-toggle",
          type: "button",
          id: "known-toggle",
          "aria-pressed": String(known),
          onclick: () => set({ known: !known }),
          title: "Chips whose footprint alone is known: there is no image on disk, so they cannot be opened, predicted or scored",
        },
        `${known ? "Hide" : "Show"} ${format.integer(count)} known only`,
      )
    : "";

let last = "";
const show = (wide) => {
  const { known } = filters.values;
  const shown = filters.chips().filter((chip) => !filters.onlyKnown(chip)).length;
  const only = filters.known().length;
  const all = filters.total();
  const now = JSON.stringify([
    catalog.chips.size && namesOf("country").length,
    filters.values,
    filters.unknown(),
    shown,
    only,
    all,
    wide,
  ]);
  if (now === last) return;
  last = now;
  fill(
    PLACE,
    make(
      "div",
      { class: "fs-filter-row" },
      make("details", { class: "fs-filter", id: "filter" }, make("summary", { class: "fs-button" }, "Filter"), form()),
      make(
        "span",
        { class: "fs-soft", id: "filter-count", role: "status" },
        filters.any() ? `${format.integer(shown)} of ${format.count(all, "chip")}` : format.count(all, "chip"),
      ),
      ghosts(only, Boolean(known)),
      make(
        "button",
        {
          class: "fs-button fs-wide-toggle",
          type: "button",
          id: "wide-toggle",
          "aria-pressed": String(Boolean(wide)),
          onclick: () => state.set({ wide: !wide }),
        },
        wide ? "Narrower" : "Wider",
      ),
    ),
    filters.unknown().length
      ? make(
          "p",
          { class: "fs-soft", role: "status" },
          `No chip here is of ${filters.unknown().join(", ")}: that filter is left out.`,
        )
      : "",
    ...(filters.any()
      ? [
          make(
            "div",
            { class: "fs-tags" },
            tags(),
            make(
              "button",
              {
                class: "fs-tag",
                type: "button",
                id: "filter-clear",
                onclick: () => set({ ...NO_FILTERS, known: Boolean(known) }),
              },
              "Clear all",
            ),
          ),
        ]
      : []),
  );
};

export { set, show };
