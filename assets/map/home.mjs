// Two ways home: buttons on the map, and keys, that bring the open chip, or the whole world, back into the view. Beside them
// the degrees on the map, a rectangle to measure in, and layers of one's own.
import * as catalog from "../data/catalog.mjs";
import { libraries } from "../page/bridge.mjs";
import { make, svg } from "../page/dom.mjs";
import * as state from "../page/state.mjs";
import * as drawing from "./drawing.mjs";
import * as flights from "./flights.mjs";
import * as four from "./four.mjs";
import * as leaflet from "./leaflet.mjs";
import * as board from "./picture.mjs";
import * as pixel from "./pixel.mjs";
import * as tiles from "./tiles.mjs";

/** @type {[number, number, number, number]} */
const WORLD = [-170, -56, 180, 75]; // where there is land, but ice
const WORLD_ZOOM = 2; // and no larger
let [toChip, toWorld, grid, area] = [null, null, null, null];

const chipThere = () => {
  const chip = catalog.chips.get(state.get().chip);
  return chip && chip.frame ? chip : null;
};

/** Show the open chip as large as it fits; returns whether there is one that can be shown. */
const chip = () => {
  const there = chipThere();
  if (!there || !leaflet.map) return false;
  if (four.shown()) four.whole(there);
  else flights.flyToBounds(there.frame);
  return true;
};

/** Show the whole world; a picture that has no place in it is closed. */
const world = () => {
  if (!leaflet.map) return;
  board.close();
  flights.flyToBounds(WORLD, { maxZoom: WORLD_ZOOM });
};

const icon = (...paths) =>
  svg(
    "svg",
    {
      viewBox: "0 0 20 20",
      width: 18,
      height: 18,
      fill: "none",
      stroke: "currentColor",
      "stroke-width": 1.6,
      "aria-hidden": true,
    },
    paths.map((d) => svg("path", { d })),
  );
const FRAME = ["M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4", "M7 7h6v6H7z"];
const GLOBE = [
  "M10 2.5a7.5 7.5 0 1 0 0 15a7.5 7.5 0 1 0 0-15z",
  "M2.5 10h15M10 2.5c-4.5 4.5-4.5 10.5 0 15M10 2.5c4.5 4.5 4.5 10.5 0 15",
];
const button = (id, label, key, does, paths) =>
  make("button", { id, type: "button", "aria-label": label, title: `${label} (${key})`, onclick: does }, icon(...paths));

const AREA = ["M3 5h14v10H3z", "M6 5v3M10 5v4M14 5v3"];
const GRID = ["M2.5 7h15M2.5 13h15M7 2.5v15M13 2.5v15"];
const STACK = ["M10 3l7 4-7 4-7-4z", "M3 10.5l7 4 7-4M3 14l7 4 7-4"];
const refresh = () => {
  if (toChip) toChip.disabled = !chipThere();
  if (area) area.disabled = !pixel.sources()?.revisions.length;
  grid?.setAttribute("aria-pressed", String(state.get().graticule));
};
/** Show the degrees on the map, or not. */
const graticule = () => state.set({ graticule: !state.get().graticule });
state.listen((now, before) => {
  if (now.graticule !== before.graticule) refresh();
});

leaflet.onMap((map) => {
  toChip = button("home-chip", "Zoom to the open chip", "Z", chip, FRAME);
  toWorld = button("home-world", "Show the whole world", "H", world, GLOBE);
  grid = button("graticule", "Degrees on the map", "N", graticule, GRID);
  area = button("count-box", "Count in a box", "R", () => drawing.start("rectangle"), AREA);
  const layers = button("own-layers", "Your layers", "L", null, STACK); // assets/later.mjs opens what it opens
  const bar = make("div", { class: "leaflet-bar fs-home" }, toChip, toWorld, grid, area, layers);
  libraries.L.DomEvent.disableClickPropagation(bar);
  const Home = libraries.L.Control.extend({ onAdd: () => bar });
  new Home({ position: "topleft" }).addTo(map);
  map.zoomControl.getContainer().after(bar); // and the scale below both
  refresh();
});
tiles.onPainted(refresh);
pixel.onOpen(refresh);

export { chip, graticule, world };
