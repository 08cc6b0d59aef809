// Tables as columns: the body in which the catalog and predictions come (tiles/catalog/columns.py says how it is built).

const MAGIC = "FSC1";
/** @typedef {Uint8Array | Uint16Array | Uint32Array | Int16Array | Int32Array | Float32Array | Float64Array} Numbers */
const TYPES = {
  u1: Uint8Array,
  u2: Uint16Array,
  u4: Uint32Array,
  i2: Int16Array,
  i4: Int32Array,
  f4: Float32Array,
  f8: Float64Array,
};

/**
 * @typedef {object} Text texts of rows
 * @property {Numbers | null} codes place of each row's text among the values, from 1; null where the values are the rows' own
 * @property {(string | null)[]} values
 *
 * @typedef {object} Table
 * @property {number} rows
 * @property {Record<string, any>} about
 * @property {Record<string, Numbers>} numbers
 * @property {Record<string, Text>} texts
 */

/** @param {ArrayBuffer} body @returns {Table} */
export const decode = (body) => {
  const bytes = new Uint8Array(body);
  const text = new TextDecoder();
  if (text.decode(bytes.subarray(0, 4)) !== MAGIC) throw new Error("The server's answer is not understood: reload the page.");
  const begin = 8 + new DataView(body).getUint32(4, true);
  const { rows, about, columns } = JSON.parse(text.decode(bytes.subarray(8, begin)));
  /** @type {Table} */
  const table = { rows, about, numbers: {}, texts: {} };
  Object.entries(columns).forEach(([name, { type, at, count = rows, values }]) => {
    if (!type) {
      table.texts[name] = { codes: null, values };
      return;
    }
    const numbers = new TYPES[type](body, begin + at, count); // every browser's processor is little-endian
    if (values) table.texts[name] = { codes: numbers, values };
    else table.numbers[name] = numbers;
  });
  return table;
};

/** A row's text. @param {Text} column @param {number} row */
export const textOf = ({ codes, values }, row) => (codes ? (codes[row] ? values[codes[row] - 1] : null) : values[row]);
