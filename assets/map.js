// The Leaflet map: countries tinted by IoU, clusters far out, footprints near, and flights between them.
window.floodscope = window.floodscope || {};

floodscope.map = (() => {
  const FOOTPRINT_ZOOM = 9; // from here on a 5 km chip is wider than 16 px
  const layers = { footprint: new Map(), point: new Map(), country: new Map() };
  const state = { iou: new Map(), country: new Map(), countrySeen: new Set(), withChips: new Set(), selected: null, model: null };
  let map = null;

  const calm = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

  // The first layer that is drawn hands its map over.
  const attach = (context) => {
    if (map || !context || !context.map) return;
    map = context.map;
    rememberRest();
    const fly = map.flyTo.bind(map);
    // A cluster of chips that lie on one another asks for no zoom: they are told apart by their footprints.
    map.flyTo = (centre, zoom = 12, options = {}) => {
      if (calm()) { jump(centre, zoom); return map; }
      endZoom();
      return fly(centre, zoom, { duration: 0.6, ...options });
    };
    const mark = () => {
      map.getContainer().classList.toggle("fs-near", near());
      repaint();
    };
    map.on("zoomend", mark);
    map.on("moveend", () => {
      if (flight) { flight = false; floodscope.tiles.again(); }
      tellPlace();
    });
    mark();
    map.attributionControl.setPrefix(false);
    map.getContainer().setAttribute("role", "application");
    map.getContainer().setAttribute("aria-label", "World map of the chips. Every chip can also be opened from the Chips table.");
    const view = floodscope.view.initial();
    if (view.zoom !== null) jump([view.lat, view.lon], view.zoom);
    floodscope.swipe.install();
    floodscope.four.install();
    floodscope.inspect.watch(map);
    floodscope.draw.install();
    tellPlace();
    floodscope.tiles.again();
  };
  // Leaflet keeps the centre that it was last given until the pane of the map has moved, which it takes for "is not at 0, 0".
  // A flight may end with the pane elsewhere; moved back to 0, 0 the map would tell where the flight ended.
  const rememberRest = () => {
    const move = map._move;
    let rest = map._getMapPanePos();
    map._move = function moved(...given) {
      rest = this._getMapPanePos();
      return move.apply(this, given);
    };
    map._moved = () => !map._getMapPanePos().equals(rest);
  };
  const tellPlace = () => {
    if (floodscope.picture.shown) return; // the drawing board is no place
    const centre = map.getCenter();
    window.dash_clientside.set_props("view", { data: { lat: centre.lat, lon: centre.lng, zoom: map.getZoom() } });
  };

  const near = () => map.getZoom() >= FOOTPRINT_ZOOM;

  // --- colours -------------------------------------------------------------------------------------------------
  const mix = (a, b, t) => {
    const part = (hex, i) => parseInt(hex.slice(1 + 2 * i, 3 + 2 * i), 16);
    return `rgb(${[0, 1, 2].map((i) => Math.round(part(a, i) + (part(b, i) - part(a, i)) * t)).join(",")})`;
  };
  // Colour of an IoU from 0 to 1.
  const ramp = (iou) => {
    const stops = floodscope.filters.RAMP;
    const at = Math.min(Math.max(iou, 0), 1) * (stops.length - 1);
    const low = Math.min(Math.floor(at), stops.length - 2);
    return mix(stops[low], stops[low + 1], at - low);
  };
  // A colour of the theme by name; kept, because a thousand footprints ask for it at each new threshold.
  const palette = new Map();
  const css = (name) => {
    const key = `${document.documentElement.dataset.theme}${name}`;
    if (!palette.has(key)) palette.set(key, getComputedStyle(document.documentElement).getPropertyValue(name).trim());
    return palette.get(key);
  };

  // A score on what the model has seen is drawn across: in steps, for each colour is a pattern.
  const tint = (iou, seen) => (seen ? floodscope.seen.hatch(ramp(Math.round(20 * iou) / 20)) : ramp(iou));
  const seen = (chip) => floodscope.seen.of(state.model, chip.id) === true;

  const scoredIou = (chip) => state.iou.get(chip.id) ?? null;
  const chipColour = (chip) => (scoredIou(chip) === null ? css("--fs-unscored") : tint(scoredIou(chip), seen(chip)));
  const rimColour = (chip) => (scoredIou(chip) === null ? css("--fs-unscored") : ramp(scoredIou(chip)));

  // A grey is the colour of a middling IoU: what has none is hollow.
  const filled = (chip) => (state.iou.has(chip.id) && state.iou.get(chip.id) !== null ? 1 : 0.15);

  // Does a chip lie over another, as one of another date does? Boxes of neighbours may meet by a little. Of what lies over the
  // open chip only the rim is drawn: nothing covers its picture.
  const over = (chip, id) => {
    const other = floodscope.book.chips.get(id);
    if (!other || !other.bounds || !chip.bounds || chip.id === id) return false;
    const [[w, s, e, n], [west, south, east, north]] = [chip.bounds, other.bounds];
    const [wide, high] = [Math.min(e, east) - Math.max(w, west), Math.min(n, north) - Math.max(s, south)];
    return wide > 0 && high > 0 && wide * high > 0.05 * Math.min((e - w) * (n - s), (east - west) * (north - south));
  };

  const footprintStyle = (chip) => {
    if (chip.id === state.selected) return { weight: 2, color: css("--fs-accent"), opacity: 1, fillOpacity: 0, dashArray: null };
    if (chip.problem) return { weight: 1.5, color: css("--fs-warning"), opacity: 0.9, fillOpacity: 0, dashArray: "2 3" };
    if (!chip.imagery) return { weight: 1, color: css("--fs-muted"), opacity: 0.8, fillOpacity: 0, dashArray: "3 3" };
    const scored = state.iou.has(chip.id);
    return {
      weight: 1.5, color: chip.labelled && scored ? rimColour(chip) : css("--fs-ink"), opacity: 0.9, dashArray: null,
      fillOpacity: over(chip, state.selected) ? 0 : chip.labelled ? 0.55 * filled(chip) : 0.7, fillColor: chip.labelled ? chipColour(chip) : "url(#fs-hatch)",
    };
  };

  const pointStyle = (chip) => ({
    radius: chip.imagery ? 7 : 4, weight: chip.id === state.selected ? 3 : 1,
    color: chip.id === state.selected ? css("--fs-accent") : css("--fs-ink"), opacity: chip.imagery ? 0.9 : 0.5,
    fillColor: chip.labelled ? chipColour(chip) : "url(#fs-hatch)", fillOpacity: chip.imagery ? 0.95 * (chip.labelled ? filled(chip) : 1) : 0,
    dashArray: chip.imagery ? null : "2 2",
  });

  const countryStyle = (name) => {
    const base = { weight: 0.6, color: css("--fs-border-land"), opacity: 1, fillColor: css("--fs-land"), fillOpacity: 1 };
    const iou = state.country.get(name);
    if (iou !== undefined && iou !== null) return { ...base, fillColor: tint(iou, state.countrySeen.has(name)), fillOpacity: 0.9, weight: 1.2, color: css("--fs-ink") };
    if (state.withChips.has(name)) return { ...base, weight: 1, color: css("--fs-ink-soft"), fillColor: css("--fs-land-chips") };
    return base;
  };

  const describe = (chip) => {
    const iou = state.iou.get(chip.id);
    if (chip.problem) return "cannot be used";
    if (!chip.imagery) return "no imagery on disk";
    if (!chip.labelled) return "no label";
    if (!state.iou.has(chip.id)) return floodscope.book.failure(state.model, chip.id) ? "could not be predicted" : "not predicted yet";
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
    // Over the open chip the pointer reads pixels, and a click pins one.
    layer.on("tooltipopen", () => { if (id === state.selected) layer.closeTooltip(); });
    layer.on("mouseover", () => floodscope.tiles.point(id));
    layer.on("mouseout", () => floodscope.tiles.leave());
    layer.on("click", (event) => { window.L.DomEvent.stopPropagation(event); if (!floodscope.inspect.click(event, id)) floodscope.tiles.choose(id); });
    return layer;
  };
  const clusterToLayer = (feature, latlng, index) => {
    const all = feature.properties.point_count;
    const ghosts = floodscope.focus.members(feature, index).filter((id) => floodscope.sieve.onlyKnown(chipOf({ properties: { chip: id } }))).length;
    const n = all - ghosts;
    const size = (n || ghosts) < 20 ? 28 : (n || ghosts) < 200 ? 34 : 42;
    const told = [n ? floodscope.words.count(n, "chip") : "", ghosts ? `${floodscope.words.integer(ghosts)} known only` : ""].filter(Boolean).join(", ");
    const kind = n ? (ghosts ? "fs-cluster fs-cluster-some" : "fs-cluster") : "fs-cluster fs-cluster-ghosts";
    return floodscope.focus.cluster(window.L.marker(latlng, {
      pane: "points", title: `${told}: zoom in`, icon: window.L.divIcon({ className: kind, html: `<span>${n || ghosts}</span>`, iconSize: [size, size] }),
    }), feature, index);
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
      if (iou !== undefined && iou !== null) return `${name}: IoU ${iou.toFixed(2)}${state.countrySeen.has(name) ? ", all of it seen by this model" : ""}`;
      return state.withChips.has(name) ? `${name}: not scored yet` : name;
    }, { sticky: true, opacity: 1 });
  };

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
    if (layers.footprint.has(id)) paint(layers.footprint.get(id), floodscope.focus.chip(id, footprintStyle(chip)));
    if (layers.point.has(id)) paint(layers.point.get(id), floodscope.focus.chip(id, pointStyle(chip)));
  };

  // Paint the shapes that can be seen: footprints near, points and countries far.
  const repaint = () => {
    if (!map) return;
    const shown = near() ? layers.footprint : layers.point;
    shown.forEach((_, id) => paintChip(id));
    if (!near()) layers.country.forEach((shapes, name) => shapes.forEach((layer) => paint(layer, floodscope.focus.country(name, countryStyle(name)))));
  };

  // Recolour by what is known now: IoU by chip (absent: not predicted; null: undefined) and by country.
  const restyle = ({ iou, country, model }) => {
    const shown = [...floodscope.book.chips.values()].filter((chip) => floodscope.sieve.values.known || !floodscope.sieve.onlyKnown(chip));
    Object.assign(state, { iou, country: country.iou, countrySeen: country.seen, model, withChips: new Set(shown.map((chip) => chip.country)) });
    repaint();
  };

  const highlight = (id) => {
    const before = state.selected;
    state.selected = id;
    [before, id].filter(Boolean).forEach(paintChip);
    floodscope.book.chips.forEach((chip) => { if (over(chip, before) || over(chip, id)) paintChip(chip.id); });
    const top = layers.footprint.get(id);
    if (top && top._map) top.bringToFront();
  };

  // --- going somewhere -----------------------------------------------------------------------------------------
  const MAX_ZOOM = 15;
  const margin = () => (floodscope.view.narrow() ? 8 : 24);
  const GAP = 3; // beside the key and the strip, where room is short
  let flight = false; // from the start of a flight until the map has come to rest
  let going = 0; // counts the places that the map was sent to

  // While a zoom is animated Leaflet takes no other view, and at its end goes where it led: so it ends there before the map
  // is sent elsewhere. (Leaflet's own stop() begins an animated zoom.)
  const endZoom = () => {
    going += 1;
    if (map._animatingZoom) map._onZoomTransitionEnd();
  };
  // Show a place at once, whatever the map was doing.
  const jump = (centre, zoom) => {
    const there = () => { endZoom(); map.setView(centre, zoom, { animate: false }); };
    there();
    const mine = going;
    requestAnimationFrame(() => { if (mine === going && map._animatingZoom) there(); }); // a zoom asked for before begins in the next frame
  };

  // Height that the strip of layers takes at the bottom of the map.
  const below = () => {
    const strip = document.getElementById("layer-strip");
    return 24 + (strip ? strip.getBoundingClientRect().height : 0);
  };

  // Left edge and bottom of the key of colours, in pixels of the map, as it will be once the map is near: folded to its
  // name unless someone reads it.
  const key = () => {
    const element = document.querySelector(".fs-key");
    if (!element) return null;
    const [box, ground] = [element.getBoundingClientRect(), map.getContainer().getBoundingClientRect()];
    if (element.open && element.matches(":hover, :focus-within")) return { left: box.left - ground.left, bottom: box.bottom - ground.top };
    const [summary, text] = [element.firstElementChild, document.createRange()];
    text.selectNodeContents(summary);
    return {
      left: box.right - ground.left - Math.max(24, text.getBoundingClientRect().width) - 24, // its padding and borders
      bottom: summary.getBoundingClientRect().bottom - ground.top + 6,
    };
  };

  // Where the map shows bounds as large as they fit between its edges and the strip; moved aside, and made no smaller,
  // where the key would cover their corner.
  const viewOf = ([west, south, east, north], maxZoom = MAX_ZOOM) => {
    const size = map.getSize();
    const top = floodscope.picture.above() || margin();
    const room = window.L.point(2 * margin(), top + below());
    const zoom = Math.min(maxZoom, map.getBoundsZoom([[south, west], [north, east]], false, room));
    const [topLeft, bottomRight] = [map.project([north, west], zoom), map.project([south, east], zoom)];
    const half = bottomRight.subtract(topLeft).divideBy(2);
    const at = window.L.point(size.x / 2, (top + size.y - below()) / 2); // of the middle, on the map
    const cover = floodscope.picture.shown ? null : key();
    if (cover && at.x + half.x > cover.left && at.y - half.y < cover.bottom) {
      const [aside, down] = [at.x + half.x - cover.left + GAP, cover.bottom - (at.y - half.y) + GAP];
      const [roomAside, roomDown] = [at.x - half.x - GAP, size.y - below() - (at.y + half.y) - GAP];
      if (down <= roomDown && (down <= aside || aside > roomAside)) at.y += down;
      else if (aside <= roomAside) at.x -= aside;
    }
    const middle = topLeft.add(half).subtract(at.subtract(size.divideBy(2)));
    return { centre: map.unproject(middle, zoom), zoom };
  };

  const flyToBounds = (bounds, { instant = false, maxZoom } = {}) => {
    if (!map) return;
    const { centre, zoom } = viewOf(bounds, maxZoom);
    if (instant || calm()) {
      jump(centre, zoom);
    } else {
      endZoom();
      flight = true;
      map.flyTo(centre, zoom);
    }
  };

  // A link has opened a chip: until somebody uses the page, the strip below it may still get its words, and so its height.
  let settling = null;
  const open = (bounds, options) => {
    flyToBounds(bounds, options);
    settling = { bounds, until: performance.now() + 3000 };
  };
  const settle = () => {
    if (settling && performance.now() < settling.until && !floodscope.four.shown()) flyToBounds(settling.bounds, { instant: true });
  };
  ["pointerdown", "keydown", "wheel"].forEach((used) => window.addEventListener(used, () => { settling = null; }, { capture: true, passive: true }));

  const flyToChips = (chips) => {
    const boxes = chips.map((chip) => chip.bounds).filter(Boolean);
    if (!boxes.length) return false;
    floodscope.picture.close();
    const ends = [0, 1, 2, 3].map((i) => (i < 2 ? Math.min : Math.max)(...boxes.map((box) => box[i])));
    flyToBounds(ends, { maxZoom: 11 });
    return true;
  };

  const collection = (chips, geometry) => ({
    type: "FeatureCollection",
    features: chips.map((chip) => ({ type: "Feature", id: chip.id, properties: { chip: chip.id }, geometry: geometry(chip) })),
  });
  const footprints = () => collection(
    floodscope.sieve.chips().filter((chip) => chip.ring),
    (chip) => ({ type: "Polygon", coordinates: [chip.ring] }),
  );
  const points = () => collection(
    floodscope.sieve.chips().filter((chip) => chip.bounds),
    ({ bounds: [w, s, e, n] }) => ({ type: "Point", coordinates: [(w + e) / 2, (s + n) / 2] }),
  );

  return {
    pointToLayer, clusterToLayer, onFootprint, onCountry, restyle, highlight, viewOf, jump, flyToBounds, flyToChips, open, settle, footprints, points, ramp, css, describe,
    footprintStyle: (feature) => floodscope.focus.chip(feature.properties.chip, footprintStyle(chipOf(feature))),
    countryStyle: (feature) => floodscope.focus.country(feature.properties.name, countryStyle(feature.properties.name)),
    invalidate: () => { if (map) map.invalidateSize({ pan: false }); floodscope.four.invalidate(); },
    flying: () => flight,
    get leaflet() { return map; },
    get state() { return state; },
  };
})();
