// A base map, where the server was started with one (dashboard/basemaps/): it comes when the map is near.
// It is shown once a tile of it has come. One that fails or is slow leaves what there is without it, and so does one that does not
// reach over the whole view, or is too coarse for it.
import { libraries } from "../page/bridge.mjs";
import { basemap } from "../page/layers.mjs";
import { boundsOf, OPTIONS, shows, text } from "./foreign.mjs";
import * as leaflet from "./leaflet.mjs";
import * as board from "./picture.mjs";

const PANE = "basemap";
const COARSE = 3; // zooms beyond the last that it has tiles of: a pixel of it is 8 of the screen then
const root = document.documentElement;
let layer = null;
let came = false; // a tile of it, since it was put there

const make = () => {
  leaflet.map.createPane(PANE).style.zIndex = 205; // below all that is ours
  leaflet.map.getPane(PANE).style.pointerEvents = "none";
  return libraries.L.tileLayer(basemap.template, {
    ...OPTIONS,
    pane: PANE,
    minZoom: basemap.least,
    maxNativeZoom: basemap.most,
    bounds: basemap.bounds && boundsOf(basemap.bounds),
    attribution: text(basemap.attribution),
  })
    .on("tileload", ({ tile }) => {
      if (came || !shows(tile)) return;
      came = true;
      tell();
    })
    .on("remove", () => {
      came = false;
    });
};

// Whether it is all the ground that there is to see.
const tell = () => {
  const { map } = leaflet;
  const zoom = Math.round(map.getZoom());
  const reaches = !basemap.bounds || boundsOf(basemap.bounds).contains(map.getBounds());
  if (came && reaches && zoom >= basemap.least && zoom <= basemap.most + COARSE) root.dataset.basemap = "shown";
  else delete root.dataset.basemap;
};

/** Show it where the map is near, and no drawing board. */
export const show = () => {
  if (!layer) {
    layer = make();
    leaflet.map.on("moveend", show);
  }
  if (leaflet.near() && !board.shown) layer.addTo(leaflet.map);
  else layer.remove();
  tell();
};
