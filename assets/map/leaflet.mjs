// The main Leaflet map: from the moment that dash-leaflet hands it over, and how it is moved at once.

const FOOTPRINT_ZOOM = 9; // from here on a 5 km chip is wider than 16 px
const begun = []; // what begins once the map is there
let map = null;
let going = 0; // counts the places that the map was sent to

export const calm = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;
export const near = () => map.getZoom() >= FOOTPRINT_ZOOM;

// Do something with the map once it is there.
export const onMap = (then) => {
  begun.push(then);
};

// The first layer that is drawn hands its map over.
export const attach = (context) => {
  if (map || !context || !context.map) return;
  map = context.map;
  rememberRest();
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
    map.setView(centre, zoom, { animate: false });
  };
  there();
  const mine = going;
  requestAnimationFrame(() => {
    if (mine === going && map._animatingZoom) there();
  }); // a zoom asked for before begins in the next frame
};

export { map };
