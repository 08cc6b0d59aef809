// Taking predictions away: which chips, which files; made on the server in the background, fetched as one zip.

import * as catalog from "../data/catalog.mjs";
import * as filters from "../data/filters.mjs";
import { ask } from "../page/ask.mjs";
import { dialog, megabytes, progress, say } from "../page/dialogs.mjs";
import { make } from "../page/dom.mjs";
import * as format from "../page/format.mjs";
import * as state from "../page/state.mjs";

const POLL_MS = 400;
// Steps are chips, and of scenes windows and strips.
const STATES = { predicting: "Predicting, step", writing: "Writing, step", packing: "Packing file" };
let parts = null;
let running = null; // id of the export that is being made

// The ids of the chips with imagery that filters and region leave, or null where neither is set.
const filtered = () =>
  filters.any() || filters.context.region
    ? filters
        .chips()
        .filter((c) => c.imagery && filters.focused(c.id))
        .map((c) => c.id)
    : null;
const left = (ids) => {
  const { region } = filters.context;
  const by = !region ? "the filters leave" : filters.any() ? "filters and region leave" : `${region} has`;
  return ids.length ? `The ${format.count(ids.length, "chip")} with imagery that ${by}` : `None: ${by} no chip with imagery`;
};

const radio = ({ value, text, empty }, checked) =>
  make(
    "label",
    { class: "fs-choice" },
    make("input", { type: "radio", name: "takeaway-chips", value, checked, disabled: empty }),
    make("span", { text }),
  );
const box = ({ name, title, note, chosen }) =>
  make(
    "label",
    { class: "fs-choice" },
    make("input", { type: "checkbox", name: "takeaway-format", value: name, checked: chosen }),
    make("span", {}, title, make("small", { text: note })),
  );

const build = () => {
  const formats = JSON.parse(document.getElementById("take-away").dataset.formats);
  const chips = make("div", { class: "fs-choices" });
  const what = make("p", { class: "fs-dialog-small" });
  const only = make("input", { type: "checkbox", name: "takeaway-only" });
  const result = make("div", { role: "status" });
  const bar = progress();
  const begins = make("button", { type: "submit", class: "fs-button fs-button-primary", text: "Make the file" });
  const cancel = make("button", { type: "button", class: "fs-button", hidden: true, text: "Cancel", onclick: () => stop() });
  const form = make(
    "form",
    {
      onsubmit: (event) => {
        event.preventDefault();
        begin();
      },
    },
    make("fieldset", {}, make("legend", { text: "Which chips" }), chips),
    make(
      "fieldset",
      {},
      make("legend", { text: "Which files" }),
      make("div", { class: "fs-choices fs-choices-two" }, ...formats.map(box)),
    ),
    make(
      "fieldset",
      {},
      make("legend", { text: "How much" }),
      make(
        "label",
        { class: "fs-choice" },
        only,
        make(
          "span",
          {},
          "Only what is predicted already",
          make("small", { text: "at once; of a scene that is predicted in part, its rasters and polygons so far" }),
        ),
      ),
    ),
    what,
    make("div", { class: "fs-dialog-row" }, begins, cancel, bar.bar),
    result,
  );
  return { dialog: dialog("takeaway-dialog", "Take away", form), form, chips, what, result, bar, begins, cancel };
};

const open = () => {
  parts = parts || build();
  if (!running) {
    const { chip, model, threshold } = state.get();
    const known = catalog.chips.get(chip);
    const listed = filtered();
    const all = [...catalog.chips.values()].filter((c) => c.imagery).length;
    const choices = [];
    if (known && known.imagery) choices.push({ value: "chip", text: `The open chip, ${chip}` });
    if (listed) choices.push({ value: "listed", text: left(listed), empty: !listed.length });
    choices.push({ value: "all", text: `All ${format.count(all, "chip")} with imagery`, empty: !all });
    // Where the filters leave nothing, all is not what was meant: it is chosen by whoever wants it.
    parts.chips.replaceChildren(...choices.map((choice, i) => radio(choice, i === 0 && !choice.empty)));
    const name = [...catalog.shelf(model).values()].map((p) => p.model_name)[0] || model;
    parts.what.textContent = `Predictions of ${name}, water where p ≥ ${threshold.toFixed(2)}. Chips that are not predicted yet, and all of a scene, are predicted first. Areas are geodesic.`;
    say(parts.result, null);
  }
  if (!parts.dialog.open) parts.dialog.showModal();
};

const chosenChips = (which, chip) => ({ chip: [chip], listed: filtered(), all: null })[which];

const begin = async () => {
  const form = new FormData(parts.form);
  const formats = form.getAll("takeaway-format");
  if (!form.get("takeaway-chips")) {
    say(parts.result, "error", "Choose which chips.");
    return;
  }
  if (!formats.length) {
    say(parts.result, "error", "Choose at least one kind of file.");
    return;
  }
  say(parts.result, null);
  busy(true);
  parts.bar.show("Asking the server …");
  try {
    const { chip, model, threshold } = state.get();
    const chips = chosenChips(form.get("takeaway-chips"), chip);
    const asked = { model, threshold, formats, chips, predict: !form.get("takeaway-only") };
    const begun = await ask("exports", { method: "POST", json: asked });
    running = begun.id;
    await watch(begun);
  } catch (error) {
    say(parts.result, "error", error.message);
  } finally {
    running = null;
    parts.bar.show(null);
    busy(false);
  }
};

const watch = async (first) => {
  let news = first;
  while (news.running) {
    parts.bar.show(
      `${STATES[news.state]}: ${format.integer(news.done)} of ${format.integer(news.total)}`,
      news.total ? news.done / news.total : 0,
    );
    await new Promise((done) => {
      setTimeout(done, POLL_MS);
    });
    news = await ask(`exports/${news.id}`);
  }
  if (news.state === "failed") throw new Error(news.message);
  if (news.state === "cancelled") {
    say(parts.result, "info", "Cancelled: nothing was made.");
    return;
  }
  const link = make("a", { href: `exports/${news.id}/file`, download: news.name, class: "fs-link", text: news.name });
  say(
    parts.result,
    "info",
    make("p", {}, link, ` (${megabytes(news.size)}) is ready; it waits here for an hour.`),
    news.notes.length ? make("ul", {}, ...news.notes.slice(0, 20).map((note) => make("li", { text: note }))) : "",
  );
  link.click();
};

const stop = () => {
  if (running) ask(`exports/${running}`, { method: "DELETE" }).catch((error) => say(parts.result, "error", error.message));
};

const busy = (is) => {
  parts.begins.disabled = is;
  parts.cancel.hidden = !is;
  parts.form.querySelectorAll("fieldset").forEach((set) => {
    set.disabled = is;
  });
};

export { open };
