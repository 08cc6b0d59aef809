// What stands on the map for chips and countries: clusters and points far out, footprints near, countries tinted by IoU.
import * as catalog from "../data/catalog.mjs";
import * as filters from "../data/filters.mjs";
import * as training from "../data/training.mjs";
import { libraries } from "../page/bridge.mjs";
import * as format from "../page/format.mjs";
import * as fading from "./fading.mjs";
import * as leaflet from "./leaflet.mjs";
import * as palette from "./palette.mjs";
import * as pixel from "./pixel.mjs";
import * as tiles from "./tiles.mjs";

const layers = { footprint: new Map(), point: new Map(), country: new Map() };
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
  if (!other || !other.bounds || !chip.bounds || chip.id === id) return false;
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

const pointToLayer = (feature, latlng, context) => {
  leaflet.attach(context);
  const chip = chipOf(feature);
  const layer = libraries.L.circleMarker(latlng, { ...pointStyle(chip), pane: "points", renderer: renderer("points") });
  layers.point.set(chip.id, layer);
  return listen(layer, chip.id);
};
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
const clusterToLayer = (feature, latlng, index) => {
  const all = feature.properties.point_count;
  const ghosts = fading.members(feature, index).filter((id) => filters.onlyKnown(chipOf({ properties: { chip: id } }))).length;
  const n = all - ghosts;
  const size = (n || ghosts) < 20 ? 28 : (n || ghosts) < 200 ? 34 : 42;
  const told = [n ? format.count(n, "chip") : "", ghosts ? `${format.integer(ghosts)} known only` : ""]
    .filter(Boolean)
    .join(", ");
  const kind = n ? (ghosts ? "fs-cluster fs-cluster-some" : "fs-cluster") : "fs-cluster fs-cluster-ghosts";
  return fading.cluster(
    libraries.L.marker(latlng, {
      pane: "points",
      title: `${told}: zoom in`,
      icon: libraries.L.divIcon({ className: kind, html: `<span>${n || ghosts}</span>`, iconSize: [size, size] }),
    }),
    feature,
    index,
  );
};
const onFootprint = (feature, layer, context) => {
  leaflet.attach(context);
  layers.footprint.set(feature.properties.chip, listen(layer, feature.properties.chip));
};
const onCountry = (feature, layer, context) => {
  leaflet.attach(context);
  const { name } = feature.properties;
  if (!layers.country.has(name)) layers.country.set(name, []);
  layers.country.get(name).push(layer);
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
  const mark = () => {
    map.getContainer().classList.toggle("fs-near", leaflet.near());
    repaint();
  };
  map.on("zoomend", mark);
  mark();
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
const paintChip = (id) => {
  const chip = chipOf({ properties: { chip: id } });
  if (layers.footprint.has(id)) paint(layers.footprint.get(id), fading.chip(id, footprintStyle(chip)));
  if (layers.point.has(id)) paint(layers.point.get(id), fading.chip(id, pointStyle(chip)));
};

// Paint the shapes that can be seen: footprints near, points and countries far.
const repaint = () => {
  if (!leaflet.map) return;
  const shown = leaflet.near() ? layers.footprint : layers.point;
  shown.forEach((_, id) => paintChip(id));
  if (!leaflet.near())
    layers.country.forEach((shapes, name) => shapes.forEach((layer) => paint(layer, fading.country(name, countryStyle(name)))));
};

// Recolour by what is known now: IoU by chip (absent: not predicted; null: undefined) and by country.
const restyle = ({ iou, country, model }) => {
  const shown = [...catalog.chips.values()].filter((chip) => filters.values.known || !filters.onlyKnown(chip));
  Object.assign(state, {
    iou,
    country: country.iou,
    countrySeen: country.seen,
    model,
    withChips: new Set(shown.map((chip) => chip.country)),
  });
  repaint();
};

const highlight = (id) => {
  const before = state.selected;
  state.selected = id;
  [before, id].filter(Boolean).forEach(paintChip);
  catalog.chips.forEach((chip) => {
    if (over(chip, before) || over(chip, id)) paintChip(chip.id);
  });
  const top = layers.footprint.get(id);
  if (top && top._map) top.bringToFront();
};

const collection = (chips, geometry) => ({
  type: "FeatureCollection",
  features: chips.map((chip) => ({ type: "Feature", id: chip.id, properties: { chip: chip.id }, geometry: geometry(chip) })),
});
const footprints = () =>
  collection(
    filters.chips().filter((chip) => chip.ring),
    (chip) => ({ type: "Polygon", coordinates: [chip.ring] }),
  );
const points = () =>
  collection(
    filters.chips().filter((chip) => chip.bounds),
    ({ bounds: [w, s, e, n] }) => ({ type: "Point", coordinates: [(w + e) / 2, (s + n) / 2] }),
  );

const styleOfFootprint = (feature) => fading.chip(feature.properties.chip, footprintStyle(chipOf(feature)));
const styleOfCountry = (feature) => fading.country(feature.properties.name, countryStyle(feature.properties.name));

export {
  clusterToLayer,
  describe,
  footprints,
  highlight,
  onCountry,
  onFootprint,
  points,
  pointToLayer,
  restyle,
  state,
  styleOfCountry,
  styleOfFootprint,
};
