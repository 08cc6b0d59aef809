// What stands on the map for chips and countries: clusters and points far out, footprints near, countries tinted by IoU.
import * as catalog from "../data/catalog.mjs";
import { textOf } from "../data/columns.mjs";
import * as filters from "../data/filters.mjs";
import * as training from "../data/training.mjs";
import { libraries } from "../page/bridge.mjs";
import * as format from "../page/format.mjs";
import * as fading from "./fading.mjs";
import * as inview from "./inview.mjs";
import * as leaflet from "./leaflet.mjs";
import * as palette from "./palette.mjs";
import * as pixel from "./pixel.mjs";
import * as tiles from "./tiles.mjs";

const countries = new Map(); // name -> its shapes
/** @type {{iou: {get: (id: string) => number | null | undefined, has: (id: string) => boolean, size: number}, country: Map<string, any>,
 *   countrySeen: Set<string>, withChips: Set<string>, selected: string | null, model: string | null}} */
const state = { iou: new Map(), country: new Map(), countrySeen: new Set(), withChips: new Set(), selected: null, model: null };
// A score on what the model has seen is drawn across: in steps, for each colour is a pattern.
const tint = (iou, seen) => (seen ? palette.hatch(palette.ramp(Math.round(20 * iou) / 20)) : palette.ramp(iou));
const seen = (chip) => training.of(state.model, chip.id) === true;

const scoredIou = (chip) => state.iou.get(chip.id) ?? null;
const chipColour = (chip) => (scoredIou(chip) === null ? palette.ofTheme("--fs-unscored") : tint(scoredIou(chip), seen(chip)));
const rimColour = (chip) => (scoredIou(chip) === null ? palette.ofTheme("--fs-unscored") : palette.ramp(scoredIou(chip)));

// A grey is the colour of a middling IoU: what has none is hollow.
const filled = (chip) => (state.iou.has(chip.id) && state.iou.get(chip.id) !== null ? 1 : 0.15);

// Does a chip lie over another, as one of another date does? Boxes of neighbours may meet by a little. Of what lies over the
// open chip only the rim is drawn: nothing covers its picture.
const over = (chip, id) => {
  const other = catalog.chips.get(id);
  if (!chip || !other || !other.bounds || !chip.bounds || chip.id === id) return false;
  const [[w, s, e, n], [west, south, east, north]] = [chip.bounds, other.bounds];
  const [wide, high] = [Math.min(e, east) - Math.max(w, west), Math.min(n, north) - Math.max(s, south)];
  return wide > 0 && high > 0 && wide * high > 0.05 * Math.min((e - w) * (n - s), (east - west) * (north - south));
};

const footprintStyle = (chip) => {
  if (chip.id === state.selected)
    return { weight: 2, color: palette.ofTheme("--fs-accent"), opacity: 1, fillOpacity: 0, dashArray: null };
  if (chip.problem)
    return { weight: 1.5, color: palette.ofTheme("--fs-warning"), opacity: 0.9, fillOpacity: 0, dashArray: "2 3" };
  if (!chip.imagery) return { weight: 1, color: palette.ofTheme("--fs-muted"), opacity: 0.8, fillOpacity: 0, dashArray: "3 3" };
  const scored = state.iou.has(chip.id);
  return {
    weight: 1.5,
    color: chip.labelled && scored ? rimColour(chip) : palette.ofTheme("--fs-ink"),
    opacity: 0.9,
    dashArray: null,
    fillOpacity: over(chip, state.selected) ? 0 : chip.labelled ? 0.55 * filled(chip) : 0.7,
    fillColor: chip.labelled ? chipColour(chip) : "url(#fs-hatch)",
  };
};

const pointStyle = (chip) => ({
  radius: chip.imagery ? 7 : 4,
  weight: chip.id === state.selected ? 3 : 1,
  color: chip.id === state.selected ? palette.ofTheme("--fs-accent") : palette.ofTheme("--fs-ink"),
  opacity: chip.imagery ? 0.9 : 0.5,
  fillColor: chip.labelled ? chipColour(chip) : "url(#fs-hatch)",
  fillOpacity: chip.imagery ? 0.95 * (chip.labelled ? filled(chip) : 1) : 0,
  dashArray: chip.imagery ? null : "2 2",
});

const countryStyle = (name) => {
  const base = {
    weight: 0.6,
    color: palette.ofTheme("--fs-border-land"),
    opacity: 1,
    fillColor: palette.ofTheme("--fs-land"),
    fillOpacity: 1,
  };
  const iou = state.country.get(name);
  if (iou !== undefined && iou !== null)
    return {
      ...base,
      fillColor: tint(iou, state.countrySeen.has(name)),
      fillOpacity: 0.9,
      weight: 1.2,
      color: palette.ofTheme("--fs-ink"),
    };
  if (state.withChips.has(name))
    return { ...base, weight: 1, color: palette.ofTheme("--fs-ink-soft"), fillColor: palette.ofTheme("--fs-land-chips") };
  return base;
};

const describe = (chip) => {
  const iou = state.iou.get(chip.id);
  if (chip.problem) return "cannot be used";
  if (!chip.imagery) return "no imagery on disk";
  if (!chip.labelled) return "no label";
  if (!state.iou.has(chip.id)) return catalog.failure(state.model, chip.id) ? "could not be predicted" : "not predicted yet";
  const said = iou === null ? "IoU undefined (no water)" : `IoU ${iou.toFixed(2)}`;
  return seen(chip) ? `${said}, seen by this model` : said;
};
const tooltip = (chip) => {
  const box = document.createElement("div");
  const title = document.createElement("strong");
  title.textContent = chip.id;
  box.append(title, ` ${[chip.country, chip.date].filter(Boolean).join(" · ")} `, document.createElement("br"), describe(chip));
  return box;
};

// --- functions that dash-leaflet calls -----------------------------------------------------------------------
const chipOf = (feature) => catalog.chips.get(feature.properties.chip) || { id: feature.properties.chip };

const renderers = {};
// One SVG a pane: hatching and CSS need SVG, and panes keep the order of the layers.
const renderer = (pane) => {
  if (!renderers[pane]) renderers[pane] = libraries.L.svg({ pane, padding: 0.3 });
  return renderers[pane];
};
// A browser lets Tab stop at every shape that listens to focus, as those with a tooltip do. The tables are the way of keyboards.
const outOfTab = (layer) => layer.on("add", () => layer.getElement()?.setAttribute("tabindex", "-1"));
const listen = (layer, id) => {
  outOfTab(layer);
  layer.bindTooltip(() => tooltip(catalog.chips.get(id)), { direction: "top", opacity: 1 });
  // Over the open chip the pointer reads pixels, and a click pins one.
  layer.on("tooltipopen", () => {
    if (id === state.selected) layer.closeTooltip();
  });
  layer.on("mouseover", () => tiles.point(id));
  layer.on("mouseout", () => tiles.leave());
  layer.on("click", (event) => {
    libraries.L.DomEvent.stopPropagation(event);
    if (!pixel.click(event, id)) tiles.choose(id);
  });
  return layer;
};
// --- shapes of what comes into view --------------------------------------------------------------------------
const round = (chip, at) =>
  listen(
    libraries.L.circleMarker(at, { ...fading.chip(chip.id, pointStyle(chip)), pane: "points", renderer: renderer("points") }),
    chip.id,
  );
const outline = (chip) =>
  listen(
    libraries.L.polygon(
      chip.ring.map(([lon, lat]) => [lat, lon]),
      { ...fading.chip(chip.id, footprintStyle(chip)), pane: "footprints", renderer: renderer("footprints") },
    ),
    chip.id,
  );
const bubble = ({ all, ghosts, pale }, at, open) => {
  const n = all - ghosts;
  const size = (n || ghosts) < 20 ? 28 : (n || ghosts) < 200 ? 34 : 42;
  const told = [n ? format.count(n, "chip") : "", ghosts ? `${format.integer(ghosts)} known only` : ""]
    .filter(Boolean)
    .join(", ");
  const kind = n ? (ghosts ? "fs-cluster fs-cluster-some" : "fs-cluster") : "fs-cluster fs-cluster-ghosts";
  return libraries.L.marker(at, {
    pane: "points",
    title: `${told}: zoom in`,
    icon: libraries.L.divIcon({
      className: `${kind}${pale ? " fs-faded" : ""}`,
      html: `<span>${n || ghosts}</span>`,
      iconSize: [size, size],
    }),
  }).on("click", open);
};
inview.use({ outline, round, bubble });

const onCountry = (feature, layer, context) => {
  leaflet.attach(context);
  const { name } = feature.properties;
  if (!countries.has(name)) countries.set(name, []);
  countries.get(name).push(layer);
  outOfTab(layer);
  layer.bindTooltip(
    () => {
      const iou = state.country.get(name);
      if (iou !== undefined && iou !== null)
        return `${name}: IoU ${iou.toFixed(2)}${state.countrySeen.has(name) ? ", all of it seen by this model" : ""}`;
      return state.withChips.has(name) ? `${name}: not scored yet` : name;
    },
    { sticky: true, opacity: 1 },
  );
};

// What dash-leaflet calls by name.
leaflet.onMap((map) => {
  const mark = () => map.getContainer().classList.toggle("fs-near", leaflet.near());
  map.on("zoomend", () => {
    mark();
    repaint();
  });
  map.on("moveend", inview.update);
  mark();
  inview.update();
});

// --- what callbacks call -------------------------------------------------------------------------------------
// A style is set where it differs: most of a thousand shapes keep theirs.
const painted = new WeakMap();
const paint = (layer, style) => {
  const key = Object.values(style).join();
  if (painted.get(layer) === key) return;
  painted.set(layer, key);
  layer.setStyle(style);
};
const paintChip = (layer, id) => {
  const chip = chipOf({ properties: { chip: id } });
  paint(layer, fading.chip(id, leaflet.near() ? footprintStyle(chip) : pointStyle(chip)));
};

// Paint the shapes that can be seen: footprints near, points and countries far.
const repaint = () => {
  if (!leaflet.map) return;
  inview.update();
  inview.each(paintChip);
  if (!leaflet.near())
    countries.forEach((shapes, name) => shapes.forEach((layer) => paint(layer, fading.country(name, countryStyle(name)))));
};

// The countries that have a chip which may be shown.
let counted = { now: "", names: /** @type {Set<string>} */ (new Set()) };
const withChips = () => {
  const { chips } = catalog;
  const now = `${catalog.info.version} ${filters.values.known}`;
  if (counted.now !== now) {
    const names = new Set();
    for (let row = 0; row < chips.size; row += 1)
      if (filters.values.known || !chips.ghosts[row]) names.add(textOf(chips.texts.country, row));
    counted = { now, names };
  }
  return counted.names;
};

// Recolour by what is known now: IoU by chip (absent: not predicted; null: undefined) and by country.
const restyle = ({ iou, country, model }) => {
  Object.assign(state, { iou, country: country.iou, countrySeen: country.seen, model, withChips: withChips() });
  repaint();
};

const highlight = (id) => {
  const before = state.selected;
  state.selected = id;
  inview.each((layer, one) => {
    const chip = catalog.chips.get(one);
    if (one === before || one === id || over(chip, before) || over(chip, id)) paintChip(layer, one);
    if (one === id && leaflet.near()) layer.bringToFront();
  });
};

const styleOfFootprint = (feature) => fading.chip(feature.properties.chip, footprintStyle(chipOf(feature)));
const styleOfCountry = (feature) => fading.country(feature.properties.name, countryStyle(feature.properties.name));

export { describe, highlight, onCountry, repaint, restyle, state, styleOfCountry, styleOfFootprint };
