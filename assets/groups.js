// Groups of chips and their scores: by country, event, split or water share, of the chips that pass the filters.
// What does not depend on the threshold is added up once; a new threshold costs four sums a chip and the intervals.
window.floodscope = window.floodscope || {};

floodscope.groups = (() => {
  const BY = { country: "Country", event: "Event", split: "Split", water: "Water share" };
  // Share of water among the labelled pixels, in percent: up to and including (model/scores/water_share.py).
  const SHARES = [[0, "no water"], [1, "up to 1 %"], [5, "1 to 5 %"], [20, "5 to 20 %"], [50, "20 to 50 %"], [100, "over 50 %"]];
  const UNKNOWN = "Unknown";

  const nameOf = (by, chip, model) => {
    if (by !== "water") return floodscope.sieve.nameOf(chip, by);
    const p = floodscope.book.prediction(model, chip.id);
    const labelled = p && p.histogram ? p.histogram.water[0] + p.histogram.dry[0] : 0;
    if (!labelled) return UNKNOWN;
    return SHARES.find(([top]) => 100 * p.histogram.water[0] <= top * labelled)[1]; // whole numbers: no share falls to the wrong side
  };

  const empty = (name) => ({ name, chips: 0, imagery: 0, labelled: 0, predicted: 0, scored: [] });
  const take = (group, chip, model) => {
    group.chips += 1;
    group.imagery += chip.imagery ? 1 : 0;
    group.labelled += chip.labelled ? 1 : 0;
    const p = floodscope.book.prediction(model, chip.id);
    if (!p) return;
    group.predicted += 1;
    if (!p.histogram || p.histogram.water[0] + p.histogram.dry[0] === 0) return;
    group.scored.push({ id: chip.id, histogram: p.histogram, seen: p.seen ?? null });
  };
  // What a group's figures count: the scored chips that the model was not trained on; all of them where there is no such.
  const settle = (group) => {
    const { counted, seen } = floodscope.seen.pool(group.scored);
    Object.assign(group, {
      ids: counted.map(({ id }) => id), histograms: counted.map(({ histogram }) => histogram), seen,
      seenChips: group.scored.filter((one) => one.seen === true).length, unknown: group.scored.filter((one) => one.seen === null).length,
    });
    return group;
  };

  // Groups by name, of a model; kept until chips, predictions or filters change.
  const kept = new Map();
  let keptFor = "";
  const of = (model, by) => {
    const now = `${floodscope.book.version} ${floodscope.sieve.version}`;
    if (now !== keptFor) kept.clear();
    keptFor = now;
    const key = `${by} ${model}`;
    if (!kept.has(key)) {
      const groups = new Map();
      const all = empty("all");
      floodscope.sieve.chips().forEach((chip) => {
        const name = nameOf(by, chip, model);
        if (!groups.has(name)) groups.set(name, empty(name));
        take(groups.get(name), chip, model);
        take(all, chip, model);
      });
      kept.set(key, { list: [...groups.values()].map(settle).sort((a, b) => a.name.localeCompare(b.name)), all: settle(all) });
    }
    return kept.get(key);
  };

  // What a group's pixels say at all thresholds together.
  const curve = (group) => {
    if (group.curve) return group.curve;
    const { sumOf, iou, bestThreshold, calibrationError } = floodscope.curves;
    const sum = sumOf(group.histograms);
    const pixels = sum.water[0] + sum.dry[0];
    group.curve = {
      sum, pixels, iou: iou(sum), best: bestThreshold(sum), calibration: calibrationError(sum), water: pixels ? sum.water[0] / pixels : null,
    };
    return group.curve;
  };

  const counts = (group, k) => group.histograms.map((h) => floodscope.scores.confusion(h, k));
  // A group's figures at a level; the last are kept, for table, bars and figures all ask for them.
  const summary = (group, k) => {
    if (!group.summary || group.summary.k !== k) {
      const some = counts(group, k);
      const { name, chips, imagery, labelled, predicted, scored, seen, seenChips, unknown } = group;
      const sum = floodscope.scores.sum(some);
      group.summary = {
        k, name, chips, imagery, labelled, predicted, all: scored.length, scored: some.length, seen, seenChips, unknown,
        worst: floodscope.worst.value(sum), wrong: sum.fp + sum.fn,
        ...floodscope.scores.figures(sum), interval: seen ? null : floodscope.scores.interval(some),
      };
    }
    return group.summary;
  };

  // One row a group at a level, with its curve and what its number is worth.
  const rows = (model, k, by = "country") => of(model, by).list.map((group) => {
    const [row, of1] = [summary(group, k), curve(group)];
    return { ...row, curve: of1, rank: floodscope.worst.rank({ scored: row.scored, water: of1.water, seen: row.seen }) };
  });
  const total = (model, k) => summary(of(model, "country").all, k);

  // Micro IoU of the countries with a scored chip, and which of them the model has seen all of: all that the map's colours need.
  const countryIou = (model, k) => {
    const scored = of(model, "country").list.filter((group) => group.ids.length);
    return {
      iou: new Map(scored.map((group) => [group.name, floodscope.scores.figures(floodscope.scores.sum(counts(group, k))).iou])),
      seen: new Set(scored.filter((group) => group.seen === true).map((group) => group.name)),
    };
  };

  // The groups that have no labelled chip, of all chips that pass the filters, also those that are only known.
  const unlabelled = (model, by) => {
    const groups = new Map();
    [...new Set([...floodscope.sieve.chips(), ...floodscope.sieve.known()])].forEach((chip) => {
      const name = nameOf(by, chip, model);
      if (!groups.has(name)) groups.set(name, { name, chips: 0, imagery: 0, labelled: 0 });
      const group = groups.get(name);
      group.chips += 1;
      group.imagery += chip.imagery ? 1 : 0;
      group.labelled += chip.labelled ? 1 : 0;
    });
    return [...groups.values()].filter((group) => !group.labelled).sort((a, b) => a.name.localeCompare(b.name));
  };

  // The labelled chips that have no score, by the reason: their ids.
  const unscored = (model, k) => {
    const out = { waiting: [], failed: [], unknown: [] };
    floodscope.sieve.chips().forEach((chip) => {
      if (!chip.labelled) return;
      const f = floodscope.book.chipFigures(model, chip.id, k);
      if (f && floodscope.scores.counted(f)) return;
      if (floodscope.book.prediction(model, chip.id)) out.unknown.push(chip.id);
      else out[floodscope.book.failure(model, chip.id) ? "failed" : "waiting"].push(chip.id);
    });
    return out;
  };

  return { BY, SHARES, UNKNOWN, nameOf, of, rows, total, countryIou, unlabelled, unscored, curve };
})();
