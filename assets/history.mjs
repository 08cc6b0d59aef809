// The address follows the screen, and the browser's Back and Forward bring an earlier screen back.

import * as four from "./map/four.mjs";
import * as leaflet from "./map/leaflet.mjs";
import * as board from "./map/picture.mjs";
import * as pixel from "./map/pixel.mjs";
import * as sides from "./map/sides.mjs";
import { tell } from "./page/bridge.mjs";
import * as state from "./page/state.mjs";
import * as view from "./page/view.mjs";

const TOGETHER_MS = 600; // presses of one key that follow one another so soon are one use, as when chips are leafed through
const REST_MS = 700; // a map that has moved is written once it rests: a step that follows at once was why it moved
let last = null; // the state of the components
let uses = 0; // how often the page was used: one click may change several fields, on a busy machine seconds later
let stepped = 0; // the use that made the last step
const pressed = { key: null, at: -Infinity };
let settings = null;
let resting = null;
let asked = null; // what the latest Back or Forward asked for, until the components have had the time to take it

const PLACE = ["zoom", "lat", "lon"];
const elsewhere = (screen) => ({ ...screen, ...Object.fromEntries(PLACE.map((name) => [name, null])) });
const write = (how) => {
  clearTimeout(resting);
  resting = null;
  const search = view.format(last);
  if (search !== window.location.search) window.history[how](window.history.state, "", search);
};

// Write the state of the components into the view.
const persist = (values) => {
  const before = last;
  last = view.fromComponents(values);
  if (before && view.format(elsewhere(before)) === view.format(elsewhere(last))) {
    clearTimeout(resting);
    resting = setTimeout(() => write("replaceState"), REST_MS);
    return;
  }
  const step = before && view.isStep(before, last) && uses > stepped;
  if (step) stepped = uses;
  write(step ? "pushState" : "replaceState");
};
// What waits is written at once: somebody wants the view.
const settle = () => {
  if (resting !== null) write("replaceState");
};

// The address of this view for others, who keep their own theme.
const link = () => {
  settle();
  const url = new URL(window.location.href);
  url.search = view.format({ ...view.parse(url.search), theme: null });
  return url.href;
};

const give = (place, value) => {
  const dot = place.lastIndexOf(".");
  tell(place.slice(0, dot), { [place.slice(dot + 1)]: value });
};
const differ = (a, b) => JSON.stringify(a) !== JSON.stringify(b);

// Mantine's Select tells its value once more a moment after it was given one; where the next has come by then, as when
// Back is pressed twice, it takes the earlier one again. It is told anew, until the screen is used.
const insist = (after, components, agreed = 0, checks = 20) =>
  setTimeout(() => {
    if (asked !== after) return;
    if (agreed === 4 || !checks) {
      asked = null;
      return;
    }
    // Model B too: it is chosen by itself where, for that moment, it was part of the picture.
    const held = (/** @type {{name: string, at?: string}} */ { name, at }) =>
      at && (at.endsWith(".value") || (name === "other" && !sides.needsOther()));
    const lost = view.FIELDS.filter((field) => held(field) && differ(last[field.name] ?? null, after[field.name] ?? null));
    if (lost.some(({ name }) => name === "other")) state.set(components.get("review.data"), { told: true });
    lost.forEach(({ at }) => give(at, components.get(at)));
    insist(after, components, lost.length ? 0 : agreed + 1, checks - 1);
  }, TOGETHER_MS / 4);
const use = (/** @type {Event & {key?: string}} */ { type, key = null }) => {
  asked = null;
  if (type === "wheel") return; // it moves what is seen, and changes nothing that is a step
  const at = performance.now();
  if (key === null || key !== pressed.key || at > pressed.at + TOGETHER_MS) {
    uses += 1;
    settle(); // where the map came to rest before is no part of what this does
  }
  Object.assign(pressed, { key, at });
};
["pointerdown", "keydown", "wheel"].forEach((input) => window.addEventListener(input, use, { capture: true, passive: true }));

// Set components to what the address says, where they differ.
const arrive = () => {
  if (!settings || !last) return;
  clearTimeout(resting);
  resting = null;
  stepped = uses; // what follows belongs to this step
  pressed.key = null;
  const wanted = view.parse(window.location.search);
  const after = view.complete(wanted, settings);
  const before = [view.complete(last, settings), ...(asked ? [asked] : [])]; // a step may come before the last one was taken
  const components = view.toComponents(wanted, settings, false);
  // What Dash tells one after another belongs together: no part may answer to a mixture of before and after.
  state.set(components.get("review.data"), { told: true });
  pixel.arrive(after);
  four.update(true);
  view.FIELDS.filter(({ name, at }) => at && before.some((screen) => differ(screen[name], after[name]))).forEach(({ at, also }) =>
    [at, also].filter(Boolean).forEach((place) => give(place, components.get(place))),
  );
  asked = after;
  insist(after, components);
  if (wanted.zoom !== null && leaflet.map) board.goTo([wanted.lat, wanted.lon], wanted.zoom);
};
window.addEventListener("popstate", arrive);

const begin = (known) => {
  settings = known;
};

export { begin, last as written, link, persist };
