// Two models on the same chips: the numbers of model/evaluation/comparison.py, at any threshold.
import * as headline from "./headline.mjs";
import * as scores from "./histogram.mjs";
import * as intervals from "./intervals.mjs";

/**
 * @typedef {import("./histogram.mjs").Confusion} Confusion
 * @typedef {import("./levels.mjs").Levels} Levels
 */

// Of the pairs that neither model was trained on; of all where there is no such, and said to be.
/** @param {{first: Confusion, second: Confusion, seen: boolean | null}[]} all */
const difference = (all) => {
  const { counted: pairs, seen } = headline.pool(all);
  const [first, second] = [pairs.map((p) => p.first), pairs.map((p) => p.second)];
  const [one, two] = [first, second].map((counts) => scores.figures(scores.sum(counts)));
  return {
    chips: pairs.length,
    seen,
    one,
    two,
    difference: one.iou === null || two.iou === null ? null : one.iou - two.iou,
    interval: seen ? null : intervals.pairedInterval(first, second),
  };
};

/** @param {Confusion} c */
const wrong = (c) => c.fp + c.fn;
// All groups and all chips together, and the chips that moved most: by the pixels that one model alone has wrong.
/**
 * @param {{id: string, group: string, one: number, two: number, seen: boolean | null}[]} chips places in the books of A and of B
 * @param {{one: Levels, two: Levels}} books
 * @param {number} k
 */
export const of = (chips, books, k) => {
  const [firsts, seconds] = [
    chips.map(({ one }) => books.one.confusion(one, k)),
    chips.map(({ two }) => books.two.confusion(two, k)),
  ];
  const pairs = chips.map(({ id, group, seen }, at) => ({ id, group, seen, first: firsts[at], second: seconds[at] }));
  /** @type {Map<string, typeof pairs>} */
  const groups = new Map();
  pairs.forEach((pair) => {
    const there = groups.get(pair.group);
    if (there) there.push(pair);
    else groups.set(pair.group, [pair]);
  });
  const moved = pairs
    .map((pair) => ({ ...pair, fewer: wrong(pair.second) - wrong(pair.first) }))
    .filter((pair) => pair.fewer)
    .sort((a, b) => Math.abs(b.fewer) - Math.abs(a.fewer) || (a.id < b.id ? -1 : 1));
  return {
    ...difference(pairs),
    moved,
    groups: [...groups].map(([name, some]) => ({ name, ...difference(some) })).sort((a, b) => a.name.localeCompare(b.name)),
  };
};
