// The models beside the one in use: all that the store has predictions of, and where another differs from it.

import { ask } from "../page/ask.mjs";
import { tell } from "../page/bridge.mjs";
import * as state from "../page/state.mjs";
import * as scores from "../scores/histogram.mjs";
import * as catalog from "./catalog.mjs";
import { predictions } from "./coming.mjs";
import * as training from "./training.mjs";

let models = []; // as dashboard/workspace/models.py lists them
const pairs = new Map(); // "A B" -> {found: Map(id -> {pixels, apart, revisions}), progress, cursor, busy}
const loaded = new Set();

const news = () => tell("version", { data: catalog.touch() });
let problem = "";
const failed = (error) => {
  problem = error.message;
  news();
};

const refresh = () =>
  ask("review/models")
    .then((list) => {
      models = list;
      training.learn(list);
      problem = "";
      news();
    })
    .catch(failed);
// Ask for the models, where nobody has yet.
let begun = false;
const begin = () => {
  if (!begun) {
    begun = true;
    refresh();
  }
};
// Those that show something, and model B beside the one in use: the one that was chosen, which the review's store and the
// address hold, else the first other one.
const usable = () => models.filter((m) => !m.error);
const beside = (model) => state.get().other || (usable().find((m) => m.spec !== model) || usable()[0] || { spec: null }).spec;
const nameOf = (spec) => (models.find((m) => m.spec === spec) || { name: spec }).name;

// Have a model's predictions in the book.
const load = (spec) => {
  if (!spec || loaded.has(spec)) return;
  loaded.add(spec);
  const known = () => models.some((m) => m.spec === spec);
  if (!known()) {
    // it may have come into the store since; else a link names a model that there is not
    refresh().then(() => {
      loaded.delete(spec);
      if (known()) load(spec);
      else if (!problem && state.get().other === spec) state.set({ other: null });
    });
    return;
  }
  predictions(spec)
    .then(news)
    .catch((error) => {
      loaded.delete(spec);
      failed(error);
    });
};

// --- a model beside the one in use predicts all ----------------------------------------------------------------
const jobs = new Map(); // model -> {job, cursor, progress, error}
const WATCH_MS = 1000;
const jobOf = (spec) => jobs.get(spec);
const watch = (spec, { job, cursor }) =>
  ask(`review/predictions/news?model=${encodeURIComponent(spec)}&since=${cursor}&job=${encodeURIComponent(job)}`).then(
    (answer) => told(spec, answer),
    (error) => lost(spec, error),
  );
const told = (spec, answer) => {
  if (!answer) return;
  const { job, cursor, progress } = answer;
  jobs.set(spec, { job, cursor, progress });
  catalog.add(spec, answer.predictions, progress.failed);
  news();
  if (progress.running) setTimeout(() => watch(spec, { job, cursor }), WATCH_MS);
  else refresh();
};
const lost = (spec, error) => {
  jobs.set(spec, { ...jobs.get(spec), progress: null, error: error.message });
  news();
};
// Have a model predict whatever it has not; its predictions come in as they are made.
const predict = (spec) =>
  ask("review/predictions", { json: { model: spec } }).then(
    (answer) => told(spec, answer),
    (error) => lost(spec, error),
  );

// --- disagreement --------------------------------------------------------------------------------------------
const keyOf = (first, second) => `${first}\n${second}`;
const POLL_MS = 500;
const count = (first, second) => {
  if (!first || !second || first === second) return;
  const key = keyOf(first, second);
  if (!pairs.has(key)) pairs.set(key, { found: new Map(), progress: null, cursor: 0, busy: false, common: 0 });
  const pair = pairs.get(key);
  const [a, b] = [catalog.placesOf(first), catalog.placesOf(second)];
  const common = a.reduce((n, place, row) => n + (place >= 0 && b[row] >= 0 ? 1 : 0), 0);
  if (!pair.busy && pair.common !== common && !(pair.progress && pair.progress.running))
    Object.assign(pair, { progress: null, cursor: 0, common });
  if (pair.busy || (pair.progress && !pair.progress.running)) return;
  pair.busy = true;
  ask(`review/disagreement?first=${encodeURIComponent(first)}&second=${encodeURIComponent(second)}&since=${pair.cursor}`, {
    method: "POST",
  })
    .then((answer) => {
      answer.chips.forEach((c) =>
        pair.found.set(c.id, { pixels: c.pixels, revisions: c.revisions, apart: scores.numbers(c.apart) }),
      );
      Object.assign(pair, { progress: answer.progress, cursor: answer.cursor, busy: false });
      if (answer.chips.length) news();
      if (answer.progress.running) setTimeout(() => count(first, second), POLL_MS);
    })
    .catch((error) => {
      pair.busy = false;
      failed(error);
    });
};

// Share of a chip's pixels that are wet under one of two models alone; null where it is not counted.
const apart = (first, second, id, k) => {
  const pair = pairs.get(keyOf(first, second));
  const found = pair && pair.found.get(id);
  if (!found || !found.pixels) return null;
  const now = [first, second].map((model) => (catalog.prediction(model, id) || {}).revision);
  if (found.revisions[0] !== now[0] || found.revisions[1] !== now[1]) return null; // predicted anew since
  return k >= found.apart.length ? 0 : found.apart[k] / found.pixels;
};
const progress = (first, second) => (pairs.get(keyOf(first, second)) || {}).progress;

export { apart, begin, beside, count, jobOf, load, models, nameOf, predict, problem, progress, refresh, usable };
