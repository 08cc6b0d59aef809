// Which chips are shown: the filters, and the region that was chosen. Map, list, tables and figures ask here.

import { NO_FILTERS } from "../page/state.mjs";
import * as catalog from "./catalog.mjs";
import { textOf } from "./columns.mjs";
import { filed, nameOf } from "./grouping.mjs";
import * as training from "./training.mjs";

let values = NO_FILTERS;
let context = { model: null, k: 127, by: "country", region: null };
let passed = new Uint8Array(0); // by row: 1 of those that pass the filters and are shown
let ghosts = new Uint8Array(0); // and of those that pass, and of which the catalog knows no more than a name and a place
let listed = new Uint32Array(0); // rows that pass and are shown
let version = 0; // changes with the chips that pass
let key = "";

const some = (list) => list && list.length > 0;
const active = () => ({
  country: some(values.country),
  event: some(values.event),
  split: some(values.split),
  date: Boolean(values.from || values.to),
  iou: Boolean(values.iou) && (values.iou[0] > 0 || values.iou[1] < 1),
  labelled: Boolean(values.labelled),
  predicted: Boolean(values.predicted),
  seen: Boolean(values.seen),
});
const any = () => Object.values(active()).includes(true);

// A link may hold what this catalog has not, a name twice, or dates the wrong way round.
const KEYS = ["country", "event", "split"];
let strangers = []; // names that a link asked for and no chip has
const sound = (wanted) => {
  const of = (name) => new Set(catalog.chips.size ? filed(name).names : wanted[name]);
  const known = (name) => [...new Set(wanted[name] || [])].filter((value) => of(name).has(value));
  if (catalog.chips.size && wanted !== values)
    strangers = KEYS.flatMap((name) => (wanted[name] || []).filter((value) => !of(name).has(value)));
  const dates = wanted.from && wanted.to && wanted.from > wanted.to ? { from: wanted.to, to: wanted.from } : {};
  return { ...wanted, ...Object.fromEntries(KEYS.map((name) => [name, known(name)])), ...dates };
};

// Chips that can be opened, or whose files cannot be used and say why, are shown; those that are only known by a switch.
const onlyKnown = (chip) => !chip.imagery && !chip.problem;

// What the filters ask of a row: each a function that says whether it passes.
const questions = (on) => {
  const { chips } = catalog;
  const { model, k } = context;
  /** @type {((row: number) => boolean)[]} */
  const out = [];
  KEYS.filter((key) => on[key]).forEach((key) => {
    const { codes, names } = filed(key);
    const among = Uint8Array.from(names, (name) => (values[key].includes(name) ? 1 : 0));
    out.push((row) => among[codes[row]] === 1);
  });
  if (on.date)
    out.push((row) => {
      const date = (textOf(chips.texts.date, row) || "").slice(0, 10);
      return Boolean(date) && !(values.from && date < values.from) && !(values.to && date > values.to);
    });
  if (on.labelled) out.push((row) => (chips.numbers.labelled[row] === 1) === (values.labelled === "yes"));
  if (on.predicted) {
    const places = catalog.placesOf(model);
    out.push((row) => places[row] >= 0 === (values.predicted === "yes"));
  }
  if (on.seen) {
    const seen = training.ofRows(model);
    out.push((row) => (seen(row) === true) === (values.seen === "yes"));
  }
  if (on.iou) {
    const iou = catalog.iouOf(model, k);
    const [low, high] = values.iou;
    out.push((row) => {
      const value = iou(row);
      return value !== null && value !== undefined && value >= low && value <= high;
    });
  }
  return out;
};

// Take what is new, and sift again where it can matter. Returns whether other chips pass than before.
const use = (news) => {
  values = sound(news.values ? { ...NO_FILTERS, ...news.values } : values);
  context = { ...context, ...news };
  const on = active();
  const now = JSON.stringify([
    values,
    catalog.version,
    on.iou || on.predicted || on.seen ? context.model : 0,
    on.iou ? context.k : 0,
  ]);
  if (now === key) return false;
  const fresh = key === "" || JSON.parse(key)[1] !== catalog.version;
  key = now;
  const [before, beforeGhosts] = [passed, ghosts];
  const asked = questions(on);
  const { chips } = catalog;
  [passed, ghosts] = [new Uint8Array(chips.size), new Uint8Array(chips.size)];
  const rows = new Uint32Array(chips.size);
  let count = 0;
  for (let row = 0; row < chips.size; row += 1) {
    if (!asked.every((passes) => passes(row))) continue;
    ghosts[row] = chips.ghosts[row];
    if (ghosts[row] && !values.known) continue;
    passed[row] = 1;
    rows[count] = row;
    count += 1;
  }
  listed = rows.slice(0, count);
  const equal = (a, b) => a.length === b.length && a.every((value, row) => value === b[row]);
  const same = !fresh && equal(before, passed) && equal(beforeGhosts, ghosts);
  if (!same) version += 1;
  return !same;
};

/** The rows of the catalog that pass and are shown, in its order. */
const rows = () => listed;
const chips = () => Array.from(listed, (row) => catalog.chips.at(row));
/** Whether a row passes and is shown. */
const shown = (row) => passed[row] === 1;
const isGhost = (row) => catalog.chips.ghosts[row] === 1;
// Those that are only known, shown or not.
const known = () => {
  const out = [];
  ghosts.forEach((is, row) => is && out.push(catalog.chips.at(row)));
  return out;
};
const unknown = () => strangers;
// How many chips there are without any filter, those that are only known left out.
const total = () => catalog.chips.ghosts.reduce((n, is) => n + 1 - is, 0);

// Whether a chip belongs to the chosen region; every chip does where none is chosen.
const focused = (id) => {
  if (!context.region) return true;
  const chip = catalog.chips.get(id);
  return Boolean(chip) && nameOf(context.by, chip, context.model) === context.region;
};
/** The same of rows. @returns {(row: number) => boolean} */
const focusedRows = () => {
  if (!context.region) return () => true;
  const { codes, names } = filed(context.by, context.model);
  const code = names.indexOf(context.region);
  return (row) => codes[row] === code;
};

export {
  active,
  any,
  chips,
  context,
  focused,
  focusedRows,
  isGhost,
  known,
  onlyKnown,
  rows,
  shown as passed,
  total,
  unknown,
  use,
  values,
  version,
};
