// What the search offers for what is typed: countries, then chips, a few of each.
import * as catalog from "./catalog.mjs";

const MOST = 30;

/** @param {string | null} typed */
export const offered = (typed) => {
  const text = (typed || "").trim().toLowerCase();
  const { ids, ghosts } = catalog.chips;
  const holds = (/** @type {string} */ name) => name.toLowerCase().includes(text);
  const group = (name, kind, names) => ({ group: name, items: names.map((label) => ({ value: `${kind}:${label}`, label })) });
  const [chips, known] = [[], []];
  for (let row = 0; row < ids.length && chips.length < MOST; row += 1) {
    const list = ghosts[row] ? known : chips;
    if (list.length < MOST && holds(ids[row])) list.push(ids[row]);
  }
  return [
    group("Countries", "country", (catalog.info.countries || []).filter(holds)),
    group("Chips", "chip", chips),
    group("Known only, no image", "chip", known),
  ].filter(({ items }) => items.length);
};
