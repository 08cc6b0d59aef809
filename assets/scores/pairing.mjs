// Two models on the same chips: the numbers of model/evaluation/comparison.py, at any threshold.
import * as headline from "./headline.mjs";
import * as scores from "./histogram.mjs";
import * as intervals from "./intervals.mjs";

// Of the pairs that neither model was trained on; of all where there is no such, and said to be.
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

const wrong = (c) => c.fp + c.fn;
// All groups and all chips together, and the chips that moved most: by the pixels that one model alone has wrong.
export const of = (chips, k) => {
  const pairs = chips.map(({ id, group, one, two, seen }) => ({
    id,
    group,
    seen,
    first: scores.confusion(one, k),
    second: scores.confusion(two, k),
  }));
  const groups = new Map();
  pairs.forEach((pair) => {
    if (!groups.has(pair.group)) groups.set(pair.group, []);
    groups.get(pair.group).push(pair);
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
