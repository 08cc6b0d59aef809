// The Leaflet map: countries tinted by IoU, clusters far out, footprints near, and flights between them.
window.floodscope = window.floodscope || {};

floodscope.map = (() => {
  const FOOTPRINT_ZOOM = 9; // from here on a 5 km chip is wider than 16 px
  const layers = { footprint: new Map(), point: new Map(), country: new Map() };
  const state = { iou: new Map(), country: new Map(), withChips: new Set(), selected: null, model: null };
  let map = null;

  const calm = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

  // The first layer that is drawn hands its map over.
  const attach = (context) => {
    if (map || !context || !context.map) return;
    map = context.map;
    const fly = map.flyTo.bind(map);
    // A cluster of chips that lie on one another asks for no zoom: they are told apart by their footprints.
    map.flyTo = (centre, zoom = 12, options = {}) => (calm()
      ? map.setView(centre, zoom, { animate: false })
      : fly(centre, zoom, { duration: 0.6, ...options }));
    const mark = () => map.getContainer().classList.toggle("fs-near", map.getZoom() >= FOOTPRINT_ZOOM);
    map.on("zoomend", mark);
    map.on("moveend", () => {
      const centre = map.getCenter();
      window.dash_clientside.set_props("view", { data: { lat: centre.lat, lon: centre.lng, zoom: map.getZoom() } });
    });
    mark();
    map.attributionControl.setPrefix(false);
    map.getContainer().setAttribute("role", "application");
    map.getContainer().setAttribute("aria-label", "World map of the chips. Every chip can also be opened from the Chips table.");
    const view = floodscope.view.initial();
    if (view.zoom !== null) map.setView([view.lat, view.lon], view.zoom, { animate: false });
  };

  const select = (id) => {
    floodscope.tiles.expect(id);
    window.dash_clientside.set_props("selection", { data: { id, at: Date.now() } });
  };

  // --- colours -------------------------------------------------------------------------------------------------
  const CIVIDIS = ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838"];
  const mix = (a, b, t) => {
    const part = (hex, i) => parseInt(hex.slice(1 + 2 * i, 3 + 2 * i), 16);
    return `rgb(${[0, 1, 2].map((i) => Math.round(part(a, i) + (part(b, i) - part(a, i)) * t)).join(",")})`;
  };
  // Colour of an IoU from 0 to 1: cividis, even to the eye and safe for the colour-blind.
  const ramp = (iou) => {
    const at = Math.min(Math.max(iou, 0), 1) * (CIVIDIS.length - 1);
    const low = Math.min(Math.floor(at), CIVIDIS.length - 2);
    return mix(CIVIDIS[low], CIVIDIS[low + 1], at - low);
  };
  // A colour of the theme by name; kept, because a thousand footprints ask for it at each new threshold.
  const palette = new Map();
  const css = (name) => {
    const key = `${document.documentElement.dataset.theme}${name}`;
    if (!palette.has(key)) palette.set(key, getComputedStyle(document.documentElement).getPropertyValue(name).trim());
    return palette.get(key);
  };

  const chipColour = (chip) => {
    if (state.iou.has(chip.id) && state.iou.get(chip.id) !== null) return ramp(state.iou.get(chip.id));
    return css("--fs-unscored");
  };

  const footprintStyle = (chip) => {
    if (chip.id === state.selected) return { weight: 2, color: css("--fs-accent"), opacity: 1, fillOpacity: 0, dashArray: null };
    if (chip.problem) return { weight: 1.5, color: css("--fs-warning"), opacity: 0.9, fillOpacity: 0, dashArray: "2 3" };
    if (!chip.imagery) return { weight: 1, color: css("--fs-muted"), opacity: 0.8, fillOpacity: 0, dashArray: "3 3" };
    const scored = state.iou.has(chip.id);
    return {
      weight: 1.5, color: chip.labelled && scored ? chipColour(chip) : css("--fs-ink"), opacity: 0.9, dashArray: null,
      fillOpacity: chip.labelled ? 0.55 : 0.7, fillColor: chip.labelled ? chipColour(chip) : "url(#fs-hatch)",
    };
  };

  const pointStyle = (chip) => ({
    radius: chip.imagery ? 7 : 4, weight: chip.id === state.selected ? 3 : 1,
    color: chip.id === state.selected ? css("--fs-accent") : css("--fs-ink"), opacity: chip.imagery ? 0.9 : 0.5,
    fillColor: chip.labelled ? chipColour(chip) : "url(#fs-hatch)", fillOpacity: chip.imagery ? 0.95 : 0,
    dashArray: chip.imagery ? null : "2 2",
  });

  const countryStyle = (name) => {
    const base = { weight: 0.6, color: css("--fs-border-land"), opacity: 1, fillColor: css("--fs-land"), fillOpacity: 1 };
    const iou = state.country.get(name);
    if (iou !== undefined && iou !== null) return { ...base, fillColor: ramp(iou), fillOpacity: 0.75, weight: 1, color: css("--fs-ink-soft") };
    if (state.withChips.has(name)) return { ...base, weight: 1, color: css("--fs-ink-soft"), fillColor: css("--fs-land-chips") };
    return base;
  };

  const describe = (chip) => {
    const iou = state.iou.get(chip.id);
    if (chip.problem) return "cannot be used";
    if (!chip.imagery) return "no imagery on disk";
    if (!chip.labelled) return "no label";
    if (!state.iou.has(chip.id)) return "not predicted yet";
    return iou === null ? "IoU undefined (no water)" : `IoU ${iou.toFixed(2)}`;
  };
  const tooltip = (chip) => {
    const box = document.createElement("div");
    const title = document.createElement("strong");
    title.textContent = chip.id;
    box.append(title, ` ${[chip.country, chip.date].filter(Boolean).join(" · ")} `, document.createElement("br"), describe(chip));
    return box;
  };

  // --- functions that dash-leaflet calls -----------------------------------------------------------------------
  const chipOf = (feature) => floodscope.book.chips.get(feature.properties.chip) || { id: feature.properties.chip };

  const pointToLayer = (feature, latlng, context) => {
    attach(context);
    const chip = chipOf(feature);
    const layer = window.L.circleMarker(latlng, { ...pointStyle(chip), pane: "points", renderer: renderer("points") });
    layers.point.set(chip.id, layer);
    return listen(layer, chip.id);
  };
  const renderers = {};
  // One SVG a pane: hatching and CSS need SVG, and panes keep the order of the layers.
  const renderer = (pane) => {
    if (!renderers[pane]) renderers[pane] = window.L.svg({ pane, padding: 0.3 });
    return renderers[pane];
  };
  // A browser lets Tab stop at every shape that listens to focus, as those with a tooltip do. The tables are the way of keyboards.
  const outOfTab = (layer) => layer.on("add", () => layer.getElement()?.setAttribute("tabindex", "-1"));
  const listen = (layer, id) => {
    outOfTab(layer);
    layer.bindTooltip(() => tooltip(floodscope.book.chips.get(id)), { direction: "top", opacity: 1 });
    layer.on("click", (event) => { window.L.DomEvent.stopPropagation(event); select(id); });
    return layer;
  };
  const clusterToLayer = (feature, latlng) => {
    const n = feature.properties.point_count;
    const size = n < 20 ? 28 : n < 200 ? 34 : 42;
    return window.L.marker(latlng, {
      pane: "points", title: `${n} chips: zoom in`,
      icon: window.L.divIcon({ className: "fs-cluster", html: `<span>${n}</span>`, iconSize: [size, size] }),
    });
  };
  const onFootprint = (feature, layer, context) => {
    attach(context);
    layers.footprint.set(feature.properties.chip, listen(layer, feature.properties.chip));
  };
  const onCountry = (feature, layer, context) => {
    attach(context);
    const { name } = feature.properties;
    if (!layers.country.has(name)) layers.country.set(name, []);
    layers.country.get(name).push(layer);
    outOfTab(layer);
    layer.bindTooltip(() => {
      const iou = state.country.get(name);
      if (iou !== undefined && iou !== null) return `${name}: IoU ${iou.toFixed(2)}`;
      return state.withChips.has(name) ? `${name}: not scored yet` : name;
    }, { sticky: true, opacity: 1 });
  };

  // --- what callbacks call -------------------------------------------------------------------------------------
  // Recolour everything: IoU by chip (absent: not predicted; null: undefined) and by country.
  const restyle = ({ iou, country, selected, model }) => {
    state.model = model;
    state.iou = iou;
    state.country = country;
    state.selected = selected;
    state.withChips = new Set([...floodscope.book.chips.values()].map((chip) => chip.country));
    layers.footprint.forEach((layer, id) => layer.setStyle(footprintStyle(chipOf({ properties: { chip: id } }))));
    layers.point.forEach((layer, id) => layer.setStyle(pointStyle(chipOf({ properties: { chip: id } }))));
    layers.country.forEach((shapes, name) => shapes.forEach((layer) => layer.setStyle(countryStyle(name))));
    const top = layers.footprint.get(selected);
    if (top && top._map) top.bringToFront();
  };

  // Room that the interface takes on the map, so that what is flown to lies in what is free.
  const padding = () => {
    const strip = document.getElementById("layer-strip");
    const below = strip ? strip.getBoundingClientRect().height + 24 : 24;
    return { paddingTopLeft: [24, 24], paddingBottomRight: [24, below] };
  };

  const MAX_ZOOM = 15;
  // Zoom that a chip is flown to.
  const zoomOf = ([west, south, east, north]) => {
    const { paddingTopLeft, paddingBottomRight } = padding();
    const room = window.L.point(paddingTopLeft).add(paddingBottomRight);
    return Math.min(MAX_ZOOM, map.getBoundsZoom([[south, west], [north, east]], false, room));
  };

  const flyToBounds = ([west, south, east, north], { instant = false, maxZoom = MAX_ZOOM } = {}) => {
    if (!map) return;
    const bounds = [[south, west], [north, east]];
    map.stop();
    if (instant || calm()) map.fitBounds(bounds, { ...padding(), maxZoom, animate: false });
    else map.flyToBounds(bounds, { ...padding(), maxZoom, duration: 0.6 });
  };

  const flyToChips = (chips) => {
    const boxes = chips.map((chip) => chip.bounds).filter(Boolean);
    if (!boxes.length) return false;
    const ends = [0, 1, 2, 3].map((i) => (i < 2 ? Math.min : Math.max)(...boxes.map((box) => box[i])));
    flyToBounds(ends, { maxZoom: 11 });
    return true;
  };

  const collection = (chips, geometry) => ({
    type: "FeatureCollection",
    features: chips.map((chip) => ({ type: "Feature", id: chip.id, properties: { chip: chip.id }, geometry: geometry(chip) })),
  });
  const footprints = () => collection(
    [...floodscope.book.chips.values()].filter((chip) => chip.ring),
    (chip) => ({ type: "Polygon", coordinates: [chip.ring] }),
  );
  const points = () => collection(
    [...floodscope.book.chips.values()].filter((chip) => chip.bounds),
    ({ bounds: [w, s, e, n] }) => ({ type: "Point", coordinates: [(w + e) / 2, (s + n) / 2] }),
  );

  return {
    pointToLayer, clusterToLayer, onFootprint, onCountry, restyle, zoomOf, flyToBounds, flyToChips, footprints, points, ramp, css, describe,
    footprintStyle: (feature) => footprintStyle(chipOf(feature)),
    countryStyle: (feature) => countryStyle(feature.properties.name),
    invalidate: () => map && map.invalidateSize({ pan: false }),
    get leaflet() { return map; },
    get state() { return state; },
  };
})();
