// Catalog, filters and groups: what is shown, and its scores, which are Python's.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as catalog from "../../assets/data/catalog.mjs";
import * as filters from "../../assets/data/filters.mjs";
import * as grouping from "../../assets/data/grouping.mjs";
import * as groups from "../../assets/data/groups.mjs";
import * as pairing from "../../assets/data/pairing.mjs";
import { NO_FILTERS } from "../../assets/page/state.mjs";
import { level } from "../../assets/scores/histogram.mjs";
import { said } from "./said.mjs";
import { table } from "./table.mjs";

const k = level(said.threshold);
const chips = said.chips.map(({ id, country }, n) => ({
  id,
  country,
  event: `event ${n % 2}`,
  split: "train",
  date: `2020-01-${String(n + 1).padStart(2, "0")}`,
  imagery: true,
  labelled: true,
  revision: "1",
}));
const known = { id: "known", country: "Ghana", imagery: false, labelled: false, revision: "1" };
const predict = (model, seen = false) =>
  catalog.add(
    model,
    said.chips.map(({ id, histogram }) => ({ id, revision: `${model} ${id}`, histogram, seen })),
  );
const begin = () => {
  catalog.setCatalog(table([...chips, known]));
  predict("m");
  filters.use({ values: NO_FILTERS, model: "m", k, by: "country", region: null });
};
const near = (shown, expected) => {
  if (expected === null || shown === null) assert.equal(shown, expected);
  else assert.ok(Math.abs(shown - expected) <= 1e-12, `${shown} for ${expected}`);
};

test("the scores of countries are Python's", () => {
  begin();
  const rows = groups.rows("m", k, "country");
  assert.deepEqual(
    rows.map(({ name }) => name),
    Object.keys(said.countries),
  );
  rows.forEach((row) => {
    const expected = said.countries[row.name];
    near(row.iou, expected.iou);
    near(row.curve.best, expected.best);
    near(row.curve.calibration, expected.calibration);
    assert.equal(row.scored, expected.scored);
    [0, 1].forEach((end) => near(row.interval[end], expected.interval[end]));
  });
});

test("a model that has seen a region gives no interval of it, and comes last", () => {
  begin();
  predict("trained", true);
  groups.rows("trained", k, "country").forEach((row) => {
    assert.equal(row.seen, true);
    assert.equal(row.interval, null);
    assert.equal(row.rank, 3);
  });
});

test("of more chips than a frame can add up the figures are there at once, and curves and intervals are the same once they came", () => {
  const times = Math.ceil(20_000 / chips.length); // some of which score nothing
  const copies = (list) => Array.from({ length: times }, (_, n) => list.map((one) => ({ ...one, id: `${n} ${one.id}` }))).flat();
  catalog.setCatalog(table(copies(chips)));
  catalog.add(
    "many",
    copies(said.chips).map(({ id, histogram }) => ({ id, revision: id, histogram, seen: false })),
  );
  filters.use({ values: NO_FILTERS, model: "many", k, by: "country", region: null });
  const at = () => groups.rows("many", k, "country");
  const [first, list] = [at(), groups.of("many", "country").list];
  assert.equal(groups.toCome(), 2 * list.length);
  let turns = 0;
  while (groups.work(0.2)) turns += 1;
  assert.ok(turns > list.length, "the page was free in between");
  assert.equal(groups.toCome(), 0);
  at().forEach((row, i) => {
    const sum = list[i].levels.sum(list[i].counted);
    ["water", "dry"].forEach((what) => assert.deepEqual(row.curve.sum[what], sum[what]));
    ["iou", "scored", "rank"].forEach((what) => assert.equal(row[what], first[i][what]));
    ["pixels", "water"].forEach((what) => assert.equal(row.curve[what], first[i].curve[what]));
    const one = said.countries[row.name];
    near(row.curve.best, one.best);
    near(row.curve.calibration, one.calibration);
    assert.equal(first[i].curve.best, null);
    assert.equal(first[i].pending, true);
    assert.ok(row.interval[0] <= row.iou && row.iou <= row.interval[1]);
  });
});

test("filters leave what they name, and chips without an image are shown by a switch", () => {
  begin();
  const left = (values) => {
    filters.use({ values: { ...NO_FILTERS, ...values } });
    return filters.chips().map(({ id }) => id);
  };
  assert.equal(left({}).length, chips.length);
  assert.ok(left({ known: true }).includes("known"));
  assert.deepEqual(
    left({ country: ["Ghana"] }),
    chips.filter(({ country }) => country === "Ghana").map(({ id }) => id),
  );
  assert.deepEqual(left({ from: "2020-01-03", to: "2020-01-04" }), ["chip2", "chip3"]);
  assert.deepEqual(left({ from: "2020-01-04", to: "2020-01-03" }), ["chip2", "chip3"], "dates the wrong way round");
  assert.equal(left({ country: ["Atlantis"] }).length, chips.length, "a country that is not in the catalog");
  assert.equal(left({ predicted: "no" }).length, 0);
  assert.equal(left({ seen: "yes" }).length, 0);
  left({ iou: [0.5, 1] }).forEach((id) => assert.ok(catalog.chipFigures("m", id, k).iou >= 0.5));
});

test("a region is a chip's group, whichever way they are grouped", () => {
  begin();
  filters.use({ by: "water", region: grouping.nameOf("water", chips[0], "m") });
  assert.ok(filters.focused(chips[0].id));
  assert.equal(grouping.nameOf("country", { unplaced: "no CRS" }), "No place");
  assert.equal(grouping.shareOf(0, 0), grouping.UNKNOWN);
  const { codes, names } = grouping.filed("water", "m");
  assert.equal(names[codes[0]], grouping.nameOf("water", chips[0], "m"));
});

test("a chip whose files are others has no prediction any more", () => {
  begin();
  catalog.setCatalog(table([{ ...chips[0], revision: "2" }, ...chips.slice(2)]));
  assert.equal(catalog.prediction("m", chips[0].id), undefined);
  assert.equal(catalog.prediction("m", chips[1].id), undefined);
  assert.ok(catalog.gone.has(chips[1].id));
  assert.ok(catalog.prediction("m", chips[2].id));
});

test("a model beside itself differs nowhere", () => {
  begin();
  predict("same");
  const c = pairing.compared("m", "same", "country", k);
  assert.equal(c.difference, 0);
  assert.deepEqual(c.moved, []);
  assert.deepEqual([c.interval.low, c.interval.high], [0, 0]);
});
