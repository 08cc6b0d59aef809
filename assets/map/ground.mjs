// The ground around a chip: towns by their names, rivers, lakes and borders within countries (dashboard/workspace/ground.py). It comes when the
// map is near, a cell of ten degrees at a time, and lies below the imagery, which it never covers.
import { ask } from "../page/ask.mjs";
import { libraries } from "../page/bridge.mjs";
import { free, onCover } from "./cover.mjs";
import * as leaflet from "./leaflet.mjs";
import * as board from "./picture.mjs";

const CELL = 10; // degrees
const STEPS = 1000; // a degree
const PANE = "ground";
const LINES_UNTIL = 11; // farther in, lines of 1:10 million and coarser lie beside what the imagery shows
// People that a town must have for its name to stand there, by zoom.
const PEOPLE = { 9: 60_000, 10: 20_000 };
const OWNERS = ["Natural Earth", "GeoNames"];
const ROOM = { width: 7, height: 16 }; // of a letter and a line, pixels

const cells = new Map(); // "west_south" -> {towns, lines}, or null while it is asked for
let names = null; // the layer of the names

// Corners as [lat, lon], of whole numbers that begin with a place and go on by steps.
export const cornersOf = ([lon, lat, ...steps]) => {
  const out = [[lat / STEPS, lon / STEPS]];
  let [x, y] = [lon, lat];
  for (let i = 0; i < steps.length; i += 2) {
    x += steps[i];
    y += steps[i + 1];
    out.push([y / STEPS, x / STEPS]);
  }
  return out;
};

// The cells of a view, by their west and south; beyond 180 degrees they begin anew, so `turn` says how far they are moved.
export const cellsOf = (west, south, east, north) => {
  const out = [];
  for (let x = Math.floor(west / CELL) * CELL; x < east; x += CELL) {
    for (let y = Math.max(-90, Math.floor(south / CELL) * CELL); y < Math.min(90, north); y += CELL) {
      const own = ((((x + 180) % 360) + 360) % 360) - 180;
      out.push({ name: `${own}_${y}`, turn: x - own });
    }
  }
  return out;
};

const linesOf = (cell) => {
  const { L } = libraries;
  const how = (kind) => ({ pane: PANE, interactive: false, className: `fs-ground-${kind}`, weight: 1 });
  const some = (kind) => (cell[kind] || []).map(cornersOf);
  return L.layerGroup([
    L.polygon(some("lakes"), { ...how("lakes"), stroke: false, fillOpacity: 1 }),
    L.polyline(some("borders"), how("borders")),
    L.polyline(some("rivers"), how("rivers")),
  ]);
};

const load = (name) => {
  if (cells.has(name)) return;
  cells.set(name, null);
  ask(`ground/${name}.json`).then(
    (cell) => {
      cells.set(name, { towns: cell.towns || [], lines: linesOf(cell) });
      show();
    },
    () => cells.delete(name), // the page says by itself that the server is gone; it is asked again when the map moves
  );
};

// The largest towns first, each where no name stands yet.
const label = (shown) => {
  const { L } = libraries;
  const { map } = leaflet;
  const least = PEOPLE[Math.floor(map.getZoom())] ?? 0;
  const bounds = map.getBounds();
  const width = map.getSize().x;
  const taken = [];
  const markers = [];
  shown
    .flatMap(({ cell, turn }) => cell.towns.map(([name, lon, lat, people]) => [name, lon / STEPS + turn, lat / STEPS, people]))
    .filter(([, lon, lat, people]) => people >= least && bounds.contains([lat, lon]))
    .sort((a, b) => b[3] - a[3])
    .forEach(([name, lon, lat]) => {
      const at = map.latLngToContainerPoint([lat, lon]);
      const box = [at.x - 4, at.y - ROOM.height / 2, at.x + 10 + ROOM.width * name.length, at.y + ROOM.height / 2];
      if (box[0] < 0 || box[2] > width || !free(box)) return; // no name is cut
      if (taken.some(([west, north, east, south]) => box[0] < east && box[2] > west && box[1] < south && box[3] > north)) return;
      taken.push(box);
      const text = document.createElement("span");
      text.textContent = name;
      const icon = L.divIcon({ className: "fs-town", html: text, iconSize: [7, 7] });
      markers.push(L.marker([lat, lon], { pane: PANE, icon, interactive: false, keyboard: false }));
    });
  if (names) names.remove();
  names = L.layerGroup(markers).addTo(map);
};

// Whose ground it is, while there is some.
let credited = false;
const credit = (near) => {
  if (credited === near) return;
  credited = near;
  const { attributionControl } = leaflet.map;
  OWNERS.forEach((owner) => attributionControl[near ? "addAttribution" : "removeAttribution"](owner));
};

/** Show what lies in the view, and ask for what is not there yet; nothing where the map is far. */
const show = () => {
  const { map } = leaflet;
  if (!map.getPane(PANE)) {
    map.createPane(PANE).style.zIndex = 215; // above the countries, below the imagery
    map.getPane(PANE).style.pointerEvents = "none";
    map.on("moveend", show);
    onCover(show);
  }
  const near = leaflet.near() && !board.shown; // a drawing board is no place
  credit(near);
  const lines = near && map.getZoom() < LINES_UNTIL;
  const bounds = map.getBounds();
  const wanted = near ? cellsOf(bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()) : [];
  wanted.forEach(({ name }) => load(name));
  const there = wanted.map(({ name, turn }) => ({ name, turn, cell: cells.get(name) })).filter(({ cell }) => cell);
  const drawn = new Set(lines ? there.filter(({ turn }) => !turn).map(({ name }) => name) : []);
  cells.forEach((cell, name) => {
    if (!cell) return;
    if (drawn.has(name)) cell.lines.addTo(map);
    else cell.lines.remove();
  });
  label(there);
};

export { show };
