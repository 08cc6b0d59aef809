// The Models tab: the model in use (A) beside another (B), where they differ, their curves, their totals, their cards.

import * as catalog from "../data/catalog.mjs";
import * as grouping from "../data/grouping.mjs";
import * as groups from "../data/groups.mjs";
import * as pairing from "../data/pairing.mjs";
import * as shelf from "../data/shelf.mjs";
import * as training from "../data/training.mjs";
import * as tiles from "../map/tiles.mjs";
import { tell } from "../page/bridge.mjs";
import { fill, make, select } from "../page/dom.mjs";
import * as format from "../page/format.mjs";
import * as marks from "../page/marks.mjs";
import * as state from "../page/state.mjs";
import * as headline from "../scores/headline.mjs";
import * as pairs from "../scores/pairing.mjs";
import * as cards from "./cards.mjs";
import * as quality from "./quality.mjs";
import * as thumbnails from "./thumbnails.mjs";

const MOVERS = 8;
const PLACE = { pick: "models-pick", difference: "models-difference" };

// --- which models --------------------------------------------------------------------------------------------
const title = (m) => `${m.name} (${format.count(m.chips, "chip")})`;
const pick = ({ model, other }) => {
  const all = shelf.usable();
  const a = select(
    { id: "pick-a", onchange: (event) => tell("model", { value: event.target.value }) },
    all.filter((m) => m.offered).map((m) => [m.spec, title(m)]),
    model,
  );
  const b = select(
    { id: "pick-b", onchange: (event) => state.set({ other: event.target.value || null }) },
    [
      ["", "Choose a model"],
      ...all.filter((m) => m.spec !== model).map((m) => [m.spec, m.offered ? title(m) : `${title(m)}, not on offer`]),
    ],
    other || "",
  );
  const swappable = other && all.some((m) => m.spec === other && m.offered);
  fill(
    PLACE.pick,
    make("label", { for: "pick-a" }, make("span", { class: "fs-letter fs-letter-a" }, "A"), "Model in use"),
    a,
    make("label", { for: "pick-b" }, make("span", { class: "fs-letter fs-letter-b" }, "B"), "Compared with"),
    b,
    swappable
      ? make(
          "button",
          {
            class: "fs-button",
            type: "button",
            id: "model-swap",
            onclick: () => {
              state.set({ other: model });
              tell("model", { value: other });
            },
          },
          "Swap A and B",
        )
      : "",
    shelf.problem ? make("p", { class: "fs-notice fs-notice-error", role: "alert" }, shelf.problem) : "",
  );
};

// --- the difference ------------------------------------------------------------------------------------------
const signed = (value) => {
  if (!format.known(value)) return format.NONE;
  const text = Math.abs(value).toFixed(2);
  return `${text === "0.00" ? "" : value > 0 ? "+" : "−"}${text}`;
};
const range = (i) => (i ? `[${signed(i.low)}, ${signed(i.high)}]` : "n\u2009=\u20091");
const badge = (letter) => make("span", { class: `fs-letter fs-letter-${letter.toLowerCase()}` }, letter);
const verdict = (d) => {
  if (d.seen === true) return marks.mark(true);
  if (!d.interval) return make("span", { title: "Too few chips to say" }, "?");
  if (d.interval.low > 0) return badge("A");
  if (d.interval.high < 0) return badge("B");
  return make("span", { title: "No clear difference: the interval holds 0" }, "–");
};
const ALL = "All chips";
const cell = (text, few) => make("td", few ? { class: "fs-few" } : {}, text);
const iouOf = (d, figures) => (d.seen === true && d.name === ALL ? format.NONE : format.score(figures.iou)); // of all, no number that is no measure
const differences = (c, by) =>
  make(
    "div",
    { class: "fs-scroll", tabindex: 0, role: "region", "aria-label": "Difference by region" },
    make(
      "table",
      { class: "fs-table", id: "difference-table" },
      make(
        "thead",
        {},
        make(
          "tr",
          {},
          [grouping.BY[by], "Better", "A", "B", "A − B [95 %]", "Chips"].map((name) => make("th", { scope: "col" }, name)),
        ),
      ),
      make(
        "tbody",
        {},
        [{ ...c, name: ALL }, ...c.groups].map((d) =>
          make(
            "tr",
            { "data-name": d.name },
            make("th", { scope: "row", title: d.name }, d.name),
            cell(verdict(d), !d.interval),
            cell(iouOf(d, d.one), d.seen === true),
            cell(iouOf(d, d.two), d.seen === true),
            cell(
              d.seen === true && d.name === ALL
                ? format.NONE
                : `${signed(d.difference)} ${d.seen === true ? "" : range(d.interval)}`,
              !d.interval,
            ),
            cell(format.integer(d.chips)),
          ),
        ),
      ),
    ),
  );
// What is counted, where a model was trained on some of the chips.
const counted = (c, chips) => {
  const [all, seen, unknown] = [
    chips.length,
    chips.filter((one) => one.seen === true).length,
    chips.filter((one) => one.seen === null).length,
  ];
  const left = all - seen - unknown;
  if (left === all) return "";
  if (unknown === all) return "It is not known whether A or B has seen these chips.";
  if (seen === all)
    return `${all === 1 ? "The one chip that both have scored was" : `All ${format.count(all, "chip")} that both have scored were`} seen by A or B, so there is no difference to rely on.`;
  if (!left)
    return `${format.integer(seen)} of ${format.count(all, "chip")} ${seen === 1 ? "was" : "were"} seen by A or B, of the others it is not known, so there is no difference to rely on.`;
  return `Counted: the ${format.count(left, "chip")} of ${format.integer(all)} that neither A nor B has seen.`;
};
const validated = (model, other) =>
  [
    ["A", model],
    ["B", other],
  ]
    .map(([letter, spec]) => [letter, training.crossvalidated(spec)])
    .filter(([, told]) => told)
    .map(([letter, told]) => `${letter}: ${told[0].toLowerCase()}${told.slice(1)}.`)
    .join(" ");

const movers = (c, model, other) =>
  c.moved.slice(0, MOVERS).map((m) => {
    const chip = catalog.chips.get(m.id);
    const better = m.fewer > 0 ? "A" : "B";
    const said = `${better} has ${format.integer(Math.abs(m.fewer))} px fewer wrong`;
    const pictures = [...thumbnails.elements(chip, model), ...thumbnails.elements(chip, other).slice(1)];
    return make(
      "button",
      {
        class: "fs-card fs-card-wide",
        type: "button",
        "aria-label": `Open ${m.id}: ${said}${m.seen === true ? ", seen by A or B" : ""}`,
        onclick: () => tiles.choose(m.id),
      },
      make("span", { class: "fs-thumbs" }, pictures),
      make("span", { class: "fs-card-name" }, m.id),
      make("span", { class: "fs-card-foot" }, make("span", { class: "fs-card-note" }, said), marks.mark(m.seen)),
    );
  });

const totals = (c) =>
  make(
    "table",
    { class: "fs-table", id: "totals-table" },
    make(
      "caption",
      {},
      `Pixels of the ${format.count(c.chips, "chip")} that both have scored${c.seen === true ? ", seen by A or B" : ""}`,
    ),
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        ["", "True water", "False water", "Missed water", "True dry"].map((name) =>
          make("th", { scope: "col" }, name || make("span", { class: "fs-visually-hidden" }, "Model")),
        ),
      ),
    ),
    make(
      "tbody",
      {},
      [
        ["A", c.one],
        ["B", c.two],
      ].map(([name, f]) =>
        make(
          "tr",
          {},
          make("th", { scope: "row" }, name),
          ["tp", "fp", "fn", "tn"].map((key) => make("td", {}, format.integer(f[key]))),
        ),
      ),
    ),
  );

// B has nothing that could be compared: it can be had from here, where it is on offer.
const missing = (other) => {
  const { left } = catalog.unpredicted(other);
  const known = shelf.models.find((one) => one.spec === other);
  const job = shelf.jobOf(other);
  const said = catalog.shelf(other).size
    ? "No chip is scored under both models."
    : `${shelf.nameOf(other)} has predicted nothing here yet.`;
  return make(
    "div",
    { class: "fs-notice" },
    make("p", {}, said),
    known && known.offered && left > 0 && !job?.progress?.running
      ? make(
          "button",
          { class: "fs-button", type: "button", id: "predict-b", onclick: () => shelf.predict(other) },
          `Predict the ${format.count(left, "chip")} with B`,
        )
      : "",
  );
};
// How far B is, while it predicts; and what kept it from it.
const underWay = (other) => {
  const { progress, error } = shelf.jobOf(other) || {};
  const lost = progress ? progress.failed.length : 0;
  if (error) return make("p", { class: "fs-notice fs-notice-error", role: "alert" }, error);
  if (!progress || !(progress.running || lost)) return "";
  const told = `B has predicted ${format.integer(progress.done)} of ${format.count(progress.total, "chip")}`;
  return make(
    "p",
    { class: "fs-notice", role: "status" },
    `${told}${lost ? `; ${format.integer(lost)} could not be predicted` : ""}.`,
  );
};

// The table of differences as a file, its numbers whole.
const toFile = async (c, { model, other, by }) => {
  const { save } = await import("../page/csv.mjs");
  const { threshold } = state.get();
  const names = [grouping.BY[by], "IoU A", "IoU B", "A - B", "low", "high", "chips"];
  save(`floodscope-difference-${threshold.toFixed(2)}`, [names, ...pairing.contents(c, ALL)], { A: model, B: other, threshold });
};

const difference = (c, chips, shown) => {
  const { model, other, by } = shown;
  if (!c.chips) {
    fill(PLACE.difference, missing(other), underWay(other));
    return;
  }
  fill(
    PLACE.difference,
    underWay(other),
    make(
      "div",
      { class: "fs-part-head" },
      make("h2", {}, "Where they differ"),
      make("button", { class: "fs-button", type: "button", id: "difference-csv", onclick: () => toFile(c, shown) }, "CSV"),
    ),
    make(
      "p",
      { class: "fs-soft" },
      "Micro IoU of A less that of B, with its paired 95 % bootstrap interval over the same chips. Better: the model that the interval speaks for; – where it holds 0, ? where there are too few chips.",
    ),
    ...[counted(c, chips), validated(model, other)]
      .filter(Boolean)
      .map((told) => make("p", { class: "fs-soft fs-seen-note" }, told)),
    differences(c, by),
    totals(c),
    make("h2", {}, "Chips that moved most"),
    c.moved.length
      ? make("div", { class: "fs-gallery", id: "movers" }, movers(c, model, other))
      : make("p", { class: "fs-soft" }, "At this threshold both are right and wrong in the same number of pixels on every chip."),
  );
};

// --- all of it -------------------------------------------------------------------------------------------------
// The table of all models comes once somebody looks at this tab.
const roster = async (shown) => {
  const { section } = await import("./roster.mjs");
  fill("models-all", ...section({ ...shown, threshold: state.get().threshold }));
};

let last = ""; // what the lists are of; a new threshold changes numbers and curves alone
const show = (shown) => {
  const { model, other, k, by, settings } = shown;
  const now = JSON.stringify([catalog.version, model, other]);
  if (now !== last) {
    pick(shown);
    cards.show(settings, model);
  }
  last = now;
  roster(shown);
  if (other) shelf.load(other);
  const chips = other ? pairing.common(model, other, by) : [];
  if (other) {
    const books = { one: catalog.shelf(model).levels, two: catalog.shelf(other).levels };
    const c = pairs.of(chips, books, k);
    difference(c, chips, shown);
    const { counted: some, seen } = headline.pool(chips);
    quality.show(
      some.length
        ? [
            ["A", books.one.sum(some.map(({ one }) => one))],
            ["B", books.two.sum(some.map(({ two }) => two))],
          ]
        : [],
      k,
      seen,
    );
    return;
  }
  const all = groups.of(model, "country").all;
  const told = training.sentence(model, { scored: all.scored.length, seen: all.seenChips, unknown: all.unknown });
  fill(
    PLACE.difference,
    make("p", { class: "fs-soft" }, "Choose a second model to see where the two differ, chip by chip and region by region."),
    told ? make("p", { class: "fs-soft fs-seen-note" }, told) : "",
  );
  quality.show(all.counted.length ? [["A", groups.curve(all).sum]] : [], k, all.seen);
};

export { show };
