// The chips that two models have both scored (scores/pairing.mjs compares them).

import * as catalog from "./catalog.mjs";
import * as filters from "./filters.mjs";
import * as grouping from "./grouping.mjs";
import * as training from "./training.mjs";

// The chips that both models have scored, of those that pass the filters: id, name of the group, both histograms.
const common = (first, second, by) =>
  filters.chips().flatMap((chip) => {
    const [one, two] = [first, second].map((model) => catalog.prediction(model, chip.id));
    if (!one || !two || !one.histogram || !two.histogram) return [];
    if (one.histogram.water[0] + one.histogram.dry[0] === 0 || two.histogram.water[0] + two.histogram.dry[0] === 0) return [];
    const seen = training.byAny([first, second], chip.id);
    return [{ id: chip.id, group: grouping.nameOf(by, chip, first), one: one.histogram, two: two.histogram, seen }];
  });

export { common };
