// Colours by number: of an IoU, and of letters on a ground.

/** @param {string} a @param {string} b @param {number} t */
const mix = (a, b, t) => {
  const part = (/** @type {string} */ hex, /** @type {number} */ i) => parseInt(hex.slice(1 + 2 * i, 3 + 2 * i), 16);
  return `rgb(${[0, 1, 2].map((i) => Math.round(part(a, i) + (part(b, i) - part(a, i)) * t)).join(",")})`;
};
// Colour of an IoU from 0 to 1 on a ramp of hexadecimal stops.
/** @param {string[]} stops @param {number} iou */
export const ramp = (stops, iou) => {
  const at = Math.min(Math.max(iou, 0), 1) * (stops.length - 1);
  const low = Math.min(Math.floor(at), stops.length - 2);
  return mix(stops[low], stops[low + 1], at - low);
};
// A colour that is so opaque over black.
/** @param {string} colour @param {number} opacity */
export const shaded = (colour, opacity) => colour.replace(/\d+/g, (part) => String(Math.round(Number(part) * opacity)));
// Whether letters on a colour must be light: its relative luminance (WCAG 2.2) is nearer to black's.
/** @param {string} colour */
export const dark = (colour) => {
  const rgb = /^rgb\((\d+),(\d+),(\d+)\)$/.exec(colour);
  if (!rgb) return false;
  const [r, g, b] = rgb
    .slice(1)
    .map((v) => Number(v) / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b < 0.18;
};
