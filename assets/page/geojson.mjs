// A GeoJSON that somebody else wrote: its shapes, and nothing else of it. Knows no page.

export const MOST_BYTES = 20 * 2 ** 20;
const MOST_POSITIONS = 500_000;
const DEEP = 8;
/** How deep positions lie in the coordinates of each kind. @type {Record<string, number>} */
const DEPTHS = { Point: 0, MultiPoint: 1, LineString: 1, MultiLineString: 2, Polygon: 2, MultiPolygon: 3 };

const ADVICE = "convert it to longitude and latitude (EPSG:4326), as GeoJSON has them";

/**
 * @typedef {object} Shapes
 * @property {{type: string, coordinates: any}[]} geometries with longitude and latitude alone
 * @property {[number, number, number, number]} bounds west, south, east and north
 */

/**
 * The shapes of a GeoJSON.
 * @param {string} text
 * @returns {Shapes}
 * @throws {Error} with a sentence, where there is none or it is no GeoJSON
 */
export const shapesOf = (text) => {
  let whole;
  try {
    whole = JSON.parse(text);
  } catch {
    throw new Error("It is no JSON, or not whole: see whether it was written or downloaded to its end.");
  }
  /** @type {Shapes["geometries"]} */
  const geometries = [];
  /** @type {[number, number, number, number]} */
  const bounds = [Infinity, Infinity, -Infinity, -Infinity];
  let count = 0;

  const place = (at) => {
    const [lon, lat] = Array.isArray(at) ? at : [];
    if (!Number.isFinite(lon) || !Number.isFinite(lat)) throw new Error("A position in it is no pair of numbers: write it anew.");
    if (Math.abs(lon) > 540 || Math.abs(lat) > 90) throw new Error(`A position in it is ${lon}, ${lat}: ${ADVICE}.`);
    count += 1;
    if (count > MOST_POSITIONS)
      throw new Error(`It has more than ${MOST_POSITIONS.toLocaleString("en")} positions: simplify it, or cut a part out.`);
    [bounds[0], bounds[1]] = [Math.min(bounds[0], lon), Math.min(bounds[1], lat)];
    [bounds[2], bounds[3]] = [Math.max(bounds[2], lon), Math.max(bounds[3], lat)];
    return [lon, lat];
  };
  const within = (some, depth) => {
    if (!depth) return place(some);
    if (!Array.isArray(some)) throw new Error("Coordinates in it are no list: write it anew.");
    return some.map((one) => within(one, depth - 1));
  };
  const take = (one, deep) => {
    if (one === null || one === undefined) return; // a feature without a place
    if (deep > DEEP) throw new Error("Its parts lie too deep in one another: write its shapes side by side.");
    const { type } = one;
    if (type === "FeatureCollection" && Array.isArray(one.features)) one.features.forEach((some) => take(some, deep + 1));
    else if (type === "Feature") take(one.geometry, deep + 1);
    else if (type === "GeometryCollection" && Array.isArray(one.geometries))
      one.geometries.forEach((some) => take(some, deep + 1));
    else if (Object.hasOwn(DEPTHS, type)) geometries.push({ type, coordinates: within(one.coordinates, DEPTHS[type]) });
    else throw new Error("It is JSON and no GeoJSON: a FeatureCollection, a Feature or a geometry is asked for.");
  };
  take(whole, 0);
  if (!count) throw new Error("There is no shape in it.");
  return { geometries, bounds };
};
