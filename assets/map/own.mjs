// Layers of a person's own on the map (page/own.mjs says what one is): put there, told how they fare, and never in the way.
import { libraries } from "../page/bridge.mjs";
import { MOST_BYTES, shapesOf } from "../page/geojson.mjs";
import { hosts } from "../page/layers.mjs";
import { entriesOf, keyOf, problemOf, wmsOf } from "../page/own.mjs";
import * as state from "../page/state.mjs";
import { boundsOf, OPTIONS, shows, text } from "./foreign.mjs";
import * as leaflet from "./leaflet.mjs";
import * as board from "./picture.mjs";

/** @typedef {import("../page/own.mjs").Own} Own */
/** @typedef {{says: string, bad: boolean}} Fate how a layer fares */

const UNDER = "own-under"; // above a base map, below the world and the image
const OVER = "own-over"; // above the image and what is over it, below the outlines of chips
const ROOMS = { [UNDER]: "206", [OVER]: "345" };
// Lines of several layers are told apart by their strokes, on any ground: white, with a rim of black.
export const STROKES = ["", "9 5", "2 4", "12 4 2 4"];
const DISC = 4;
const WELL = { says: "", bad: false };

/** @type {Map<string, any>} key -> {layer, renderer, pane, under, stroke, bounds} */
const drawn = new Map();
/** @type {Map<string, Fate>} */
const fates = new Map();
/** @type {Map<string, import("../page/geojson.mjs").Shapes>} what was read of files, by name, as long as this page is open */
const files = new Map();
const listeners = [];
let made = 0;

export const origins = () => [window.location.origin, ...hosts];
/** The layers of the state, the uppermost first. */
export const entries = () => entriesOf(state.get().layers);
const all = () => entries().map(({ own }) => own);
/** Hear of every change of how a layer fares. @param {() => void} then */
export const onFate = (then) => {
  listeners.push(then);
};
/** @param {Own} own @returns {Fate} */
export const fateOf = (own) => {
  const says = problemOf(own, origins());
  if (says) return { says, bad: true };
  if (own.kind === "file" && !files.has(own.name))
    return { says: "A link has the names of files alone: choose this one again.", bad: true };
  return fates.get(keyOf(own)) || WELL;
};
/** West, south, east and north of a layer of shapes. @param {Own} own */
export const boundsFor = (own) => drawn.get(keyOf(own))?.bounds || (own.kind === "file" && files.get(own.name)?.bounds) || null;

const tell = () => {
  const bad = all().filter((own) => !own || (own.on && fateOf(own).bad)).length;
  const button = document.getElementById("own-layers");
  if (button) {
    button.toggleAttribute("data-trouble", bad > 0);
    button.title = `Your layers (L)${bad ? `: ${bad} cannot be shown` : ""}`;
  }
  listeners.forEach((then) => then());
};
const fares = (own, says, bad = false) => {
  fates.set(keyOf(own), { says, bad });
  tell();
};

/** Take a file's text under its name. @param {string} name @param {string} written @throws {Error} where it is no GeoJSON */
export const takeFile = (name, written) => {
  files.set(name, shapesOf(written));
  const key = `file ${name}`;
  if (drawn.has(key)) remove(key);
  show();
};

// --- what is drawn ----------------------------------------------------------------------------------------------
const paneOf = (own) => {
  const { map } = leaflet;
  const room = own.under ? UNDER : OVER;
  if (!map.getPane(room)) {
    map.createPane(room).style.zIndex = ROOMS[room];
    map.getPane(room).style.pointerEvents = "none";
  }
  made += 1;
  const name = `own-${made}`;
  map.createPane(name, map.getPane(room));
  return name;
};

const tilesOf = (own, pane) => {
  const { L } = libraries;
  const options = { ...OPTIONS, pane, attribution: text(own.attribution) };
  const { host } = new URL(own.address.replace(/\{[^}]*\}/g, "0"));
  let [came, lost] = [0, 0];
  const wms = own.kind === "wms" && wmsOf(own.address);
  const layer = wms
    ? L.tileLayer.wms(wms.url, { ...options, ...wms.params, uppercase: true })
    : L.tileLayer(own.address, { ...options, maxNativeZoom: 19 });
  return layer
    .on("loading", () => {
      [came, lost] = [0, 0];
      if (!fates.get(keyOf(own))) fares(own, `Asking ${host} …`);
    })
    .on("tileload", ({ tile }) => {
      if (shows(tile)) came += 1;
    })
    .on("tileerror", () => {
      lost += 1;
    })
    .on("load", () => {
      if (lost && !came)
        fares(own, `No picture comes from ${host}: see whether the address is right, and whether there is something here.`, true);
      else fares(own, lost ? `${lost} of ${lost + came} pictures did not come from ${host}.` : "");
    });
};

const linesOf = ({ geometries, bounds }, pane, stroke, attribution) => {
  const { L } = libraries;
  const renderer = L.canvas({ pane });
  const features = geometries.map((geometry) => ({ type: "Feature", properties: {}, geometry }));
  const of = (style) =>
    L.geoJSON(features, {
      pane,
      interactive: false,
      attribution,
      style: { renderer, fill: false, ...style },
      pointToLayer: (_, place) => L.circleMarker(place, { renderer, pane, radius: DISC, interactive: false }),
    });
  const dashArray = stroke || null;
  const layer = L.layerGroup([
    of({ color: "#000", weight: 4, opacity: 0.85 }),
    of({ color: "#fff", weight: 2, opacity: 1, dashArray }),
  ]);
  return { layer, renderer, bounds };
};

const strokeLeft = () => {
  const taken = [...drawn.values()].map(({ stroke }) => stroke);
  return STROKES.find((stroke) => !taken.includes(stroke)) ?? "";
};

/** The text of an answer, which is bounded however long it goes on. @param {Response} response */
const bounded = async (response) => {
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let [whole, size] = ["", 0];
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    size += part.value.length;
    if (size > MOST_BYTES) {
      reader.cancel();
      throw new Error(`It is larger than ${MOST_BYTES >> 20}\u2009MiB: cut a part out.`);
    }
    whole += decoder.decode(part.value, { stream: true });
  }
  return whole + decoder.decode();
};
const ask = async (own) => {
  const { host } = new URL(own.address);
  let response;
  try {
    response = await fetch(own.address, { credentials: "omit", referrerPolicy: "origin" });
  } catch {
    throw new Error(`${host} does not answer, or does not let other pages read it (CORS): see whether the address is right.`);
  }
  if (!response.ok) throw new Error(`${host} answers ${response.status}: see whether the address is right.`);
  return shapesOf(await bounded(response));
};

const put = (own) => {
  const key = keyOf(own);
  const pane = paneOf(own);
  const entry = { layer: null, pane, under: own.under, stroke: strokeLeft(), bounds: null };
  drawn.set(key, entry);
  const lay = (shapes) => {
    if (drawn.get(key) !== entry) return; // removed meanwhile
    Object.assign(entry, linesOf(shapes, pane, entry.stroke, text(own.attribution)));
    entry.layer.addTo(leaflet.map);
    fares(own, "");
  };
  if (own.kind === "file") lay(files.get(own.name));
  else if (own.kind === "geojson") {
    fares(own, `Asking ${new URL(own.address).host} …`);
    ask(own).then(lay, (error) => {
      if (drawn.get(key) === entry) fares(own, error.message, true);
    });
  } else {
    entry.layer = tilesOf(own, pane);
    entry.layer.addTo(leaflet.map);
  }
};
const remove = (key) => {
  const { layer, renderer, pane } = drawn.get(key);
  drawn.delete(key);
  fates.delete(key);
  layer?.remove();
  renderer?.remove();
  leaflet.map.getPane(pane)?.remove();
  delete leaflet.map._panes[pane];
};

/** Have the map show the layers that are on and may be shown, in their order; a drawing board shows none. */
export const show = () => {
  if (!leaflet.map) return;
  const wanted = board.shown ? [] : all().filter((own) => own?.on && !problemOf(own, origins()));
  const there = wanted.filter((own) => own.kind !== "file" || files.has(own.name));
  const keys = new Map(there.map((own) => [keyOf(own), own]));
  [...drawn].forEach(([key, { under }]) => {
    if (keys.get(key)?.under !== under) remove(key);
  });
  there.forEach((own, at) => {
    if (!drawn.has(keyOf(own))) put(own);
    const { style } = leaflet.map.getPane(drawn.get(keyOf(own)).pane);
    style.opacity = String(own.opacity / 100);
    style.zIndex = String(there.length - at); // the first lies on top
  });
  tell();
};

let begun = false;
/** Show them for the first time; returns whether one of them cannot be shown, for a reason that is known already. */
export const begin = () => {
  if (begun) return false;
  begun = true;
  show();
  return all().some((own) => !own || (own.on && fateOf(own).bad));
};

/** @param {Own} own */
export const strokeOf = (own) => drawn.get(keyOf(own))?.stroke ?? "";
/** @param {Own} own */
export const zoomTo = (own) => {
  const bounds = boundsFor(own);
  if (bounds) leaflet.map.fitBounds(boundsOf(bounds), { maxZoom: 16, padding: [24, 24] });
};

let away = false; // a drawing board is no place
leaflet.map.on("moveend", () => {
  if (Boolean(board.shown) === away) return;
  away = !away;
  show();
});
state.listen((now, before) => {
  if (now.layers !== before.layers) show();
});
