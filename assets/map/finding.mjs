// The search box: chips and countries of the catalog, towns and coordinates; and where each of them leads.
import * as filters from "../data/filters.mjs";
import { offered } from "../data/finding.mjs";
import { filed } from "../data/grouping.mjs";
import { tell } from "../page/bridge.mjs";
import * as flights from "./flights.mjs";
import * as board from "./picture.mjs";
import * as tiles from "./tiles.mjs";

const AROUND = 0.06; // degrees around a place that is flown to
let groups = []; // of the catalog, for what was typed last

/** What the catalog has for what is typed, by groups as Mantine takes them. @param {string | null} typed */
export const options = (typed) => {
  groups = offered(typed);
  return groups;
};

/** Offer places beside them. @param {{value: string, label: string}[]} places values are "place:lat,lon" */
export const offer = (places) =>
  tell("search", { data: places.length ? [...groups, { group: "Places", items: places }] : groups });

/** Go where a choice leads; returns the tab to show, if any. @param {string} value */
export const go = (value) => {
  const name = value.slice(value.indexOf(":") + 1);
  if (value.startsWith("chip:")) {
    tiles.choose(name);
    return null;
  }
  if (value.startsWith("place:")) {
    const [lat, lon] = name.split(",").map(Number);
    board.close();
    flights.flyToBounds([lon - AROUND, lat - AROUND, lon + AROUND, lat + AROUND], { maxZoom: 12 });
    return null;
  }
  const { codes, names } = filed("country");
  const there = Array.from(codes.keys()).filter((row) => names[codes[row]] === name);
  const open = there.filter((row) => !filters.isGhost(row));
  flights.flyToChips(open.length ? open : there);
  return "regions";
};
