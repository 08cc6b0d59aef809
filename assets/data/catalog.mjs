// What the browser knows: the catalog's chips and, by model, their predictions with decoded histograms.
// Dash stores carry version numbers only; the data stays here, decoded once.
import * as scores from "../scores/histogram.mjs";

const chips = new Map(); // id -> chip of the catalog
const models = new Map(); // model spec -> Map(chip id -> prediction)
const failures = new Map(); // model spec -> Map(chip id -> why it could not be predicted)
const unusable = new Map(); // chip id -> revision of the files that no model can predict
const details = new Map(); // prediction revision -> {area, labelKm2, ...}
let info = { counts: {}, name: "", simulated: false };
let opened = null; // the server's latest answer to an opened chip
let version = 0; // changes with all of this; callbacks take it as their input

const gone = new Set(); // ids of chips that were in the catalog and are not any more

const setCatalog = (payload) => {
  const before = new Map(chips);
  chips.clear();
  payload.chips.forEach((chip) => {
    chips.set(chip.id, chip);
    gone.delete(chip.id);
  });
  before.forEach((was, id) => {
    const now = chips.get(id);
    if (now && now.revision === was.revision) return;
    if (!now) gone.add(id); // else its files are others, or another image has its name
    [...models.values(), ...failures.values()].forEach((shelved) => shelved.delete(id));
  });
  info = payload.info;
  version += 1;
  return version;
};

const shelf = (model) => {
  if (!models.has(model)) models.set(model, new Map());
  return models.get(model);
};

// Take in predictions of a model, and the chips that it could not predict: [{id, message}].
const add = (model, predictions, failed = []) => {
  const place = shelf(model);
  if (!failures.has(model)) failures.set(model, new Map());
  failed.forEach((f) => {
    failures.get(model).set(f.id, f.message);
    if (f.unusable) unusable.set(f.id, (chips.get(f.id) || {}).revision);
  });
  predictions.forEach((p) => {
    const known = place.get(p.id);
    if (known && known.revision === p.revision) return;
    place.set(p.id, { ...p, histogram: p.histogram ? scores.histogram(p.histogram) : null });
  });
  version += 1;
  return version;
};

// Take in the answer to an opened chip: its prediction, or why there is none.
const open = (answer) => {
  opened = answer;
  const { id, prediction: p, detail, chip_revision: revision } = answer;
  const chip = chips.get(id);
  if (chip && revision && chip.revision !== revision) chips.set(id, { ...chip, revision }); // its files have changed
  if (detail) details.set(p.revision, { ...detail, area: scores.area(detail.area) });
  return add(answer.model, p ? [p] : [], answer.error ? [{ id, message: answer.error, unusable: answer.unusable }] : []);
};

// What callbacks compute follows from more than this book holds: have them compute again.
const touch = () => {
  version += 1;
  return version;
};

const prediction = (model, id) => (models.has(model) ? models.get(model).get(id) : undefined);

// Why a chip has no prediction, where one was tried.
const failure = (model, id) => (failures.has(model) ? failures.get(model).get(id) : undefined);

// The chips with imagery that a model has not predicted: those that it may, and those whose files no model can use.
/** @param {string} model @param {Iterable<any>} [among] */
const unpredicted = (model, among = chips.values()) => {
  const rest = [...among].filter((chip) => chip.imagery && !prediction(model, chip.id));
  const cannot = rest.filter(({ id, revision }) => unusable.has(id) && [undefined, revision].includes(unusable.get(id)));
  return { left: rest.length - cannot.length, cannot: cannot.length };
};

// Figures of one chip at a level: null where it has no label or no prediction.
const chipFigures = (model, id, k) => {
  const p = prediction(model, id);
  if (!p || !p.histogram) return null;
  return scores.figures(scores.confusion(p.histogram, k));
};

export {
  add,
  chipFigures,
  chips,
  details,
  failure,
  gone,
  info,
  open,
  opened,
  prediction,
  setCatalog,
  shelf,
  touch,
  unpredicted,
  version,
};
