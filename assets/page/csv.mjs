// Tables as CSV (RFC 4180), written in the browser: what stands on the page goes into the file.

const TEXT = /^[=+\-@\t\r]/; // spreadsheets would take such a text for a formula

/**
 * A cell: numbers whole, texts quoted where they must be, nothing for what is not known.
 * @param {unknown} value
 */
const cell = (value) => {
  if (value === null || value === undefined || Number.isNaN(value)) return "";
  if (typeof value === "number") return String(value);
  const text = TEXT.test(String(value)) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};
/** @param {unknown[][]} rows the names first */
export const written = (rows) => `${rows.map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;

/**
 * Give a table to the person as a file; what it is of stands in each row.
 * @param {string} name of the file, without its ending
 * @param {unknown[][]} rows the names first
 * @param {Record<string, unknown>} of columns that are the same in all rows
 */
export const save = (name, rows, of = {}) => {
  const [names, ...values] = rows;
  const all = [[...names, ...Object.keys(of)], ...values.map((row) => [...row, ...Object.values(of)])];
  const url = URL.createObjectURL(new Blob(["\ufeff", written(all)], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${name.replace(/[^\p{L}\p{N}._-]+/gu, "-")}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
};
