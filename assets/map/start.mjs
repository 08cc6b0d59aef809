// What begins once the map is there.
import { tell } from "../page/bridge.mjs";
import * as view from "../page/view.mjs";
import * as drawing from "./drawing.mjs";
import * as four from "./four.mjs";
import "./home.mjs";
import * as leaflet from "./leaflet.mjs";
import * as board from "./picture.mjs";
import * as pixel from "./pixel.mjs";
import * as swipe from "./swipe.mjs";
import * as tiles from "./tiles.mjs";

leaflet.onMap((map) => {
  const tellPlace = () => {
    if (board.shown) return; // the drawing board is no place
    const { lat, lng } = map.getCenter();
    tell("view", { data: { lat, lon: lng, zoom: map.getZoom() } });
  };
  map.on("moveend", tellPlace);
  const { lat, lon, zoom } = view.initial();
  if (zoom !== null) leaflet.jump([lat, lon], zoom);
  swipe.install();
  four.install();
  pixel.watch(map);
  drawing.install();
  tellPlace();
  tiles.again();
});
