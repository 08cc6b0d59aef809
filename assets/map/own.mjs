// Layers of a person's own on the map, or on the four (page/own.mjs says what one is): put there, told how they fare, and never in
// the way.
import { libraries } from "../page/bridge.mjs";
import { svg } from "../page/dom.mjs";
import { MOST_BYTES, shapesOf } from "../page/geojson.mjs";
import { hosts } from "../page/layers.mjs";
import { entriesOf, keyOf, problemOf, wmsOf } from "../page/own.mjs";
import * as state from "../page/state.mjs";
import { boundsOf, OPTIONS, shows, text } from "./foreign.mjs";
import * as four from "./four.mjs";
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

/** @type {Map<any, Map<string, any>>} map -> key -> {layer, renderer, pane, under} */
const drawn = new Map();
/** @type {Map<string, string>} key -> how its lines are drawn, of each layer that is shown */
const strokes = new Map();
/** @type {Map<string, Promise<import("../page/geojson.mjs").Shapes>>} key -> what is at an address, asked once for all maps */
const asked = new Map();
/** @type {Map<string, [number, number, number, number]>} key -> where the shapes are, of each layer that is shown */
const reach = new Map();
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
export const boundsFor = (own) => reach.get(keyOf(own)) || (own.kind === "file" && files.get(own.name)?.bounds) || null;

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
  drawn.forEach((_, map) => remove(map, `file ${name}`));
  show();
};

// --- what is drawn ----------------------------------------------------------------------------------------------
const paneOf = (map, own) => {
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

// Lines are drawn beyond the view, and anew when it is moved out of that: four maps move together with each step of a drag.
const AROUND = 0.5; // of its width and height
const canvasIn = (pane) => {
  const { L } = libraries;
  const renderer = L.canvas({ pane, padding: AROUND });
  const events = renderer.getEvents();
  renderer.getEvents = () => ({
    ...events,
    moveend() {
      const { _map: map, _bounds: drawn } = renderer;
      const from = map.containerPointToLayerPoint([0, 0]);
      if (renderer._zoom !== map.getZoom() || !drawn.contains(L.bounds(from, from.add(map.getSize())))) renderer._update();
    },
  });
  return renderer;
};
const linesOf = ({ geometries }, pane, stroke, attribution) => {
  const { L } = libraries;
  const renderer = canvasIn(pane);
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
  return { layer, renderer };
};

export const ofShapes = (/** @type {Own} */ { kind }) => kind === "file" || kind === "geojson";
const strokeLeft = () => STROKES.find((stroke) => ![...strokes.values()].includes(stroke)) ?? "";

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

const shapesFor = (own) => {
  const key = keyOf(own);
  if (!asked.has(key)) {
    fares(own, `Asking ${new URL(own.address).host} …`);
    asked.set(key, ask(own));
  }
  return asked.get(key);
};

const put = (map, own) => {
  const key = keyOf(own);
  const pane = paneOf(map, own);
  const entry = { layer: null, renderer: null, pane, under: own.under };
  drawn.get(map).set(key, entry);
  if (ofShapes(own) && !strokes.has(key)) strokes.set(key, strokeLeft());
  const there = () => drawn.get(map)?.get(key) === entry; // not removed meanwhile
  const lay = (shapes) => {
    if (!there()) return;
    reach.set(key, shapes.bounds);
    Object.assign(entry, linesOf(shapes, pane, strokes.get(key), text(own.attribution)));
    entry.layer.addTo(map);
    fares(own, "");
  };
  if (own.kind === "file") lay(files.get(own.name));
  else if (own.kind === "geojson") shapesFor(own).then(lay, (error) => there() && fares(own, error.message, true));
  else {
    entry.layer = tilesOf(own, pane);
    entry.layer.addTo(map);
  }
};
const remove = (map, key) => {
  const entry = drawn.get(map).get(key);
  if (!entry) return;
  drawn.get(map).delete(key);
  entry.layer?.remove();
  entry.renderer?.remove();
  map.getPane(entry.pane)?.remove();
  delete map._panes[entry.pane];
};

/** The maps that are to be seen: while there are four, the one below them shows nothing, and asks for nothing. */
const maps = () => (four.shown() ? four.maps : [leaflet.map]);
/** Those that may be shown, the uppermost first; a drawing board shows none. */
const wanted = () =>
  board.shown ? [] : all().filter((own) => own?.on && !problemOf(own, origins()) && (own.kind !== "file" || files.has(own.name)));
/** The layers that are to be seen, the uppermost first. @returns {Own[]} */
export const seen = () => (leaflet.map ? wanted().filter((own) => !fateOf(own).bad) : []);

const showOn = (map, there) => {
  if (!drawn.has(map)) drawn.set(map, new Map());
  const keys = new Map(there.map((own) => [keyOf(own), own]));
  [...drawn.get(map)].forEach(([key, { under }]) => {
    if (keys.get(key)?.under !== under) remove(map, key);
  });
  there.forEach((own, at) => {
    if (!drawn.get(map).has(keyOf(own))) put(map, own);
    const { style } = map.getPane(drawn.get(map).get(keyOf(own)).pane);
    style.opacity = String(own.opacity / 100);
    style.zIndex = String(there.length - at); // the first lies on top
  });
};
/** Have the maps show the layers that are on and may be shown, in their order. */
export const show = () => {
  if (!leaflet.map) return;
  const [there, seeing] = [wanted(), maps()];
  const keys = new Set(there.map(keyOf));
  [strokes, asked, reach, fates].forEach((kept) => {
    [...kept.keys()].forEach((key) => keys.has(key) || kept.delete(key)); // who turns one off and on asks anew
  });
  [...drawn.keys()].forEach((map) => {
    if (seeing.includes(map)) return;
    if (map === leaflet.map) showOn(map, []);
    drawn.delete(map); // Leaflet has taken away what was on one of four
  });
  seeing.forEach((map) => showOn(map, there));
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

/** How the lines of a layer of shapes are drawn. @param {Own} own */
export const swatch = (own) => {
  const stripe = (colour, width, dashes) =>
    svg("path", { d: "M1 4h26", stroke: colour, "stroke-width": width, "stroke-dasharray": dashes });
  const rim = stripe("#000", 5, null);
  return svg("svg", { width: 28, height: 8, "aria-hidden": true }, rim, stripe("#fff", 2, strokes.get(keyOf(own)) || null));
};
/** @param {Own} own */
export const zoomTo = (own) => {
  const bounds = boundsFor(own);
  if (bounds) leaflet.map.fitBounds(boundsOf(bounds), { maxZoom: 16, padding: [24, 24] });
};

let away = false; // a drawing board is no place
leaflet.there.then(() =>
  leaflet.map.on("moveend", () => {
    if (Boolean(board.shown) === away) return;
    away = !away;
    show();
  }),
);
four.onTurned(show);
state.listen((now, before) => {
  if (now.layers !== before.layers) show();
});
