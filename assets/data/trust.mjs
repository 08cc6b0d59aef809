// How far the water of a chip can be trusted, in words: its range, how much of it is unsure, how good the model was elsewhere.
import * as format from "../page/format.mjs";
import { level } from "../scores/histogram.mjs";

/**
 * @typedef {{low: number, high: number, chips: number, groups: number | null, by: string}} Range shares, as model/evaluation/trust.py has it
 * @typedef {{country: string, chips: number, iou: number | null, km: number | null}} Country
 * @typedef {{here: Country | null, nearest: Country | null, iou: number | null, iou_ci: [number, number] | null, chips: number, note: string | null}} HeldOut
 * @typedef {{range: Range | null, held_out: HeldOut | null, fails: string | null}} Trust
 * @typedef {{area: ArrayLike<number>, unknown: ArrayLike<number>, least: number, problem?: string}} Usual
 * @typedef {{area: ArrayLike<number>, placed: boolean, trust: Trust, usual: Usual | null}} Detail `area`: km2 (pixels, without a place) at or above each value
 */

// The values of p between which a pixel is unsure (model/store/prediction.py has the same).
const [UNSURE, SURE] = [0.25, 0.75];

// Two areas as one range, in the digits of the greater: "7.62–9.40 km²"; of a chip without a place two shares.
/** @param {Detail} detail @param {number} low @param {number} high */
const between = ({ area, placed }, low, high) => {
  const THIN = "\u2009";
  const digits = placed ? (high < 10 ? 2 : 1) : high < 0.0995 * area[0] ? 1 : 0;
  const write = (/** @type {number} */ v) => (placed ? v : (100 * v) / (area[0] || 1)).toFixed(digits);
  return `${write(low)}–${write(high)}${THIN}${placed ? "km²" : "%"}`;
};

/** @param {string} by @param {number} n */
const groups = (by, n) => (by === "country" ? `${n} countr${n === 1 ? "y" : "ies"}` : format.count(n, by));

// The range of the water: of the model's recorded error where it has one, else what is sure to what is not surely dry.
// `beside` says where the water at the level lies outside of it.
/** @param {Detail} detail @param {number} k */
const range = (detail, k) => {
  const { area, trust } = detail;
  const found = trust.range;
  const [low, high] = found ? [found.low * area[0], found.high * area[0]] : [area[level(SURE)], area[level(UNSURE)]];
  const out = area[k] < low - 1e-9 ? "below" : area[k] > high + 1e-9 ? "above" : "";
  return {
    name: found ? "95 % range" : "Range, no error known",
    value: between(detail, low, high),
    note: found ? "of the water that is there" : `p ≥ ${SURE} to p ≥ ${UNSURE}`,
    rests: found
      ? `The range is from the model's error on ${format.count(found.chips, "chip")}${found.groups ? ` of ${groups(found.by, found.groups)}` : ""}, left out of its training in turn; it does not follow the threshold.`
      : `This model records no error of its own, so the range only says what it is sure of (p ≥ ${SURE}) and what it is not sure is dry (p ≥ ${UNSURE}): the truth may lie outside.`,
    beside: out ? `At this threshold the water drawn is ${out} the range.` : "",
  };
};

// A row of the panel; `few` where it rests on one chip.
/** @typedef {{name: string, value: string, few: boolean}} Row */
/** @param {string} name @param {Country} one @returns {Row} */
const row = (name, { iou, chips }) => ({
  name,
  value: `${iou === null ? "no water in its labels" : `IoU ${format.score(iou)}`}, n = ${chips}`,
  few: chips < 2,
});

// How good the model was where it had never been: the chip's country first, over all where that says too little.
/** @param {Trust} trust @param {string | null} country @returns {Row[]} */
const elsewhere = ({ held_out: held }, country) => {
  if (!held) return [{ name: "Held out", value: "this model records no figures", few: true }];
  const rows = [];
  if (held.here) rows.push(row(`Held out in ${held.here.country}`, held.here));
  else if (country) rows.push({ name: `Held out in ${country}`, value: "no chip", few: true });
  if (held.nearest)
    rows.push(row(`Nearest held out: ${held.nearest.country}, ${format.integer(held.nearest.km)}\u2009km`, held.nearest));
  if (held.iou !== null && (!held.here || held.here.iou === null || held.here.chips < 2)) {
    const interval = held.iou_ci ? ` ${format.interval(held.iou_ci)}` : "";
    rows.push({ name: "Held out over all", value: `IoU ${format.score(held.iou)}${interval}, n = ${held.chips}`, few: false });
  }
  return rows;
};

// What of the water at a level is flood, what is usual, and of what that is not known; null where nothing says it.
/** @param {Detail} detail @param {number} k */
const parts = ({ area, usual }, k) => {
  if (!usual || usual.problem) return null;
  const [there, unknown] = [usual.area[k], usual.unknown[k]];
  return { flood: Math.max(0, area[k] - there - unknown), usual: there, unknown };
};

export { elsewhere, parts, range };
