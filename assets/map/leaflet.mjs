// The main Leaflet map: from the moment that dash-leaflet hands it over, and how it is moved at once.

import * as seamless from "./seamless.mjs";

export const FOOTPRINT_ZOOM = 9; // from here on a 5 km chip is wider than 16 px
const begun = []; // what begins once the map is there
let map = null;
let going = 0; // counts the places that the map was sent to

export const calm = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;
export const near = () => map.getZoom() >= FOOTPRINT_ZOOM;

// What fits or what a link says is shown at its very zoom; wheel, buttons, keys and fingers go to whole zooms, where a pixel of
// a tile is one of the screen. A zoom that stays, as when the map is moved by keys, is never rounded.
export const finely = (one) => {
  const limit = one._limitZoom;
  one._limitZoom = function limited(zoom) {
    return zoom === this._zoom ? zoom : limit.call(this, zoom);
  };
};
// Do something to a map while it takes every zoom as it is given.
export const exactly = (one, then) => {
  const { zoomSnap } = one.options;
  one.options.zoomSnap = 0;
  const out = then();
  one.options.zoomSnap = zoomSnap;
  return out;
};
// A zoom to two digits: what the address holds, and no chip is larger for it than it fits.
export const rounded = (zoom) => Math.floor(100 * zoom + 1e-6) / 100;

// Do something with the map once it is there.
export const onMap = (then) => {
  begun.push(then);
};

/** @type {Promise<void>} */
export const there = new Promise((done) => onMap(() => done()));

// The first layer that is drawn hands its map over.
export const attach = (context) => {
  if (map || !context || !context.map) return;
  map = context.map;
  rememberRest();
  seamless.install();
  finely(map);
  const fly = map.flyTo.bind(map);
  // A cluster of chips that lie on one another asks for no zoom: they are told apart by their footprints.
  map.flyTo = (centre, zoom = 12, options = {}) => {
    if (calm()) {
      jump(centre, zoom);
      return map;
    }
    endZoom();
    return fly(centre, zoom, { duration: 0.6, ...options });
  };
  map.attributionControl.setPrefix(false);
  map.getContainer().setAttribute("role", "application");
  map.getContainer().setAttribute("aria-label", "World map of the chips. Every chip can also be opened from the Chips table.");
  begun.forEach((then) => then(map));
};
// Leaflet keeps the centre that it was last given until the pane of the map has moved, which it takes for "is not at 0, 0".
// A flight may end with the pane elsewhere; moved back to 0, 0 the map would tell where the flight ended.
const rememberRest = () => {
  const move = map._move;
  let rest = map._getMapPanePos();
  map._move = function moved(...given) {
    rest = this._getMapPanePos();
    return move.apply(this, given);
  };
  map._moved = () => !map._getMapPanePos().equals(rest);
};

// While a zoom is animated Leaflet takes no other view, and at its end goes where it led: so it ends there before the map
// is sent elsewhere. (Leaflet's own stop() begins an animated zoom.)
export const endZoom = () => {
  going += 1;
  if (map._animatingZoom) map._onZoomTransitionEnd();
};
// Show a place at once, whatever the map was doing.
export const jump = (centre, zoom) => {
  const there = () => {
    endZoom();
    exactly(map, () => map.setView(centre, zoom, { animate: false }));
  };
  there();
  const mine = going;
  requestAnimationFrame(() => {
    if (mine === going && map._animatingZoom) there();
  }); // a zoom asked for before begins in the next frame
};

export { map };
