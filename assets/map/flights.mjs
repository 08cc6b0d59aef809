// Going somewhere on the map: views in which a place is seen whole, and flights there.

import * as catalog from "../data/catalog.mjs";
import { libraries } from "../page/bridge.mjs";
import * as state from "../page/state.mjs";
import * as view from "../page/view.mjs";
import * as leaflet from "./leaflet.mjs";
import * as board from "./picture.mjs";

const MAX_ZOOM = 15;
const margin = () => (view.narrow() ? 12 : 24); // a pin on a chip's edge is whole
const [CONTROLS, BUTTONS] = [82, 56]; // height that buttons and scale take on a phone that stands, width that they take on one that lies
const GAP = 3; // beside the key and the strip, where room is short
const landed = []; // what waits for the end of a flight
const jumped = []; // what is told of bounds that are shown at once
let fitted = null; // what the map shows whole: {bounds, maxZoom}, until it is moved to something else
let flight = false; // from the start of a flight until the map has come to rest

// What the strip of layers takes of the map: its foot; on a phone that lies, its left side.
const covered = () => {
  const { offsetLeft = 0, offsetWidth = 0, offsetHeight = 0 } = document.getElementById("layer-strip") || {};
  if (view.low()) return { left: offsetHeight ? offsetLeft + offsetWidth : BUTTONS, below: 20 };
  return { left: 0, below: 24 + GAP + offsetHeight };
};
const above = () => board.above() || (view.narrow() && !view.low() ? CONTROLS : margin());

// Left edge and bottom of the key of colours, in pixels of the map, as it will be once the map is near: folded to its
// name unless someone reads it.
const key = () => {
  const element = /** @type {HTMLDetailsElement | null} */ (document.querySelector(".fs-key"));
  if (!element) return null;
  const [box, ground] = [element.getBoundingClientRect(), leaflet.map.getContainer().getBoundingClientRect()];
  if (element.open && element.matches(":hover, :focus-within"))
    return { left: box.left - ground.left, bottom: box.bottom - ground.top };
  const [summary, text] = [element.firstElementChild, document.createRange()];
  text.selectNodeContents(summary);
  return {
    left: box.right - ground.left - Math.max(view.narrow() ? 44 : 24, text.getBoundingClientRect().width) - 24, // its padding and borders
    bottom: summary.getBoundingClientRect().bottom - ground.top + 6,
  };
};

// Where the map shows bounds as large as they fit between its edges and the strip; moved aside, and made no smaller,
// where the key would cover their corner.
const viewOf = ([west, south, east, north], maxZoom = MAX_ZOOM) => {
  const size = leaflet.map.getSize();
  const [top, { left, below }] = [above(), covered()];
  const room = libraries.L.point(left + 2 * margin(), top + below);
  /** @type {[number, number][]} */
  const corners = [
    [south, west],
    [north, east],
  ];
  const fits = leaflet.exactly(leaflet.map, () => leaflet.map.getBoundsZoom(corners, false, room));
  const zoom = leaflet.rounded(Math.min(maxZoom, fits));
  const [topLeft, bottomRight] = [leaflet.map.project([north, west], zoom), leaflet.map.project([south, east], zoom)];
  const half = bottomRight.subtract(topLeft).divideBy(2);
  const at = libraries.L.point((left + size.x) / 2, (top + size.y - below) / 2); // of the middle, on the map
  const cover = board.shown ? null : key();
  if (cover && at.x + half.x > cover.left && at.y - half.y < cover.bottom) {
    const [aside, down] = [at.x + half.x - cover.left + GAP, cover.bottom - (at.y - half.y) + GAP];
    const [roomAside, roomDown] = [at.x - half.x - left - GAP, size.y - below - (at.y + half.y) - GAP];
    if (down <= roomDown && (down <= aside || aside > roomAside)) at.y += down;
    else if (aside <= roomAside) at.x -= aside;
  }
  const middle = topLeft.add(half).subtract(at.subtract(size.divideBy(2)));
  return { centre: leaflet.map.unproject(middle, zoom), zoom };
};

/** @param {[number, number, number, number]} bounds @param {{instant?: boolean, maxZoom?: number}} [how] */
const flyToBounds = (bounds, { instant = false, maxZoom } = {}) => {
  if (!leaflet.map) return;
  const { centre, zoom } = viewOf(bounds, maxZoom);
  // Four maps lie over this one, and would follow its flight away from the chip that they show whole.
  if (instant || leaflet.calm() || state.get().mode === "four") {
    leaflet.jump(centre, zoom);
  } else {
    leaflet.endZoom();
    flight = true;
    leaflet.map.flyTo(centre, zoom);
  }
  fitted = { bounds, maxZoom };
  if (!flight) jumped.forEach((then) => then(bounds));
};

// Do something each time that a flight has ended.
const onLanded = (then) => {
  landed.push(then);
};
// Do something each time that the map has gone to bounds at once.
const onJumped = (then) => {
  jumped.push(then);
};
leaflet.onMap((map) =>
  map.on("moveend", () => {
    if (!flight) return;
    flight = false;
    landed.forEach((then) => then());
  }),
);
const flying = () => flight;

// The map has another size, as panel, drawer or window have: what it showed whole is shown whole again. Every other move than
// a change of size begins with a "movestart".
leaflet.onMap((map) => {
  map.on("movestart", () => {
    fitted = null;
  });
  map.on("resize", () => {
    if (fitted && state.get().mode !== "four") flyToBounds(fitted.bounds, { instant: true, maxZoom: fitted.maxZoom });
  });
  new ResizeObserver(() => map.invalidateSize({ animate: false })).observe(map.getContainer());
});

// A link has opened a chip: until somebody uses the page, the strip below it may still get its words, and so its height.
let settling = null;
const open = (bounds, options) => {
  flyToBounds(bounds, options);
  settling = { bounds, until: performance.now() + 3000 };
};
const settle = () => {
  if (settling && performance.now() < settling.until) flyToBounds(settling.bounds, { instant: true });
  else if (fitted && !flight && hidden(fitted.bounds)) flyToBounds(fitted.bounds, { instant: true, maxZoom: fitted.maxZoom });
};
// Whether the strip has come to lie over a part of what is shown whole: it grows with what its legend has to say.
const hidden = ([west, south, east]) => {
  const [foot, side] = [[south, east], [south, west]].map((corner) => leaflet.map.latLngToContainerPoint(corner)); // biome-ignore format: two corners
  const { left, below } = covered();
  return foot.y > leaflet.map.getSize().y - below + GAP || side.x < left;
};
["pointerdown", "keydown", "wheel"].forEach((used) =>
  window.addEventListener(
    used,
    () => {
      settling = null;
    },
    { capture: true, passive: true },
  ),
);

/** Show some chips, those that have a place. @param {ArrayLike<number>} rows of the catalog */
const flyToChips = (rows) => {
  const ends = catalog.chips.around(rows);
  if (!ends) return false;
  board.close();
  flyToBounds(ends, { maxZoom: 11 });
  return true;
};

export { covered, flying, flyToBounds, flyToChips, onJumped, onLanded, open, settle, viewOf };
