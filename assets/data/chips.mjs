// The chips of a catalog as columns. One chip is a small view of its row, made where it is asked for.

import { textOf } from "./columns.mjs";

/** @typedef {import("./columns.mjs").Table} Table */
/** @typedef {[number, number, number, number]} Box west, south, east, north in degrees */

const UNIT = 1e5; // of a coordinate: about a metre
const TEXTS = [
  "id",
  "country",
  "event",
  "date",
  "split",
  "file",
  "layout",
  "source",
  "problem",
  "unplaced",
  "assumed_grid",
  "revision",
];
const TRUTHS = ["imagery", "labelled", "simulated", "scene"];

/** A chip: what dashboard/workspace/payloads.py tells of it. */
export class Chip {
  /** @param {Chips} chips @param {number} row */
  constructor(chips, row) {
    this.of = chips;
    this.row = row;
  }

  /** Outline in degrees, its first corner again at its end; null where it is not known. @returns {[number, number][] | null} */
  get ring() {
    const { outline, x, y, begins } = this.of;
    const [from, to] = [begins[this.row], begins[this.row + 1]];
    if (from === to && !this.of.placed[this.row]) return null;
    let [a, b] = [x[this.row], y[this.row]];
    /** @type {[number, number][]} */
    const out = [[a / UNIT, b / UNIT]];
    for (let at = from; at < to; at += 2) {
      a += outline[at];
      b += outline[at + 1];
      out.push([a / UNIT, b / UNIT]);
    }
    return [...out, out[0]];
  }

  /** @returns {Box | null} */
  get bounds() {
    if (!this.of.placed[this.row]) return null;
    const { boxes } = this.of;
    const at = 4 * this.row;
    return [boxes[at] / UNIT, boxes[at + 1] / UNIT, boxes[at + 2] / UNIT, boxes[at + 3] / UNIT];
  }

  /** Where the chip is drawn: its bounds, or the board of one without a place. @returns {Box | null} */
  get frame() {
    return this.bounds || this.of.boards.get(this.row) || null;
  }

  toJSON() {
    const names = [...TEXTS, ...TRUTHS, "ring", "bounds", "frame"];
    return Object.fromEntries(names.map((name) => [name, /** @type {any} */ (this)[name]]));
  }
}
TEXTS.forEach((name) =>
  Object.defineProperty(Chip.prototype, name, {
    get() {
      return textOf(this.of.texts[name], this.row);
    },
  }),
);
TRUTHS.forEach((name) =>
  Object.defineProperty(Chip.prototype, name, {
    get() {
      return this.of.numbers[name][this.row] === 1;
    },
  }),
);

/** All chips of a catalog, in its order: read as a Map from ids to chips, or by rows. */
export class Chips {
  /** @param {Table} table */
  constructor({ rows, about, numbers, texts }) {
    this.size = rows;
    this.texts = texts;
    this.numbers = numbers;
    this.ids = texts.id.values;
    this.rows = new Map(this.ids.map((id, row) => [id, row]));
    this.x = numbers.x;
    this.y = numbers.y;
    this.outline = numbers.outline;
    /** @type {Map<number, Box>} */
    this.boards = new Map((about.boards || []).map(([row, ...box]) => [row, box]));
    this.begins = new Uint32Array(rows + 1);
    this.placed = new Uint8Array(rows);
    this.boxes = new Int32Array(4 * rows);
    this.measure();
    /** Chips of which no more is known than a name and a place: none of them can be opened, and none says why. */
    this.ghosts = Uint8Array.from(this.ids, (_, row) => (!numbers.imagery[row] && textOf(texts.problem, row) === null ? 1 : 0));
    /** @type {Map<string, {codes: Uint32Array, names: string[]}>} */
    this.filed = new Map();
  }

  /** @private */
  measure() {
    const { outline, x, y, begins, boxes } = this;
    for (let row = 0, from = 0; row < this.size; row += 1) {
      const count = this.numbers.corners[row];
      this.placed[row] = count > 0 ? 1 : 0;
      let [a, b] = [x[row], y[row]];
      let [w, s, e, n] = [a, b, a, b];
      for (const to = from + 2 * Math.max(0, count - 1); from < to; from += 2) {
        a += outline[from];
        b += outline[from + 1];
        if (a < w) w = a;
        if (a > e) e = a;
        if (b < s) s = b;
        if (b > n) n = b;
      }
      begins[row + 1] = from;
      boxes[4 * row] = w;
      boxes[4 * row + 1] = s;
      boxes[4 * row + 2] = e;
      boxes[4 * row + 3] = n;
    }
  }

  /** Where the middle of a chip's box is. @param {number} row @returns {[number, number]} longitude and latitude */
  middle(row) {
    const at = 4 * row;
    return [(this.boxes[at] + this.boxes[at + 2]) / 2 / UNIT, (this.boxes[at + 1] + this.boxes[at + 3]) / 2 / UNIT];
  }

  /** The box that holds some chips; null where none has a place. @param {ArrayLike<number>} rows @returns {Box | null} */
  around(rows) {
    let [w, s, e, n] = [Infinity, Infinity, -Infinity, -Infinity];
    for (let i = 0; i < rows.length; i += 1) {
      const at = 4 * rows[i];
      if (!this.placed[rows[i]]) continue;
      w = Math.min(w, this.boxes[at]);
      s = Math.min(s, this.boxes[at + 1]);
      e = Math.max(e, this.boxes[at + 2]);
      n = Math.max(n, this.boxes[at + 3]);
    }
    return w > e ? null : [w / UNIT, s / UNIT, e / UNIT, n / UNIT];
  }

  /** @param {number} row @returns {any} */
  at(row) {
    return new Chip(this, row);
  }
  /** @param {string | null | undefined} id @returns {any} */
  get(id) {
    const row = this.rows.get(id);
    return row === undefined ? undefined : this.at(row);
  }
  /** @param {string | null | undefined} id */
  has(id) {
    return this.rows.has(id);
  }
  keys() {
    return this.rows.keys();
  }
  *values() {
    for (let row = 0; row < this.size; row += 1) yield this.at(row);
  }
  /** @param {(chip: any, id: string) => unknown} then */
  forEach(then) {
    for (let row = 0; row < this.size; row += 1) then(this.at(row), this.ids[row]);
  }

  /** The files of a chip are others now. @param {string} id @param {string} revision */
  revise(id, revision) {
    const { revision: column } = this.texts;
    const row = this.rows.get(id);
    if (column.codes) this.texts.revision = { codes: null, values: this.ids.map((_, at) => textOf(column, at)) };
    this.texts.revision.values[row] = revision;
  }

  /**
   * Every row's name by a way of filing them, as numbers of names in the order in which they come.
   * @param {string} by @param {(chip: any) => string} nameOf
   */
  file(by, nameOf) {
    const known = this.filed.get(by);
    if (known) return known;
    const [codes, names, places] = [new Uint32Array(this.size), [], new Map()];
    for (let row = 0; row < this.size; row += 1) {
      const name = nameOf(this.at(row));
      if (!places.has(name)) {
        places.set(name, names.length);
        names.push(name);
      }
      codes[row] = places.get(name);
    }
    const filed = { codes, names };
    this.filed.set(by, filed);
    return filed;
  }

  /**
   * Rows whose box meets another, in degrees.
   * @param {Box} box @param {(row: number) => unknown} then
   */
  meeting([west, south, east, north], then) {
    const [w, s, e, n] = [west * UNIT, south * UNIT, east * UNIT, north * UNIT];
    const { boxes, placed } = this;
    for (let row = 0, at = 0; row < this.size; row += 1, at += 4) {
      if (placed[row] && boxes[at] <= e && boxes[at + 2] >= w && boxes[at + 1] <= n && boxes[at + 3] >= s) then(row);
    }
  }
}

export const NONE = new Chips({
  rows: 0,
  about: {},
  numbers: Object.fromEntries(["x", "y", "outline", "corners", ...TRUTHS].map((name) => [name, new Int32Array(0)])),
  texts: Object.fromEntries(TEXTS.map((name) => [name, { codes: null, values: [] }])),
});
