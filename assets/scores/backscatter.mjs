// How backscatter is spread over water, dry land and the errors, of a chip. Follows the threshold with no request: the counts are
// by probability value too.

/**
 * @typedef {object} Spread
 * @property {string[]} classes
 * @property {number} bins
 * @property {number} bin_db width of a bin, dB
 * @property {Record<string, number>} lowest_db where the first bin of a band begins
 * @property {number | null} looked how many pixels of a scene were counted; null where all were
 * @property {Float64Array} sums for band, class, bin the pixels at or above each value
 */

const LEVELS = 255;
const BANDS = ["vv", "vh"];
/** @type {Record<string, {name: string, css: string}>} */
const CURVES = {
  dry: { name: "dry in the label", css: "dry" },
  water: { name: "water in the label", css: "water" },
  false: { name: "false water (FP)", css: "false" },
  missed: { name: "missed water (FN)", css: "missed" },
  wet: { name: "predicted water", css: "wet" },
  rest: { name: "predicted dry", css: "dry" },
};

// The server's counts -> for band, class, bin the pixels at or above each value.
/** @param {Omit<Spread, "sums"> & {counts: string}} answer */
const decode = (answer) => {
  const view = new DataView(Uint8Array.from(atob(answer.counts), (c) => c.charCodeAt(0)).buffer);
  const { classes, bins } = answer;
  const sums = new Float64Array(BANDS.length * classes.length * bins * (LEVELS + 1));
  for (let row = 0; row < BANDS.length * classes.length * bins; row += 1) {
    let sum = 0;
    for (let v = LEVELS - 1; v >= 0; v -= 1) {
      sum += view.getUint32(4 * (row * LEVELS + v), true);
      sums[row * (LEVELS + 1) + v] = sum;
    }
  }
  return { ...answer, sums };
};

// Pixels of a class in each bin from a level on.
/** @param {Spread} spread @param {string} band @param {string} name @param {number} k */
const from = (spread, band, name, k) =>
  Array.from(
    { length: spread.bins },
    (_, bin) =>
      spread.sums[
        ((BANDS.indexOf(band) * spread.classes.length + spread.classes.indexOf(name)) * spread.bins + bin) * (LEVELS + 1) + k
      ],
  );

// The curves of one band at a level: name -> pixels by bin; without a known label, what is predicted.
/** @param {Spread} spread @param {string} band @param {number} k @returns {Record<string, number[]>} */
const curves = (spread, band, k) => {
  const [dry, water, unknown] = ["dry", "water", "unknown"].map((name) => from(spread, band, name, 0));
  if (![...dry, ...water].some(Boolean)) {
    const wet = from(spread, band, "unknown", k);
    return { rest: unknown.map((n, i) => n - wet[i]), wet };
  }
  const found = from(spread, band, "water", k);
  return { dry, water, false: from(spread, band, "dry", k), missed: water.map((n, i) => n - found[i]) };
};

/** @param {Spread} spread @param {string} band @param {number[]} counts */
const median = (spread, band, counts) => {
  const half = counts.reduce((a, b) => a + b, 0) / 2;
  let sum = 0;
  const bin = counts.findIndex((n) => {
    sum += n;
    return sum >= half && half > 0;
  });
  return bin < 0 ? null : spread.lowest_db[band] + (bin + 0.5) * spread.bin_db;
};

// The names of the curves that a chip has.
/** @param {Spread} spread @param {number} k */
const names = (spread, k) => Object.keys(curves(spread, "vh", k)).map((name) => [CURVES[name].name, CURVES[name].css]);

export { BANDS, CURVES, curves, decode, median, names };
