// The catalog and predictions as columns: what Python has written is read, and counts move from level to level.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Chips } from "../../assets/data/chips.mjs";
import { decode } from "../../assets/data/columns.mjs";
import { Predicted } from "../../assets/data/predicted.mjs";
import { Clusters } from "../../assets/map/clusters.mjs";
import * as scores from "../../assets/scores/histogram.mjs";
import * as intervals from "../../assets/scores/intervals.mjs";
import { Levels } from "../../assets/scores/levels.mjs";
import { said } from "./said.mjs";
import { table } from "./table.mjs";

const body = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)).buffer;
const LEVELS = [0, 1, 77, 127, 128, 254, 3, 200, 0];

test("the chips of columns are those that a program is told as JSON", () => {
  const chips = new Chips(decode(body(said.columns.chips)));
  assert.equal(chips.size, said.catalog.length);
  said.catalog.forEach((told, row) => {
    const chip = JSON.parse(JSON.stringify(chips.get(told.id)));
    assert.equal(chips.ids[row], told.id);
    Object.entries(told).forEach(([name, value]) => {
      if (name !== "ring") assert.deepEqual(chip[name], value, `${name} of ${told.id}`);
    });
    if (!told.ring) assert.equal(chip.ring, null);
    else chip.ring.forEach((corner) => assert.ok(told.ring.some(([x, y]) => x === corner[0] && y === corner[1])));
  });
});

test("predictions of columns are those that come one by one", () => {
  const [all, each] = [new Predicted(), new Predicted()];
  all.load(decode(body(said.columns.predictions)));
  said.predictions.forEach((p) => each.put(p, p.histogram && scores.countsOf(p.histogram)));
  assert.deepEqual([...all.keys()], [...each.keys()]);
  said.predictions.forEach(({ id, ...told }) => {
    const [one, other] = [all.get(id), each.get(id)];
    assert.deepEqual(one.histogram, other.histogram);
    assert.equal(Date.parse(one.created), Date.parse(told.created));
    ["revision", "seen", "valid_share", "valid_pixels", "uncertain", "model_name", "device", "seconds"].forEach((name) =>
      assert.equal(one[name], told[name], name),
    );
  });
});

test("a prediction that came meanwhile is not lost, and one that is older gives way", () => {
  const table = () => decode(body(said.columns.predictions));
  const [{ id }] = said.predictions;
  const book = new Predicted();
  const made = (created) => ({ id, revision: created, created, seen: false });
  book.put(made("2000-01-01T00:00:00Z"), null);
  book.put({ ...made("2000-01-01T00:00:00Z"), id: "new" }, null);
  book.load(table());
  assert.equal(book.get(id).revision, said.predictions[0].revision);
  assert.ok(book.has("new"));
  book.put(made("2999-01-01T00:00:00Z"), null);
  book.load(table());
  assert.equal(book.get(id).revision, "2999-01-01T00:00:00Z");
  book.delete(id);
  assert.equal(book.get(id), undefined);
  assert.equal(book.size, said.predictions.length);
});

test("counts at any level, wherever they come from, are those of the histogram", () => {
  const levels = new Levels();
  const counts = said.chips.map(({ histogram }) => scores.countsOf(histogram));
  LEVELS.forEach((level, turn) => {
    counts.forEach((some, place) => {
      if (place % LEVELS.length === turn) levels.put(place, some); // they come while the level moves
    });
    counts.forEach((_, place) => {
      if (place % LEVELS.length > turn) return;
      const h = scores.histogram(said.chips[place].histogram);
      assert.deepEqual(levels.confusion(place, level), scores.confusion(h, level));
      assert.deepEqual(levels.histogram(place), h);
    });
  });
  const places = counts.map((_, place) => place);
  const each = said.chips.map(({ histogram }) => scores.confusion(scores.histogram(histogram), 127));
  assert.deepEqual(levels.total(places, 127), scores.sum(each));
  assert.equal(
    levels.sum(places).water[0],
    each.reduce((s, c) => s + c.tp + c.fn, 0),
  );
  levels.put(3, null);
  assert.equal(levels.histogram(3), null);
});

test("an interval that comes bit by bit is the one that comes at once", () => {
  const levels = new Levels();
  said.chips.forEach(({ histogram }, place) => levels.put(place, scores.countsOf(histogram)));
  const places = said.chips.map((_, place) => place).filter((place) => levels.pixels(place));
  const values = levels.fractions(
    Array.from({ length: 3000 }, (_, i) => places[(7 * i) % places.length]),
    100,
  );
  const bits = intervals.inBits(values);
  let [bit, count] = [bits.next(), 0];
  while (!bit.done) [bit, count] = [bits.next(), count + 1];
  assert.ok(count > 10);
  assert.deepEqual(bit.value, intervals.ofFractions(values));
  assert.equal(intervals.inBits(levels.fractions([0], 100)).next().value, null);
});

test("clusters hold every place once at every zoom, and fall apart nearer", () => {
  let n = 7;
  const random = () => {
    n = (n * 1103515245 + 12345) % 2147483648;
    return n / 2147483648;
  };
  const places = Array.from({ length: 400 }, () => [20 + 3 * random() ** 2, 40 + 3 * random()]);
  const clusters = new Clusters(
    places.map((_, i) => i),
    (i) => places[i],
    8,
  );
  const counts = clusters.counts((place) => place % 4 === 0);
  for (let zoom = 0; zoom <= 9; zoom += 1) {
    const shown = clusters.within([-180, -85, 180, 85], zoom);
    assert.equal(
      shown.reduce((sum, { count }) => sum + count, 0),
      400,
    );
    assert.equal(
      counts[zoom].slice(0, shown.length).reduce((a, b) => a + b, 0),
      100,
    );
    shown.filter(({ place }) => place < 0).forEach(({ item }) => assert.ok(clusters.apart(item, zoom) > zoom));
  }
  assert.equal(clusters.within([-180, -85, 180, 85], 0).length, 1);
  assert.ok(clusters.within([20, 40, 20.5, 43], 9).every(({ place }) => places[place][0] <= 20.5));
});

test("rows that a box meets are found, and the box of some rows", () => {
  const chips = new Chips(
    table([
      { id: "a", bounds: [0, 0, 1, 1], imagery: true, revision: "1" },
      { id: "b", bounds: [5, 5, 6, 6], imagery: true, revision: "1" },
      { id: "none", revision: null },
    ]),
  );
  const met = [];
  chips.meeting([0.5, 0.5, 4, 4], (row) => met.push(chips.ids[row]));
  assert.deepEqual(met, ["a"]);
  assert.deepEqual(chips.around([0, 1, 2]), [0, 0, 6, 6]);
  assert.equal(chips.around([2]), null);
  assert.deepEqual([...chips.ghosts], [0, 0, 1]);
  chips.revise("b", "2");
  assert.equal(chips.get("b").revision, "2");
});
