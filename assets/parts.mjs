// What the browser draws by itself, part by part, and which components each part is made of.

import * as catalog from "./data/catalog.mjs";
import * as filters from "./data/filters.mjs";
import * as groups from "./data/groups.mjs";
import * as comparison from "./map/comparison.mjs";
import * as four from "./map/four.mjs";
import * as legend from "./map/legend.mjs";
import * as pixel from "./map/pixel.mjs";
import * as sides from "./map/sides.mjs";
import * as tiles from "./map/tiles.mjs";
import { draw } from "./page/drawn.mjs";
import * as state from "./page/state.mjs";
import { NO_FILTERS } from "./page/state.mjs";
import * as panel from "./panel/chip.mjs";
import * as files from "./panel/files.mjs";
import * as filterbar from "./review/filterbar.mjs";
import * as workbench from "./review/workbench.mjs";

const idOf = (selection) => (selection && selection.id) || null;

// The sides of the pictures that are shown, left before right.
const seen = () => {
  const { main, left } = sides.shown();
  return state.get().mode === "four" ? four.sides() : [left, main].filter(Boolean);
};

// What is compared has changed. Model B is one, here and in the Models tab; one that is only offered is not chosen.
const compareSides = ({ compare, selection, model }) => {
  if (compare) comparison.update(idOf(selection), model);
};

// Image and scores of the chosen chip are drawn; the map has gone there already if it was chosen on this page.
let outlined = null; // the chip for which the outlines were turned on
const showChip = ({ selection, model }) => {
  const chip = catalog.chips.get(idOf(selection));
  if (chip && chip.id !== outlined) {
    // who opens a chip that is only known sees its outline
    outlined = chip.id;
    if (filters.onlyKnown(chip) && !filters.values.known) filterbar.set({ known: true });
  }
  tiles.open(selection, model);
};

const lookClosely = ({ selection, model }) => {
  pixel.open(selection, model, state.get().level);
};

const workbenchShown = ({ version, tab, theme, sieve, review, model, settings }) => {
  state.set({ ...review, tab, theme, filters: sieve || NO_FILTERS, model }, { told: true });
  if (version) workbench.show(settings);
};
const chipFiles = ({ selection, version }) => {
  if (version) files.show(idOf(selection));
};

const showLegend = ({ base, overlay, selection, model }) => {
  if (!base || !overlay) return;
  const id = idOf(selection);
  const { level: k } = state.get();
  const counts = id ? catalog.chipFigures(model, id, k) : null;
  const unlabelled = counts ? counts.tp + counts.fp + counts.fn + counts.tn === 0 : Boolean(id && catalog.shown(model, id));
  const said = [comparison.agreement(model, id, k), comparison.problem(), catalog.usual(model, id)];
  draw("legend", ...legend.items(seen(), counts, unlabelled, ...said));
};

const chipPanel = ({ selection, model }) => {
  const { level: k, threshold } = state.get();
  draw("chip-panel", panel.chip({ id: idOf(selection), opened: catalog.opened, model, k, threshold }));
};

const overview = ({ version, tab, sieve, review, model }) => {
  if (!version || tab !== "regions") return;
  const { level: k } = state.get();
  filters.use({ values: sieve || NO_FILTERS, model, k });
  const by = (review && review.by) || "country";
  const all = groups.rows(model, k, by);
  const regions = all.filter((region) => region.labelled);
  const { cannot } = catalog.unpredicted(model, filters.rows());
  draw("figures", ...panel.figures(model, groups.total(model, k), regions, { ...groups.unscored(model, k), cannot }));
  draw("regions-rest", ...panel.unlabelled(groups.unlabelled(model, by)));
};

const SIDES = ["compare", "left", "right", "model-b"];
const LAYERS = ["base", "overlay", "grey", "outline"];
/** In the order in which they are drawn. @type {[string[], (now: any) => void][]} */
const PARTS = [
  [[...SIDES, "selection", "version"], compareSides],
  [["selection", "version"], showChip],
  [["selection", "version", "level", "theme"], lookClosely],
  [["version", "tab", "theme", "sieve", "review"], workbenchShown], // which hears of the level by itself
  [[...SIDES, ...LAYERS, "selection", "version", "level"], showLegend],
  [["selection", "version", "level"], chipPanel],
  [["version", "level", "tab", "sieve", "review"], overview],
  [["selection", "version"], chipFiles],
];

/** Draw the parts that are made of what has changed. @param {Set<string>} changes names of components @param {any} now their values */
const drawParts = (changes, now) => {
  for (const [, part] of PARTS.filter(([names]) => names.some((name) => changes.has(name)))) {
    try {
      part(now);
    } catch (error) {
      reportError(error); // no other part is less drawn for it
    }
  }
};

export { drawParts, idOf, seen };
