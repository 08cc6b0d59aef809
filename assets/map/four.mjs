// Four maps of one chip side by side (`FOUR` in tiles/drawing/layers.py). They move together, and take the main map along,
// which lies below and keeps the view that the address of the page holds.

import * as catalog from "../data/catalog.mjs";
import { libraries } from "../page/bridge.mjs";
import * as layers from "../page/layers.mjs";
import * as state from "../page/state.mjs";
import * as flights from "./flights.mjs";
import * as leaflet from "./leaflet.mjs";
import * as painting from "./painting.mjs";
import * as pixel from "./pixel.mjs";
import { side as sideOf } from "./sides.mjs";
import * as tiles from "./tiles.mjs";

const EDGE = 12; // a pin on a chip's edge is whole
const NEARER = 1; // a cell is half as wide as the map, so it shows the same at one zoom less
const sides = () => layers.four.map((name) => sideOf(name, "composite"));
let maps = [];
let chip = null; // the one that the cells have gone to
let moving = false;
let linked = false; // a link or Back has opened them
let opening = false;
let size = null; // of the main map, as the cells know it
const turned = []; // what is done when they are put there or away

const cells = () => [.../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("#four-up .fs-four-cell"))];
const shown = () => maps.length > 0;
const main = () => leaflet.map;

// From the middle of the main map to the middle of what the strip leaves of it, in pixels.
const aside = () => {
  const { left, below } = flights.covered();
  return libraries.L.point(left / 2, -below / 2);
};
// What the cells show where the main map is, and the other way round.
/** @returns {[any, number]} */
const ofMain = () => [
  main().unproject(main().project(main().getCenter()).add(aside())),
  Math.max(1, leaflet.rounded(main().getZoom() - NEARER)),
];
const toMain = ([centre, zoom]) => {
  const nearer = leaflet.rounded(zoom + NEARER);
  return [main().unproject(main().project(centre, nearer).subtract(aside()), nearer), nearer];
};

const follow = (from) => {
  if (moving) return;
  moving = true;
  /** @type {[any, number]} */
  const view = from === main() ? ofMain() : [from.getCenter(), from.getZoom()];
  maps.forEach((map) => {
    if (map !== from) leaflet.exactly(map, () => map.setView(...view, { animate: false }));
  });
  if (from !== main()) leaflet.jump(...toMain(view));
  moving = false;
};

// A move by which the main map takes another size is none that the cells follow: they have another size too, and `resize` comes next.
const followMain = () => {
  if (main().getSize().equals(size)) follow(main());
};

// A cross in every cell, where the pointer is in one of them.
const point = (latlng) =>
  maps.forEach((map) => {
    if (!latlng) {
      map.cross.remove();
      return;
    }
    map.cross.setLatLng(latlng).addTo(map);
  });

const make = (cell, n) => {
  const name = cell.querySelector(".fs-four-name").textContent;
  painting.dress(cell.style, sides()[n]);
  const map = libraries.L.map(cell.querySelector(".fs-four-map"), {
    zoomControl: false,
    attributionControl: n === 3,
    fadeAnimation: false,
    zoomAnimation: false,
    minZoom: 1,
    maxZoom: 19,
    inertia: false,
    trackResize: false, // resize() does, of all four at once
  });
  leaflet.finely(map);
  Object.entries({ imagery: 310, scores: 320, marks: 430 }).forEach(([pane, at]) => {
    map.createPane(pane).style.zIndex = String(at); // as on the main map (dashboard/page/layout/map.py)
  });
  if (n === 3) map.attributionControl.setPrefix(false);
  if (n === 0) libraries.L.control.zoom({ position: "bottomleft" }).addTo(map);
  const container = map.getContainer();
  container.setAttribute("role", "application");
  container.setAttribute("aria-label", `${name}; moves with the other three maps`);
  map.cross = libraries.L.marker([0, 0], {
    interactive: false,
    keyboard: false,
    icon: libraries.L.divIcon({ className: "fs-cross", iconSize: [15, 15] }),
  });
  leaflet.exactly(map, () => map.setView(...ofMain(), { animate: false }));
  map.on("move", () => follow(map));
  map.on("mousemove", (event) => point(event.latlng));
  map.on("mouseout", () => point(null));
  pixel.watch(map);
  return map;
};

// Show a chip whole in every cell; who looks at a part of it keeps that part.
let fitted = null; // where the cells show it whole: [bounds, centre, zoom]
const fitTo = (all) => {
  leaflet.exactly(maps[0], () => {
    const zoom = leaflet.rounded(maps[0].getBoundsZoom(all, false, libraries.L.point(2 * EDGE, 2 * EDGE)));
    maps[0].setView(libraries.L.latLngBounds(all).getCenter(), zoom, { animate: false });
  });
  fitted = [all, maps[0].getCenter(), maps[0].getZoom()];
};
const boundsOf = ({ frame: [west, south, east, north] }) => [
  [south, west],
  [north, east],
];
const whole = (one) => fitTo(boundsOf(one));
const fit = (one) => {
  chip = one.id;
  const all = boundsOf(one);
  if (main().getBounds().contains(all) || !main().getBounds().intersects(all)) fitTo(all);
};
const stillWhole = () => {
  if (!shown() || fitted === null || maps[0].getZoom() !== fitted[2]) return false;
  const [now, then] = [maps[0].getCenter(), fitted[1]].map((at) => maps[0].project(at));
  return now.distanceTo(then) < 2; // another size moves the middle by part of a pixel
};

// Put the tiles of the open chip on all four: the ones that the main map has asked for already. Where a link has
// placed the map, they show that.
const fill = (one, model, placed) => {
  if (!shown()) return;
  if (one && one.id !== chip) {
    if (linked && (placed || opening)) chip = one.id;
    else fit(one);
  }
  sides().forEach((side, n) => put(maps[n], side, tiles.panesOf(one, model, side)));
};
const put = (map, { overlay }, wanted) => {
  ["imagery", "scores"].forEach((pane) => {
    const want = pane === "scores" && overlay === "none" ? null : wanted[pane];
    map.held = map.held || {};
    if (map.held[pane] && want && map.held[pane].url === want.url) return;
    if (map.held[pane]) map.held[pane].layer.remove();
    delete map.held[pane];
    if (want) map.held[pane] = { url: want.url, layer: tiles.layerOf(pane, want.chip, want.url).addTo(map) };
  });
};

const open = () => {
  if (shown() || !main()) return;
  document.getElementById("four-up").hidden = false;
  maps = cells().map(make);
  size = main().getSize();
  main().on("move", followMain);
  opening = true;
  tiles.again();
  opening = false;
  pixel.mark();
  turned.forEach((then) => then());
};
const close = () => {
  if (!shown()) return;
  main().off("move", followMain);
  const last = catalog.chips.get(chip);
  const back = !linked && last && maps[0].getBounds().contains(boundsOf(last));
  maps.forEach((map) => map.remove());
  [maps, chip, fitted] = [[], null, null];
  document.getElementById("four-up").hidden = true;
  if (back) flights.flyToBounds(last.frame, { instant: true });
  turned.forEach((then) => then());
};
// Do something when they are put there or away.
const onTurned = (then) => {
  turned.push(then);
};
const update = (byLink = false) => {
  const wanted = state.get().mode === "four";
  if (byLink || wanted !== shown()) linked = byLink;
  return wanted ? open() : close();
};

// The cells have another size: a chip that they show whole stays whole. Else they keep their middle, and where a link has
// placed the map, the map its own.
const resize = () => {
  const again = stillWhole();
  size = main().getSize();
  moving = linked || again;
  maps.forEach((map) => map.invalidateSize({ animate: false }));
  moving = false;
  if (again) fitTo(fitted[0]);
  else if (linked) followMain();
};

// The cells end above the strip, whose height depends on what stands in it.
const install = () => {
  new ResizeObserver(([entry]) => {
    const [{ blockSize: height, inlineSize: width }] = entry.borderBoxSize;
    document.documentElement.style.setProperty("--fs-strip-height", `${Math.ceil(height)}px`);
    document.documentElement.style.setProperty("--fs-strip-width", `${Math.ceil(width)}px`);
    resize();
    if (!shown()) flights.settle();
  }).observe(document.getElementById("layer-strip"));
  main().on("resize", resize);
  update(true);
};

tiles.onPainted(fill);
flights.onJumped((frame) => {
  if (shown()) whole({ frame });
});
state.listen((now, before) => {
  if ((now.grey !== before.grey || now.outline !== before.outline) && shown())
    cells().forEach((cell, n) => painting.dress(cell.style, sides()[n]));
});

export { install, maps, onTurned, resize, shown, sides, update, whole };
