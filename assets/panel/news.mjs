// What streams have brought, newest first: when, where, how much water against the share that was asked about; a link opens it.

import * as catalog from "../data/catalog.mjs";
import { ask } from "../page/ask.mjs";
import { tell } from "../page/bridge.mjs";
import { dialog, say } from "../page/dialogs.mjs";
import { make } from "../page/dom.mjs";

const AGAIN_MS = 3000; // after a question that failed
let parts = null; // the dialog and what changes in it, made when it is first needed
let news = [];
let asked = false; // whether they were asked for before

const percent = (share) => `${(100 * share).toFixed(1)}\u2009%`;

/**
 * @param {{share: number?, share_ci: number[]?, above: number?, water_km2: number?}} one
 * @returns {string} its water, and the share that an alert begins at
 */
export const water = ({ share, share_ci, above, water_km2 }) =>
  [
    water_km2 === null ? null : `${water_km2.toFixed(2)} km²`,
    share === null || !share_ci ? null : `${percent(share)} [${share_ci.map((end) => (100 * end).toFixed(1)).join("–")}]`,
    above === null ? null : `alert above ${percent(above)}`,
  ]
    .filter(Boolean)
    .join(", ");

/**
 * @param {{id: string, spec: string}} one
 * @returns {string} the address that opens it under the model that predicted it
 */
export const address = ({ id, spec }) => `?${new URLSearchParams({ chip: id, model: spec })}`;

const row = (one) =>
  make(
    "li",
    {},
    make("a", { href: address(one), text: one.id }),
    make("span", { text: [one.created.slice(0, 16).replace("T", " "), one.country, water(one)].filter(Boolean).join(" · ") }),
    one.alert ? make("strong", { text: "Alert" }) : null,
  );

const show = () => {
  if (!parts) return;
  parts.list.replaceChildren(...news.map(row));
  say(parts.result, null);
};

const open = () => {
  if (!parts) {
    const list = make("ul", { class: "fs-uploads-list" });
    const result = make("div", { role: "status" });
    parts = { list, result, box: dialog("news-dialog", "What is new", result, list) };
  }
  show();
  if (!parts.box.open) parts.box.showModal();
};

// With each catalog that comes in: what streams bring changes it.
const renew = async () => {
  const button = document.getElementById("whats-new");
  if (!button || !catalog.version) return;
  const before = news[0] && news[0].created;
  ({ news } = await ask("news"));
  button.hidden = news.length === 0;
  show();
  // The model may be the page's own: its predictions are asked for again, so that the new chip has its colour.
  if (asked && news[0] && news[0].created !== before) tell("endpoint-news", { data: Date.now() });
  asked = true;
};
// A page whose server is gone says so itself.
const look = () => {
  renew().catch(() => setTimeout(look, AGAIN_MS));
};

document.addEventListener("click", (event) => {
  if (event.target instanceof Element && event.target.closest("#whats-new")) open();
});
catalog.listen(look);
look();
