// Pixels in place of degrees: the frame of a chip without a place is an upright rectangle of square pixels.

/** @typedef {{frame: [number, number, number, number]}} Framed west, south, east, north in degrees */

/** @param {number} lat */
const mercator = (lat) => Math.asinh(Math.tan((lat * Math.PI) / 180));
/** @param {Framed} chip */
export const size = (chip) => {
  const [west, south, east, north] = chip.frame;
  const metre = (/** @type {number} */ degrees) => (degrees * Math.PI * 6378137) / 180;
  return [(metre(east) - metre(west)) / 10, ((mercator(north) - mercator(south)) * 6378137) / 10].map(Math.round);
};
// Column and row (pixel edges, from the upper left) of a place on the board, and the other way round.
/** @param {Framed} chip @param {[number, number]} place @returns {[number, number]} */
export const toPixel = (chip, [lon, lat]) => {
  const [west, south, east, north] = chip.frame;
  const [width, height] = size(chip);
  return [
    ((lon - west) / (east - west)) * width,
    ((mercator(north) - mercator(lat)) / (mercator(north) - mercator(south))) * height,
  ];
};
/** @param {Framed} chip @param {[number, number]} pixel @returns {[number, number]} */
export const ofPixel = (chip, [column, row]) => {
  const [west, south, east, north] = chip.frame;
  const [width, height] = size(chip);
  const y = mercator(north) - (row / height) * (mercator(north) - mercator(south));
  return [west + (column / width) * (east - west), (Math.atan(Math.sinh(y)) * 180) / Math.PI];
};
