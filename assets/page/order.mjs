// Orders of the list of chips.
import * as worst from "../scores/worst.mjs";

// name -> [text, column, descending]; those by IoU go by the one rule of worst.mjs
/** @type {Record<string, [string, string, boolean]>} */
export const SORTS = {
  iou: ["Worst IoU first", "iou", false],
  best: ["Best IoU first", "iou", true],
  missed: ["Most missed water", "missed", true],
  false: ["Most false water", "false", true],
  uncertain: ["Most uncertain", "uncertain", true],
  apart: ["Models differ most", "apart", true],
  newest: ["Newest first", "date", true],
  oldest: ["Oldest first", "date", false],
  name: ["Name", "id", false],
};

/** @param {string} column @param {boolean} descending */
const compare = (column, descending) => (/** @type {Record<string, any>} */ a, /** @type {Record<string, any>} */ b) => {
  const [x, y] = column === "iou" ? [a.worst ?? null, b.worst ?? null] : [a[column] ?? null, b[column] ?? null];
  if (x === null || y === null) return Number(x === null) - Number(y === null);
  const order = column === "iou" ? worst.compare(a, b) : typeof x === "string" ? x.localeCompare(y) : x - y;
  return descending ? -order : order;
};
/** @template {Record<string, any>} T @param {T[]} list @param {string} sort @returns {T[]} */
export const sorted = (list, sort) => {
  const [, column, descending] = SORTS[sort] || SORTS.iou;
  return [...list].sort(compare(column, descending));
};
