// Which chip or region is the worst: one rule for lists, pictures, tables, the headline, and the reports (model/scores/worst.py).

/**
 * @typedef {import("./histogram.mjs").Confusion} Confusion
 * @typedef {{worst?: number | null, rank?: number, wrong?: number | null}} Row
 */

const ENOUGH = 0.01; // share of the known pixels that is water in truth, from which on IoU alone says how good a mask is
const MIN_CHIPS = 2; // fewer scored chips than this are no number to rely on

const RULE =
  "Worst first: by IoU where 1 % of the truth or more is water; the less there is, the more the share of pixels that are right counts in its place, so that ten false pixels on dry land come after much missed water.";

// How good a mask is, from 0 to 1, of counts that hold a known pixel; null where none is known.
/** @param {Confusion} counts @returns {number | null} */
const value = ({ tp, fp, fn, tn }) => {
  const known = tp + fp + fn + tn;
  if (known === 0) return null;
  const right = (tp + tn) / known;
  const weight = Math.min(1, (tp + fn) / known / ENOUGH);
  return weight > 0 ? weight * (tp / (tp + fp + fn)) + (1 - weight) * right : right;
};
// Is there too little water in the truth for IoU alone to say how good a mask is?
/** @param {Confusion} counts */
const little = ({ tp, fp, fn, tn }) => tp + fn < ENOUGH * (tp + fp + fn + tn);

// What a group's number is worth: 0 where it can be relied on, 1 of one chip, 2 where there is no water to find, 3 where
// the model was trained on all of its chips. No other than 0 is named in a headline, and they come in this order.
/** @param {{scored: number, water: number | null, seen: boolean | null}} group */
const rank = ({ scored, water, seen }) => (seen === true ? 3 : !water ? 2 : scored < MIN_CHIPS ? 1 : 0);

// Order of rows {rank, worst, wrong}: what can be relied on first, then the worst, then the most wrong pixels; no score last.
/** @param {Row} a @param {Row} b */
const compare = (a, b) => {
  const [x, y] = [a.worst ?? null, b.worst ?? null];
  if (x === null || y === null) return Number(x === null) - Number(y === null);
  return (a.rank || 0) - (b.rank || 0) || x - y || (b.wrong || 0) - (a.wrong || 0);
};

export { compare, ENOUGH, little, RULE, rank, value };
