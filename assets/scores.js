// Scores in the browser: everything follows from score histograms (contract 3), so a new threshold needs no request.
// The same formulas as model/scores.py and model/intervals.py, held together by tests/browser/test_scores_agree.py.
window.floodscope = window.floodscope || {};

floodscope.scores = (() => {
  const LEVELS = 255; // probability values 0..254

  // Smallest probability value that is water at a threshold from 0 to 1.
  const level = (threshold) => Math.max(0, Math.ceil(threshold * 254 - 1e-9));

  const bytes = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

  // Counts by value -> number of pixels at or above each value; index 255 is none.
  const suffixSums = (counts) => {
    const out = new Float64Array(LEVELS + 1);
    for (let v = LEVELS - 1; v >= 0; v -= 1) out[v] = out[v + 1] + counts[v];
    return out;
  };

  // Base64 of 2 x 255 little-endian uint32 (water, then dry) -> suffix sums of both.
  const histogram = (base64) => {
    const view = new DataView(bytes(base64).buffer);
    const read = (start) => Array.from({ length: LEVELS }, (_, v) => view.getUint32(4 * (start + v), true));
    return { water: suffixSums(read(0)), dry: suffixSums(read(LEVELS)) };
  };

  // Base64 of 255 little-endian float64, km2 of valid pixels at each value -> suffix sums.
  const area = (base64) => {
    const view = new DataView(bytes(base64).buffer);
    return suffixSums(Array.from({ length: LEVELS }, (_, v) => view.getFloat64(8 * v, true)));
  };

  const ratio = (a, b) => (b > 0 ? a / b : null);

  const figures = ({ tp, fp, fn, tn }) => ({
    tp, fp, fn, tn,
    iou: ratio(tp, tp + fp + fn),
    f1: ratio(2 * tp, 2 * tp + fp + fn),
    precision: ratio(tp, tp + fp),
    recall: ratio(tp, tp + fn),
    accuracy: ratio(tp + tn, tp + fp + fn + tn),
  });

  // Counts of one histogram at one level.
  const confusion = (h, k) => ({
    tp: h.water[k], fp: h.dry[k], fn: h.water[0] - h.water[k], tn: h.dry[0] - h.dry[k],
  });

  const sum = (counts) => counts.reduce(
    (s, c) => ({ tp: s.tp + c.tp, fp: s.fp + c.fp, fn: s.fn + c.fn, tn: s.tn + c.tn }),
    { tp: 0, fp: 0, fn: 0, tn: 0 },
  );

  // lowbias32 (C. Wellons): the resampling index is a hash of its place, so Python draws the same chips.
  const hash = (n) => {
    let h = n >>> 0;
    h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
    h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
    return (h ^ (h >>> 16)) >>> 0;
  };

  const quantile = (sorted, q) => {
    const at = q * (sorted.length - 1);
    const low = Math.floor(at);
    const [a, b, f] = [sorted[low], sorted[Math.min(low + 1, sorted.length - 1)], at - low];
    return f < 0.5 ? a + (b - a) * f : b - (b - a) * (1 - f); // numpy's way, to the last bit
  };

  // 95 % percentile bootstrap over chips of the micro IoU; null for fewer than two labelled chips.
  const interval = (counts, resamples = 1000) => {
    const chips = counts.filter((c) => c.tp + c.fp + c.fn + c.tn > 0);
    const n = chips.length;
    if (n < 2) return null;
    const hit = Float64Array.from(chips, (c) => c.tp);
    const union = Float64Array.from(chips, (c) => c.tp + c.fp + c.fn);
    const values = [];
    for (let b = 0; b < resamples; b += 1) {
      let tp = 0;
      let all = 0;
      for (let j = 0; j < n; j += 1) {
        const i = Math.floor((hash(b * n + j + 1) * n) / 4294967296);
        tp += hit[i];
        all += union[i];
      }
      if (all > 0) values.push(tp / all);
    }
    if (!values.length) return null;
    const sorted = Float64Array.from(values).sort();
    const tail = (1 - 0.95) / 2; // not quite 0.025, and Python computes it so
    return [quantile(sorted, tail), quantile(sorted, 1 - tail)];
  };

  return { level, histogram, area, suffixSums, confusion, figures, sum, interval, hash };
})();
