// How the open chip is looked at: which layers are compared and where the handle is, the pinned pixel, the drawn area.
// The address of the page holds it (assets/view.js). Three of its parts are values of components; the others are in the
// store "look", which Dash hears of a change through, and which a link or Back fills from without.
window.floodscope = window.floodscope || {};

floodscope.look = (() => {
  const NAMES = {
    composite: "False colour", vv: "VV", vh: "VH", prediction: "Prediction", truth: "Truth", errors: "Errors", other: "Model B",
    difference: "Difference",
  };
  const IMAGES = ["composite", "vv", "vh"];
  const DEFAULTS = { mode: "one", left: "composite", right: "prediction", other: null, at: 0.5, pin: null, area: null };
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

  // What one side of the picture shows: an image, and over it a layer of scores from model A, B or both.
  const side = (layer, base) => {
    if (IMAGES.includes(layer)) return { image: layer, overlay: "none", source: "a" };
    return { image: base, overlay: layer, source: { other: "b", difference: "difference" }[layer] || "a" };
  };
  const sides = (base = "composite", overlay = "none") => {
    const { mode, left, right } = current();
    if (mode !== "swipe") return { main: { image: base, overlay, source: "a" }, left: null };
    return { main: side(right, base), left: side(left, base) };
  };
  // Whether model B is part of what is shown.
  const needsOther = () => {
    const { main, left } = sides();
    return [main, left].some((one) => one && one.source !== "a");
  };

  return {
    NAMES, IMAGES, set, side, sides, needsOther, listen: (then) => listeners.push(then),
    get now() { return current(); },
  };
})();
