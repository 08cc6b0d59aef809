// What begins once the map is there.
import { tell } from "../page/bridge.mjs";
import { basemap } from "../page/layers.mjs";
import * as state from "../page/state.mjs";
import * as view from "../page/view.mjs";
import * as drawing from "./drawing.mjs";
import * as four from "./four.mjs";
import "./home.mjs";
import * as leaflet from "./leaflet.mjs";
import * as board from "./picture.mjs";
import * as pixel from "./pixel.mjs";
import * as swipe from "./swipe.mjs";
import * as tiles from "./tiles.mjs";

// What lies around a chip comes once the map is near, after the chip's own tiles were asked for.
const nearer = async () => {
  if (!leaflet.near()) return;
  leaflet.map.off("zoomend", nearer);
  const ground = await import("./ground.mjs");
  ground.show();
  if (!basemap) return;
  const { show } = await import("./basemap.mjs");
  show();
};
// From here on the coast and borders of 1:50 million are coarser than what is seen beside them.
const CLOSE = 11;

// The strip is whole with a chip.
const withChip = () => {
  document.documentElement.dataset.chip = state.get().chip ? "open" : "none";
};
state.listen(withChip);
withChip();

// What each threshold would give comes with the first chip.
const behind = async () => {
  if (!state.get().chip) return;
  const { show } = await import("./curve.mjs");
  show();
};
tiles.onPainted(behind);
state.listen((now, before) => {
  if (now.model !== before.model || now.theme !== before.theme) behind();
});

leaflet.onMap((map) => {
  const closer = () => map.getContainer().classList.toggle("fs-close", map.getZoom() >= CLOSE);
  const tellPlace = () => {
    if (board.shown) return; // the drawing board is no place
    const { lat, lng } = map.getCenter();
    tell("view", { data: { lat, lon: lng, zoom: map.getZoom() } });
  };
  map.on("moveend", tellPlace);
  map.on("zoomend", closer);
  map.on("zoomend", nearer);
  const { lat, lon, zoom } = view.initial();
  if (zoom !== null) leaflet.jump([lat, lon], zoom);
  swipe.install();
  four.install();
  pixel.watch(map);
  drawing.install();
  tellPlace();
  tiles.again();
  closer();
  nearer();
});
