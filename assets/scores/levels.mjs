// The score histograms of many chips, level by level: what a threshold counts of all of them is moved from level to level, and no
// histogram is looked at again. A chip's own histogram is put together where it is asked for.

import { LEVELS } from "./histogram.mjs";

/** @typedef {import("./histogram.mjs").Histogram} Histogram */
/** @typedef {Uint8Array | Uint16Array | Uint32Array} Counts */

const BOTH = 2 * LEVELS; // water at each value, then dry
const KINDS = [Uint8Array, Uint16Array, Uint32Array];

/** @template {Counts} T @param {T} column @param {number} length @param {new (n: number) => T} Kind @returns {T} */
const longer = (column, length, Kind) => {
  const out = new Kind(length);
  out.set(column);
  return out;
};

/** Histograms by place. Of a place that has none, all counts are 0 and `has` is 0. */
export class Levels {
  /**
   * @param {(Counts | null)[]} [columns] 2 x 255 of them: labelled pixels of each place at each value, water and then dry;
   *   null where all are 0
   * @param {Uint8Array} [has] which places have a histogram
   */
  constructor(columns = Array.from({ length: BOTH }, () => null), has = new Uint8Array(0)) {
    this.columns = columns;
    this.has = has;
    this.room = has.length;
    this.level = 0; // of what follows
    this.tp = new Uint32Array(this.room); // labelled water at or above it
    this.fp = new Uint32Array(this.room); // labelled dry pixels at or above it
    columns.forEach((column, at) => {
      if (column) this.add(column, at < LEVELS ? this.tp : this.fp);
    });
    this.water = this.tp.slice(); // in all
    this.dry = this.fp.slice();
  }

  /** @private @param {Counts} column @param {Uint32Array} sums */
  add(column, sums) {
    for (let at = 0; at < column.length; at += 1) sums[at] += column[at];
  }

  /** @private @param {Counts} column @param {Uint32Array} sums */
  take(column, sums) {
    for (let at = 0; at < column.length; at += 1) sums[at] -= column[at];
  }

  /** Have room for so many places. @param {number} length */
  reach(length) {
    if (length <= this.room) return;
    this.room = Math.max(length, Math.ceil(1.5 * this.room), 64);
    this.columns = this.columns.map(
      (column) => column && longer(column, this.room, /** @type {new (n: number) => Counts} */ (column.constructor)),
    );
    this.has = longer(this.has, this.room, Uint8Array);
    [this.tp, this.fp, this.water, this.dry] = [this.tp, this.fp, this.water, this.dry].map((sums) =>
      longer(sums, this.room, Uint32Array),
    );
  }

  /** Put a place's counts, 2 x 255, or take them away. @param {number} place @param {ArrayLike<number> | null} counts */
  put(place, counts) {
    this.reach(place + 1);
    this.has[place] = counts ? 1 : 0;
    const sums = [0, 0, 0, 0];
    for (let at = 0; at < BOTH; at += 1) {
      const count = counts ? counts[at] : 0;
      this.write(at, place, count);
      const [dry, value] = at < LEVELS ? [0, at] : [1, at - LEVELS];
      sums[dry] += count;
      if (value >= this.level) sums[2 + dry] += count;
    }
    [this.water[place], this.dry[place], this.tp[place], this.fp[place]] = sums;
  }

  /** @private @param {number} at @param {number} place @param {number} count */
  write(at, place, count) {
    let column = this.columns[at];
    if (!column && count === 0) return;
    const most = column ? 256 ** column.BYTES_PER_ELEMENT - 1 : -1;
    if (!column || count > most) {
      const Kind = KINDS.find((kind) => count < 256 ** kind.BYTES_PER_ELEMENT) || Uint32Array;
      column = column ? longer(/** @type {any} */ (column), this.room, Kind) : new Kind(this.room);
      this.columns[at] = column;
    }
    /** @type {Counts} */ (column)[place] = count;
  }

  /** Have `tp` and `fp` count at a level. @param {number} level */
  move(level) {
    for (; this.level < level; this.level += 1) this.step(this.level, false);
    while (this.level > level) {
      this.level -= 1;
      this.step(this.level, true);
    }
    return this;
  }

  /** @private @param {number} value @param {boolean} down */
  step(value, down) {
    const [water, dry] = [this.columns[value], this.columns[LEVELS + value]];
    if (water) down ? this.add(water, this.tp) : this.take(water, this.tp);
    if (dry) down ? this.add(dry, this.fp) : this.take(dry, this.fp);
  }

  /** Counts of a place at a level. @param {number} place @param {number} level */
  confusion(place, level) {
    this.move(level);
    const [tp, fp] = [this.tp[place], this.fp[place]];
    return { tp, fp, fn: this.water[place] - tp, tn: this.dry[place] - fp };
  }

  /** How many labelled pixels of a place are known. @param {number} place */
  pixels(place) {
    return this.has[place] ? this.water[place] + this.dry[place] : 0;
  }

  /** Counts of some places together at a level. @param {ArrayLike<number>} places @param {number} level */
  total(places, level) {
    this.move(level);
    let [tp, fp, water, dry] = [0, 0, 0, 0];
    for (let i = 0; i < places.length; i += 1) {
      const place = places[i];
      tp += this.tp[place];
      fp += this.fp[place];
      water += this.water[place];
      dry += this.dry[place];
    }
    return { tp, fp, fn: water - tp, tn: dry - fp };
  }

  /** True positives and union of each of some places at a level, as intervals are made of. @param {ArrayLike<number>} places @param {number} level */
  fractions(places, level) {
    this.move(level);
    const out = new Float64Array(2 * places.length);
    for (let i = 0; i < places.length; i += 1) {
      out[2 * i] = this.tp[places[i]];
      out[2 * i + 1] = this.water[places[i]] + this.fp[places[i]];
    }
    return out;
  }

  /** A place's histogram, or null. @param {number} place @returns {Histogram | null} */
  histogram(place) {
    if (!this.has[place]) return null;
    const sums = (/** @type {number} */ first) => {
      const out = new Uint32Array(LEVELS + 1);
      for (let v = LEVELS - 1; v >= 0; v -= 1) out[v] = out[v + 1] + (this.columns[first + v]?.[place] ?? 0);
      return out;
    };
    return { water: sums(0), dry: sums(LEVELS) };
  }

  /** The sum of some places' histograms. @param {ArrayLike<number>} places @returns {Histogram} */
  sum(places) {
    const bits = this.summing(places);
    let bit = bits.next();
    while (!bit.done) bit = bits.next();
    return bit.value;
  }

  /**
   * The same bit by bit, for so many places that it takes longer than a frame.
   * @param {ArrayLike<number>} places @returns {Generator<undefined, Histogram, undefined>}
   */
  *summing(places) {
    const [water, dry] = [new Float64Array(LEVELS + 1), new Float64Array(LEVELS + 1)];
    for (let v = LEVELS - 1; v >= 0; v -= 1) {
      water[v] = water[v + 1] + this.count(v, places);
      dry[v] = dry[v + 1] + this.count(LEVELS + v, places);
      yield;
    }
    return { water, dry };
  }

  /** @private @param {number} at @param {ArrayLike<number>} places */
  count(at, places) {
    const column = this.columns[at];
    let sum = 0;
    if (column) for (let i = 0; i < places.length; i += 1) sum += column[places[i]];
    return sum;
  }
}
