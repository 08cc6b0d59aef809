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

// The share of water of a histogram, by name.
export const shareOf = (histogram) => {
  const labelled = histogram ? histogram.water[0] + histogram.dry[0] : 0;
  if (!labelled) return UNKNOWN;
  return SHARES.find(([top]) => 100 * histogram.water[0] <= top * labelled)[1]; // whole numbers: no share falls to the wrong side
};

// A chip's group. Without a country it may be that it has no place (ChipRecord.country_group).
export const nameOf = (by, chip, model) => {
  if (by === "water") return shareOf(catalog.prediction(model, chip.id)?.histogram);
  return chip[by] || (by === "country" && chip.unplaced ? "No place" : UNKNOWN);
};
