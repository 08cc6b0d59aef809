// The address of the page: a table of fields, read and written without a browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import { addressOf } from "../../assets/page/address.mjs";
import { hash } from "../../assets/scores/intervals.mjs";
import { said } from "./said.mjs";

const names = (fits) => said.layers.layers.filter(fits).map(({ name }) => name);
const address = addressOf({
  images: names(({ kind }) => kind === "image"),
  overlays: names(({ kind, strip }) => kind === "overlay" && strip),
  swiped: names(({ swipe }) => swipe),
  preferredTheme: "light",
});
const settings = {
  model: "a",
  models: [
    { spec: "a", threshold: 0.4 },
    { spec: "b", threshold: 0.6 },
  ],
};

// A random state: the table draws what it can. lowbias32 is the randomness.
const drawn = (seed) => {
  let n = 1000 * seed;
  const random = () => {
    n += 1;
    return hash(n) / 4294967296;
  };
  const pick = (list) => list[Math.floor(random() * list.length)];
  const state = Object.fromEntries(address.FIELDS.map(({ name, draw }) => [name, draw ? draw(random) : null]));
  const spot = () => [Number((360 * random() - 180).toFixed(6)), Number((160 * random() - 80).toFixed(6))];
  return {
    ...state,
    chip: random() < 0.6 ? pick(["Ghana_1", "a b & c", "é/ü?"]) : null,
    model: pick(["a", "b"]),
    other: random() < 0.5 ? "stored:x" : null,
    countries: ["Sri Lanka", "Côte d'Ivoire"].filter(() => random() < 0.5),
    events: ["a, b", "c=d"].filter(() => random() < 0.5),
    splits: [],
    layers: ["xyz~80~over~A & b~~https://a.example/{z}/{x}/{y}.png?k=1~2", "file~100~under-off~a.geojson~Ü~"].filter(
      () => random() < 0.5,
    ),
    region: random() < 0.5 ? pick(["No place", "5 to 20 %"]) : null,
    pin: random() < 0.5 ? spot() : null,
    area: random() < 0.5 ? [spot(), spot(), spot()] : null,
  };
};

test("the table names the components that Python names", () => {
  const places = [...new Set(address.FIELDS.map(({ at }) => at).filter(Boolean))];
  assert.deepEqual(places.sort(), [...said.components].sort());
});

test("200 random states survive the way into the address and back", () => {
  for (let seed = 0; seed < 200; seed += 1) {
    const state = drawn(seed);
    const search = address.format(state);
    assert.deepEqual(address.complete(address.parse(search), settings), state, search);
  }
});

test("what makes no sense in an address is what its default is", () => {
  const search =
    "?chip=&z=99&lat=no&lon=&model=nosuch&base=nosuch&overlay=1&t=2&o=-1&tab=x&theme=blue&mode=three&left=x&right=&at=7&pin=1&area=1,2;3,4" +
    "&by=x&list=x&sort=x&wide=2&from=2020-13-01&to=x&iou=0.7-0.2&labelled=maybe&predicted=&seen=1&known=x";
  assert.deepEqual(address.complete(address.parse(search), settings), address.complete(address.parse(""), settings));
});

test("a place is one where all three parts are there", () => {
  assert.equal(address.parse("?z=5&lat=1").zoom, null);
  assert.equal(address.parse("?z=5&lat=1&lon=2").zoom, 5);
});

test("where the address says nothing, the model says the threshold", () => {
  assert.equal(address.complete(address.parse("?model=b"), settings).threshold, 0.6);
  assert.equal(address.complete(address.parse(""), settings).threshold, 0.4);
});

test("another chip is a step that Back undoes, another threshold is none", () => {
  const [one, other] = [address.parse("?chip=a&t=0.3"), address.parse("?chip=b&t=0.3")];
  assert.ok(address.isStep(one, other));
  assert.ok(!address.isStep(one, { ...one, threshold: 0.7 }));
});

test("another layer of one's own is a step, how opaque one is, is none", () => {
  const [one, other] = ["xyz~80~over~A~~https://a.example/", "file~80~over~b.json~~"];
  const of = (...layers) => ({ ...address.parse(""), layers });
  assert.ok(address.isStep(of(), of(one)));
  assert.ok(address.isStep(of(one, other), of(other, one)));
  assert.ok(!address.isStep(of(one), of(one.replace("80", "20"))));
  assert.ok(!address.isStep(address.parse(""), of()));
});

test("components take their values from a state and give them back", () => {
  for (let seed = 0; seed < 50; seed += 1) {
    const state = drawn(seed);
    const values = address.toComponents(state, settings, false);
    values.set("view.data", { lat: state.lat, lon: state.lon, zoom: state.zoom });
    assert.deepEqual(address.fromComponents(values), state);
  }
});
