// Dash's stores follow the state: what the page itself has changed is told to them, once for several changes of one moment.
import { tell } from "./bridge.mjs";
import * as state from "./state.mjs";

/** @typedef {import("./state.mjs").State} State */
/** @type {(keyof State)[]} */
const OF_REVIEW = [
  "by",
  "region",
  "other",
  "list",
  "sort",
  "wide",
  "sheet",
  "graticule",
  "layers",
  "regionColumns",
  "chipColumns",
];
/** @type {(keyof State)[]} */
const OF_LOOK = ["at", "pin", "area"];
const TOGETHER_MS = 60;

/** @param {State} from @param {(keyof State)[]} names */
const some = (from, names) => Object.fromEntries(names.map((name) => [name, from[name]]));

let waiting = 0;
state.listen((now, before, told) => {
  if (told) return;
  const changed = (/** @type {(keyof State)[]} */ names) => names.some((name) => now[name] !== before[name]);
  if (changed(OF_REVIEW)) tell("review", { data: some(now, OF_REVIEW) });
  if (changed(["filters"])) tell("sieve", { data: now.filters });
  if (changed(OF_LOOK)) {
    clearTimeout(waiting);
    waiting = setTimeout(() => tell("look", { data: { ...some(state.get(), OF_LOOK), told: true } }), TOGETHER_MS);
  }
});
