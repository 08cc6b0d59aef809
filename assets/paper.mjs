// The page as a sheet of paper (assets/paper.css): whoever prints gets chip, layers, model, threshold, day and address beside the map,
// which is as it is on the screen, as large as the sheet takes it.
import * as shelf from "./data/shelf.mjs";
import { link } from "./history.mjs";
import * as flights from "./map/flights.mjs";
import { text } from "./map/foreign.mjs";
import * as four from "./map/four.mjs";
import * as leaflet from "./map/leaflet.mjs";
import * as own from "./map/own.mjs";
import * as board from "./map/picture.mjs";
import * as shapes from "./map/shapes.mjs";
import { make } from "./page/dom.mjs";
import * as layers from "./page/layers.mjs";
import { styled } from "./page/sheets.mjs";
import * as state from "./page/state.mjs";

const [WIDTH, HEIGHT] = [700, 400]; // what the map may take of A4, CSS pixels
const root = document.documentElement;
const title = (name) => layers.of(name).title;
const degrees = (value, [positive, negative]) => `${Math.abs(value).toFixed(4)}°\u2009${value < 0 ? negative : positive}`;

const shown = () => {
  const { mode, base, overlay, left, right, threshold } = state.get();
  const opacity = Number(root.style.getPropertyValue("--fs-opacity"));
  const some = {
    one:
      overlay === "none" ? title(base) : `${title(base)}, over it ${title(overlay)}, ${Math.round(100 * opacity)}\u2009% opaque`,
    swipe: `left of the line ${title(left)}, right of it ${title(right)}`,
    four: layers.four.map(title).join(", "),
  };
  return `${some[mode]}; water where p ≥ ${threshold.toFixed(2)}`;
};
// A person's own layers that are to be seen: how their lines are drawn, their names, whom to name.
const owned = () =>
  own
    .seen()
    .map((one) => [
      own.ofShapes(one) ? [own.swatch(one), " "] : "",
      `${one.name}${one.attribution && ` (${one.attribution})`}${one.under ? ", under the image" : ""}`,
    ])
    .flatMap((parts, i) => (i ? ["; ", ...parts] : parts));
// Whom the map names beside them.
const others = () => {
  const named = new Set(own.seen().map(({ attribution }) => text(attribution)));
  const place = document.createElement("span");
  place.innerHTML = Object.entries((four.maps.at(-1) || leaflet.map).attributionControl._attributions)
    .filter(([one, count]) => count > 0 && !named.has(one))
    .map(([one]) => one)
    .join(", ");
  return place.textContent;
};
const foot = () => {
  const { chip, model } = state.get();
  const { lat, lng } = leaflet.map.getCenter();
  const known = shelf.usable().find(({ spec }) => spec === model);
  const rows = [
    ["Layers", chip ? shown() : ""],
    ["Model", known ? known.name : model],
    [
      "Centre of the map",
      board.shown ? "" : `${degrees(lat, ["N", "S"])}, ${degrees(((((lng + 180) % 360) + 360) % 360) - 180, ["E", "W"])}`,
    ],
    ["Image and ground", others()],
    ["Your layers", owned()],
    ["Printed", `${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC`],
    ["Address", link()],
  ];
  return rows.filter(([, value]) => value?.length).map(([name, value]) => make("div", {}, make("strong", {}, name), " ", value));
};
const head = () => {
  const heading = state.get().chip && document.querySelector("#chip-panel .fs-chip-heading");
  return [make("strong", {}, "floodscope"), heading ? heading.cloneNode(true) : make("h2", {}, "All chips on the map")];
};

let theme = "";
const write = () => {
  if (!leaflet.map) return;
  theme = theme || root.dataset.theme;
  root.dataset.theme = "light";
  shapes.repaint();
  const { offsetWidth: width, offsetHeight: height } = four.shown()
    ? document.getElementById("four-up")
    : leaflet.map.getContainer();
  const { left, below } = four.shown() ? { left: 0, below: 0 } : flights.covered(); // four maps end at the strip
  const zoom = Math.min(WIDTH / (width - left), HEIGHT / (height - below));
  const swipe = `${Math.round(state.get().at * width) - left / 2}px`;
  const given = { width: `${width}px`, height: `${height}px`, zoom, left: `${left}px`, below: `${below}px`, swipe };
  Object.entries(given).forEach(([name, value]) => root.style.setProperty(`--fs-paper-${name}`, String(value)));
  document.getElementById("paper-head").replaceChildren(...head());
  document.getElementById("paper-foot").replaceChildren(...foot());
};
const restore = () => {
  if (!theme) return;
  root.dataset.theme = theme;
  theme = "";
  shapes.repaint();
};
await styled("paper.css");
window.addEventListener("beforeprint", write);
window.addEventListener("afterprint", restore);
