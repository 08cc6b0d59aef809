// Groups of chips and their scores: by country, event, split or water share, of the chips that pass the filters.
// What does not depend on the threshold is added up once; a new threshold costs four sums a chip and the intervals.

import * as curves from "../scores/curves.mjs";
import * as headline from "../scores/headline.mjs";
import * as scores from "../scores/histogram.mjs";
import * as intervals from "../scores/intervals.mjs";
import * as worst from "../scores/worst.mjs";
import * as catalog from "./catalog.mjs";
import * as filters from "./filters.mjs";
import { nameOf } from "./grouping.mjs";

/** @typedef {{id: string, histogram: import("../scores/histogram.mjs").Histogram, seen: boolean | null}} Scored */

const empty = (name) => ({ name, chips: 0, imagery: 0, labelled: 0, predicted: 0, scored: /** @type {Scored[]} */ ([]) });
const take = (group, chip, model) => {
  group.chips += 1;
  group.imagery += chip.imagery ? 1 : 0;
  group.labelled += chip.labelled ? 1 : 0;
  const p = catalog.prediction(model, chip.id);
  if (!p) return;
  group.predicted += 1;
  if (!p.histogram || p.histogram.water[0] + p.histogram.dry[0] === 0) return;
  group.scored.push({ id: chip.id, histogram: p.histogram, seen: p.seen ?? null });
};
// What a group's figures count: the scored chips that the model was not trained on; all of them where there is no such.
/** @template {{scored: Scored[]}} G @param {G} group */
const settle = (group) => {
  const { counted, seen } = headline.pool(group.scored);
  Object.assign(group, {
    ids: counted.map(({ id }) => id),
    histograms: counted.map(({ histogram }) => histogram),
    seen,
    seenChips: group.scored.filter((one) => one.seen === true).length,
    unknown: group.scored.filter((one) => one.seen === null).length,
  });
  return group;
};

// Groups by name, of a model; kept until chips, predictions or filters change.
const kept = new Map();
let keptFor = "";
const of = (model, by) => {
  const now = `${catalog.version} ${filters.version}`;
  if (now !== keptFor) kept.clear();
  keptFor = now;
  const key = `${by} ${model}`;
  if (!kept.has(key)) {
    const groups = new Map();
    const all = empty("all");
    filters.chips().forEach((chip) => {
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
  const { sumOf, iou, bestThreshold, calibrationError } = curves;
  const sum = sumOf(group.histograms);
  const pixels = sum.water[0] + sum.dry[0];
  group.curve = {
    sum,
    pixels,
    iou: iou(sum),
    best: bestThreshold(sum),
    calibration: calibrationError(sum),
    water: pixels ? sum.water[0] / pixels : null,
  };
  return group.curve;
};

const counts = (group, k) => group.histograms.map((h) => scores.confusion(h, k));
// A group's figures at a level; the last are kept, for table, bars and figures all ask for them.
const summary = (group, k) => {
  if (!group.summary || group.summary.k !== k) {
    const some = counts(group, k);
    const { name, chips, imagery, labelled, predicted, scored, seen, seenChips, unknown } = group;
    const sum = scores.sum(some);
    group.summary = {
      k,
      name,
      chips,
      imagery,
      labelled,
      predicted,
      all: scored.length,
      scored: some.length,
      seen,
      seenChips,
      unknown,
      worst: worst.value(sum),
      wrong: sum.fp + sum.fn,
      ...scores.figures(sum),
      interval: seen ? null : intervals.interval(some),
    };
  }
  return group.summary;
};

// One row a group at a level, with its curve and what its number is worth.
const rows = (model, k, by = "country") =>
  of(model, by).list.map((group) => {
    const [row, of1] = [summary(group, k), curve(group)];
    return { ...row, curve: of1, rank: worst.rank({ scored: row.scored, water: of1.water, seen: row.seen }) };
  });
const total = (model, k) => summary(of(model, "country").all, k);

// Micro IoU of the countries with a scored chip, and which of them the model has seen all of: all that the map's colours need.
const countryIou = (model, k) => {
  const scored = of(model, "country").list.filter((group) => group.ids.length);
  return {
    iou: new Map(scored.map((group) => [group.name, scores.figures(scores.sum(counts(group, k))).iou])),
    seen: new Set(scored.filter((group) => group.seen === true).map((group) => group.name)),
  };
};

// The groups that have no labelled chip, of all chips that pass the filters, also those that are only known.
const unlabelled = (model, by) => {
  const groups = new Map();
  [...new Set([...filters.chips(), ...filters.known()])].forEach((chip) => {
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
  filters.chips().forEach((chip) => {
    if (!chip.labelled) return;
    const f = catalog.chipFigures(model, chip.id, k);
    if (f && scores.counted(f)) return;
    if (catalog.prediction(model, chip.id)) out.unknown.push(chip.id);
    else out[catalog.failure(model, chip.id) ? "failed" : "waiting"].push(chip.id);
  });
  return out;
};

export { countryIou, curve, of, rows, total, unlabelled, unscored };
