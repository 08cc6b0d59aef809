// The chips that two models have both scored (scores/pairing.mjs compares them).

import * as pairs from "../scores/pairing.mjs";
import * as catalog from "./catalog.mjs";
import * as filters from "./filters.mjs";
import { filed } from "./grouping.mjs";
import * as training from "./training.mjs";

// The chips that both models have scored, of those that pass the filters: id, name of the group, place in either model's book.
const common = (first, second, by) => {
  const { codes, names } = filed(by, first);
  const [a, b] = [first, second].map((model) => ({ places: catalog.placesOf(model), levels: catalog.shelf(model).levels }));
  const seen = training.ofRowsByAny([first, second]);
  return Array.from(filters.rows())
    .filter((row) => [a, b].every(({ places, levels }) => places[row] >= 0 && levels.pixels(places[row])))
    .map((row) => ({
      id: catalog.chips.ids[row],
      group: names[codes[row]],
      one: a.places[row],
      two: b.places[row],
      seen: seen(row),
    }));
};

/** Two models on the chips that both have scored, at a level. */
const compared = (first, second, by, k) =>
  pairs.of(common(first, second, by), { one: catalog.shelf(first).levels, two: catalog.shelf(second).levels }, k);

// What a table of differences holds: name, IoU of A and of B, their difference, its interval, chips. Of all, no number that is no measure.
const contents = (c, all) =>
  [{ ...c, name: all }, ...c.groups].map((d) => {
    const none = d.seen === true && d.name === all;
    const { low = null, high = null } = (d.seen !== true && d.interval) || {};
    return [d.name, ...[d.one.iou, d.two.iou, d.difference].map((value) => (none ? null : value)), low, high, d.chips];
  });

export { common, compared, contents };
