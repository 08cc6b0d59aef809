// The state of the screen and the URL that holds it. A link restores chip, view, layers, threshold, opacity, model, tab, theme.
window.floodscope = window.floodscope || {};

floodscope.view = (() => {
  const BASES = ["composite", "vv", "vh"];
  const OVERLAYS = ["prediction", "truth", "errors", "none"];
  const TABS = ["chip", "regions", "chips", "models"];
  const THEMES = ["dark", "light"];
  const MODES = ["one", "swipe", "four"];
  const LAYERS = [...BASES, "prediction", "truth", "errors", "other", "difference"];
  const MAX_CORNERS = 100;

  const number = (text, low, high) => {
    if (text === null || text.trim() === "") return null;
    const value = Number(text);
    return Number.isFinite(value) && value >= low && value <= high ? value : null;
  };
  const choice = (text, choices) => (choices.includes(text) ? text : null);

  // "lon,lat" or "lon,lat;lon,lat;...": at least so many corners, or null.
  const corners = (text, fewest, most) => {
    if (!text) return null;
    const points = text.split(";").map((pair) => pair.split(","));
    if (points.length < fewest || points.length > most || points.some((pair) => pair.length !== 2)) return null;
    const numbers = points.map(([lon, lat]) => [number(lon, -540, 540), number(lat, -90, 90)]);
    return numbers.flat().includes(null) ? null : numbers;
  };
  const written = (points) => points && points.map(([lon, lat]) => `${Number(lon.toFixed(6))},${Number(lat.toFixed(6))}`).join(";");

  // What a query string says; whatever is missing or senseless is null.
  const parse = (search) => {
    const query = new URLSearchParams(search);
    const at = {
      lat: number(query.get("lat"), -90, 90), lon: number(query.get("lon"), -540, 540), zoom: number(query.get("z"), 0, 22),
    };
    const view = Object.values(at).includes(null) ? { lat: null, lon: null, zoom: null } : at;
    return {
      ...view,
      chip: query.get("chip"),
      model: query.get("model"),
      base: choice(query.get("base"), BASES),
      overlay: choice(query.get("overlay"), OVERLAYS),
      threshold: number(query.get("t"), 0, 1),
      opacity: number(query.get("o"), 0, 1),
      tab: choice(query.get("tab"), TABS),
      theme: choice(query.get("theme"), THEMES),
      mode: choice(query.get("mode"), MODES),
      left: choice(query.get("left"), LAYERS),
      right: choice(query.get("right"), LAYERS),
      at: number(query.get("at"), 0, 1),
      other: query.get("b"),
      pin: corners(query.get("pin"), 1, 1)?.[0] ?? null,
      area: corners(query.get("area"), 3, MAX_CORNERS),
    };
  };

  const format = (state) => {
    const query = new URLSearchParams();
    const put = (key, value) => { if (value !== null && value !== undefined && value !== "") query.set(key, value); };
    put("chip", state.chip);
    if (state.zoom !== null && state.zoom !== undefined) {
      put("z", String(state.zoom));
      put("lat", state.lat.toFixed(5));
      put("lon", state.lon.toFixed(5));
    }
    put("model", state.model);
    put("base", state.base);
    put("overlay", state.overlay);
    put("t", state.threshold === null || state.threshold === undefined ? null : String(state.threshold));
    put("o", state.opacity === null || state.opacity === undefined ? null : String(state.opacity));
    put("tab", state.tab);
    put("theme", state.theme);
    if (state.mode && state.mode !== "one") put("mode", state.mode);
    if (state.mode === "swipe") {
      put("left", state.left);
      put("right", state.right);
      put("at", String(state.at));
      put("b", state.other);
    }
    put("pin", state.pin && written([state.pin]));
    put("area", written(state.area));
    return `?${query.toString()}`;
  };

  let first = null;
  // The state that the page was opened with.
  const initial = () => {
    if (!first) first = parse(window.location.search);
    return first;
  };

  // The panel takes less than 700 px of width below the map.
  const narrow = () => window.matchMedia("(max-width: 760px)").matches;

  return { parse, format, initial, narrow };
})();
