// What fades on the map while a region is chosen: the chips and countries of all others. (Clusters say it themselves: inview.mjs.)

import * as catalog from "../data/catalog.mjs";
import { textOf } from "../data/columns.mjs";
import * as filters from "../data/filters.mjs";
import * as palette from "./palette.mjs";

let countries = null; // those with a chip of the region; null: no region is chosen

const pale = (style) => ({ ...style, opacity: (style.opacity ?? 1) * 0.25, fillOpacity: (style.fillOpacity ?? 1) * 0.15 });
const chip = (id, style) => (countries === null || filters.focused(id) ? style : pale(style));
const country = (name, style) =>
  countries === null || countries.has(name) ? style : { ...style, fillColor: palette.ofTheme("--fs-land"), fillOpacity: 1 };

// Another region is chosen, or none.
const use = (region) => {
  countries = null;
  if (!region) return;
  const focused = filters.focusedRows();
  const { chips } = catalog;
  countries = new Set();
  for (let row = 0; row < chips.size; row += 1) if (focused(row)) countries.add(textOf(chips.texts.country, row));
};

export { chip, country, use };
