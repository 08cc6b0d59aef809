// What lies over the map: nothing that is written on it stands half below a box.
import * as leaflet from "./leaflet.mjs";

const GROWS = ".fs-map > :is(.fs-key, .fs-strip)";
const OVER = `${GROWS}, #map :is(.leaflet-bar, .leaflet-control-scale-line)`;

/** Whether nothing lies over a box: its left, top, right and bottom on the map, in pixels. */
export const free = (/** @type {number[]} */ [left, top, right, bottom]) => {
  const ground = leaflet.map.getContainer().getBoundingClientRect();
  return ![...document.querySelectorAll(OVER)].some((one) => {
    const box = one.getBoundingClientRect();
    return (
      box.width > 0 &&
      left < box.right - ground.left &&
      right > box.left - ground.left &&
      top < box.bottom - ground.top &&
      bottom > box.top - ground.top
    );
  });
};

/** Do something when what lies over the map has another size. @param {() => void} then */
export const onCover = (then) => {
  const sizes = new ResizeObserver(() => then());
  document.querySelectorAll(GROWS).forEach((one) => sizes.observe(one));
};
