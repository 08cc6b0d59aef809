// Small pure parts: the state, numbers as they are written, orders, colours, pictures of chips without a place.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as format from "../../assets/page/format.mjs";
import { sorted } from "../../assets/page/order.mjs";
import * as state from "../../assets/page/state.mjs";
import { dark, ramp } from "../../assets/scores/colour.mjs";
import { pool } from "../../assets/scores/headline.mjs";
import { ofPixel, size, toPixel } from "../../assets/scores/square.mjs";

test("who listens hears of a change once, with what was before, and of no other", () => {
  const heard = [];
  state.listen((now, before, told) => heard.push([now.tab, before.tab, told]));
  state.set({ tab: "chips" });
  state.set({ tab: "chips" });
  state.set({ tab: "chip" }, { told: true });
  assert.deepEqual(heard, [
    ["chips", null, false],
    ["chip", "chips", true],
  ]);
});

test("the level follows from the threshold", () => {
  state.set({ threshold: 0.3 });
  assert.equal(state.get().level, 77);
  state.set({ threshold: 0 });
  assert.equal(state.get().level, 0);
});

test("the state is another value after each change", () => {
  const before = state.get();
  state.set({ chip: "a" });
  assert.notEqual(state.get(), before);
  assert.equal(before.chip, null);
});

test("numbers are written in one way", () => {
  assert.equal(format.integer(1234567), "1\u2009234\u2009567");
  assert.equal(format.towns([{ town: "Suong", km: 1.4, wind: "N" }]), "at Suong");
  const far = [9.96, 88.4].map((km) => ({ town: "Suong", km, wind: "NE" }));
  assert.equal(format.towns(far), "10\u2009km NE of Suong, 88\u2009km NE of Suong");
  assert.equal(format.score(null), format.NONE);
  assert.equal(format.percent(0.0123), "1.2\u2009%");
  assert.equal(format.percent(0), "0\u2009%");
  assert.equal(format.count(1, "chip"), "1 chip");
  assert.equal(format.km2(12.34), "12.3\u2009km²");
  assert.equal(format.interval([0.1, 0.25]), "[0.10–0.25]");
  const [a, b] = [format.moment(), format.moment()];
  assert.ok(b > a);
});

test("rows without a value come last, whichever way they are sorted", () => {
  const rows = [
    { id: "a", date: null },
    { id: "b", date: "2020" },
    { id: "c", date: "2021" },
  ];
  const ids = (sort) =>
    sorted(rows, sort)
      .map(({ id }) => id)
      .join("");
  assert.equal(ids("newest"), "cba");
  assert.equal(ids("oldest"), "bca");
});

test("a headline counts unseen chips, and says where there are none", () => {
  assert.deepEqual(pool([{ seen: true }, { seen: false }]), { counted: [{ seen: false }], seen: false });
  assert.equal(pool([{ seen: true }, { seen: null }]).seen, true);
  assert.equal(pool([{ seen: null }]).seen, null);
});

test("a ramp begins and ends with its stops, and dark grounds have light letters", () => {
  const stops = ["#000000", "#808080", "#ffffff"];
  assert.equal(ramp(stops, -1), "rgb(0,0,0)");
  assert.equal(ramp(stops, 0.5), "rgb(128,128,128)");
  assert.equal(ramp(stops, 2), "rgb(255,255,255)");
  assert.ok(dark("rgb(0,0,0)") && !dark("rgb(255,255,255)"));
});

test("a pixel of a picture is found again at its place", () => {
  const chip = { frame: [-0.01, -0.02, 0.03, 0.02] };
  const [width, height] = size(chip);
  const corner = toPixel(chip, [0.03, -0.02]);
  assert.ok(Math.abs(corner[0] - width) < 1e-6 && Math.abs(corner[1] - height) < 1e-6);
  const back = toPixel(chip, ofPixel(chip, [17, 5]));
  assert.ok(Math.abs(back[0] - 17) < 1e-6 && Math.abs(back[1] - 5) < 1e-6);
});
