// What the colours on the map mean now, and how many pixels have them.
window.floodscope = window.floodscope || {};

floodscope.legend = (() => {
  const GREY = "linear-gradient(90deg,#000,#fff)";
  const IMAGES = {
    composite: [["#e0685f", "R", "VV", "−23 to 0 dB"], ["#3fae5a", "G", "VH", "−28 to −5 dB"], ["#6f95ee", "B", "VV / VH", "0.2 to 1, quotient of the dB values"]],
    vv: [[GREY, "", "VV −23 to 0 dB", "black to white"]],
    vh: [[GREY, "", "VH −28 to −5 dB", "black to white"]],
    grey: [[GREY, "", "image in grey"]],
  };
  const water = (name, letter, text, count) => [floodscope.filters.css(name), letter, `${text}${count === undefined || count === null ? "" : ` ${floodscope.words.integer(count)} px`}`];

  const over = (overlay, counts, agreement) => ({
    prediction: () => [water("water", "W", "predicted water")],
    other: () => [water("water", "W", "water predicted by B")],
    truth: () => [water("truth", "T", "water in the label")],
    errors: () => [
      water("hit", "TP", "true water", counts?.tp), water("false", "FP", "false water", counts?.fp), water("missed", "FN", "missed water", counts?.fn)],
    difference: () => [
      water("wet", "AB", "both wet", agreement?.wet), water("onlyA", "A", "only A", agreement?.onlyA),
      water("onlyB", "B", "only B", agreement?.onlyB), water("dry", "–", "both dry", agreement?.dry)],
    none: () => [],
  })[overlay]();

  const item = (kind) => ([colour, letter, text, note]) => {
    const { html } = floodscope.words;
    return html.Span({ className: `fs-legend-item fs-legend-${kind}`, title: note || text },
      html.Span({ className: `fs-swatch${floodscope.filters.dark(colour) ? " fs-swatch-dark" : ""}`, style: { background: colour } }, letter), text);
  };

  // The legend of the sides that are shown: {image, overlay} each.
  const items = (sides, counts, unlabelled, agreement, problem) => {
    const said = (text) => floodscope.words.html.Span({ className: "fs-legend-item" }, text);
    const missing = sides.find(({ overlay }) => unlabelled && (overlay === "truth" || overlay === "errors"));
    if (missing && sides.length === 1) return [said(`This chip has no known label, so there is no ${missing.overlay === "truth" ? "truth" : "error"} to show.`)];
    const some = unlabelled ? sides.filter((side) => side.overlay !== "truth" && side.overlay !== "errors") : sides;
    const grey = (side) => side.image === "composite" && floodscope.filters.GREYED.includes(side.overlay);
    const rows = some.flatMap((side) => over(side.overlay, counts, agreement));
    // What stands under scores in a swipe is the image that is named beside it, or no news.
    const images = some.filter((side) => sides.length === 1 || side.overlay === "none").flatMap((side) => IMAGES[grey(side) ? "grey" : side.image]);
    const out = [...rows.map(item("class")), ...images.map(item("image"))];
    if (missing) out.push(said("no known label, so no truth and no errors"));
    if (problem) out.unshift(floodscope.words.html.Span({ className: "fs-legend-item fs-legend-problem", role: "alert" }, problem));
    return out;
  };

  return { items };
})();
