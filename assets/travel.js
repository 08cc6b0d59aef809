// The address follows the screen, and the browser's Back and Forward bring an earlier screen back.
window.floodscope = window.floodscope || {};

floodscope.travel = (() => {
  const TOGETHER_MS = 600; // one click may change several fields one after another: they are one step
  let last = null; // the state that the address holds
  let stepped = -Infinity; // when the last step was made
  let settings = null;

  // Write the state of the components into the address.
  const persist = (values) => {
    const state = floodscope.view.fromComponents(values);
    const search = floodscope.view.format(state);
    const before = last;
    last = state;
    if (search === window.location.search) return;
    const now = performance.now();
    const step = before && floodscope.view.isStep(before, state) && now - stepped > TOGETHER_MS;
    if (step) stepped = now;
    window.history[step ? "pushState" : "replaceState"](window.history.state, "", search);
  };

  // Set components to what the address says, where they differ.
  const arrive = () => {
    if (!settings || !last) return;
    stepped = performance.now(); // what follows belongs to this step
    const view = floodscope.view.parse(window.location.search);
    const [before, after] = [floodscope.view.complete(last, settings), floodscope.view.complete(view, settings)];
    const components = floodscope.view.toComponents(view, settings, false);
    floodscope.view.FIELDS.filter(({ name, at }) => at && JSON.stringify(before[name]) !== JSON.stringify(after[name])).forEach(({ at, also }) => {
      [at, also].filter(Boolean).forEach((place) => {
        const dot = place.lastIndexOf(".");
        window.dash_clientside.set_props(place.slice(0, dot), { [place.slice(dot + 1)]: components.get(place) });
      });
    });
    if (view.zoom !== null && floodscope.map.leaflet) floodscope.map.leaflet.setView([view.lat, view.lon], view.zoom, { animate: false });
  };
  window.addEventListener("popstate", arrive);

  return { persist, begin: (known) => { settings = known; } };
})();
