// What of the water is flood, and what is usual: as figures where a file beside the chip tells, else in words.
import * as trust from "../data/trust.mjs";
import * as format from "../page/format.mjs";
import { area, div, figure, soft } from "./figures.mjs";

// A model of mapped extents says by itself what it calls water.
const mapped = (model) => model.startsWith("extent:");

const told = (detail, k, model) => {
  if (!detail) return [];
  const parts = trust.parts(detail, k);
  if (parts) {
    const often = `water in ${format.percent(detail.usual.least)} of the time or more`;
    const unknown = parts.unknown > 0 ? `, of ${area(detail, parts.unknown)} not known` : "";
    return [
      div(
        "fs-figures fs-figures-two",
        figure(
          "Flood",
          area(detail, parts.flood),
          `water that is not usual${unknown}`,
          "Of the predicted water at this threshold, what is not usual water. The layer Flood (key U) shows it.",
        ),
        figure(
          "Usual water",
          area(detail, parts.usual),
          `of the ${area(detail, detail.area[k])}`,
          `Of the predicted water, what lies where there is ${often}, by the file beside the chip.`,
        ),
      ),
    ];
  }
  if (detail.usual?.problem) return [soft(`${detail.usual.problem} So usual water counts as well.`)];
  if (mapped(model)) return [];
  return [
    soft(
      "Usual water, as rivers and lakes, counts as well: no file beside this image says where water is usual, so these km² are not of flood alone.",
    ),
  ];
};

// The same for who listens.
const said = (detail, k) => {
  const parts = trust.parts(detail, k);
  return parts ? `, of it flood ${area(detail, parts.flood)}` : "";
};

export { said, told };
