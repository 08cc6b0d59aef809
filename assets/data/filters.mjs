// Which chips are shown: the filters, and the region that was chosen. Map, list, tables and figures ask here.

import { NO_FILTERS } from "../page/state.mjs";
import * as catalog from "./catalog.mjs";
import { nameOf } from "./grouping.mjs";
import * as training from "./training.mjs";

let values = NO_FILTERS;
let context = { model: null, k: 127, by: "country", region: null };
let passed = new Set(); // ids that pass the filters and are shown
let ghosts = new Set(); // ids that pass the filters, and of which the catalog knows no more than a name and a place
let version = 0; // changes with the chips that pass
let key = "";

const listed = (list) => list && list.length > 0;
const active = () => ({
  country: listed(values.country),
  event: listed(values.event),
  split: listed(values.split),
  date: Boolean(values.from || values.to),
  iou: Boolean(values.iou) && (values.iou[0] > 0 || values.iou[1] < 1),
  labelled: Boolean(values.labelled),
  predicted: Boolean(values.predicted),
  seen: Boolean(values.seen),
});
const any = () => Object.values(active()).includes(true);

// A link may hold what this catalog has not, a name twice, or dates the wrong way round.
const KEYS = ["country", "event", "split"];
let names = { version: null };
const sound = (wanted) => {
  if (names.version !== catalog.version) {
    const chips = [...catalog.chips.values()];
    names = {
      version: catalog.version,
      ...Object.fromEntries(KEYS.map((name) => [name, new Set(chips.map((chip) => nameOf(name, chip)))])),
    };
  }
  const known = (name) => [...new Set(wanted[name] || [])].filter((value) => !catalog.chips.size || names[name].has(value));
  const dates = wanted.from && wanted.to && wanted.from > wanted.to ? { from: wanted.to, to: wanted.from } : {};
  return { ...wanted, ...Object.fromEntries(KEYS.map((name) => [name, known(name)])), ...dates };
};

// Chips that can be opened, or whose files cannot be used and say why, are shown; those that are only known by a switch.
const onlyKnown = (chip) => !chip.imagery && !chip.problem;

const among = (list, value) => !listed(list) || list.includes(value);
const passes = (chip, on) => {
  if (KEYS.some((key) => !among(values[key], nameOf(key, chip)))) return false;
  if (on.date) {
    const date = (chip.date || "").slice(0, 10);
    if (!date || (values.from && date < values.from) || (values.to && date > values.to)) return false;
  }
  if (on.labelled && chip.labelled !== (values.labelled === "yes")) return false;
  if (on.predicted && Boolean(catalog.prediction(context.model, chip.id)) !== (values.predicted === "yes")) return false;
  if (on.seen && (training.of(context.model, chip.id) === true) !== (values.seen === "yes")) return false;
  if (on.iou) {
    const figures = catalog.chipFigures(context.model, chip.id, context.k);
    if (!figures || figures.iou === null || figures.iou < values.iou[0] || figures.iou > values.iou[1]) return false;
  }
  return true;
};

// Take what is new, and sift again where it can matter. Returns whether other chips pass than before.
const use = (news) => {
  values = sound({ ...NO_FILTERS, ...(news.values || values) });
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
  const some = any();
  [passed, ghosts] = [new Set(), new Set()];
  catalog.chips.forEach((chip) => {
    if (some && !passes(chip, on)) return;
    if (onlyKnown(chip)) ghosts.add(chip.id);
    if (values.known || !onlyKnown(chip)) passed.add(chip.id);
  });
  const equal = (a, b) => a.size === b.size && [...a].every((id) => b.has(id));
  const same = !fresh && equal(before, passed) && equal(beforeGhosts, ghosts);
  if (!same) version += 1;
  return !same;
};

const of = (ids) => {
  const out = [];
  ids.forEach((id) => {
    const chip = catalog.chips.get(id);
    if (chip) out.push(chip);
  });
  return out;
};
const chips = () => of(passed);
const known = () => of(ghosts); // shown or not
// How many chips there are without any filter, those that are only known left out.
const total = () => {
  let n = 0;
  catalog.chips.forEach((chip) => {
    n += onlyKnown(chip) ? 0 : 1;
  });
  return n;
};

// Whether a chip belongs to the chosen region; every chip does where none is chosen.
const focused = (id) => {
  if (!context.region) return true;
  const chip = catalog.chips.get(id);
  return Boolean(chip) && nameOf(context.by, chip, context.model) === context.region;
};

export { active, any, chips, context, focused, known, onlyKnown, total, use, values, version };
