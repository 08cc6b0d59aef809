// What the panel says of how far to trust a chip's water.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as trust from "../../assets/data/trust.mjs";
import { level, suffixSums } from "../../assets/scores/histogram.mjs";

// 10 km2 that are surely dry, 2 that are unsure, 8 that are surely water.
const counts = new Float64Array(255);
counts[0] = 10;
counts[127] = 2;
counts[254] = 8;
const recorded = { low: 0.35, high: 0.5, chips: 196, groups: 3, by: "source" };
const detail = (range, placed = true) => ({
  area: suffixSums(counts),
  placed,
  trust: { range, held_out: null, fails: null },
});
const somalia = { country: "Somalia", chips: 1, iou: 0.069, km: 412 };
const india = { country: "India", chips: 1, iou: 0.7553, km: null };
const ghana = { country: "Ghana", chips: 2, iou: null, km: null };
const held = { here: null, nearest: null, iou: 0.7309, iou_ci: [0.48, 0.93], chips: 12, note: null };

test("the range is of the recorded error, whatever the threshold, and says what it rests on", () => {
  const said = trust.range(detail(recorded), level(0.5));
  assert.equal(said.name, "95 % range");
  assert.equal(said.value, "7.0–10.0\u2009km²");
  assert.match(said.rests, /model's error on 196 chips of 3 sources, left out of its training in turn/);
  assert.equal(said.beside, "");
  assert.equal(trust.range(detail(recorded), level(0.9)).value, said.value);
});

test("water beside the range is told, on either side", () => {
  assert.match(trust.range(detail(recorded), 0).beside, /above the range/);
  assert.match(trust.range(detail({ ...recorded, low: 0.45 }), level(0.9)).beside, /below the range/);
});

test("without a recorded error the range is what is sure to what is not surely dry, and says that it is no more", () => {
  const said = trust.range(detail(null), level(0.5));
  assert.equal(said.value, "8.0–10.0\u2009km²");
  assert.equal(said.note, "p ≥ 0.75 to p ≥ 0.25");
  assert.match(said.rests, /records no error/);
});

test("of a chip without a place the range is one of shares", () => {
  assert.equal(trust.range(detail(recorded, false), level(0.5)).value, "35–50\u2009%");
});

test("groups are counted by what they are", () => {
  assert.match(trust.range(detail({ ...recorded, by: "country" }), 127).rests, /196 chips of 3 countries/);
  assert.match(trust.range(detail({ ...recorded, groups: null }), 127).rests, /196 chips, left/);
});

test("held-out figures: the chip's country first, over all where that is too little to go by", () => {
  const rows = (held_out, country) =>
    trust.elsewhere({ range: null, held_out, fails: null }, country).map(({ name, value }) => `${name}: ${value}`);
  const all = "Held out over all: IoU 0.73 [0.48–0.93], n = 12";
  assert.deepEqual(rows({ ...held, here: india }, "India"), ["Held out in India: IoU 0.76, n = 1", all]);
  assert.deepEqual(rows({ ...held, here: { ...india, chips: 9 } }, "India"), ["Held out in India: IoU 0.76, n = 9"]);
  assert.deepEqual(rows({ ...held, here: ghana }, "Ghana"), ["Held out in Ghana: no water in its labels, n = 2", all]);
  assert.deepEqual(rows({ ...held, nearest: somalia }, "Kenya"), [
    "Held out in Kenya: no chip",
    "Nearest held out: Somalia, 412\u2009km: IoU 0.07, n = 1",
    all,
  ]);
  assert.deepEqual(rows(held, null), [all]);
  assert.deepEqual(rows(null, "Kenya"), ["Held out: this model records no figures"]);
});

test("of the water at a level what is usual, and what is not known, is no flood", () => {
  const [usual, unknown] = [new Float64Array(255), new Float64Array(255)];
  usual[254] = 5;
  unknown[127] = 0.5;
  const told = { area: suffixSums(usual), unknown: suffixSums(unknown), least: 0.5 };
  assert.deepEqual(trust.parts({ ...detail(null), usual: told }, level(0.5)), { flood: 4.5, usual: 5, unknown: 0.5 });
  assert.deepEqual(trust.parts({ ...detail(null), usual: told }, level(0.9)), { flood: 3, usual: 5, unknown: 0 });
  assert.equal(trust.parts({ ...detail(null), usual: null }, level(0.5)), null);
  assert.equal(trust.parts({ ...detail(null), usual: { problem: "it holds percent" } }, level(0.5)), null);
});
