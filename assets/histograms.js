// How backscatter is spread over water, dry land and the errors, as small drawings: one a band, each curve to its own
// height, with the pinned pixel's place. Follows the threshold with no request: the counts are by probability value too.
window.floodscope = window.floodscope || {};

floodscope.histograms = (() => {
  const LEVELS = 255;
  const BANDS = ["vv", "vh"];
  const [WIDTH, HEIGHT, FOOT] = [372, 84, 18];
  const NS = "http://www.w3.org/2000/svg";
  const CURVES = {
    dry: { name: "dry in the label", css: "dry" }, water: { name: "water in the label", css: "water" },
    false: { name: "false water (FP)", css: "false" }, missed: { name: "missed water (FN)", css: "missed" },
    wet: { name: "predicted water", css: "wet" }, rest: { name: "predicted dry", css: "dry" },
  };

  // The server's counts -> for band, class, bin the pixels at or above each value.
  const decode = (answer) => {
    const view = new DataView(Uint8Array.from(atob(answer.counts), (c) => c.charCodeAt(0)).buffer);
    const { classes, bins } = answer;
    const sums = new Float64Array(BANDS.length * classes.length * bins * (LEVELS + 1));
    for (let row = 0; row < BANDS.length * classes.length * bins; row += 1) {
      let sum = 0;
      for (let v = LEVELS - 1; v >= 0; v -= 1) {
        sum += view.getUint32(4 * (row * LEVELS + v), true);
        sums[row * (LEVELS + 1) + v] = sum;
      }
    }
    return { ...answer, sums };
  };

  // Pixels of a class in each bin from a level on.
  const from = (spread, band, name, k) => Array.from({ length: spread.bins }, (_, bin) =>
    spread.sums[((BANDS.indexOf(band) * spread.classes.length + spread.classes.indexOf(name)) * spread.bins + bin) * (LEVELS + 1) + k]);

  // The curves of one band at a level: name -> pixels by bin; without a known label, what is predicted.
  const curves = (spread, band, k) => {
    const [dry, water, unknown] = ["dry", "water", "unknown"].map((name) => from(spread, band, name, 0));
    if (![...dry, ...water].some(Boolean)) {
      const wet = from(spread, band, "unknown", k);
      return { rest: unknown.map((n, i) => n - wet[i]), wet };
    }
    const found = from(spread, band, "water", k);
    return { dry, water, false: from(spread, band, "dry", k), missed: water.map((n, i) => n - found[i]) };
  };

  const svg = (name, attributes, ...children) => {
    const element = document.createElementNS(NS, name);
    Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
    element.append(...children);
    return element;
  };

  const median = (spread, band, counts) => {
    const half = counts.reduce((a, b) => a + b, 0) / 2;
    let sum = 0;
    const bin = counts.findIndex((n) => { sum += n; return sum >= half && half > 0; });
    return bin < 0 ? null : spread.lowest_db[band] + (bin + 0.5) * spread.bin_db;
  };

  const drawing = (spread, band, k, value) => {
    const all = curves(spread, band, k);
    const filled = Array.from({ length: spread.bins }, (_, i) => Object.values(all).some((counts) => counts[i]));
    const [first, last] = [Math.max(0, filled.indexOf(true) - 1), Math.min(spread.bins, filled.lastIndexOf(true) + 2)];
    const x = (dB) => ((dB - spread.lowest_db[band]) / spread.bin_db - first) / Math.max(1, last - first) * WIDTH;
    const ground = HEIGHT - FOOT;
    const path = (counts) => {
      const top = Math.max(...counts, 1);
      const y = (n) => (ground - (n / top) * (ground - 6)).toFixed(1);
      const step = (i) => `${(((i - first) / Math.max(1, last - first)) * WIDTH).toFixed(1)}`;
      let d = `M${step(first)} ${ground}`;
      for (let i = first; i < last; i += 1) d += `V${y(counts[i] || 0)}H${step(i + 1)}`;
      return `${d}V${ground}`;
    };
    const shapes = Object.entries(all).filter(([, counts]) => counts.some(Boolean))
      .map(([name, counts]) => svg("path", { d: path(counts), class: `fs-curve fs-curve-${CURVES[name].css}` }));
    const low = spread.lowest_db[band] + first * spread.bin_db;
    const high = spread.lowest_db[band] + last * spread.bin_db;
    const ticks = [];
    for (let dB = Math.ceil(low / 5) * 5; dB <= high; dB += 5) {
      const text = svg("text", { x: Math.min(Math.max(x(dB), 12), WIDTH - 12), y: HEIGHT - 4, "text-anchor": "middle", class: "fs-tick" });
      text.textContent = String(dB).replace("-", "−");
      ticks.push(svg("line", { x1: x(dB), x2: x(dB), y1: ground, y2: ground + 4, class: "fs-axis" }), text);
    }
    const here = value === null || value === undefined ? [] : [svg("line", { x1: x(value), x2: x(value), y1: 0, y2: ground, class: "fs-here" }),
      svg("path", { d: `M${x(value) - 5} 0h10l-5 7z`, class: "fs-here-head" })];
    const medians = Object.entries(all).map(([name, counts]) => [CURVES[name].name, median(spread, band, counts)])
      .filter(([, dB]) => dB !== null).map(([name, dB]) => `${name}: median ${dB.toFixed(1)} dB`);
    const label = [`${band.toUpperCase()} in dB`, ...medians, ...(here.length ? [`pinned pixel: ${value.toFixed(1)} dB`] : [])].join("; ");
    return svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label, class: "fs-histogram" },
      ...shapes, svg("line", { x1: 0, x2: WIDTH, y1: ground, y2: ground, class: "fs-axis" }), ...ticks, ...here);
  };

  // The names of the curves that a chip has.
  const names = (spread, k) => Object.keys(curves(spread, "vh", k)).map((name) => [CURVES[name].name, CURVES[name].css]);

  return { decode, drawing, curves, names, BANDS };
})();
