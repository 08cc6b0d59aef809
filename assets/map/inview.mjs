// What of the chips is on the map now: footprints near, points and clusters far out. Shapes are made as they come into view and taken
// away as they leave it; all others that the filters leave are numbers alone.

import * as catalog from "../data/catalog.mjs";
import * as filters from "../data/filters.mjs";
import { Clusters } from "./clusters.mjs";
import * as leaflet from "./leaflet.mjs";

const BESIDE = 0.25; // of the view's width and height: shapes are there before they are seen
const NEAREST = leaflet.FOOTPRINT_ZOOM - 1;
const APART = 11; // where chips whose points are one are told apart, by their footprints

/** @type {{outline: Function, round: Function, bubble: Function}} */
let makers = { outline: null, round: null, bubble: null };
/** Have shapes made by these (shapes.mjs). @param {typeof makers} given */
const use = (given) => {
  makers = given;
};

// --- clusters of the chips that pass ----------------------------------------------------------------------------
/** @type {Clusters | null} */
let clusters = null;
let [of, ofKinds] = ["", ""]; // what they and their counts were made of
/** @type {{ghosts: Uint32Array[], focused: Uint32Array[] | null}} by zoom and item */
let kinds = { ghosts: [], focused: null };

const gather = () => {
  const now = `${catalog.info.version} ${filters.version}`;
  if (of === now) return;
  [of, ofKinds] = [now, ""];
  const { chips } = catalog;
  clusters = new Clusters(
    filters.rows().filter((row) => chips.placed[row]),
    (row) => chips.middle(row),
    NEAREST,
  );
};
const count = () => {
  const { region, by, model } = filters.context;
  const now = JSON.stringify([of, region, by, region && by === "water" ? [model, catalog.version] : 0]);
  if (ofKinds === now) return;
  ofKinds = now;
  kinds = { ghosts: clusters.counts(filters.isGhost), focused: region ? clusters.counts(filters.focusedRows()) : null };
};

// --- shapes -----------------------------------------------------------------------------------------------------
const shapes = new Map(); // what it is of -> {layer, id: of a chip, else null}

const footprints = (wanted, view) =>
  catalog.chips.meeting(view, (row) => {
    if (!filters.passed(row)) return;
    const chip = catalog.chips.at(row);
    wanted.set(`chip ${chip.id} ${chip.revision}`, () => ({ layer: makers.outline(chip), id: chip.id }));
  });
const points = (wanted, view) => {
  gather();
  count();
  const zoom = Math.floor(leaflet.map.getZoom());
  clusters.within(view, zoom).forEach(({ item, place, count: all, at }) => {
    if (place >= 0) {
      const chip = catalog.chips.at(place);
      wanted.set(`point ${chip.id} ${at}`, () => ({ layer: makers.round(chip, at), id: chip.id }));
      return;
    }
    const told = { all, ghosts: kinds.ghosts[zoom][item], pale: kinds.focused !== null && kinds.focused[zoom][item] === 0 };
    const open = () => {
      const apart = clusters.apart(item, zoom);
      leaflet.map.flyTo(at, apart > NEAREST ? APART : apart);
    };
    wanted.set(JSON.stringify([zoom, at, told]), () => ({ layer: makers.bubble(told, at, open), id: null }));
  });
};

/** Bring the shapes on the map to what its view shows. */
const update = () => {
  if (!leaflet.map || !catalog.version) return;
  const bounds = leaflet.map.getBounds().pad(BESIDE);
  const view = [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()];
  const wanted = new Map();
  (leaflet.near() ? footprints : points)(wanted, view);
  shapes.forEach(({ layer }, key) => {
    if (wanted.has(key)) return;
    layer.remove();
    shapes.delete(key);
  });
  wanted.forEach((make, key) => {
    if (shapes.has(key)) return;
    const shape = make();
    shapes.set(key, shape);
    shape.layer.addTo(leaflet.map);
  });
};
/** Do something with the shape of each chip on the map. @param {(layer: any, id: string) => unknown} then */
const each = (then) => shapes.forEach(({ layer, id }) => id !== null && then(layer, id));

export { each, update, use };
