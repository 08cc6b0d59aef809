// An open page follows its server: the catalog, which others change too, and what anybody predicts by the model in use. Where the
// server cannot use its database, it says so.
import { ask } from "../page/ask.mjs";
import { tell } from "../page/bridge.mjs";
import * as state from "../page/state.mjs";
import * as catalog from "./catalog.mjs";
import * as coming from "./coming.mjs";

const PAUSE_MS = 3000;
const pages = new BroadcastChannel("floodscope-catalog"); // those of this browser need not wait
let asking = null; // the question on its way

const { page } = document.documentElement.dataset; // which page this is: another server gives another
let trouble = null; // why the server knows nothing of what is new
const renewed = new Set();
const heard = new Set();
const missed = new Set();
/**
 * @param {(trouble: string | null) => unknown} told of trouble that begins, and with null of its end
 * @param {() => unknown} failed told of a question that the page asked by itself and that had no answer, or none to be used
 * @param {(other: boolean) => unknown} other told whether the server would give another page by now
 */
const listen = (told, failed, other) => {
  heard.add(told);
  missed.add(failed);
  renewed.add(other);
};
const troubled = (sentence) => {
  if (sentence === trouble) return;
  trouble = sentence;
  heard.forEach((told) => told(trouble));
  if (trouble) return;
  // What could not be had meanwhile is asked for again.
  tell("endpoint-news", { data: Date.now() });
  if (state.get().chip) tell("ask-again", { data: { at: Date.now() } });
};

// Take in what somebody has predicted. Of the open chip all that is known is asked for, where its prediction is another.
const take = async ({ model, predictions, place, all }) => {
  if (all) {
    await coming.predictions(model); // the server counts anew
    tell("version", { data: catalog.version });
    return;
  }
  catalog.places.set(model, place);
  const fresh = predictions.filter(({ id, revision }) => (catalog.prediction(model, id) || {}).revision !== revision);
  if (fresh.length === 0) return;
  tell("version", { data: catalog.add(model, fresh) });
  const { chip, model: used } = state.get();
  if (model === used && fresh.some(({ id }) => id === chip)) tell("ask-again", { data: { at: Date.now() } });
};

// Take the server's catalog where it is another than the page has. Who asks meanwhile waits for the next answer: what is
// on its way may be from before that.
const once = async () => {
  const { model } = state.get();
  const place = catalog.places.get(model);
  const query = new URLSearchParams({
    since: catalog.info.version || "",
    form: "columns",
    page,
    ...(place && { model, ...place }),
  });
  const answer = (await ask(`uploads/catalog?${query}`, { cache: "no-store" })) || {}; // else all is the same
  troubled(answer.trouble || null);
  renewed.forEach((then) => then(Boolean(answer.renewed)));
  if (answer.version) {
    await coming.chips();
    tell("catalog-in", { data: catalog.version });
  }
  if (answer.predicted) await take(answer.predicted);
};
const renew = async ({ others = false } = {}) => {
  while (asking) await asking.catch(() => {});
  asking = once().finally(() => {
    asking = null;
  });
  await asking;
  if (others) pages.postMessage("changed");
};
const quietly = () => renew().catch(() => missed.forEach((then) => then()));

// Nobody looks at a hidden page; it asks when it is seen again.
const look = () => {
  if (!document.hidden && !asking && catalog.version) quietly();
};
pages.onmessage = quietly;
setInterval(look, PAUSE_MS);
document.addEventListener("visibilitychange", look);

export { listen, look, renew };
