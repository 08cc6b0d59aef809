// Groups of chips and their scores: by country, event, split or water share, of the chips that pass the filters.
// What does not depend on the threshold is added up once; a new threshold costs four sums a chip and the intervals.

import * as curves from "../scores/curves.mjs";
import * as scores from "../scores/histogram.mjs";
import * as intervals from "../scores/intervals.mjs";
import * as worst from "../scores/worst.mjs";
import * as catalog from "./catalog.mjs";
import * as filters from "./filters.mjs";
import { filed } from "./grouping.mjs";

/**
 * @typedef {object} Group
 * @property {string} name
 * @property {number} chips
 * @property {number} imagery
 * @property {number} labelled
 * @property {number} predicted
 * @property {number[]} scored places of the scored chips in the model's book
 * @property {number[]} counted of these the ones that figures count: those that the model was not trained on, else all of them
 * @property {boolean | null} seen what the counted are
 * @property {number} seenChips
 * @property {number} unknown
 * @property {import("../scores/levels.mjs").Levels} levels
 * @property {any} [curve]
 * @property {any} [summary]
 */

// What is counted, as headline.mjs says: the unseen ones; all where there is no such.
const settle = (group, seen) => {
  const of = (code) => group.scored.filter((place) => seen[place] === code);
  const [fresh, known, untold] = [of(0), of(1), of(2)];
  group.counted = fresh.length ? fresh : group.scored;
  group.seen = fresh.length || !group.scored.length ? false : known.length ? true : null;
  group.seenChips = known.length;
  group.unknown = untold.length;
  return group;
};

// Groups by name, of a model; kept until chips, predictions or filters change.
const kept = new Map();
let keptFor = "";
/** @param {string} model @param {string} by @returns {{list: Group[], all: Group}} */
const of = (model, by) => {
  const now = `${catalog.version} ${filters.version}`;
  if (now !== keptFor) [kept, waiting, curving].forEach((all) => all.clear());
  keptFor = now;
  const key = `${by} ${model}`;
  if (!kept.has(key)) kept.set(key, gather(model, by));
  return kept.get(key);
};
const gather = (model, by) => {
  const { codes, names } = filed(by, model);
  const { levels, seen } = catalog.shelf(model);
  const places = catalog.placesOf(model);
  const { imagery, labelled } = catalog.chips.numbers;
  const empty = (name) => ({ name, chips: 0, imagery: 0, labelled: 0, predicted: 0, scored: [], levels });
  const [groups, all] = [names.map(empty), empty("all")];
  filters.rows().forEach((row) => {
    const place = places[row];
    [groups[codes[row]], all].forEach((group) => {
      group.chips += 1;
      group.imagery += imagery[row];
      group.labelled += labelled[row];
      if (place < 0) return;
      group.predicted += 1;
      if (levels.pixels(place)) group.scored.push(place);
    });
  });
  const list = groups.filter(({ chips }) => chips).map((group) => settle(group, seen));
  return { list: list.sort((a, b) => a.name.localeCompare(b.name)), all: settle(all, seen) };
};

// What a group's pixels say at all thresholds together.
const curve = (group) => {
  group.curve ||= curveOf(group.levels.sum(group.counted));
  return group.curve;
};
const curveOf = (sum) => {
  const { iou, bestThreshold, calibrationError } = curves;
  const pixels = sum.water[0] + sum.dry[0];
  return {
    sum,
    pixels,
    iou: iou(sum),
    best: bestThreshold(sum),
    calibration: calibrationError(sum),
    water: pixels ? sum.water[0] / pixels : null,
  };
};
// What of it is known at once; the rest of many chips comes bit by bit.
/** @type {Map<Group, Generator<undefined, any, undefined>>} */
const curving = new Map();
const begun = (group, k) => {
  if (!curving.has(group)) curving.set(group, group.levels.summing(group.counted));
  const { tp, fp, fn, tn } = group.levels.total(group.counted, k);
  const pixels = tp + fp + fn + tn;
  return { pixels, water: pixels ? (tp + fn) / pixels : null, iou: [], best: null, calibration: null };
};

// A group's figures at a level; the last are kept, for table, bars and figures all ask for them.
const summary = (group, k, many = false) => {
  if (!group.summary || group.summary.k !== k) {
    const { levels, counted, name, chips, imagery, labelled, predicted, scored, seen, seenChips, unknown } = group;
    const sum = levels.total(counted, k);
    group.summary = {
      k,
      name,
      chips,
      imagery,
      labelled,
      predicted,
      all: scored.length,
      scored: counted.length,
      seen,
      seenChips,
      unknown,
      worst: worst.value(sum),
      wrong: sum.fp + sum.fn,
      ...scores.figures(sum),
      interval: null,
      pending: false,
    };
    interval(group, k, many);
  }
  return group.summary;
};

const isMany = (model, by) => of(model, by).all.counted.length > AT_ONCE;
// Intervals of many chips take longer than a frame: they come later, bit by bit (`work`), and are the same then.
const AT_ONCE = 5000; // chips of all groups together
/** @type {Map<Group, {summary: any, bits: Generator<undefined, [number, number] | null, undefined>}>} */
const waiting = new Map();
let settled = 0; // goes up as intervals come
const interval = (group, k, many) => {
  const { levels, counted, summary: made, seen } = group;
  if (seen) return;
  if (many) {
    made.pending = counted.length > 1;
    if (made.pending) waiting.set(group, { summary: made, bits: intervals.inBits(levels.fractions(counted, k)) });
  } else made.interval = intervals.ofFractions(levels.fractions(counted, k));
};
/** Work on the curves and intervals that are to come for so many milliseconds; returns whether there are more. @param {number} ms */
const work = (ms) => {
  const end = performance.now() + ms;
  for (const [group, bits] of curving) {
    const { done, value } = group.curve ? { done: true, value: null } : until(end, bits);
    if (!done) return true;
    curving.delete(group);
    group.curve ||= curveOf(value);
    settled += 1;
  }
  for (const [group, { summary: of1, bits }] of waiting) {
    // Of another threshold by now: nobody waits for it.
    const { done, value } = group.summary === of1 ? until(end, bits) : { done: true, value: null };
    if (!done) return true;
    waiting.delete(group);
    Object.assign(of1, { interval: value, pending: false });
    settled += 1;
  }
  return toCome() > 0;
};
/** How many curves and intervals are to come. */
const toCome = () => curving.size + waiting.size;
const until = (end, bits) => {
  let bit = { done: false, value: null };
  while (!bit.done && performance.now() < end) bit = bits.next();
  return bit;
};

// One row a group at a level, with its curve and what its number is worth.
const rows = (model, k, by = "country") => {
  const many = isMany(model, by);
  return of(model, by).list.map((group) => {
    const [row, of1] = [summary(group, k, many), !many || group.curve ? curve(group) : begun(group, k)];
    return { ...row, curve: of1, rank: worst.rank({ scored: row.scored, water: of1.water, seen: row.seen }) };
  });
};
const total = (model, k) => summary(of(model, "country").all, k, isMany(model, "country"));

// Micro IoU of the countries with a scored chip, and which of them the model has seen all of: all that the map's colours need.
const countryIou = (model, k) => {
  const scored = of(model, "country").list.filter((group) => group.counted.length);
  return {
    iou: new Map(scored.map((group) => [group.name, scores.figures(group.levels.total(group.counted, k)).iou])),
    seen: new Set(scored.filter((group) => group.seen === true).map((group) => group.name)),
  };
};

// The groups that have no labelled chip, of all chips that pass the filters, also those that are only known.
const unlabelled = (model, by) => {
  const { codes, names } = filed(by, model);
  const { imagery, labelled } = catalog.chips.numbers;
  const groups = names.map((name) => ({ name, chips: 0, imagery: 0, labelled: 0 }));
  const take = (row) => {
    const group = groups[codes[row]];
    group.chips += 1;
    group.imagery += imagery[row];
    group.labelled += labelled[row];
  };
  filters.rows().forEach(take);
  if (!filters.values.known) filters.known().forEach(({ row }) => take(row));
  return groups.filter((group) => group.chips && !group.labelled).sort((a, b) => a.name.localeCompare(b.name));
};

// The labelled chips that have no score, by the reason: their ids.
const unscored = (model, k) => {
  const out = { waiting: [], failed: [], unknown: [] };
  const [places, { levels }] = [catalog.placesOf(model), catalog.shelf(model)];
  const { ids, numbers } = catalog.chips;
  filters.rows().forEach((row) => {
    if (!numbers.labelled[row]) return;
    const place = places[row];
    if (place >= 0 && levels.pixels(place)) return;
    const part = numbers.scene[row] ? catalog.chipFigures(model, ids[row], k) : null;
    if (part && scores.counted(part)) return;
    if (place >= 0) out.unknown.push(ids[row]);
    else out[catalog.failure(model, ids[row]) ? "failed" : "waiting"].push(ids[row]);
  });
  return out;
};

export { countryIou, curve, of, rows, settled, toCome, total, unlabelled, unscored, work };
