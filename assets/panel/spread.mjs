// How backscatter is spread, as small drawings: one a band, each curve to its own height, with the pinned pixel's place.
import { svg } from "../page/dom.mjs";
import { CURVES, curves, median } from "../scores/backscatter.mjs";

const [WIDTH, HEIGHT, FOOT] = [372, 84, 18];

export const drawing = (spread, band, k, value) => {
  const all = curves(spread, band, k);
  const filled = Array.from({ length: spread.bins }, (_, i) => Object.values(all).some((counts) => counts[i]));
  const [first, last] = [Math.max(0, filled.indexOf(true) - 1), Math.min(spread.bins, filled.lastIndexOf(true) + 2)];
  const x = (dB) => (((dB - spread.lowest_db[band]) / spread.bin_db - first) / Math.max(1, last - first)) * WIDTH;
  const ground = HEIGHT - FOOT;
  const path = (counts) => {
    const top = Math.max(...counts, 1);
    const y = (n) => (ground - (n / top) * (ground - 6)).toFixed(1);
    const step = (i) => `${(((i - first) / Math.max(1, last - first)) * WIDTH).toFixed(1)}`;
    let d = `M${step(first)} ${ground}`;
    for (let i = first; i < last; i += 1) d += `V${y(counts[i] || 0)}H${step(i + 1)}`;
    return `${d}V${ground}`;
  };
  const shapes = Object.entries(all)
    .filter(([, counts]) => counts.some(Boolean))
    .map(([name, counts]) => svg("path", { d: path(counts), class: `fs-curve fs-curve-${CURVES[name].css}` }));
  const low = spread.lowest_db[band] + first * spread.bin_db;
  const high = spread.lowest_db[band] + last * spread.bin_db;
  const ticks = [];
  for (let dB = Math.ceil(low / 5) * 5; dB <= high; dB += 5) {
    const text = svg("text", {
      x: Math.min(Math.max(x(dB), 12), WIDTH - 12),
      y: HEIGHT - 4,
      "text-anchor": "middle",
      class: "fs-tick",
    });
    text.textContent = String(dB).replace("-", "−");
    ticks.push(svg("line", { x1: x(dB), x2: x(dB), y1: ground, y2: ground + 4, class: "fs-axis" }), text);
  }
  const here =
    value === null || value === undefined
      ? []
      : [
          svg("line", { x1: x(value), x2: x(value), y1: 0, y2: ground, class: "fs-here" }),
          svg("path", { d: `M${x(value) - 5} 0h10l-5 7z`, class: "fs-here-head" }),
        ];
  const medians = Object.entries(all)
    .map(([name, counts]) => ({ name, dB: median(spread, band, counts) }))
    .filter(({ dB }) => dB !== null)
    .map(({ name, dB }) => `${CURVES[name].name}: median ${dB.toFixed(1)} dB`);
  const label = [
    `${band.toUpperCase()} in dB`,
    ...medians,
    ...(here.length ? [`pinned pixel: ${value.toFixed(1)} dB`] : []),
  ].join("; ");
  return svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label, class: "fs-histogram" },
    ...shapes,
    svg("line", { x1: 0, x2: WIDTH, y1: ground, y2: ground, class: "fs-axis" }),
    ...ticks,
    ...here,
  );
};
