// Scores in the browser: everything follows from score histograms (contract 3), so a new threshold needs no request.
// The same formulas as model/scores/histogram.py, held together by tests/page/test_scores_agree.py.

/**
 * @typedef {{tp: number, fp: number, fn: number, tn: number}} Confusion counts of pixels
 * @typedef {{iou: number | null, f1: number | null, precision: number | null, recall: number | null, accuracy: number | null}} Ratios
 * @typedef {Confusion & Ratios} Figures null where a ratio is undefined
 * @typedef {Float64Array | Uint32Array} Sums of length 256: pixels at or above each value; the last is 0
 * @typedef {{water: Sums, dry: Sums}} Histogram labelled pixels that are water and dry (contract 3)
 */

const LEVELS = 255; // probability values 0..254

// Smallest probability value that is water at a threshold from 0 to 1.
/** @param {number} threshold @returns {number} */
const level = (threshold) => Math.max(0, Math.ceil(threshold * 254 - 1e-9));

/** @param {string} base64 */
const bytes = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

// Counts by value -> number of pixels at or above each value; index 255 is none.
/** @param {ArrayLike<number>} counts @param {Float64ArrayConstructor | Uint32ArrayConstructor} [Kind] @returns {Sums} */
const suffixSums = (counts, Kind = Float64Array) => {
  const out = new Kind(LEVELS + 1);
  for (let v = LEVELS - 1; v >= 0; v -= 1) out[v] = out[v + 1] + counts[v];
  return out;
};

// Base64 of 2 x 255 little-endian uint32 (water, then dry) -> the counts, and suffix sums of both.
/** @param {string} base64 */
const countsOf = (base64) => new Uint32Array(bytes(base64).buffer); // every browser's processor is little-endian
/** @param {string} base64 @returns {Histogram} */
const histogram = (base64) => {
  const counts = countsOf(base64);
  return { water: suffixSums(counts.subarray(0, LEVELS), Uint32Array), dry: suffixSums(counts.subarray(LEVELS), Uint32Array) };
};

// Base64 of 255 little-endian float64, km2 of valid pixels at each value -> suffix sums.
/** @param {string} base64 */
const area = (base64) => suffixSums(new Float64Array(bytes(base64).buffer));

// Base64 of little-endian uint32 -> the numbers.
/** @param {string} base64 */
const numbers = (base64) => new Uint32Array(bytes(base64).buffer);

/** @param {number} a @param {number} b */
const ratio = (a, b) => (b > 0 ? a / b : null);

/** @param {Confusion} counts @returns {Figures} */
const figures = ({ tp, fp, fn, tn }) => ({
  tp,
  fp,
  fn,
  tn,
  iou: ratio(tp, tp + fp + fn),
  f1: ratio(2 * tp, 2 * tp + fp + fn),
  precision: ratio(tp, tp + fp),
  recall: ratio(tp, tp + fn),
  accuracy: ratio(tp + tn, tp + fp + fn + tn),
});

// Counts of one histogram at one level.
/** @param {Histogram} h @param {number} k @returns {Confusion} */
const confusion = (h, k) => ({
  tp: h.water[k],
  fp: h.dry[k],
  fn: h.water[0] - h.water[k],
  tn: h.dry[0] - h.dry[k],
});

/** @param {Confusion[]} counts @returns {Confusion} */
const sum = (counts) =>
  counts.reduce((s, c) => ({ tp: s.tp + c.tp, fp: s.fp + c.fp, fn: s.fn + c.fn, tn: s.tn + c.tn }), {
    tp: 0,
    fp: 0,
    fn: 0,
    tn: 0,
  });

/** @param {Confusion} c */
const counted = (c) => c.tp + c.fp + c.fn + c.tn > 0;

export { area, confusion, counted, countsOf, figures, histogram, LEVELS, level, numbers, suffixSums, sum };
