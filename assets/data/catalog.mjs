// What the browser knows: the catalog's chips and, by model, their predictions with decoded histograms.
// Dash stores carry version numbers only; the data stays here, decoded once.
import * as scores from "../scores/histogram.mjs";
import { Chips, NONE } from "./chips.mjs";
import { textOf } from "./columns.mjs";
import { Predicted } from "./predicted.mjs";

let chips = NONE; // of the catalog, as a Map by id
/** @type {Map<string, Predicted>} */
const models = new Map(); // by model spec
const failures = new Map(); // model spec -> Map(chip id -> why it could not be predicted)
const unusable = new Map(); // chip id -> revision of the files that no model can predict
const places = new Map(); // model spec -> how much of what anybody predicts by it is in this book, as the server counts
const drawings = new Map(); // scene id -> how far it is from being drawn: {ready, settled, stage, share}
const parts = new Map(); // model spec -> Map(scene id -> {prediction, share, done, total, looked, job}): what is predicted so far
const details = new Map(); // prediction revision -> {area, labelKm2, ...}
let info = { counts: {}, name: "", simulated: false };
let opened = null; // the server's latest answer to an opened chip
let version = 0; // changes with all of this; callbacks take it as their input

const heard = new Set(); // told of each catalog that comes in
const listen = (told) => {
  heard.add(told);
};

const gone = new Set(); // ids of chips that were in the catalog and are not any more

/** Take in the catalog as it is now. @param {import("./columns.mjs").Table} table */
const setCatalog = (table) => {
  const before = chips;
  chips = new Chips(table);
  gone.forEach((id) => chips.has(id) && gone.delete(id));
  before.ids.forEach((id, row) => {
    const now = chips.rows.get(id);
    if (now !== undefined && textOf(chips.texts.revision, now) === textOf(before.texts.revision, row)) return;
    if (now === undefined) gone.add(id); // else its files are others, or another image has its name
    [...models.values(), ...failures.values(), ...parts.values()].forEach((shelved) => shelved.delete(id));
    drawings.delete(id);
  });
  info = table.about.info;
  version += 1;
  heard.forEach((told) => told());
  return version;
};

/** What a model has predicted. @param {string} model */
const shelf = (model) => {
  if (!models.has(model)) models.set(model, new Predicted());
  return models.get(model);
};

// For each row of the catalog the place of its prediction in a model's book, or -1.
const aligned = new Map();
/** @param {string} model @returns {Int32Array} */
const placesOf = (model) => {
  const book = shelf(model);
  const held = aligned.get(model);
  if (held && held.chips === chips && held.version === book.version) return held.rows;
  const rows = Int32Array.from(chips.ids, (id) => book.places.get(id) ?? -1);
  aligned.set(model, { chips, version: book.version, rows });
  return rows;
};

const decoded = (p) => ({ ...p, histogram: p.histogram ? scores.histogram(p.histogram) : null });

// Take in predictions of a model, and the chips that it could not predict: [{id, message}].
const add = (model, predictions, failed = []) => {
  const place = shelf(model);
  if (!failures.has(model)) failures.set(model, new Map());
  failed.forEach((f) => {
    failures.get(model).set(f.id, f.message);
    if (f.unusable) unusable.set(f.id, chips.get(f.id)?.revision);
  });
  predictions.forEach((p) => {
    const known = place.get(p.id);
    if (known && known.revision === p.revision) return;
    place.put(p, p.histogram ? scores.countsOf(p.histogram) : null);
    parts.get(model)?.delete(p.id);
  });
  version += 1;
  return version;
};
/** Take in all that a model has predicted. @param {string} model @param {import("./columns.mjs").Table} table */
const load = (model, table) => {
  shelf(model).load(table);
  parts.get(model)?.forEach((_, id) => shelf(model).has(id) && parts.get(model).delete(id));
  version += 1;
  return version;
};

// What is known of usual water on an opened chip: null where nothing says it, undefined where that is not known yet.
const usual = (model, id) => {
  const p = id && shown(model, id);
  return p ? details.get(p.revision)?.usual : undefined;
};
// What of the water is usual at each level; null where nothing says it.
const usualOf = (told) =>
  told && !told.problem ? { ...told, area: scores.area(told.area), unknown: scores.area(told.unknown) } : told;

// Take in the answer to an opened chip: its prediction, or why there is none.
const open = (answer) => {
  opened = answer;
  return take(answer);
};
const take = (answer) => {
  const { id, prediction: p, detail, chip_revision: revision } = answer;
  const chip = chips.get(id);
  if (chip && revision && chip.revision !== revision) chips.revise(id, revision); // its files have changed
  if (answer.scene) drawings.set(id, answer.scene);
  if (detail) details.set(p.revision, { ...detail, area: scores.area(detail.area), usual: usualOf(detail.usual) });
  if (answer.partial) {
    if (!parts.has(answer.model)) parts.set(answer.model, new Map());
    parts.get(answer.model).set(id, { ...answer.partial, prediction: p ? decoded(p) : null });
    shelf(answer.model).delete(id); // its raster is gone, or its files are others
    return add(answer.model, []);
  }
  return add(answer.model, p ? [p] : [], answer.error ? [{ id, message: answer.error, unusable: answer.unusable }] : []);
};

// What callbacks compute follows from more than this book holds: have them compute again.
const touch = () => {
  version += 1;
  return version;
};

const prediction = (model, id) => (models.has(model) ? models.get(model).get(id) : undefined);

// What is known of a scene that is predicted in part, and what there is to show of a chip: all of it, or that part.
const part = (model, id) => parts.get(model)?.get(id);
// Of a scene whose label is being looked at, what its tiles show of that is not known yet: only what was predicted meanwhile is shown.
const shown = (model, id) => {
  const known = !chips.get(id)?.scene || drawings.get(id)?.settled;
  return (known && prediction(model, id)) || part(model, id)?.prediction || undefined;
};

// What is counted of a chip: all of it, whether its tiles can be drawn yet or not, or that part.
const counted = (model, id) => prediction(model, id) || part(model, id)?.prediction || undefined;

// Why a chip has no prediction, where one was tried.
const failure = (model, id) => (failures.has(model) ? failures.get(model).get(id) : undefined);

// The chips with imagery that a model has not predicted: those that it may, and those whose files no model can use.
/** @param {string} model @param {ArrayLike<number>} [among] rows */
const unpredicted = (model, among) => {
  const predicted = placesOf(model);
  const { imagery } = chips.numbers;
  let [left, cannot] = [0, 0];
  const count = (/** @type {number} */ row) => {
    if (!imagery[row] || predicted[row] >= 0) return;
    if (unusable.size && isUnusable(row)) cannot += 1;
    else left += 1;
  };
  if (among) for (let i = 0; i < among.length; i += 1) count(among[i]);
  else for (let row = 0; row < chips.size; row += 1) count(row);
  return { left, cannot };
};
const isUnusable = (/** @type {number} */ row) => {
  const id = chips.ids[row];
  return unusable.has(id) && [undefined, textOf(chips.texts.revision, row)].includes(unusable.get(id));
};

// Figures of one chip at a level: null where it has no label or no prediction.
const chipFigures = (model, id, k) => {
  const p = counted(model, id);
  if (!p) return null;
  if (!p.book) return p.histogram ? scores.figures(scores.confusion(p.histogram, k)) : null;
  return p.book.levels.has[p.place] ? scores.figures(p.book.levels.confusion(p.place, k)) : null;
};

/**
 * IoU of rows at a level: undefined where a chip is not predicted, null where it has no label or no water.
 * @param {string} model @param {number} k @returns {(row: number) => number | null | undefined}
 */
const iouOf = (model, k) => {
  const predicted = placesOf(model);
  const { levels } = shelf(model);
  levels.move(k);
  const { scene } = chips.numbers;
  return (row) => {
    if (scene[row]) return counted(model, chips.ids[row]) ? (chipFigures(model, chips.ids[row], k)?.iou ?? null) : undefined;
    const place = predicted[row];
    if (place < 0) return undefined;
    const union = levels.has[place] ? levels.water[place] + levels.fp[place] : 0;
    return union > 0 ? levels.tp[place] / union : null;
  };
};

export {
  add,
  chipFigures,
  chips,
  counted,
  details,
  drawings,
  failure,
  gone,
  info,
  iouOf,
  listen,
  load,
  open,
  opened,
  part,
  places,
  placesOf,
  prediction,
  setCatalog,
  shelf,
  shown,
  take,
  touch,
  unpredicted,
  usual,
  version,
};
