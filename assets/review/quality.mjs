// The curves of the Models tab: precision over recall, and how far a probability is what it says.

import * as charts from "../page/charts.mjs";
import { fill, make } from "../page/dom.mjs";
import * as format from "../page/format.mjs";
import * as marks from "../page/marks.mjs";
import * as curves from "../scores/curves.mjs";
import * as scores from "../scores/histogram.mjs";

const PLACE = "models-curves";
const TENTHS = [0, 0.25, 0.5, 0.75, 1];
const AXES = { x: [0, 1], y: [0, 1], xTicks: TENTHS, yTicks: TENTHS };
const dots = (h) =>
  curves
    .reliability(h)
    .filter((b) => b.pixels)
    .map((b) => [
      b.predicted,
      b.observed,
      3,
      `${format.integer(b.pixels)} px: predicted ${b.predicted.toFixed(2)}, water ${b.observed.toFixed(2)}`,
    ]);
// `sums`: [letter, histogram] of each model; `seen`: whether it was trained on all of these chips.
const show = (sums, k, seen = false) => {
  const { frame, line, dots: circles, diagonal } = charts;
  const { precisionRecall, averagePrecision, calibrationError } = curves;
  const here = (h) => {
    const f = scores.figures(scores.confusion(h, k));
    return f.recall === null || f.precision === null ? [] : [[f.recall, f.precision, 4, "at the threshold"]];
  };
  const each = (make1) => sums.map(([letter, h]) => make1(letter, h));
  const told = (name, value) => `${name}: ${sums.map(([letter, h]) => `${letter} ${format.score3(value(h))}`).join(", ")}`;
  if (!sums.length) {
    fill(PLACE);
    return;
  } // nothing is scored: there is nothing to draw
  const on =
    seen === true
      ? [
          make(
            "p",
            { class: "fs-soft fs-seen-note" },
            marks.mark(true),
            " Drawn of chips that it was trained or calibrated on: no measure of how good it is.",
          ),
        ]
      : [];
  fill(
    PLACE,
    make("h2", {}, "Precision and recall"),
    ...on,
    ...(sums.some(([, h]) => h.water[0])
      ? [
          make("p", { class: "fs-soft" }, `${told("Average precision", averagePrecision)}. The dots are the present threshold.`),
          frame(
            `Precision over recall. ${told("Average precision", averagePrecision)}`,
            { ...AXES, xTitle: "Recall", yTitle: "Precision" },
            ...each((letter, h) => line(precisionRecall(h), letter.toLowerCase(), letter)),
            ...each((letter, h) => circles(here(h), letter.toLowerCase())),
          ),
        ]
      : [make("p", { class: "fs-soft" }, "The labels of these chips hold no water: nothing can be found or missed.")]),
    make("h2", {}, "Reliability"),
    make(
      "p",
      { class: "fs-soft" },
      `${told("Calibration error", calibrationError)}. On the diagonal a probability is what it says.`,
    ),
    frame(
      `Share of water over predicted probability. ${told("Calibration error", calibrationError)}`,
      { ...AXES, xTitle: "Predicted probability of water", yTitle: "Share of water" },
      diagonal,
      ...each((letter, h) =>
        line(
          dots(h).map(([x, y]) => [x, y]),
          letter.toLowerCase(),
          letter,
        ),
      ),
      ...each((letter, h) => circles(dots(h), letter.toLowerCase())),
    ),
  );
};

export { show };
