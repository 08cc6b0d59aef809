// Bootstrap intervals over chips: the same draws, and so the same ends, as model/scores/intervals.py.

import { counted, figures, sum } from "./histogram.mjs";

/** @typedef {import("./histogram.mjs").Confusion} Confusion */

// lowbias32 (C. Wellons): the resampling index is a hash of its place, so Python draws the same chips.
/** @param {number} n */
const hash = (n) => {
  let h = n >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return (h ^ (h >>> 16)) >>> 0;
};

// The k-th smallest value, from 0 (Hoare's FIND): two ends of a thousand values are asked for, and sorting all takes longer.
/** @param {Float64Array} values @param {number} k */
const smallest = (values, k) => {
  let [left, right] = [0, values.length - 1];
  while (left < right) {
    const pivot = values[k];
    let [i, j] = [left, right];
    while (i <= j) {
      while (values[i] < pivot) i += 1;
      while (values[j] > pivot) j -= 1;
      if (i > j) break;
      const kept = values[i];
      values[i] = values[j];
      values[j] = kept;
      i += 1;
      j -= 1;
    }
    if (j < k) left = i;
    if (i > k) right = j;
  }
  return values[k];
};
// A quantile, between the two values beside it; the order of the values changes.
/** @param {Float64Array} values @param {number} q */
const quantile = (values, q) => {
  const at = q * (values.length - 1);
  const low = Math.floor(at);
  const [a, b, f] = [smallest(values, low), smallest(values, Math.min(low + 1, values.length - 1)), at - low];
  return f < 0.5 ? a + (b - a) * f : b - (b - a) * (1 - f); // numpy's way, to the last bit
};

// Which chips each resample of n chips holds depends on n alone: it is drawn once, and the latest are kept.
const RESAMPLES = 1000;
const BIT = 50_000; // draws, a fraction of a millisecond
const MOST_KEPT = 30e6; // draws, of two bytes each as a rule
/** @type {Map<number, Uint16Array | Uint32Array>} */
const kept = new Map();
/** @param {number} n @returns {Uint16Array | Uint32Array} */
const draws = (n) => {
  const known = kept.get(n);
  if (known) {
    kept.delete(n); // to the end of the line: the one at its head goes first
    kept.set(n, known);
    return known;
  }
  const index = new (n > 65536 ? Uint32Array : Uint16Array)(RESAMPLES * n);
  for (let at = 0; at < index.length; at += 1) index[at] = Math.floor((hash(at + 1) * n) / 4294967296);
  kept.set(n, index);
  let held = 0;
  kept.forEach((other) => {
    held += other.length;
  });
  while (held > MOST_KEPT && kept.size > 1) {
    const [[oldest, other]] = kept;
    held -= other.length;
    kept.delete(oldest);
  }
  return index;
};

// Sums over the chips of each resample of some whole numbers a chip, `width` of them: RESAMPLES x width.
/** @param {Float64Array} values @param {number} width */
const resampled = (values, width) => {
  const n = values.length / width;
  const index = draws(n);
  const out = new Float64Array(RESAMPLES * width);
  for (let b = 0, at = 0; b < RESAMPLES; b += 1) {
    const to = b * width;
    if (width === 2) {
      // the common case, and the one of ten thousand chips
      let [one, two] = [0, 0];
      for (const end = at + n; at < end; at += 1) {
        const from = 2 * index[at];
        one += values[from];
        two += values[from + 1];
      }
      out[to] = one;
      out[to + 1] = two;
    } else {
      for (const end = at + n; at < end; at += 1) {
        const from = width * index[at];
        for (let i = 0; i < width; i += 1) out[to + i] += values[from + i];
      }
    }
  }
  return out;
};

const TAIL = (1 - 0.95) / 2; // not quite 0.025, and Python computes it so
// The order of the values changes.
/** @param {Float64Array} values @returns {[number, number] | null} */
const percentiles = (values) => (values.length ? [quantile(values, TAIL), quantile(values, 1 - TAIL)] : null);

// 95 % percentile bootstrap over chips of the micro IoU; null for fewer than two labelled chips.
/** @param {Confusion[]} counts @returns {[number, number] | null} */
const interval = (counts) => {
  const chips = counts.filter(counted);
  return ofFractions(Float64Array.from(chips.flatMap((c) => [c.tp, c.tp + c.fp + c.fn])));
};
/** The same of true positives and union of each labelled chip. @param {Float64Array} values @returns {[number, number] | null} */
const ofFractions = (values) => (values.length < 4 ? null : ofSums(resampled(values, 2)));
/**
 * The same bit by bit, for so many chips that it takes long: nothing is kept, and after each bit the page may do something else.
 * @param {Float64Array} values @returns {Generator<undefined, [number, number] | null, undefined>}
 */
const inBits = function* (values) {
  const n = values.length / 2;
  if (n < 2) return null;
  const sums = new Float64Array(2 * RESAMPLES);
  for (let b = 0, at = 0; b < RESAMPLES; b += 1) {
    let [one, two] = [0, 0];
    for (const end = at + n; at < end; at += 1) {
      const from = 2 * Math.floor((hash(at + 1) * n) / 4294967296);
      one += values[from];
      two += values[from + 1];
    }
    sums[2 * b] = one;
    sums[2 * b + 1] = two;
    if (at % BIT < n) yield;
  }
  return ofSums(sums);
};
/** @param {Float64Array} sums of true positives and union of each resample @returns {[number, number] | null} */
const ofSums = (sums) => {
  const ious = new Float64Array(RESAMPLES);
  let known = 0;
  for (let b = 0; b < RESAMPLES; b += 1) {
    if (sums[2 * b + 1] > 0) {
      ious[known] = sums[2 * b] / sums[2 * b + 1];
      known += 1;
    }
  }
  return percentiles(ious.subarray(0, known));
};

// The same of the difference of two models' micro IoU on the same chips in the same order (model.intervals.paired_interval).
/** @param {Confusion[]} first @param {Confusion[]} second */
const pairedInterval = (first, second) => {
  const pairs = first
    .map((a, i) => /** @type {[Confusion, Confusion]} */ ([a, second[i]]))
    .filter(([a, b]) => counted(a) || counted(b));
  if (pairs.length < 2) return null;
  const values = new Float64Array(4 * pairs.length);
  pairs.forEach(([a, b], i) => values.set([a.tp, a.tp + a.fp + a.fn, b.tp, b.tp + b.fp + b.fn], 4 * i));
  const sums = resampled(values, 4);
  /** @type {number[]} */
  const differences = [];
  for (let at = 0; at < sums.length; at += 4) {
    if (sums[at + 1] > 0 && sums[at + 3] > 0) differences.push(sums[at] / sums[at + 1] - sums[at + 2] / sums[at + 3]);
  }
  const [one, two] = [figures(sum(pairs.map(([a]) => a))).iou, figures(sum(pairs.map(([, b]) => b))).iou];
  const ends = percentiles(Float64Array.from(differences));
  if (!ends || one === null || two === null) return null;
  return {
    difference: one - two,
    low: ends[0],
    high: ends[1],
    above: differences.filter((d) => d > 0).length / differences.length,
  };
};

export { hash, inBits, interval, ofFractions, pairedInterval };
