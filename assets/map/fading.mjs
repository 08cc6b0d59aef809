// What fades on the map while a region is chosen: the chips, countries and clusters of all others.

import * as catalog from "../data/catalog.mjs";
import * as filters from "../data/filters.mjs";
import * as palette from "./palette.mjs";

let countries = null; // those with a chip of the region; null: no region is chosen
const clusters = new Map(); // marker -> ids of its chips

const pale = (style) => ({ ...style, opacity: (style.opacity ?? 1) * 0.25, fillOpacity: (style.fillOpacity ?? 1) * 0.15 });
const chip = (id, style) => (countries === null || filters.focused(id) ? style : pale(style));
const country = (name, style) =>
  countries === null || countries.has(name) ? style : { ...style, fillColor: palette.ofTheme("--fs-land"), fillOpacity: 1 };

const mark = (marker, ids) => {
  const icon = marker.getElement();
  if (icon) icon.classList.toggle("fs-faded", countries !== null && !ids.some((id) => filters.focused(id)));
};
// The ids of a cluster's chips.
const members = (feature, index) =>
  index && index.getLeaves ? index.getLeaves(feature.properties.cluster_id, Infinity).map((leaf) => leaf.properties.chip) : [];
// A cluster is drawn, of chips that its index knows.
const cluster = (marker, feature, index) => {
  const ids = members(feature, index);
  marker.on("add", () => {
    clusters.set(marker, ids);
    mark(marker, ids);
  });
  marker.on("remove", () => clusters.delete(marker));
  return marker;
};

// Another region is chosen, or none.
const use = (region) => {
  countries = region ? new Set([...catalog.chips.values()].filter((c) => filters.focused(c.id)).map((c) => c.country)) : null;
  clusters.forEach((ids, marker) => mark(marker, ids));
};

export { chip, cluster, country, members, use };
