// Comparing the open chip: what must be known before it can be drawn, which is model B's prediction and, for the legend,
// how often the two models agree. Asked for when it is shown, and once.

import * as catalog from "../data/catalog.mjs";
import * as shelf from "../data/shelf.mjs";
import { ask } from "../page/ask.mjs";
import { tell } from "../page/bridge.mjs";
import * as format from "../page/format.mjs";
import * as state from "../page/state.mjs";
import * as scores from "../scores/histogram.mjs";
import * as four from "./four.mjs";
import * as pixel from "./pixel.mjs";
import * as sides from "./sides.mjs";
import * as swipe from "./swipe.mjs";
import * as tiles from "./tiles.mjs";

const AGAIN_MS = 400;
const PART_MS = 1500; // where a part of a scene is shown already
const agreements = new Map(); // "revision revision" -> suffix sums, or null while asked for
const failed = new Map(); // "model chip" -> why B has no prediction of it
const asked = new Set(); // "model chip" on its way
let open = { chip: null, model: null };

const news = (version) => tell("version", { data: version });

// The models on the strip. Where nobody has chosen B yet, the one that is proposed is the choice once it is part of the picture.
let given = ""; // what the strip was given
const offer = () => {
  const models = shelf.usable();
  if (!models.length || !open.model) return;
  const { other } = state.get();
  if (other && !models.some((m) => m.spec === other)) {
    // it may have come into the store since
    shelf.load(other);
    return;
  }
  const value = shelf.beside(open.model);
  if (sides.needsOther() && other !== value) state.set({ other: value });
  const props = { data: models.map((m) => ({ value: m.spec, label: m.name })), value };
  if (given === JSON.stringify(props)) return;
  given = JSON.stringify(props);
  tell("model-b", props);
};
// The strip tells its B: somebody has chosen it there, unless it is the one that the strip was given.
const choose = (other) => {
  if (other && other !== shelf.beside(open.model)) state.set({ other });
};
// The B of the page may have changed: by the strip, the Models tab, a link, or Back.
const follow = () => {
  offer();
  update(open.chip, open.model);
};
const askPrediction = (chip, other) => {
  const key = `${other} ${chip}`;
  if (asked.has(key) || failed.has(key) || catalog.shown(other, chip)) return;
  asked.add(key);
  const done = (message, prediction) => {
    asked.delete(key);
    if (message) failed.set(key, message);
    news(catalog.add(other, prediction ? [prediction] : [], message ? [{ id: chip, message }] : []));
  };
  const click = format.unique(); // one for all of its questions: they begin one prediction
  const once = () =>
    ask(`inspect/prediction/${encodeURIComponent(chip)}`, { json: { model: other, click, view: tiles.view(chip) } }).then(
      (answer) => {
        if (answer.scene) news(catalog.take(answer));
        if (answer.pending && open.chip === chip) setTimeout(once, answer.prediction ? PART_MS : AGAIN_MS);
        else if (answer.partial) asked.delete(key);
        else done(answer.error, answer.prediction);
      },
      (error) => done(error.message),
    );
  once();
};

const pair = (model, id) => {
  const [a, b] = [model, shelf.beside(model)].map((by) => by && id && catalog.shown(by, id));
  return a && b ? [a.revision, b.revision] : null;
};
const askAgreement = (id, revisions) => {
  const key = revisions.join(" ");
  if (agreements.has(key)) return;
  agreements.set(key, null);
  ask(`inspect/agreement/${encodeURIComponent(id)}/${revisions.join("/")}`).then(
    (counts) => {
      agreements.set(key, Object.fromEntries(Object.entries(counts).map(([name, some]) => [name, scores.suffixSums(some)])));
      news(catalog.touch());
    },
    () => agreements.delete(key),
  );
};

// Pixels of each class of the difference at a level, or null where they are not known.
const agreement = (model, id, k) => {
  const revisions = pair(model, id);
  const sums = revisions && agreements.get(revisions.join(" "));
  if (!sums) return null;
  const wet = sums.both[k];
  return { wet, onlyA: sums.a[k] - wet, onlyB: sums.b[k] - wet, dry: sums.a[0] - sums.a[k] - sums.b[k] + wet };
};

// Why B cannot be shown, or nothing.
const problem = () => {
  if (!open.chip || !sides.needsOther()) return "";
  return failed.get(`${shelf.beside(open.model)} ${open.chip}`) || "";
};

// The chip, the model or what is compared has changed.
const update = (chip, model) => {
  open = { chip, model };
  const { mode } = state.get();
  document.documentElement.dataset.mode = mode;
  document.documentElement.toggleAttribute("data-usual", Boolean(catalog.usual(model, chip)?.area)); // offers the layer Flood
  if (mode === "swipe") {
    shelf.begin();
    offer();
  }
  const other = shelf.beside(model);
  [...failed.keys()].filter((key) => !key.startsWith(`${other} `)).forEach((key) => failed.delete(key)); // who chooses B anew is answered anew
  if (chip && other && sides.needsOther()) {
    askPrediction(chip, other);
    const revisions = pair(model, chip);
    if (revisions) askAgreement(chip, revisions);
  }
  swipe.place();
  four.update();
  tiles.again();
  pixel.refresh();
};

export { agreement, choose, follow, problem, update };
