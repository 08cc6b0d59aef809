// The catalog and what a model has predicted, asked of the server as columns.
import { bytes } from "../page/ask.mjs";
import * as catalog from "./catalog.mjs";
import { decode } from "./columns.mjs";

const table = async (url) => decode(await bytes(url, { cache: "no-store" }));

/** Have the server's catalog in the book; returns what is said of it beside. */
export const chips = async () => {
  const { about, ...columns } = await table("catalog/chips");
  catalog.setCatalog({ about, ...columns });
  return about;
};

/** Have all predictions of a model in the book. @param {string} model */
export const predictions = async (model) => {
  const told = await table(`catalog/predictions?model=${encodeURIComponent(model)}`);
  catalog.places.set(model, told.about.place);
  return catalog.load(model, told);
};

let there = null; // the model whose predictions are here, all that the server had
/** Have what a model has predicted that the server has opened, or not. @param {{model: string, state: string}} told */
export const ofModel = async ({ model, state }) => {
  there = null;
  if (state === "error") return;
  await predictions(model);
  there = model;
};
/** Whether nothing more is on its way of such a model. @param {{model: string, state: string}} told */
export const isThere = ({ model, state }) => state === "error" || there === model;
