// What the panel is made of: figures with their meaning, rows, sentences, notices.
import { html } from "../page/drawn.mjs";
import * as format from "../page/format.mjs";

const div = (className, ...children) => html.Div({ className }, ...children);
const span = (className, ...children) => html.Span({ className }, ...children);

// A figure with its name; the explanation shows on hover and on focus, which a finger gives too.
const figure = (name, value, note, meaning = format.METRICS[name], few = false) => {
  const tip = `tip-${name.toLowerCase().replace(/\W+/g, "-")}`;
  return html.Div(
    {
      className: `fs-figure${few ? " fs-figure-few" : ""}`,
      tabIndex: 0,
      role: "group",
      "aria-label": [name, value, note].filter(Boolean).join(", "),
      "aria-describedby": tip,
    },
    span("fs-figure-name", name),
    span("fs-figure-value", value),
    note ? span("fs-figure-note", note) : "",
    html.Span({ className: "fs-tip", id: tip, role: "tooltip" }, meaning),
  );
};
// A score in two digits; a third is in its explanation.
const metric = (name, value, note) =>
  figure(
    name,
    format.score(value),
    note,
    `${format.METRICS[name]}${format.known(value) ? ` Here ${format.score3(value)}.` : ""}`,
  );
const row = (name, value, few = false) =>
  div(`fs-row${few ? " fs-row-few" : ""}`, span("fs-row-name", name), span("fs-row-value", value));
const soft = (...text) => html.P({ className: "fs-soft" }, ...text);
const notice = (kind, ...text) =>
  html.Div({ className: `fs-notice fs-notice-${kind}`, role: kind === "error" ? "alert" : undefined }, ...text);

// An area by its value at the threshold; of a chip without a place pixels are counted.
const area = (detail, value) => {
  if (!detail || !format.known(value)) return format.NONE;
  return detail.placed ? format.km2(value) : format.percent(detail.area[0] ? value / detail.area[0] : 0);
};

export { area, div, figure, metric, notice, row, soft, span };
