// The address follows the screen, and the browser's Back and Forward bring an earlier screen back.
window.floodscope = window.floodscope || {};

floodscope.travel = (() => {
  const TOGETHER_MS = 600; // uses of the page that follow one another so soon are one step
  const REST_MS = 700; // a map that has moved is written once it rests: a step that follows at once was why it moved
  let last = null; // the state of the components
  let used = -Infinity; // when the page was last used: one click may change several fields, on a busy machine seconds later
  let stepped = -Infinity; // the use that made the last step
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
    const step = before && floodscope.view.isStep(before, last) && used > stepped + TOGETHER_MS;
    if (step) stepped = used;
    write(step ? "pushState" : "replaceState");
  };
  // What waits is written at once: somebody wants the address.
  const settle = () => { if (resting !== null) write("replaceState"); };

  const give = (place, value) => {
    const dot = place.lastIndexOf(".");
    window.dash_clientside.set_props(place.slice(0, dot), { [place.slice(dot + 1)]: value });
  };
  const differ = (a, b) => JSON.stringify(a) !== JSON.stringify(b);

  // Mantine's Select tells its value once more a moment after it was given one; where the next has come by then, as when
  // Back is pressed twice, it takes the earlier one again. It is told anew, until the screen is used.
  const insist = (after, components, agreed = 0, checks = 20) => setTimeout(() => {
    if (asked !== after) return;
    if (agreed === 4 || !checks) { asked = null; return; }
    // Model B too: it is chosen by itself where, for that moment, it was part of the picture.
    const held = ({ name, at }) => at && (at.endsWith(".value") || (name === "other" && !floodscope.look.needsOther()));
    const lost = floodscope.view.FIELDS.filter((field) => held(field) && differ(last[field.name] ?? null, after[field.name] ?? null));
    if (lost.some(({ name }) => name === "other")) floodscope.review.take(components.get("review.data"));
    lost.forEach(({ at }) => give(at, components.get(at)));
    insist(after, components, lost.length ? 0 : agreed + 1, checks - 1);
  }, TOGETHER_MS / 4);
  const use = () => {
    asked = null;
    used = performance.now();
  };
  ["pointerdown", "keydown", "wheel"].forEach((input) => window.addEventListener(input, use, { capture: true, passive: true }));

  // Set components to what the address says, where they differ.
  const arrive = () => {
    if (!settings || !last) return;
    clearTimeout(resting);
    resting = null;
    used = performance.now();
    stepped = used; // what follows belongs to this step
    const view = floodscope.view.parse(window.location.search);
    const after = floodscope.view.complete(view, settings);
    const before = [floodscope.view.complete(last, settings), ...(asked ? [asked] : [])]; // a step may come before the last one was taken
    const components = floodscope.view.toComponents(view, settings, false);
    // What Dash tells one after another belongs together: no part may answer to a mixture of before and after.
    floodscope.review.take(components.get("review.data"));
    floodscope.inspect.arrive(after);
    floodscope.four.update(true);
    floodscope.view.FIELDS.filter(({ name, at }) => at && before.some((state) => differ(state[name], after[name])))
      .forEach(({ at, also }) => [at, also].filter(Boolean).forEach((place) => give(place, components.get(place))));
    asked = after;
    insist(after, components);
    if (view.zoom !== null && floodscope.map.leaflet) floodscope.picture.goTo([view.lat, view.lon], view.zoom);
  };
  window.addEventListener("popstate", arrive);

  return { persist, settle, begin: (known) => { settings = known; }, get state() { return last; } };
})();
