// Pictures of somebody else on the map: they may fail, be slow or be missing, and whoever they are of is named as plain text.
import { libraries } from "../page/bridge.mjs";

/** A tile that did not come. */
export const NOTHING = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";

/** Whether a tile shows something: one that did not come does not, nor one of a single pixel (dashboard/routes/basemap.py). */
export const shows = (/** @type {HTMLImageElement} */ tile) => tile.src !== NOTHING && tile.naturalWidth > 1;

/** Text as the attribution of the map takes it, which would read HTML. */
export const text = (/** @type {string} */ plain) => {
  const place = document.createElement("span");
  place.textContent = plain;
  return place.innerHTML;
};

/** West, south, east and north as Leaflet has them. @param {[number, number, number, number]} bounds */
export const boundsOf = ([west, south, east, north]) => libraries.L.latLngBounds([south, west], [north, east]);

/** What layers of such pictures have in common. */
export const OPTIONS = {
  maxZoom: 22,
  updateWhenZooming: false,
  errorTileUrl: NOTHING,
  referrerPolicy: "origin", // owners of maps ask who shows them
};
