// What a first visit of the demo meets: one chip open, and three sentences beside it, until they are closed: then never again.
// A link that says what to show, and a dashboard of somebody's own data, have none of it.
import * as catalog from "../data/catalog.mjs";
import * as leaflet from "../map/leaflet.mjs";
import * as tiles from "../map/tiles.mjs";
import { make, whenThere } from "../page/dom.mjs";
import * as state from "../page/state.mjs";
import * as view from "../page/view.mjs";

const CLOSED = "floodscope-welcome-closed";

// A browser may keep nothing for a page: then it is closed for this visit.
const closed = () => {
  try {
    return localStorage.getItem(CLOSED) === "yes";
  } catch {
    return false;
  }
};
const close = (card) => {
  card.remove();
  document.getElementById("panel").focus({ preventScroll: true }); // not lost with the button
  if (view.narrow()) state.set({ sheet: null });
  try {
    localStorage.setItem(CLOSED, "yes");
  } catch {
    // it comes again with the next visit
  }
};

const SENTENCES = [
  "You look at a flood as radar sees it from space: a simulated Sentinel-1 image, whose water a model marks in cyan.",
  "Below the image, Truth and Errors show where the model is right, and Threshold how sure it has to be; here stand its score and the km² of water.",
  "The globe beside the map (key H) shows all chips, and floodscope dashboard FOLDER opens your own images.",
];
const show = (place) => {
  const button = make("button", { type: "button", class: "fs-welcome-close", "aria-label": "Close for good", text: "×" });
  const card = make(
    "section",
    { id: "welcome", class: "fs-welcome", "aria-label": "What this is" },
    button,
    SENTENCES.map((text) => make("p", { text })),
  );
  button.addEventListener("click", () => close(card));
  place.append(card);
  if (view.narrow()) state.set({ sheet: "half" }); // else nobody would see it
};

let met = false;
/** Meet whoever is here first, once. @param {string} id the chip that is opened */
export const meet = (id) => {
  if (met || closed() || !catalog.chips.has(id)) return;
  met = true;
  whenThere("welcome-place", show);
  if (leaflet.map) tiles.choose(id);
  else leaflet.onMap(() => tiles.choose(id));
};
