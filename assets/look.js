// How the open chip is looked at: which layers are shown and compared, where the handle is, the pinned pixel, the drawn area.
// The address of the page holds it (assets/view.js). Some of its parts are values of components; handle, pin and area are
// in the store "look", which Dash hears of a change through, and which a link or Back fills from without.
window.floodscope = window.floodscope || {};

floodscope.look = (() => {
  const DEFAULTS = { mode: "one", base: "composite", overlay: "prediction", left: "composite", right: "prediction", at: 0.5, pin: null, area: null };
  const listeners = [];
  let state = null;

  const current = () => {
    if (!state) restore(floodscope.view.initial());
    return state;
  };
  const restore = (view) => {
    state = { ...DEFAULTS };
    Object.keys(DEFAULTS).forEach((name) => {
      const value = view[name === "at" ? "handle" : name];
      if (value !== null && value !== undefined) state[name] = value;
    });
  };

  // Several changes of one moment are told once.
  let telling = null;
  const set = (part) => {
    const before = current();
    if (Object.entries(part).every(([name, value]) => before[name] === value)) return;
    state = { ...before, ...part };
    listeners.forEach((listen) => listen(state, before));
    clearTimeout(telling);
    telling = setTimeout(() => window.dash_clientside.set_props("look", { data: { at: state.at, pin: state.pin, area: state.area, told: true } }), 60);
  };

  // What one side of the picture shows: an image, and an overlay of it.
  const side = (layer, base) => (floodscope.layers.of(layer).kind === "image" ? { image: layer, overlay: "none" } : { image: base, overlay: layer });
  const sides = () => {
    const { mode, base, overlay, left, right } = current();
    if (mode !== "swipe") return { main: { image: base, overlay }, left: null };
    return { main: side(right, base), left: side(left, base) };
  };
  // Whether model B is part of what is shown.
  const needsOther = () => Object.values(sides()).some((one) => one && floodscope.layers.of(one.overlay).models.includes("b"));

  return {
    set, side, sides, needsOther, listen: (then) => listeners.push(then),
    get now() { return current(); },
  };
})();
