// Two models on the chips that both have scored: the numbers of model/evaluation/comparison.py, at any threshold.
window.floodscope = window.floodscope || {};

floodscope.paired = (() => {
  // The chips that both models have scored, of those that pass the filters: id, name of the group, both histograms.
  const common = (first, second, by) => floodscope.sieve.chips().flatMap((chip) => {
    const [one, two] = [first, second].map((model) => floodscope.book.prediction(model, chip.id));
    if (!one || !two || !one.histogram || !two.histogram) return [];
    if (one.histogram.water[0] + one.histogram.dry[0] === 0 || two.histogram.water[0] + two.histogram.dry[0] === 0) return [];
    const seen = floodscope.seen.byAny([first, second], chip.id);
    return [{ id: chip.id, group: floodscope.groups.nameOf(by, chip, first), one: one.histogram, two: two.histogram, seen }];
  });

  // Of the pairs that neither model was trained on; of all where there is no such, and said to be.
  const difference = (all) => {
    const { counted: pairs, seen } = floodscope.seen.pool(all);
    const [first, second] = [pairs.map((p) => p.first), pairs.map((p) => p.second)];
    const [one, two] = [first, second].map((counts) => floodscope.scores.figures(floodscope.scores.sum(counts)));
    return {
      chips: pairs.length, seen, one, two, difference: one.iou === null || two.iou === null ? null : one.iou - two.iou,
      interval: seen ? null : floodscope.scores.pairedInterval(first, second),
    };
  };

  const wrong = (c) => c.fp + c.fn;
  // All groups and all chips together, and the chips that moved most: by the pixels that one model alone has wrong.
  const of = (chips, k) => {
    const pairs = chips.map(({ id, group, one, two, seen }) => ({ id, group, seen, first: floodscope.scores.confusion(one, k), second: floodscope.scores.confusion(two, k) }));
    const groups = new Map();
    pairs.forEach((pair) => {
      if (!groups.has(pair.group)) groups.set(pair.group, []);
      groups.get(pair.group).push(pair);
    });
    const moved = pairs.map((pair) => ({ ...pair, fewer: wrong(pair.second) - wrong(pair.first) })).filter((pair) => pair.fewer)
      .sort((a, b) => Math.abs(b.fewer) - Math.abs(a.fewer) || (a.id < b.id ? -1 : 1));
    return {
      ...difference(pairs), moved,
      groups: [...groups].map(([name, some]) => ({ name, ...difference(some) })).sort((a, b) => a.name.localeCompare(b.name)),
    };
  };

  return { common, of };
})();
