// What follows from a histogram over all thresholds: best threshold, calibration, precision and recall. The formulas are
// those of model/scores/histogram.py. A histogram is two suffix sums of 256 (assets/scores/histogram.mjs), of a chip or of a sum of chips.

/** @typedef {import("./histogram.mjs").Histogram} Histogram */

const LEVELS = 255;
const TOP = 254;

/** @param {Histogram[]} histograms @returns {Histogram} */
const sumOf = (histograms) => {
  const [water, dry] = [new Float64Array(LEVELS + 1), new Float64Array(LEVELS + 1)];
  histograms.forEach((h) => {
    for (let v = 0; v < LEVELS; v += 1) {
      water[v] += h.water[v];
      dry[v] += h.dry[v];
    }
  });
  return { water, dry };
};

// IoU at every level; null where it is undefined.
/** @param {Histogram} h @returns {(number | null)[]} */
const iou = (h) =>
  Array.from({ length: LEVELS }, (_, v) => (h.water[0] + h.dry[v] > 0 ? h.water[v] / (h.water[0] + h.dry[v]) : null));

// The threshold of the highest IoU, null without water; of equally good ones the one nearest 0.5, the lower of two.
/** @param {Histogram} h @returns {number | null} */
const bestThreshold = (h) => {
  if (!h.water[0]) return null;
  const values = iou(h);
  const most = Math.max(...values.map(Number));
  /** @type {number | null} */
  let best = null;
  values.forEach((value, v) => {
    if (value === most && (best === null || Math.abs(v - TOP / 2) < Math.abs(best - TOP / 2))) best = v;
  });
  return best === null ? null : best / TOP;
};

// Bins of equal width over the probability: pixels, mean prediction, share of water.
/** @param {Histogram} h @param {number} [bins] */
const reliability = (h, bins = 15) => {
  const out = Array.from({ length: bins }, () => ({ pixels: 0, water: 0, values: 0 }));
  for (let v = 0; v < LEVELS; v += 1) {
    const [water, dry] = [h.water[v] - h.water[v + 1], h.dry[v] - h.dry[v + 1]];
    const bin = out[Math.max(0, Math.ceil((v * bins) / TOP) - 1)];
    bin.pixels += water + dry;
    bin.water += water;
    bin.values += v * (water + dry);
  }
  return out.map(({ pixels, water, values }) => ({
    pixels,
    predicted: pixels ? values / (pixels * TOP) : null,
    observed: pixels ? water / pixels : null,
  }));
};

/** @param {Histogram} h @param {number} [bins] */
const calibrationError = (h, bins = 15) => {
  const pixels = h.water[0] + h.dry[0];
  if (!pixels) return null;
  return reliability(h, bins).reduce((s, b) => s + Math.abs((b.observed ?? 0) - (b.predicted ?? 0)) * b.pixels, 0) / pixels;
};

// [recall, precision] by rising level, where both are defined.
/** @param {Histogram} h @returns {[number, number][]} */
const precisionRecall = (h) => {
  if (!h.water[0]) return [];
  /** @type {[number, number][]} */
  const out = [];
  for (let v = 0; v < LEVELS; v += 1) {
    const found = h.water[v] + h.dry[v];
    if (found > 0) out.push([h.water[v] / h.water[0], h.water[v] / found]);
  }
  return out;
};

/** @param {Histogram} h */
const averagePrecision = (h) => {
  if (!h.water[0]) return null;
  let sum = 0;
  for (let v = 0; v < LEVELS; v += 1) {
    const found = h.water[v] + h.dry[v];
    if (found > 0) sum += ((h.water[v] - h.water[v + 1]) / h.water[0]) * (h.water[v] / found);
  }
  return sum;
};

export { averagePrecision, bestThreshold, calibrationError, iou, precisionRecall, reliability, sumOf };
