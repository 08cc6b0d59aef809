// The pixel under the pointer, and the one that is pinned: values from the point endpoint, asked for when the pointer
// rests, and kept. What follows from the threshold (the class of error) is computed here.

import * as catalog from "../data/catalog.mjs";
import * as shelf from "../data/shelf.mjs";
import { ask } from "../page/ask.mjs";
import { libraries, tell } from "../page/bridge.mjs";
import * as format from "../page/format.mjs";
import * as state from "../page/state.mjs";
import * as leaflet from "./leaflet.mjs";
import * as palette from "./palette.mjs";
import * as board from "./picture.mjs";
import * as sides from "./sides.mjs";

/** @typedef {import("../page/state.mjs").Place} Place */

const REST_MS = 60;
const KEPT = 500;
const kept = []; // {key, pixel}, the latest last
let now = { chip: null, model: null, level: 127 };
const listeners = []; // what is told of the pixel that is pinned, and of what follows from the threshold
const opened = []; // what is told which chip and model are looked at
let resting = null;
let asked = 0; // counts the questions of the pointer, so that a late answer is not shown
let over = null; // pixel under the pointer
let pinned = null; // pixel that is pinned, once it is known

// The image and the predictions that a pixel is read from: [A] or [A, B].
const sources = () => {
  const chip = catalog.chips.get(now.chip);
  if (!chip || !chip.imagery || !chip.frame) return null;
  if (chip.scene && !catalog.drawings.get(chip.id)?.settled) return null; // its label is being looked at
  const models = [now.model, sides.needsOther() ? shelf.beside(now.model) : null];
  const revisions = models.map((model) => (model && catalog.shown(model, chip.id)?.revision) || null);
  const known = revisions[0] ? revisions.filter(Boolean) : [];
  return { chip, revisions: known, key: [chip.id, chip.revision, ...known].join(" ") };
};

// Whether a place lies in the outline of a pixel, whose corners go round one way.
const within = (ring, [x, y]) => {
  const turns = ring.map(([ax, ay], i) => {
    const [bx, by] = ring[(i + 1) % ring.length];
    return Math.sign((bx - ax) * (y - ay) - (by - ay) * (x - ax));
  });
  return turns.every((turn) => turn >= 0) || turns.every((turn) => turn <= 0);
};

const inChip = ({ frame: [west, south, east, north] }, [lon, lat]) => lon >= west && lon <= east && lat >= south && lat <= north;

// The pixel at a place: what is kept at once, else from the server; null off the chip.
const recall = (from, place) => kept.findLast(({ key, pixel }) => key === from.key && within(pixel.ring, place))?.pixel;
const fetchPixel = (from, place) => {
  const query = new URLSearchParams([
    ["lon", place[0].toFixed(7)],
    ["lat", place[1].toFixed(7)],
    ...from.revisions.map((r) => ["prediction", r]),
  ]);
  return ask(`inspect/point/${encodeURIComponent(from.chip.id)}/${from.chip.revision}?${query}`).then((pixel) => {
    if (pixel) kept.push({ key: from.key, pixel });
    if (kept.length > KEPT) kept.shift();
    return pixel;
  });
};
const at = (place) => {
  const from = sources();
  if (!from || !inChip(from.chip, place)) return Promise.resolve(null);
  const known = recall(from, place);
  return known ? Promise.resolve(known) : fetchPixel(from, place);
};
/** @returns {Place} */
const middle = ({ ring }) => {
  const mean = (i) => Number((ring.reduce((sum, corner) => sum + corner[i], 0) / ring.length).toFixed(6));
  return [mean(0), mean(1)];
};

// --- what a pixel says ----------------------------------------------------------------------------------------
const dB = (value) => (value === null ? "no data" : `${value.toFixed(1).replace("-", "−")}\u2009dB`);
const place = ([lon, lat]) =>
  `${Math.abs(lat).toFixed(5)}° ${lat < 0 ? "S" : "N"} ${Math.abs(((lon + 540) % 360) - 180).toFixed(5)}° ${((lon + 540) % 360) - 180 < 0 ? "W" : "E"}`;
const probability = (value) => (value === null || value === undefined ? format.NONE : (value / 254).toFixed(2));
const label = (pixel) => ({ 0: "dry", 1: "water" })[pixel.label] || "unknown";
// The class of error at the present threshold: name and letters, as in the legend.
const kind = (pixel) => {
  const value = pixel.values[0];
  if (value === null || value === undefined || pixel.label === null) return ["not scored", ""];
  const wet = value >= now.level;
  if (pixel.label === 1) return wet ? ["true water", "hit"] : ["missed water", "missed"];
  return wet ? ["false water", "false"] : ["true dry", ""];
};
const facts = (pixel) => {
  const unplaced = catalog.chips.get(now.chip)?.unplaced;
  const out = [
    ["Place", unplaced ? `row ${pixel.row}, column ${pixel.column}` : place(middle(pixel))],
    ["VV", dB(pixel.vv)],
    ["VH", dB(pixel.vh)],
    ["p", pixel.values.length ? probability(pixel.values[0]) : format.NONE],
  ];
  if (pixel.values.length > 1) out.push(["p of B", probability(pixel.values[1])]);
  return [...out, ["Label", label(pixel)], ["Class", kind(pixel)[0], kind(pixel)[1]]];
};

// --- the line in the strip ------------------------------------------------------------------------------------
const HINT = "Point at the image to read a pixel; click to pin it.";
const readout = () => {
  const line = document.getElementById("readout");
  if (!line) return;
  const pixel = over || pinned;
  line.classList.toggle("fs-readout-hint", !pixel);
  line.dataset.pinned = String(Boolean(!over && pinned));
  if (!pixel) {
    line.replaceChildren(sources() ? HINT : "");
    return;
  }
  line.replaceChildren(
    ...facts(pixel).map(([name, value, colour]) => {
      const part = document.createElement("span");
      part.textContent = name === "Place" || name === "Class" ? value : `${name}\u2009${value}`;
      part.dataset.fact = name;
      if (colour) {
        const swatch = document.createElement("i");
        swatch.style.background = palette.css(colour);
        part.prepend(swatch);
      }
      return part;
    }),
  );
};

// --- pointer --------------------------------------------------------------------------------------------------
const show = (pixel) => {
  over = pixel;
  readout();
};
const hover = ({ latlng }) => {
  /** @type {Place} */
  const spot = [latlng.lng, latlng.lat];
  const from = sources();
  clearTimeout(resting);
  asked += 1;
  if (!from || !inChip(from.chip, spot)) {
    if (over) show(null);
    return;
  }
  const known = recall(from, spot);
  if (known) {
    show(known);
    return;
  }
  const mine = asked;
  resting = setTimeout(
    () =>
      at(spot).then(
        (pixel) => {
          if (mine === asked) show(pixel);
        },
        () => {},
      ),
    REST_MS,
  );
};
const leave = () => {
  clearTimeout(resting);
  asked += 1;
  if (over) show(null);
};

// --- the pin --------------------------------------------------------------------------------------------------
// Each map's own group of marks: the outline of the pinned pixel, that of the area.
const groups = new WeakMap();
const watched = new Set(); // the maps that there are
const mark = () =>
  watched.forEach((map) => {
    if (!groups.has(map)) groups.set(map, libraries.L.layerGroup([], { pane: "marks" }).addTo(map));
    const group = groups.get(map).clearLayers();
    const line = (ring, name) =>
      libraries.L.polygon(
        ring.map(([lon, lat]) => [lat, lon]),
        { pane: "marks", interactive: false, className: `fs-mark fs-mark-${name}` },
      );
    const { area } = state.get();
    if (area) group.addLayer(line(area, "area-rim")).addLayer(line(area, "area"));
    if (!pinned) return;
    const [lon, lat] = middle(pinned);
    group.addLayer(line(pinned.ring, "pixel"));
    group.addLayer(
      libraries.L.marker([lat, lon], {
        pane: "marks",
        interactive: false,
        keyboard: false,
        icon: libraries.L.divIcon({ className: "fs-pin", iconSize: [19, 19] }),
      }),
    );
  });

const said = (text) => {
  document.getElementById("look-announcement").textContent = text;
};
// Do something when what is known of the pinned pixel has changed, or the level.
const onChange = (then) => {
  listeners.push(then);
};
const changed = () => listeners.forEach((then) => then(now, pinned));
// Do something when a chip is opened, or more is known of it.
const onOpen = (then) => {
  opened.push(then);
};
const settle = (pixel) => {
  pinned = pixel;
  mark();
  readout();
  changed();
};
const pin = (spot) =>
  at(spot).then(
    (pixel) => {
      if (!pixel) return;
      settle(pixel);
      state.set({ pin: middle(pixel) });
      said(
        `Pinned: ${facts(pixel)
          .map(([name, value]) => `${name} ${value}`)
          .join(", ")}`,
      );
      tell("tab", { value: "chip" });
    },
    (error) => said(error.message),
  );
const unpin = () => {
  if (!pinned && !state.get().pin) return false;
  state.set({ pin: null });
  settle(null);
  said("The pin is taken away.");
  return true;
};
// Move the pin by pixels, right and down.
const move = (right, down) => {
  if (!pinned) return false;
  const [a, b, , d] = pinned.ring;
  const spot = middle(pinned).map((v, i) => v + right * (b[i] - a[i]) + down * (d[i] - a[i]));
  pin(spot);
  return true;
};

// A click on a chip's footprint: of the open one it pins a pixel, where the chip is large enough to aim at one.
const MIN_PX = 100;
const large = (map, { frame: [west, south, east, north] }) =>
  map.latLngToContainerPoint([south, east]).x - map.latLngToContainerPoint([north, west]).x >= MIN_PX;
const click = (event, id) => {
  const from = sources();
  if (id !== now.chip || !from || !large(leaflet.map, from.chip)) return false;
  pin([event.latlng.lng, event.latlng.lat]);
  return true;
};
const watch = (map) => {
  watched.add(map);
  map.on("unload", () => watched.delete(map));
  map.on("mousemove", hover);
  map.on("mouseout", leave);
  // On the main map footprints hear of clicks; a picture has none.
  map.on("click", (event) => {
    if (map !== leaflet.map || board.shown) click(event, now.chip);
  });
};

// The pixel in the middle of the map, for keyboards; where that is off the chip, the chip's own.
const pinMiddle = () => {
  const from = sources();
  if (!from) return;
  const { lat, lng } = leaflet.map.getCenter();
  const [west, south, east, north] = from.chip.frame;
  pin(inChip(from.chip, [lng, lat]) ? [lng, lat] : [(west + east) / 2, (south + north) / 2]);
};

// A chip was opened, or what is known of it has changed. Pin and area belong to one chip.
const open = (selection, model, level) => {
  const id = (selection && selection.id) || null;
  if (id !== now.chip) {
    [over, pinned] = [null, null];
    awaited = undefined;
    if (!(selection && selection.restored)) state.set({ pin: null, area: null });
  }
  now = { chip: id, model, level };
  if (awaited === undefined) opened.forEach((then) => then(now));
  readout();
  changed();
  mark();
  refresh();
};
// A link or Back says where handle, pin and area are. These belong to its chip, which may be told a moment later.
let awaited;
const arrive = ({ mode, handle, pin: spot, area, chip }) => {
  awaited = chip === now.chip ? undefined : chip;
  state.set({ mode, at: handle, pin: spot, area }, { told: true });
};
const given = ({ at: handle, pin: spot, area }) => {
  state.set({ at: handle, pin: spot, area }, { told: true });
  pinned = null;
  if (awaited === undefined) opened.forEach((then) => then(now));
  settle(null);
  refresh();
};
// Read the pin anew where it is read from other predictions now.
const refresh = () => {
  const [spot, from, { chip }] = [state.get().pin, sources(), now];
  if (!spot || !from) return;
  const known = recall(from, spot);
  if (known && known === pinned) return;
  at(spot).then(
    (pixel) => {
      if (now.chip === chip) settle(pixel);
    },
    () => {},
  );
};

export {
  arrive,
  changed,
  click,
  facts,
  given,
  kind,
  mark,
  move,
  now,
  onChange,
  onOpen,
  open,
  pin,
  pinMiddle,
  pinned,
  refresh,
  said,
  sources,
  unpin,
  watch,
};
