// Thumbnails of chips: the false colour, and the errors at the present threshold, which an SVG filter makes of score pixels.

import * as catalog from "../data/catalog.mjs";
import { libraries } from "../page/bridge.mjs";
import * as dom from "../page/dom.mjs";

// A scene may be drawn only once it was opened: then its pictures have another address, and come anew.
const opened = (chip) => (chip.scene && catalog.drawings.get(chip.id)?.settled ? "?opened" : "");
const address = (kind, chip, revision) =>
  `review/thumbnails/${kind}/${encodeURIComponent(chip.id)}/${revision}.png${opened(chip)}`;

// The pictures of a chip under a model: [class, images], each image [class, address].
/** @returns {[string, [string, string][]][]} */
const pictures = (chip, model) => {
  if (!chip.imagery) return [];
  const p = catalog.prediction(model, chip.id);
  const image = address("composite", chip, chip.revision);
  const kind = chip.labelled ? "errors" : "prediction"; // what there is to see of a chip without a label
  /** @type {[string, [string, string][]]} */
  const plain = [`fs-thumb${chip.unplaced ? " fs-thumb-unplaced" : chip.scene ? " fs-thumb-scene" : ""}`, [["", image]]];
  if (!p) return [plain];
  const scores = address("scores", chip, p.revision);
  return [
    plain,
    [
      "fs-thumb",
      [
        ["fs-thumb-grey", image],
        [`fs-thumb-${kind}`, scores],
      ],
    ],
  ];
};

const SIZE = { width: 128, height: 128, loading: "lazy", decoding: "async", alt: "" };
const said = (chip) => (chip.scene ? { title: "A scene without overviews has its picture once it was opened" } : {});
const elements = (chip, model) =>
  pictures(chip, model).map(([name, images]) =>
    dom.make(
      "span",
      { class: name, ...said(chip) },
      images.map(([kind, src]) => dom.make("img", { ...SIZE, class: kind, src })),
    ),
  );

// The same for a cell of a table, which React draws.
const react = (chip, model) => {
  const { createElement } = libraries.React;
  return createElement(
    "span",
    { className: "fs-thumbs" },
    pictures(chip, model).map(([name, images], i) =>
      createElement(
        "span",
        { className: name, key: i, ...said(chip) },
        images.map(([kind, src]) => createElement("img", { ...SIZE, className: kind, src, key: src })),
      ),
    ),
  );
};

export { elements, react };
