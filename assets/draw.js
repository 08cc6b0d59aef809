// Areas drawn on the map by mouse or finger, or given by numbers, and what the server counts in them. The answer is a
// score histogram (contract 3), so the threshold needs no further request.
window.floodscope = window.floodscope || {};

floodscope.draw = (() => {
  const CLOSE_PX = 12; // a click this near the first corner closes the outline
  const MAX_CORNERS = 100;
  const state = { tool: null, corners: [], answer: null, error: "", asked: null };
  let preview = null;

  const surface = () => document.getElementById("draw-surface");
  const map = () => floodscope.map.leaflet;
  const lonlat = (event) => {
    const { lat, lng } = map().mouseEventToLatLng(event);
    return [lng, lat];
  };
  const rectangle = ([a, b], [c, d]) => [[Math.min(a, c), Math.min(b, d)], [Math.max(a, c), Math.min(b, d)], [Math.max(a, c), Math.max(b, d)], [Math.min(a, c), Math.max(b, d)]];

  // --- the area in use ------------------------------------------------------------------------------------------
  const changed = () => {
    floodscope.inspect.mark();
    floodscope.closeup.render(floodscope.inspect.now, floodscope.inspect.pinned);
  };
  // Take a ring of longitudes and latitudes, rounded as the address of the page writes it: a link counts the same.
  const use = (ring) => {
    floodscope.look.set({ area: ring.map((corner) => corner.map((v) => Number(v.toFixed(6)))) });
    window.dash_clientside.set_props("tab", { value: "chip" });
    refresh(floodscope.inspect.now);
    changed();
    floodscope.inspect.said("Area taken: its figures are in the panel.");
  };
  const remove = () => {
    floodscope.look.set({ area: null });
    refresh(floodscope.inspect.now);
    changed();
    document.getElementById("draw-rectangle")?.focus();
  };

  // Ask what is in the area under the model in use, once.
  const refresh = ({ chip, model }) => {
    const { area } = floodscope.look.now;
    const prediction = area && chip && floodscope.book.prediction(model, chip);
    const question = prediction ? `${chip} ${prediction.revision} ${JSON.stringify(area)}` : null;
    if (state.asked === question) return;
    Object.assign(state, { asked: question, answer: null, error: "" });
    if (!question) return;
    const body = { type: "Polygon", coordinates: [[...area, area[0]]] };
    const settle = (part) => {
      if (state.asked !== question) return;
      Object.assign(state, part);
      changed();
    };
    floodscope.compare.json(`inspect/area/${encodeURIComponent(chip)}/${prediction.revision}`, body).then((answer) => settle({
      answer: {
        ...answer, area: floodscope.scores.area(answer.area), histogram: answer.histogram ? floodscope.scores.histogram(answer.histogram) : null,
      },
    }), (error) => settle({ error: error.message }));
  };

  // --- drawing --------------------------------------------------------------------------------------------------
  const HINTS = {
    rectangle: "Drag a rectangle over the image.",
    polygon: "Click the corners; the first again, Enter or Done closes the outline.",
  };
  const trace = (points) => {
    if (preview) preview.remove();
    const shape = points.map(([lon, lat]) => [lat, lon]);
    preview = window.L.featureGroup([window.L.polygon(shape, { pane: "marks", interactive: false, className: "fs-mark fs-mark-area-rim" }),
      window.L.polygon(shape, { pane: "marks", interactive: false, className: "fs-mark fs-mark-area" }),
      ...state.corners.map(([lon, lat]) => window.L.circleMarker([lat, lon], { pane: "marks", interactive: false, radius: 4, className: "fs-mark fs-mark-corner" }))]).addTo(map());
  };
  const stop = () => {
    if (!state.tool) return false;
    if (preview) preview.remove();
    Object.assign(state, { tool: null, corners: [] });
    preview = null;
    surface().hidden = true;
    return true;
  };
  const start = (tool) => {
    if (!map() || !floodscope.inspect.sources()) return;
    if (floodscope.look.now.mode === "four") window.dash_clientside.set_props("compare", { value: "one" });
    stop();
    Object.assign(state, { tool, corners: [] });
    surface().hidden = false;
    document.getElementById("draw-done").hidden = tool !== "polygon";
    document.getElementById("draw-hint").textContent = HINTS[tool];
  };
  const finish = () => {
    const ring = state.corners;
    if (ring.length < 3) {
      document.getElementById("draw-hint").textContent = "An area has three corners or more: click another.";
      return;
    }
    stop();
    use(ring);
  };

  const near = (a, event) => map().latLngToContainerPoint([a[1], a[0]]).distanceTo(map().mouseEventToContainerPoint(event)) < CLOSE_PX;
  const down = (event) => {
    if (event.button || event.target !== surface()) return;
    event.preventDefault();
    if (state.tool === "rectangle") {
      surface().setPointerCapture(event.pointerId);
      state.from = { place: lonlat(event), x: event.clientX, y: event.clientY };
      return;
    }
    const { corners } = state;
    if (corners.length >= 3 && near(corners[0], event)) { finish(); return; }
    if (corners.length && near(corners[corners.length - 1], event)) return; // the second click of two
    corners.push(lonlat(event));
    if (corners.length >= MAX_CORNERS) finish();
    else trace(corners);
  };
  const move = (event) => {
    if (state.tool === "rectangle" && state.from) trace(rectangle(state.from.place, lonlat(event)));
    if (state.tool === "polygon" && state.corners.length && event.pointerType === "mouse") trace([...state.corners, lonlat(event)]);
  };
  const up = (event) => {
    if (state.tool !== "rectangle" || !state.from) return;
    const { place, x, y } = state.from;
    state.from = null;
    if (Math.abs(event.clientX - x) < 3 || Math.abs(event.clientY - y) < 3) { trace([]); return; }
    const ring = rectangle(place, lonlat(event));
    stop();
    use(ring);
  };
  const key = (event) => {
    if (!state.tool) return;
    if (event.key === "Escape") stop();
    else if (event.key === "Enter" && state.tool === "polygon" && event.target.tagName !== "BUTTON") finish();
    else if (event.key === "Backspace" && state.corners.length) { state.corners.pop(); trace(state.corners); }
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  const install = () => {
    const place = surface();
    place.addEventListener("pointerdown", down);
    place.addEventListener("pointermove", move);
    place.addEventListener("pointerup", up);
    place.addEventListener("dblclick", (event) => { if (event.target === place && state.tool === "polygon") finish(); });
    place.addEventListener("pointercancel", () => { state.from = null; });
    document.getElementById("draw-done").addEventListener("click", finish);
    document.getElementById("draw-cancel").addEventListener("click", stop);
    document.addEventListener("keydown", key, true);
  };

  return { install, start, stop, use, remove, refresh, state };
})();
