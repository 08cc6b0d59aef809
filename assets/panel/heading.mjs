// What the header says of the catalog.
import * as catalog from "../data/catalog.mjs";
import { html } from "../page/drawn.mjs";
import * as format from "../page/format.mjs";

export const ofCatalog = () => {
  const { counts, simulated, name } = catalog.info;
  const label = [html.Span({ className: "fs-catalog-name", title: name }, name)];
  if (simulated) label.push(html.Span({ className: "fs-badge fs-badge-simulated" }, "Simulated data"));
  label.push(html.Span({ className: "fs-catalog-count" }, `${format.count(counts.imagery, "chip")} with imagery`));
  if (counts.unplaced)
    label.push(
      html.Span(
        { className: "fs-catalog-count", title: "They are shown as pictures: open them from the Chips table." },
        `${format.integer(counts.unplaced)} without a place`,
      ),
    );
  return label;
};
