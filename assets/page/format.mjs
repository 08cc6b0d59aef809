// Numbers as the interface writes them.
const THIN = "\u2009";
const NONE = "–";
/** @param {number | null | undefined} value @returns {value is number} */
const known = (value) => value !== null && value !== undefined && Number.isFinite(value);
/** @param {number | null | undefined} value */
const integer = (value) =>
  known(value)
    ? Math.round(value)
        .toString()
        .replace(/\B(?=(\d{3})+(?!\d))/g, THIN)
    : NONE;
/** @param {number} value @param {string} thing */
const count = (value, thing) => `${integer(value)} ${thing}${value === 1 ? "" : "s"}`;
/** @param {number | null | undefined} value */
const score = (value) => (known(value) ? value.toFixed(2) : NONE);
/** @param {number | null | undefined} value */
const score3 = (value) => (known(value) ? value.toFixed(3) : NONE);
/** @param {number | null | undefined} value */
const percent = (value) => (known(value) ? `${(100 * value).toFixed(value < 0.0995 && value > 0 ? 1 : 0)}${THIN}%` : NONE);
/** @param {number | null | undefined} value */
const km2 = (value) => (known(value) ? `${value.toFixed(value < 10 ? 2 : 1)}${THIN}km²` : NONE);
/** @param {number | null | undefined} value */
const seconds = (value) => {
  if (!known(value)) return NONE;
  return value < 1 ? `${Math.round(value * 1000)}${THIN}ms` : `${value.toFixed(1)}${THIN}s`;
};
/** @param {[number, number] | null} pair */
const interval = (pair) => (pair ? `[${pair[0].toFixed(2)}–${pair[1].toFixed(2)}]` : "");

/**
 * Where a place lies, seen from towns (dashboard/workspace/ground.py).
 * @param {{town: string, km: number, wind: string}[]} near
 */
const towns = (near) =>
  near
    .map(({ town, km, wind }) =>
      km < 2 ? `at ${town}` : `${km < 9.95 ? km.toFixed(1) : Math.round(km)}${THIN}km ${wind} of ${town}`,
    )
    .join(", ");

// A name that nothing else has, on any page.
const unique = () => `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;

// The present moment, milliseconds; of two the later is greater, even where a busy page comes to both in one millisecond.
let latest = 0;
const moment = () => {
  latest = Math.max(Date.now(), latest + 1);
  return latest;
};

const METRICS = {
  IoU: "Intersection over union: of all pixels that are water in truth or prediction, the share that is water in both.",
  Precision: "Of the pixels predicted as water, the share that is water.",
  Recall: "Of the pixels that are water, the share that was found.",
  F1: "Harmonic mean of precision and recall.",
  Water: "Geodesic area of the predicted water at this threshold, labelled or not.",
  Truth: "Geodesic area of the water in the label.",
  "Valid pixels": "Share of the chip's pixels that hold data in both bands.",
  Labelled: "Valid pixels whose truth is known; only these are scored.",
};

export { count, integer, interval, km2, known, METRICS, moment, NONE, percent, score, score3, seconds, towns, unique };
