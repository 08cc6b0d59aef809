// Clusters of places, from far out to near: the way of Mapbox's supercluster (greedy, level by level from the nearest out), on a flat
// grid in place of a tree, and with counts that can be added up anew without a place moving.

/**
 * @typedef {object} Level what is shown at a zoom: places by themselves, and clusters
 * @property {number} size
 * @property {Float64Array} x of the Mercator square, 0 to 1
 * @property {Float64Array} y
 * @property {Uint32Array} count how many places each holds
 * @property {Int32Array} place the place of one by itself; -1 of a cluster
 * @property {Int32Array} parent of each, its place in the level farther out
 */

const RADIUS = 45 / 256; // what is nearer than this becomes one: a share of a tile of the zoom, 45 pixels

/** @param {number} lon */
const toX = (lon) => lon / 360 + 0.5;
/** @param {number} lat */
const toY = (lat) => {
  const sin = Math.sin((lat * Math.PI) / 180);
  return Math.min(1, Math.max(0, 0.5 - (0.25 * Math.log((1 + sin) / (1 - sin))) / Math.PI));
};
/** @param {number} x @param {number} y @returns {[number, number]} latitude and longitude */
const toLatLon = (x, y) => [(360 / Math.PI) * Math.atan(Math.exp((0.5 - y) * 2 * Math.PI)) - 90, (x - 0.5) * 360];

/** @param {number} size @returns {Level} */
const room = (size) => ({
  size: 0,
  x: new Float64Array(size),
  y: new Float64Array(size),
  count: new Uint32Array(size),
  place: new Int32Array(size).fill(-1),
  parent: new Int32Array(size).fill(-1),
});

// The items of a level by cells as wide as the radius: the first of each cell, and the next of each item.
const gridOf = ({ size, x, y }, radius) => {
  const across = Math.ceil(1 / radius) + 1;
  const [first, next] = [new Int32Array(across * across).fill(-1), new Int32Array(size)];
  const cell = (v) => Math.min(across - 1, Math.max(0, Math.floor(v / radius)));
  for (let i = size - 1; i >= 0; i -= 1) {
    const at = cell(y[i]) * across + cell(x[i]);
    next[i] = first[at];
    first[at] = i;
  }
  /** @param {number} i @param {(other: number) => void} then */
  const near = (i, then) => {
    const [column, row] = [cell(x[i]), cell(y[i])];
    for (let r = Math.max(0, row - 1); r <= Math.min(across - 1, row + 1); r += 1) {
      for (let c = Math.max(0, column - 1); c <= Math.min(across - 1, column + 1); c += 1) {
        for (let j = first[r * across + c]; j >= 0; j = next[j]) {
          const [a, b] = [x[j] - x[i], y[j] - y[i]];
          if (j !== i && a * a + b * b <= radius * radius) then(j);
        }
      }
    }
  };
  return near;
};

// The level one zoom farther out.
/** @param {Level} nearer @param {number} zoom @returns {Level} */
const farther = (nearer, zoom) => {
  const out = room(nearer.size);
  const near = gridOf(nearer, RADIUS / 2 ** zoom);
  for (let i = 0; i < nearer.size; i += 1) {
    if (nearer.parent[i] >= 0) continue;
    const at = out.size;
    out.size += 1;
    let [count, x, y, joined] = [nearer.count[i], nearer.x[i] * nearer.count[i], nearer.y[i] * nearer.count[i], 1];
    nearer.parent[i] = at;
    near(i, (j) => {
      if (nearer.parent[j] >= 0) return;
      nearer.parent[j] = at;
      joined += 1;
      count += nearer.count[j];
      x += nearer.x[j] * nearer.count[j];
      y += nearer.y[j] * nearer.count[j];
    });
    out.count[at] = count;
    [out.x[at], out.y[at]] = joined > 1 ? [x / count, y / count] : [nearer.x[i], nearer.y[i]];
    out.place[at] = joined > 1 ? -1 : nearer.place[i];
  }
  return out;
};

/** Places in clusters at all zooms up to one; nearer than that each stands by itself. */
export class Clusters {
  /**
   * @param {ArrayLike<number>} places numbers by which the places are known
   * @param {(place: number) => [number, number]} lonLat where one lies
   * @param {number} nearest the last zoom with clusters
   */
  constructor(places, lonLat, nearest) {
    const alone = room(places.length);
    alone.size = places.length;
    for (let i = 0; i < places.length; i += 1) {
      const [lon, lat] = lonLat(places[i]);
      [alone.x[i], alone.y[i], alone.count[i], alone.place[i]] = [toX(lon), toY(lat), 1, places[i]];
    }
    this.nearest = nearest;
    /** @type {Level[]} by zoom; the last are the places by themselves */
    this.levels = Array(nearest + 2);
    this.levels[nearest + 1] = alone;
    for (let zoom = nearest; zoom >= 0; zoom -= 1) this.levels[zoom] = farther(this.levels[zoom + 1], zoom);
  }

  /** @param {number} zoom */
  level(zoom) {
    return this.levels[Math.max(0, Math.min(this.nearest + 1, Math.floor(zoom)))];
  }

  /**
   * How many places of a kind each item of each level holds, by zoom.
   * @param {(place: number) => unknown} kind
   */
  counts(kind) {
    const out = this.levels.map(({ size }) => new Uint32Array(size));
    const last = this.levels[this.nearest + 1];
    for (let i = 0; i < last.size; i += 1) out[this.nearest + 1][i] = kind(last.place[i]) ? 1 : 0;
    for (let zoom = this.nearest; zoom >= 0; zoom -= 1) {
      const { size, parent } = this.levels[zoom + 1];
      for (let i = 0; i < size; i += 1) out[zoom][parent[i]] += out[zoom + 1][i];
    }
    return out;
  }

  /**
   * The items of a zoom within a box of degrees.
   * @param {[number, number, number, number]} box west, south, east, north
   * @param {number} zoom
   * @returns {{item: number, place: number, count: number, at: [number, number]}[]} `at` is latitude and longitude
   */
  within([west, south, east, north], zoom) {
    const { size, x, y, count, place } = this.level(zoom);
    const [left, right, top, bottom] = [toX(west), toX(east), toY(north), toY(south)];
    const out = [];
    for (let i = 0; i < size; i += 1) {
      if (x[i] < left || x[i] > right || y[i] < top || y[i] > bottom) continue;
      out.push({ item: i, place: place[i], count: count[i], at: toLatLon(x[i], y[i]) });
    }
    return out;
  }

  /** The zoom at which an item of a zoom falls apart, one after the last where it does not. @param {number} item @param {number} zoom */
  apart(item, zoom) {
    let now = item;
    for (let z = Math.max(0, Math.floor(zoom)); z <= this.nearest; z += 1) {
      const { size, parent } = this.levels[z + 1];
      let [only, some] = [-1, 0];
      for (let i = 0; i < size && some < 2; i += 1) {
        if (parent[i] === now) [only, some] = [i, some + 1];
      }
      if (some > 1) return z + 1;
      now = only;
    }
    return this.nearest + 1;
  }
}
