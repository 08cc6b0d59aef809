// The address follows the screen, and the browser's Back and Forward bring an earlier screen back.
window.floodscope = window.floodscope || {};

floodscope.travel = (() => {
  const TOGETHER_MS = 600; // one click may change several fields one after another: they are one step
  const REST_MS = 700; // a map that has moved is written once it rests: a step that follows at once was why it moved
  let last = null; // the state of the components
  let stepped = -Infinity; // when the last step was made
  let settings = null;
  let resting = null;
  let asked = null; // what the latest Back or Forward asked for, until the components have had the time to take it

  const PLACE = ["zoom", "lat", "lon"];
  const elsewhere = (state) => ({ ...state, ...Object.fromEntries(PLACE.map((name) => [name, null])) });
  const write = (how) => {
    clearTimeout(resting);
    resting = null;
    const search = floodscope.view.format(last);
    if (search !== window.location.search) window.history[how](window.history.state, "", search);
  };

  // Write the state of the components into the address.
  const persist = (values) => {
    const before = last;
    last = floodscope.view.fromComponents(values);
    if (before && floodscope.view.format(elsewhere(before)) === floodscope.view.format(elsewhere(last))) {
      clearTimeout(resting);
      resting = setTimeout(() => write("replaceState"), REST_MS);
      return;
    }
    const now = performance.now();
    const step = before && floodscope.view.isStep(before, last) && now - stepped > TOGETHER_MS;
    if (step) stepped = now;
    write(step ? "pushState" : "replaceState");
  };
  // What waits is written at once: somebody wants the address.
  const settle = () => { if (resting !== null) write("replaceState"); };

  // What to give a component for a new value. A list of choices (Mantine's Select) keeps a copy of its value, and misses
  // one that goes there and back in the same moment, as Back pressed twice does: given its choices anew, it takes it.
  const given = (id, property, value) => {
    const { data } = (window.dash_component_api.getLayout(id) || { props: {} }).props;
    return property === "value" && Array.isArray(data) ? { value, data: [...data] } : { [property]: value };
  };

  // Set components to what the address says, where they differ.
  const arrive = () => {
    if (!settings || !last) return;
    clearTimeout(resting);
    resting = null;
    stepped = performance.now(); // what follows belongs to this step
    const view = floodscope.view.parse(window.location.search);
    const after = floodscope.view.complete(view, settings);
    const before = [floodscope.view.complete(last, settings), ...(asked ? [asked] : [])]; // a step may come before the last one was taken
    const differs = (name) => before.some((state) => JSON.stringify(state[name]) !== JSON.stringify(after[name]));
    asked = after;
    setTimeout(() => { if (asked === after) asked = null; }, TOGETHER_MS);
    const components = floodscope.view.toComponents(view, settings, false);
    // What Dash tells one after another belongs together: no part may answer to a mixture of before and after.
    floodscope.review.take(components.get("review.data"));
    floodscope.inspect.arrive(after);
    floodscope.four.update(true);
    floodscope.view.FIELDS.filter(({ name, at }) => at && differs(name)).forEach(({ at, also }) => {
      [at, also].filter(Boolean).forEach((place) => {
        const dot = place.lastIndexOf(".");
        const [id, property] = [place.slice(0, dot), place.slice(dot + 1)];
        window.dash_clientside.set_props(id, given(id, property, components.get(place)));
      });
    });
    if (view.zoom !== null && floodscope.map.leaflet) floodscope.map.leaflet.setView([view.lat, view.lon], view.zoom, { animate: false });
  };
  window.addEventListener("popstate", arrive);

  return { persist, settle, begin: (known) => { settings = known; }, get state() { return last; } };
})();
