// Layers of a person's own: their text in the link, what may be asked, and what is taken of a GeoJSON.

import assert from "node:assert/strict";
import { test } from "node:test";
import { shapesOf } from "../../assets/page/geojson.mjs";
import { allowed, entriesOf, LETTERS, MOST, problemOf, read, wmsOf, wmsWith, write } from "../../assets/page/own.mjs";

const XYZ = {
  kind: "xyz",
  opacity: 80,
  on: true,
  under: true,
  name: "Roads",
  attribution: "© A",
  address: "https://a.example/{z}/{x}/{y}.png",
};
const FILE = { kind: "file", opacity: 100, on: false, under: false, name: "area.geojson", attribution: "", address: "" };
const HOSTS = ["https://a.example", "http://b.example:81"];

test("a layer survives the way into its text and back", () => {
  [XYZ, FILE, { ...XYZ, address: "https://a.example/{z}/{x}/{y}?a=~b~" }].forEach((own) =>
    assert.deepEqual(read(write(own)), own),
  );
  assert.equal(read(write({ ...XYZ, name: " a~b\n c " })).name, "a b c");
  assert.equal(read(write({ ...FILE, name: "n".repeat(500) })).name.length, LETTERS.name);
});

test("a text that is no layer is understood as none", () => {
  const senseless = [
    "",
    "xyz",
    "xyz~x~over~a~~https://a",
    "xyz~101~over~a~~https://a",
    "xyz~50~beside~a~~https://a",
    "xyz~50~over~~~https://a",
  ];
  const bad = ["toString~5~over~a~~https://a", "xyz~5~toString~a~~https://a", "file~5~over~a~~https://a", "xyz~5~over~a~~"];
  const long = [`xyz~5~over~${"a".repeat(81)}~~https://a`, `xyz~5~over~a~~https://${"a".repeat(1000)}`];
  [...senseless, ...bad, ...long].forEach((text) => assert.equal(read(text), null, text.slice(0, 40)));
});

test("of a link each layer is taken once, and no more than there may be", () => {
  const texts = Array.from({ length: 30 }, (_, i) => write({ ...FILE, name: `${i % 20}.json` }));
  const found = entriesOf([write(XYZ), write({ ...XYZ, opacity: 10 }), "nonsense", ...texts]);
  assert.equal(found[0].own.opacity, 80);
  assert.equal(found[1].own, null);
  assert.ok(found.length <= MOST && new Set(found.map(({ key }) => key)).size === found.length);
});

test("hosts that the operator did not name are not asked, and the sentence says what to ask the operator", () => {
  assert.equal(problemOf(XYZ, HOSTS), "");
  assert.equal(problemOf(FILE, []), "");
  const refused = (address, says, kind = "xyz") => assert.match(problemOf({ kind, address }, HOSTS), says, address);
  refused("https://c.example/{z}/{x}/{y}.png", /--layer-host c\.example\.$/);
  refused("http://a.example/{z}/{x}/{y}.png", /--layer-host http:\/\/a\.example\.$/);
  refused("https://a.example.evil.example/{z}/{x}/{y}.png", /--layer-host a\.example\.evil\.example\.$/);
  refused("https://{s}.a.example/{z}/{x}/{y}.png", /Name one host/);
  refused("https://u:p@a.example/{z}/{x}/{y}.png", /a name or a password/);
  refused("javascript:alert(1)//{z}{x}{y}", /no address/);
  refused("//a.example/{z}/{x}/{y}.png", /no address/);
  refused("https://a.example/{z}/{x}.png", /\{z\}, \{x\} and \{y\}/);
  refused("https://a.example/{z}/{x}/{y}{r}.png", /nothing else in braces/);
  refused("https://a.example/wms", /which layers/, "wms");
  assert.equal(problemOf({ kind: "xyz", address: "http://b.example:81/{z}/{x}/{-y}.png" }, HOSTS), "");
  assert.equal(problemOf({ kind: "geojson", address: "https://a.example/a.geojson" }, HOSTS), "");
});

test("which hosts may be asked is said, and what to ask for another", () => {
  assert.match(allowed([]), /lets the page ask nobody else.*--layer-host HOST\.$/);
  assert.match(allowed(HOSTS), /^Allowed hosts: a\.example, http:\/\/b\.example:81\. .*--layer-host HOST too\.$/);
});

test("a WMS is asked as its address says, whatever a whole request had in it", () => {
  const pasted =
    "https://a.example/wms?map=x&SERVICE=WMS&REQUEST=GetMap&version=1.1.1&layers=r,s&styles=blue&bbox=1,2,3,4&SRS=EPSG:4326&width=9&format=image/jpeg";
  const { url, params } = wmsOf(pasted);
  assert.equal(url, "https://a.example/wms?map=x");
  assert.deepEqual(params, { layers: "r,s", styles: "blue", version: "1.1.1", format: "image/png", transparent: true });
  const again = wmsWith(pasted, "", "1.3.0");
  assert.deepEqual(wmsOf(again), { url, params: { ...params, version: "1.3.0" } });
  assert.equal(wmsWith("https://a.example/wms", "a b, c", "1.3.0"), "https://a.example/wms?LAYERS=a+b%2C+c&VERSION=1.3.0");
  assert.equal(wmsOf(wmsWith("https://a.example/wms", "a b", "1.3.0")).params.layers, "a b");
});

const line = (...coordinates) => ({ type: "LineString", coordinates });
test("of a GeoJSON its shapes are taken, and nothing else", () => {
  const properties = { name: "<img src=x onerror=alert(1)>" };
  const whole = {
    type: "FeatureCollection",
    features: [
      { type: "Feature", properties, geometry: { type: "GeometryCollection", geometries: [line([1, 2, 300], [3, 4])] } },
      { type: "Feature", properties, geometry: null },
      { type: "Feature", properties, geometry: { type: "Polygon", coordinates: [[[-5, 0], [1, 0], [1, 9], [-5, 0]]], properties } }, // biome-ignore format: corners
    ],
  };
  const { geometries, bounds } = shapesOf(JSON.stringify(whole));
  assert.deepEqual(geometries[0], line([1, 2], [3, 4]));
  assert.deepEqual(Object.keys(geometries[1]), ["type", "coordinates"]);
  assert.deepEqual(bounds, [-5, 0, 3, 9]);
});

test("what is no GeoJSON is refused in a sentence", () => {
  const refused = (text, says) => assert.throws(() => shapesOf(text), { message: says }, text.slice(0, 60));
  refused('{"type": "Feature"', /not whole/);
  refused("[]", /no GeoJSON/);
  refused("7", /no GeoJSON/);
  refused("null", /no shape/);
  refused('{"type": "Topology"}', /no GeoJSON/);
  refused('{"type": "toString", "coordinates": []}', /no GeoJSON/);
  refused('{"type": "FeatureCollection", "features": []}', /no shape/);
  refused(JSON.stringify(line([500000, 5200000], [1, 1])), /500000, 5200000: convert it/);
  refused('{"type": "Point", "coordinates": ["1", "2"]}', /no pair of numbers/);
  refused('{"type": "Point", "coordinates": {}}', /no pair of numbers/);
  refused('{"type": "Polygon", "coordinates": [1]}', /no list/);
  refused(`{"type":"MultiPoint","coordinates":[${"[0,0],".repeat(500000)}[0,0]]}`, /more than 500,000 positions/);
  const deep = (n) => (n ? { type: "GeometryCollection", geometries: [deep(n - 1)] } : line([0, 0], [1, 1]));
  refused(JSON.stringify(deep(20)), /too deep/);
  refused(`${"[".repeat(100000)}${"]".repeat(100000)}`, /no GeoJSON|not whole/);
});
