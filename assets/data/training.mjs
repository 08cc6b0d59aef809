// Which chips a model was trained or calibrated on: a score on them is no measure of it. Headlines count the others.
import * as format from "../page/format.mjs";
import * as catalog from "./catalog.mjs";

// Has a model seen a chip? true, false, or null where that cannot be told.
const of = (model, id) => catalog.counted(model, id)?.seen ?? null;
/** The same of rows of the catalog. @param {string} model @returns {(row: number) => boolean | null} */
const ofRows = (model) => {
  const [places, { seen }] = [catalog.placesOf(model), catalog.shelf(model)];
  const { chips } = catalog;
  return (row) => {
    if (chips.numbers.scene[row]) return of(model, chips.ids[row]);
    return places[row] < 0 || seen[places[row]] === 2 ? null : seen[places[row]] === 1;
  };
};
/** Whether any of some models has. @param {string[]} models @returns {(row: number) => boolean | null} */
const ofRowsByAny = (models) => {
  const each = models.map(ofRows);
  return (row) => {
    const seen = each.map((of1) => of1(row));
    return seen.includes(true) ? true : seen.includes(null) ? null : false;
  };
};

// --- what is known of a model ----------------------------------------------------------------------------------
let [offered, listed] = [[], []];
// The models that the page was made with, and those that the server has listed since.
const begin = (models) => {
  offered = models;
};
const learn = (models) => {
  listed = models;
};
const about = (model) => ({ ...offered.find((m) => m.spec === model), ...listed.find((m) => m.spec === model) });

// "Left out by country: 0.763, 12 chips", and the note on it; nothing where it was not cross-validated.
const crossvalidated = (model) => {
  const told = about(model).crossvalidated;
  if (!told || !format.known(told.micro)) return "";
  const chips = format.known(told.chips) ? `, ${format.count(told.chips, "chip")}` : "";
  return `Left out by ${told.by}: ${format.score3(told.micro)}${chips}${told.note ? `. ${told.note.replace(/\.$/, "")}` : ""}`;
};

// What is to be said beside figures, of how many scored chips are seen and of how many it is not known; "" where nothing is.
const sentence = (model, { scored, seen, unknown }) => {
  const [some, left] = [format.count(scored, "scored chip"), scored - seen - unknown];
  if (!scored) return "";
  const validated = crossvalidated(model);
  const beside = validated ? ` ${validated}.` : "";
  if (seen === scored)
    return `This model was trained or calibrated on ${scored === 1 ? "the one scored chip" : `all ${some}`}, so no score here measures it.${beside}`;
  if (unknown === scored)
    return `This model does not tell what it was trained on, or these chips are too small to be recognised without a place: whether it has seen them is not known.${beside}`;
  if (left === scored) return "";
  const known = seen
    ? `This model was trained or calibrated on ${format.integer(seen)} of ${some}`
    : `Of ${format.integer(unknown)} of ${some} it is not known whether the model was trained on them`;
  const rest = seen && unknown ? `, of ${format.integer(unknown)} it is not known` : "";
  return `${known}${rest}: ${left ? `figures count the other ${left === 1 ? "one" : format.integer(left)}` : "none is left to measure it"}.${beside}`;
};

export { begin, crossvalidated, learn, of, ofRows, ofRowsByAny, sentence };
