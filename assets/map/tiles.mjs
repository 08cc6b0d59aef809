// The tile layers of the open chip. They are put on the Leaflet map at the moment of a choice, without a round through
// Dash: image and, where the prediction is known, scores are asked for before anything else is done.
import * as catalog from "../data/catalog.mjs";
import * as refresh from "../data/refresh.mjs";
import * as shelf from "../data/shelf.mjs";
import { libraries, tell } from "../page/bridge.mjs";
import * as format from "../page/format.mjs";
import * as layers from "../page/layers.mjs";
import * as state from "../page/state.mjs";
import * as difference from "./difference.mjs";
import * as flights from "./flights.mjs";
import * as leaflet from "./leaflet.mjs";
import * as board from "./picture.mjs";
import * as sides from "./sides.mjs";

// Four requests a chip in place of nine: a tile of 512 pixels has the very pixels of the four of 256 a zoom farther in.
const SIZE = 512;
// Revisions are in the address: what has changed has another.
const address = (layer, chip, revision) => `tiles/${layer}/${encodeURIComponent(chip.id)}/${revision}/{z}/{x}/{y}@2x.png`;

// A tile that does not come is transparent: its chip may have been removed, which the catalog tells.
const NOTHING = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";
const optionsOf = (pane, chip) => ({
  pane,
  tileSize: SIZE,
  errorTileUrl: NOTHING,
  maxZoom: 22,
  minZoom: 5,
  updateWhenZooming: false,
  keepBuffer: 1,
  // Leaflet turns a tile back to within 180 degrees before it compares: what goes on beyond needs the whole belt.
  bounds: [
    [chip.frame[1], chip.frame[2] > 180 ? -180 : chip.frame[0]],
    [chip.frame[3], Math.min(chip.frame[2], 180)],
  ],
  attribution: chip.simulated ? "Simulated data (floodscope)" : "Contains modified Copernicus Sentinel data",
});
// A layer of one address, or of the two whose difference is drawn.
const layerOf = (pane, chip, url) =>
  url.includes(" ")
    ? difference.layer(url.split(" "), optionsOf(pane, chip))
    : libraries.L.tileLayer(url, { ...optionsOf(pane, chip), zoomOffset: -1, className: `fs-${pane}-layer` });

const painted = []; // what is told of the chip that is drawn now
const drawn = {}; // pane -> {url, layer}
let wanted = {}; // pane -> {chip, url}
let held = new Map(); // url -> images on their way before there is a layer: those that nothing holds may be dropped
let last = { selection: null, model: null };
let gone = null; // the choice that the map has gone to

// Where the tiles of a layer are, of two models both; null while a prediction is not known.
const urlOf = (chip, model, { tiles, models }) => {
  if (!models.length) return chip.scene && !catalog.drawings.get(chip.id)?.ready ? null : address(tiles, chip, chip.revision);
  const made = models.map((which) => (which === "a" ? model : shelf.beside(model))).map((by) => by && catalog.shown(by, chip.id));
  return made.every(Boolean) ? made.map((p) => address(tiles, chip, p.revision)).join(" ") : null;
};
// What there is to draw of one side of the picture: pane -> {chip, url}.
const panesOf = (chip, model, side, prefix = "") => {
  if (!chip || !chip.imagery || !chip.frame) return {};
  const urls = { imagery: side.image, scores: side.overlay };
  /** @type {[string, {chip: any, url: string | null}][]} */
  const panes = Object.entries(urls).map(([pane, name]) => [
    `${prefix}${pane}`,
    { chip, url: urlOf(chip, model, layers.of(name)) },
  ]);
  return Object.fromEntries(panes.filter(([, { url }]) => url));
};
const layersOf = (chip, model) => {
  const { main, left } = sides.shown();
  return { ...panesOf(chip, model, main), ...(left && panesOf(chip, model, left, "left-")) };
};

// Ask for the tiles of the view that the map is about to show.
const prefetch = ({ chip, url }) => {
  if (held.has(url) || url.includes(" ")) return;
  const { map } = leaflet;
  const zoom = Math.round(flights.viewOf(chip.frame).zoom); // tiles are of whole zooms
  const [west, south, east, north] = chip.frame;
  const from = map.project([north, west], zoom).divideBy(SIZE).floor();
  const to = map.project([south, east], zoom).divideBy(SIZE).floor();
  const images = [];
  const around = 2 ** (zoom - 1); // beyond the antimeridian the columns begin anew
  for (let x = from.x; x <= to.x; x += 1) {
    for (let y = from.y; y <= to.y; y += 1) {
      const image = new Image();
      image.src = url
        .replace("{z}", zoom - 1)
        .replace("{x}", ((x % around) + around) % around)
        .replace("{y}", y);
      images.push(image);
    }
  }
  held.set(url, images);
};

const past = []; // layers that others have taken the place of: {pane, layer}
const letGo = (pane) => {
  for (let i = past.length - 1; i >= 0; i -= 1) if (past[i].pane === pane) past.splice(i, 1)[0].layer.remove();
};

// Draw what is wanted and take away what is not; during a flight the new layers wait for its end.
const show = () => {
  Object.entries(drawn).forEach(([pane, { url, layer, chip }]) => {
    const next = wanted[pane];
    if (next && next.url === url) return;
    // More of a scene is predicted: what was there stays until that has come, so that nothing blinks.
    if (next && next.chip.scene && next.chip.id === chip) past.push({ pane, layer });
    else layer.remove();
    delete drawn[pane];
  });
  if (flights.flying()) {
    Object.values(wanted).forEach(prefetch);
    return;
  }
  Object.entries(wanted).forEach(([pane, { chip, url }]) => {
    if (drawn[pane]) return;
    const layer = layerOf(pane, chip, url)
      .on("load", settled)
      .on("load", () => letGo(pane))
      .on("tileerror", refresh.look);
    drawn[pane] = { url, chip: chip.id, layer: layer.addTo(leaflet.map) };
  });
  [...past].forEach(({ pane }) => {
    if (!drawn[pane]) letGo(pane);
  });
  const chip = wanted.imagery ? wanted.imagery.chip : null;
  painted.forEach((then) => then(chip, last.model, Boolean(last.selection && last.selection.placed)));
  held = new Map();
};

// Show a chosen chip under a model, and go to it once; asked again, add what has become known since. The map flies
// where there is an answer to wait for, and jumps where there is none.
const open = (chosen, model = last.model) => {
  const late = chosen && last.selection && chosen.at < last.selection.at; // another was chosen meanwhile
  const selection = late ? last.selection : chosen;
  last = { selection, model };
  state.set({ chip: selection ? selection.id : null }, { told: true });
  if (!leaflet.map) return;
  const chip = selection && catalog.chips.get(selection.id);
  wanted = layersOf(chip, model);
  // A link that says where the map is says so of the world: a picture is shown whole.
  const picture = board.use(chip);
  const there = !chip || !chip.frame || (!picture && (gone === selection.at || selection.placed));
  if (chip) gone = selection.at;
  if (there) {
    show();
    return;
  }
  Object.values(wanted).forEach(prefetch);
  // The requests leave when this task ends, and before what is queued here: a map of many shapes moves slowly.
  queueMicrotask(() => {
    flights[selection.restored ? "open" : "flyToBounds"](chip.frame, {
      instant: picture || !wanted.imagery || Boolean(wanted.scores),
    });
    show();
  });
};

// --- a choice on the page --------------------------------------------------------------------------------------
const PATIENCE_MS = 500;
let untold = null; // tells Dash of the choice

const telling = () => {
  const now = untold;
  untold = null;
  if (now) now();
};
// What is drawn now is on the screen when the next frame has begun.
const release = () => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(telling)));
const settled = () => {
  if (untold && !Object.values(drawn).some(({ layer }) => layer.isLoading())) release();
};

// Who rests on a chip may be about to choose it: its tiles are asked for, and those of one chip alone are held.
const REST_MS = 100;
let resting = null;
const expect = (id) => {
  const panes = layersOf(catalog.chips.get(id), last.model);
  if (!panes.imagery || held.has(panes.imagery.url) || flights.flying()) return;
  if (drawn.imagery && drawn.imagery.url === panes.imagery.url) return;
  held = new Map();
  Object.values(panes).forEach(prefetch);
};
const point = (id) => {
  clearTimeout(resting);
  resting = setTimeout(() => expect(id), REST_MS);
};
const leave = () => clearTimeout(resting);

// A chip was chosen. Dash hears of it once the picture is drawn, and at once where the server must be asked for it.
const choose = (id) => {
  if (state.get().tab !== "chip") state.set({ sheet: null }); // on a phone, whoever opens a chip from a list wants to see it
  const selection = { id, at: format.moment() };
  open(selection);
  untold = () => tell("selection", { data: selection });
  setTimeout(telling, wanted.scores ? PATIENCE_MS : 0);
};

const again = () => open(last.selection);

// What the map shows of the world, west, south, east and north: of a scene that is predicted first. While it flies to a chip,
// that is the chip.
const view = (id) => {
  const chip = catalog.chips.get(id);
  if (!leaflet.map || !chip?.scene) return null;
  if (flights.flying()) return chip.frame;
  const bounds = leaflet.map.getBounds();
  return [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()];
};
// Do something each time that the wanted tiles are put on the map.
const onPainted = (then) => {
  painted.push(then);
};
flights.onLanded(again);
board.onClosed(() => open(null));
state.listen((now, before) => {
  if (now.base !== before.base || now.overlay !== before.overlay) again();
});

export { again, choose, layerOf, leave, onPainted, open, panesOf, point, view };
