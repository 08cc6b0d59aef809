// Small figures as SVG: they take their colours from the style sheet, so a theme needs no new figure.
import { make, svg } from "./dom.mjs";

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT] = [380, 200, 50, 36, 8, 10];

const frame = (label, { xTitle, yTitle, x, y, xTicks, yTicks, height = HEIGHT }, ...marks) => {
  const [w, h] = [WIDTH - LEFT - RIGHT, height - TOP - BOTTOM];
  const px = (value) => LEFT + ((value - x[0]) / (x[1] - x[0])) * w;
  const py = (value) => TOP + h - ((value - y[0]) / (y[1] - y[0])) * h;
  return svg(
    "svg",
    { class: "fs-chart", viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": label },
    ...yTicks.flatMap((t) => [
      svg("line", { class: "fs-chart-grid", x1: LEFT, x2: WIDTH - RIGHT, y1: py(t), y2: py(t) }),
      svg("text", { x: LEFT - 6, y: py(t) + 4, "text-anchor": "end" }, short(t)),
    ]),
    ...xTicks.map((t) => svg("text", { x: px(t), y: height - BOTTOM + 15, "text-anchor": "middle" }, short(t))),
    svg("text", { class: "fs-chart-title", x: LEFT + w / 2, y: height - 4, "text-anchor": "middle" }, xTitle),
    yTitle
      ? svg(
          "text",
          { class: "fs-chart-title", x: 0, y: 0, transform: `translate(11 ${TOP + h / 2}) rotate(-90)`, "text-anchor": "middle" },
          yTitle,
        )
      : "",
    ...marks.map((mark) => mark(px, py)),
  );
};
const short = (value) =>
  Math.abs(value) >= 1e6 ? `${value / 1e6}M` : Math.abs(value) >= 1e4 ? `${value / 1e3}k` : String(value);

const path = (points, px, py) => points.map(([a, b], i) => `${i ? "L" : "M"}${px(a).toFixed(1)} ${py(b).toFixed(1)}`).join("");
// A line; what tells it apart is its dash and its letter, not its colour alone.
const line = (points, name, letter) => (px, py) => {
  if (!points.length) return svg("g", {});
  const end = points[Math.floor(points.length * 0.6)];
  return svg(
    "g",
    { class: `fs-chart-${name}` },
    svg("path", { d: path(points, px, py) }),
    letter ? svg("text", { class: "fs-chart-letter", x: px(end[0]) + 5, y: py(end[1]) - 6 }, letter) : "",
  );
};
const dots = (points, name) => (px, py) =>
  svg(
    "g",
    { class: `fs-chart-${name}` },
    ...points.map(([a, b, r, title]) => svg("circle", { cx: px(a), cy: py(b), r }, svg("title", {}, title))),
  );
const diagonal = (px, py) => svg("line", { class: "fs-chart-diagonal", x1: px(0), y1: py(0), x2: px(1), y2: py(1) });

// Filled steps: counts of bins of equal width from low to high, as a share of their sum.
const steps =
  (counts, low, high, name, letter, aside = 4) =>
  (px, py) => {
    const sum = counts.reduce((a, b) => a + b, 0);
    if (!sum) return svg("g", {});
    const width = (high - low) / counts.length;
    const points = counts.flatMap((count, i) => [
      [low + i * width, count / sum],
      [low + (i + 1) * width, count / sum],
    ]);
    const top = points[2 * counts.indexOf(Math.max(...counts))];
    return svg(
      "g",
      { class: `fs-chart-${name} fs-chart-steps` },
      svg("path", { d: path(points, px, py) }),
      svg("text", { class: "fs-chart-letter", x: px(top[0]) + aside, y: Math.max(TOP + 10, py(top[1]) - 4) }, letter),
    );
  };

// Bars with their names and numbers: [[name, value, text], ...], as long as their value.
const bars = (label, rows, most = Math.max(...rows.map(([, value]) => value), 1)) =>
  make(
    "dl",
    { class: "fs-bars", "aria-label": label },
    rows.flatMap(([name, value, text]) => [
      make("dt", { title: name }, name),
      make(
        "dd",
        {},
        make("span", { class: "fs-bar", style: `width:${(100 * value) / most}%` }),
        make("span", { class: "fs-bar-text" }, text),
      ),
    ]),
  );

export { bars, diagonal, dots, frame, line, steps };
