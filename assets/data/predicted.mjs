// What a model has predicted: a book by chip, whose histograms lie level by level (scores/levels.mjs). It comes as columns, and one
// by one while it is predicted; a prediction is a small view of its place.

import { LEVELS } from "../scores/histogram.mjs";
import { Levels } from "../scores/levels.mjs";
import { textOf } from "./columns.mjs";

/** @typedef {import("./columns.mjs").Table} Table */

const SEEN = [false, true, null]; // by the number that a column has for it
const NUMBERS = ["valid_share", "valid_pixels", "uncertain", "seconds"];
const TEXTS = ["revision", "model_name", "device"];
const known = (value) => (Number.isNaN(value) ? null : value);

/** A prediction of a chip: what dashboard/workspace/payloads.py tells of it, its histogram as suffix sums. */
export class Prediction {
  /** @param {Predicted} book @param {number} place */
  constructor(book, place) {
    this.book = book;
    this.place = place;
  }
  get id() {
    return this.book.ids[this.place];
  }
  get seen() {
    return SEEN[this.book.seen[this.place]];
  }
  get histogram() {
    return this.book.levels.histogram(this.place);
  }
  /** Why its label was not used, and what the door has to tell: of one that was opened. */
  get label_problem() {
    return this.book.own.get(this.place)?.label_problem;
  }
  get notes() {
    return this.book.own.get(this.place)?.notes;
  }
}
const field = (name, ofColumns) =>
  Object.defineProperty(Prediction.prototype, name, {
    get() {
      const own = this.book.own.get(this.place);
      return own ? own[name] : ofColumns(this.book.table, this.place);
    },
  });
NUMBERS.forEach((name) => field(name, (table, place) => known(table.numbers[name][place])));
TEXTS.forEach((name) => field(name, (table, place) => textOf(table.texts[name], place)));

field("created", (table, place) => new Date(1000 * table.numbers.created[place]).toISOString());

/** Predictions by the ids of their chips, as a Map has them. */
export class Predicted {
  constructor() {
    /** @type {string[]} */
    this.ids = [];
    this.places = new Map(); // id -> place
    this.own = new Map(); // place -> what came by itself
    /** @type {Table | null} */
    this.table = null;
    this.levels = new Levels();
    /** @type {Uint8Array<ArrayBufferLike>} */
    this.seen = new Uint8Array(0);
    this.version = 0;
  }

  get size() {
    return this.places.size;
  }
  has(id) {
    return this.places.has(id);
  }
  /** @returns {any} */
  get(id) {
    const place = this.places.get(id);
    return place === undefined ? undefined : new Prediction(this, place);
  }
  keys() {
    return this.places.keys();
  }
  *values() {
    for (const place of this.places.values()) yield/** @type {any} */ (new Prediction(this, place));
  }
  delete(id) {
    const place = this.places.get(id);
    if (place === undefined) return;
    this.places.delete(id);
    this.levels.put(place, null);
    this.version += 1;
  }

  /** Take in one, in place of an older one of its chip. `counts` are 2 x 255, null where there is no label. */
  put(p, counts) {
    let place = this.places.get(p.id);
    if (place === undefined) {
      place = this.ids.length;
      this.ids.push(p.id);
      this.places.set(p.id, place);
    }
    this.levels.reach(place + 1);
    this.levels.put(place, counts);
    if (this.seen.length < this.levels.room) {
      const longer = new Uint8Array(this.levels.room);
      longer.set(this.seen);
      this.seen = longer;
    }
    this.seen[place] = SEEN.indexOf(p.seen ?? null);
    this.own.set(place, p);
    this.version += 1;
  }

  /** Take in all that a model has predicted, and keep what came since of chips that are not among it. @param {Table} table */
  load(table) {
    const later = [...this.places.keys()].filter((id) => this.own.has(this.places.get(id)));
    const kept = later.map((id) => [this.own.get(this.places.get(id)), this.countsOf(this.places.get(id))]);
    this.table = table;
    this.ids = [...table.texts.id.values];
    this.places = new Map(this.ids.map((id, place) => [id, place]));
    const column = (name) => table.numbers[name] || null;
    const columns = ["w", "d"].flatMap((kind) => Array.from({ length: LEVELS }, (_, v) => column(`${kind}${v}`)));
    this.levels = new Levels(/** @type {any} */ (columns), /** @type {Uint8Array} */ (table.numbers.scored.slice()));
    this.seen = /** @type {Uint8Array} */ (table.numbers.seen.slice());
    this.own = new Map();
    kept.forEach(([p, counts]) => {
      if (!this.places.has(p.id) || this.get(p.id).created < p.created) this.put(p, counts);
    });
    this.version += 1;
  }

  /** @private */
  countsOf(place) {
    if (!this.levels.has[place]) return null;
    return Uint32Array.from(this.levels.columns, (column) => column?.[place] ?? 0);
  }
}
