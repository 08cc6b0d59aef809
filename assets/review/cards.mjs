// The cards of all models, in the Models tab.

import * as endpoints from "../data/endpoints.mjs";
import * as shelf from "../data/shelf.mjs";
import { ask } from "../page/ask.mjs";
import { fill, make } from "../page/dom.mjs";
import * as format from "../page/format.mjs";
import * as markdown from "../page/markdown.mjs";

const PLACE = "models-cards";
const texts = new Map(); // spec and id -> Markdown, or {error}

const cardOf = (m, opened) => {
  const key = `${m.spec} ${m.id}`; // an endpoint may run another model by now
  const held = texts.get(key);
  if (opened && !held) {
    texts.set(key, "");
    ask(`review/card?model=${encodeURIComponent(m.spec)}`)
      .then(
        (told) => texts.set(key, told.markdown),
        (error) => texts.set(key, { error: error.message }),
      )
      .then(() => show(null));
  }
  if (held && held.error) return [make("p", { class: "fs-notice fs-notice-error" }, held.error)];
  return held ? markdown.render(held) : [make("p", { class: "fs-soft" }, "Reading the card …")];
};
let listed = [];
let inUse = null;
const show = (settings, model = inUse) => {
  inUse = model;
  if (settings) {
    const known = new Map(shelf.models.map((m) => [m.spec, m]));
    listed = [
      ...settings.models.map((m) => ({ ...m, ...known.get(m.spec), ...endpoints.of(m.spec) })),
      ...shelf.models.filter((m) => !m.offered && !settings.models.some((s) => s.spec === m.spec)),
    ];
  }
  fill(
    PLACE,
    make("h2", {}, "Model cards"),
    listed.map((m, i) => {
      const id = `model-card-${i}`;
      const before = /** @type {HTMLDetailsElement | null} */ (document.getElementById(id));
      const card = make(
        "details",
        { class: "fs-model-card", id, open: before ? before.open : Boolean(m.error) },
        make(
          "summary",
          {},
          m.name,
          m.spec === inUse ? " (in use)" : "",
          make(
            "span",
            { class: "fs-soft" },
            m.device && !m.error && m.device !== "not loaded" ? ` Runs on ${m.device}.` : "",
            m.error
              ? " cannot be opened"
              : m.latest
                ? ` ${format.count(m.chips, "chip")}, latest ${m.latest.slice(0, 10)}`
                : " nothing predicted",
          ),
        ),
        m.error ? make("p", { class: "fs-notice fs-notice-error" }, m.error) : before && before.open ? cardOf(m, true) : "",
      );
      card.addEventListener("toggle", () => {
        if (card.open && card.children.length < 2 && !m.error) show(null);
      });
      return card;
    }),
  );
};

export { show };
