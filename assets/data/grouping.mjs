// What chips are filed under: their country, event, split, or share of water.
import * as catalog from "./catalog.mjs";

export const BY = { country: "Country", event: "Event", split: "Split", water: "Water share" };
// Share of water among the labelled pixels, in percent: up to and including (model/scores/water_share.py).
/** @type {[number, string][]} */
export const SHARES = [
  [0, "no water"],
  [1, "up to 1 %"],
  [5, "1 to 5 %"],
  [20, "5 to 20 %"],
  [50, "20 to 50 %"],
  [100, "over 50 %"],
];
export const UNKNOWN = "Unknown";

// The share of water, by name, of labelled pixels that are water and dry.
export const shareOf = (water, dry) => {
  const labelled = water + dry;
  if (!labelled) return UNKNOWN;
  return SHARES.find(([top]) => 100 * water <= top * labelled)[1]; // whole numbers: no share falls to the wrong side
};

// A chip's group. Without a country it may be that it has no place (ChipRecord.country_group).
export const nameOf = (by, chip, model) => {
  if (by === "water") {
    const p = catalog.prediction(model, chip.id);
    return p?.book.levels.has[p.place] ? shareOf(p.book.levels.water[p.place], p.book.levels.dry[p.place]) : UNKNOWN;
  }
  return chip[by] || (by === "country" && chip.unplaced ? "No place" : UNKNOWN);
};

// The groups of all rows of the catalog: codes by row, and the names that they are of.
let shares = { now: "", codes: new Uint32Array(0), names: [] };
/** @param {string} by @param {string | null} [model] */
export const filed = (by, model) => {
  if (by !== "water") return catalog.chips.file(by, (chip) => nameOf(by, chip));
  const now = `${catalog.version} ${model}`;
  if (shares.now === now) return shares;
  const [places, { levels }] = [catalog.placesOf(model), catalog.shelf(model)];
  const names = [UNKNOWN, ...SHARES.map(([, name]) => name)];
  const codes = Uint32Array.from(places, (place) =>
    place >= 0 && levels.has[place] ? names.indexOf(shareOf(levels.water[place], levels.dry[place])) : 0,
  );
  shares = { now, codes, names };
  return shares;
};
