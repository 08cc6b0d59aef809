// A chip without a place on Earth is open: the map is a drawing board then. The world is put away, nothing that stands on the
// board is told as a place, and the world comes back where it was when the chip is closed or another one is opened.
import { libraries, tell } from "../page/bridge.mjs";
import * as dom from "../page/dom.mjs";
import * as leaflet from "./leaflet.mjs";

const WORLD = "World map of the chips. Every chip can also be opened from the Chips table.";
const EARTH = "Natural Earth"; // whose outlines are not on the board
const LEAST_ZOOM = 8; // farther out a chip is a dot
const GAP = 12; // below the line that says what is shown
let shown = null; // the chip
let world = null; // where the map was: {centre, zoom, least}
const closed = []; // what is done when it is closed
let line = null; // what says that this is no map

const map = () => leaflet.map;
const root = document.documentElement;

const build = () => {
  const { make } = dom;
  line = make(
    "div",
    { class: "fs-picture-line", id: "picture-line", role: "status" },
    make("span", {}, "This chip has no place on Earth: it is shown as a picture, not on the map."),
    make("button", { class: "fs-button", type: "button", id: "picture-close", onclick: () => close() }, "Back to the map"),
  );
  document.querySelector(".fs-map").append(line);
};

// The world is put away, or comes back.
const dress = () => {
  root.dataset.picture = shown ? "open" : "none";
  if (!line) build();
  line.hidden = !shown;
  map()
    .getContainer()
    .setAttribute("aria-label", shown ? `Picture of ${shown.id}, which has no place on Earth` : WORLD);
  if (map().attributionControl) map().attributionControl[shown ? "removeAttribution" : "addAttribution"](EARTH);
};

// The chip that is drawn is another, or none. Returns whether a picture is shown that was not there before.
const use = (chip) => {
  const next = chip && chip.unplaced && chip.frame ? chip : null;
  const fresh = Boolean(next) && (!shown || shown.id !== next.id);
  if (!next && !shown) return false;
  if (next && !shown) world = { centre: map().getCenter(), zoom: map().getZoom(), least: map().options.minZoom };
  const back = shown && !next;
  shown = next;
  map().options.minZoom = shown ? LEAST_ZOOM : world.least;
  if (fresh || back) dress();
  if (back) leaflet.jump(world.centre, world.zoom);
  return fresh;
};

// Close the picture, and no chip is open. Returns whether there was one.
const close = () => {
  if (!shown) return false;
  closed.forEach((then) => then());
  tell("selection", { data: null });
  return true;
};

// Do something when the picture is closed.
const onClosed = (then) => {
  closed.push(then);
};

// The world is to be seen elsewhere, as Back and links ask: at once, or once the picture is closed.
const goTo = (centre, zoom) => {
  if (shown) Object.assign(world, { centre: libraries.L.latLng(centre), zoom });
  else leaflet.jump(centre, zoom);
};

// Height that the line takes at the top of the board.
const above = () => (shown ? line.offsetTop + line.offsetHeight + GAP : 0);

export { above, close, goTo, onClosed, shown, use };
