// The files of the open chip: how they were read, CRS, nodata, tags.

import * as catalog from "../data/catalog.mjs";
import { ask } from "../page/ask.mjs";
import { fill, make } from "../page/dom.mjs";
import * as format from "../page/format.mjs";

const told = new Map();
const line = (name, value) =>
  make("div", { class: "fs-row" }, make("span", { class: "fs-row-name" }, name), make("span", { class: "fs-row-value" }, value));
const number = (value) => (Math.abs(value) >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(7))));
const file = (f) =>
  make(
    "div",
    { class: "fs-rows" },
    make("h3", {}, f.file),
    line("Bands", f.roles.join(", ")),
    ...(f.error
      ? [make("p", { class: "fs-notice fs-notice-error" }, f.error)]
      : [
          ...(f.crs
            ? [
                line("CRS", f.crs),
                line("Size", `${f.size.join(" × ")} px of ${f.pixel.map(number).join(" × ")}`),
                line("Bounds (W, S, E, N)", f.bounds.map(number).join(", ")),
              ]
            : [line("Place", f.unplaced), line("Size", `${f.size.join(" × ")} px`)]),
          line("Type", f.dtypes.join(", ")),
          line("Nodata", [...new Set(f.nodata)].join(", ")),
          line("Modified", `${f.modified.slice(0, 16).replace("T", " ")} UTC`),
          line("File size", `${format.integer(f.bytes / 1024)} KiB`),
          ...Object.entries(f.tags).map(([key, value]) => line(key, value)),
        ]),
  );
// What the door decided of the files, and on what grounds.
const decided = (decisions) =>
  decisions.length
    ? [
        make(
          "div",
          { class: "fs-rows" },
          make("h3", {}, "How they were read"),
          ...decisions.map(({ about, text }) => line(`${about[0].toUpperCase()}${about.slice(1)}`, text)),
        ),
      ]
    : [];
const show = (id) => {
  const chip = id && catalog.chips.get(id);
  if (!chip || !chip.imagery) {
    fill("chip-files");
    return;
  }
  const details = make(
    "details",
    { class: "fs-explained", id: "chip-files-details", "data-chip": id },
    make("summary", {}, "Files of this chip: how they were read, CRS, nodata, tags"),
  );
  const before = document.getElementById("chip-files-details");
  if (before && before.dataset.chip === id) return;
  const body = make("div", {});
  details.append(body);
  const read = () => {
    if (!details.open) return;
    const key = `${id} ${chip.revision}`; // another image may come to have the name
    if (told.has(key)) {
      body.replaceChildren(...decided(told.get(key).decisions), ...told.get(key).files.map(file));
      return;
    }
    body.replaceChildren(make("p", { class: "fs-soft" }, "Reading the files …"));
    ask(`review/metadata/${encodeURIComponent(id)}`).then(
      (list) => {
        told.set(key, list);
        read();
      },
      (error) => body.replaceChildren(make("p", { class: "fs-notice fs-notice-error" }, error.message)),
    );
  };
  details.addEventListener("toggle", read);
  fill("chip-files", details);
  read();
};

export { show };
