// Images of one's own: files dropped anywhere on the page, or chosen, are sent to the server, checked there, and shown.

import * as catalog from "../data/catalog.mjs";
import * as refresh from "../data/refresh.mjs";
import * as tiles from "../map/tiles.mjs";
import { ask } from "../page/ask.mjs";
import { tell } from "../page/bridge.mjs";
import { dialog, megabytes, progress, say } from "../page/dialogs.mjs";
import { arrange, make, select } from "../page/dom.mjs";
import * as format from "../page/format.mjs";
import * as state from "../page/state.mjs";

let parts = null; // the dialog and what changes in it, made when it is first needed
let sending = null; // the request on its way
let last = { files: [], said: {} }; // the last request, so that an answer to a question can send its files again

const limits = () => JSON.parse(document.getElementById("add-images").dataset.limits);

const build = () => {
  const { file, batch, files } = limits();
  const input = make("input", {
    type: "file",
    id: "uploads-files",
    multiple: true,
    accept: ".tif,.tiff,image/tiff",
    class: "fs-visually-hidden",
    onchange: () => chosen(),
  });
  const drop = make(
    "label",
    { class: "fs-drop", for: "uploads-files" },
    make("strong", { text: "Drop GeoTIFFs here, or choose them" }),
    make("span", {
      text: "NAME_vv.tif with NAME_vh.tif, or one file with a VV and a VH band; NAME_label.tif is the truth. Several pairs at once are fine.",
    }),
  );
  const result = make("div", { role: "status" });
  const list = make("ul", { class: "fs-uploads-list" });
  const kept = make("section", { class: "fs-uploads-kept", hidden: true }, make("h3", { text: "Kept images" }), list);
  const cancel = make("button", {
    type: "button",
    class: "fs-button",
    hidden: true,
    text: "Cancel",
    onclick: () => sending && sending.abort(),
  });
  const bar = progress();
  const box = dialog(
    "uploads-dialog",
    "Your images",
    make("p", {
      text: "Backscatter of VV and VH on one grid: dB, or linear power and amplitude, which are converted. Each image is checked, placed on the map, predicted and, with a label, scored.",
    }),
    input,
    drop,
    make("div", { class: "fs-dialog-row" }, bar.bar, cancel),
    result,
    kept,
    make("p", {
      class: "fs-dialog-small",
      text: `Up to ${files} files and ${megabytes(batch)} at once, ${megabytes(file)} each. They are kept in the server's data folder, for all who use this dashboard, until they are removed.`,
    }),
  );
  const chosen = () => {
    send([...input.files]);
    input.value = "";
  };
  return { box, drop, result, list, kept, bar, cancel };
};

const open = () => {
  parts = parts || build();
  if (!parts.box.open) parts.box.showModal();
  showKept();
};

// --- what is kept ----------------------------------------------------------------------------------------------
// An image of which nothing changed keeps its row, and with it the focus and whether its removal was asked for once.
/** @type {Map<string, HTMLElement>} */
let rows = new Map(); // by what is told of the image
let asked = 0;

const row = (image) =>
  make(
    "li",
    {},
    make("button", {
      type: "button",
      class: "fs-link",
      text: image.id,
      title: image.names.join(", "),
      onclick: () => show(image.id),
    }),
    make("span", { text: [image.country, image.labelled ? "with label" : "no label"].filter(Boolean).join(", ") }),
    readings(image),
    removal(image.id),
  );

const showKept = async () => {
  const turn = ++asked;
  try {
    const { images } = await ask("uploads");
    if (turn !== asked) return; // a later list is on its way
    const told = images.map((image) => [JSON.stringify(image), image]);
    rows = new Map(told.map(([key, image]) => [key, rows.get(key) || row(image)]));
    parts.kept.hidden = rows.size === 0;
    arrange(parts.list, [...rows.values()]);
  } catch (error) {
    say(parts.result, "error", error.message);
  }
};

const show = async (id) => {
  try {
    if (!catalog.chips.has(id)) await refresh.renew(); // another has just sent it
  } catch (error) {
    say(parts.result, "error", error.message);
    return;
  }
  whenKnown(id, () => {
    parts.box.close();
    tiles.choose(id);
  });
};

// What was said of an image, or assumed, can be said otherwise.
const OTHERWISE = { units: "Unit", bands: "Bands", label_values: "Label" };
const readings = ({ id, choices }) =>
  [...new Set(choices.map(({ option }) => option))].map((option) => {
    const some = choices.filter((choice) => choice.option === option);
    const chosen = some.find(({ holds }) => holds);
    return select(
      { "aria-label": `${OTHERWISE[option]} of ${id}`, onchange: ({ target }) => readAs(id, option, target.value) },
      [...(chosen ? [] : [["", `${OTHERWISE[option]}: as assumed`]]), ...some.map(({ text, value }) => [value, text])],
      chosen ? chosen.value : "",
    );
  });

const readAs = async (id, option, value) => {
  const answer = new URLSearchParams({ [option]: value });
  try {
    const { message } = await ask(`uploads/${encodeURIComponent(id)}?${answer}`, { method: "POST" });
    const open = state.get().chip === id;
    if (open) tell("selection", { data: null });
    await refresh.renew({ others: true });
    say(parts.result, "info", `${id} is read otherwise now.${message ? ` ${message}` : ""}`);
    if (open) whenKnown(id, () => tiles.choose(id));
  } catch (error) {
    say(parts.result, "error", error.message);
  }
  await showKept();
};

// It is gone for all who use the dashboard, so it is asked for twice.
const removal = (id) => {
  const button = make("button", { type: "button", class: "fs-button" });
  const ask = (sure) => {
    button.textContent = sure ? "Remove for good?" : "Remove";
    button.setAttribute("aria-label", sure ? `Remove ${id} and its predictions for good` : `Remove ${id}`);
    button.classList.toggle("fs-button-danger", sure);
  };
  ask(false);
  button.addEventListener("click", () => (button.classList.contains("fs-button-danger") ? remove(id) : ask(true)));
  button.addEventListener("blur", () => ask(false));
  return button;
};

const remove = async (id) => {
  try {
    await ask(`uploads/${encodeURIComponent(id)}`, { method: "DELETE" });
    if (state.get().chip === id) tell("selection", { data: null });
    await refresh.renew({ others: true });
    say(parts.result, "info", `${id} and its predictions are removed.`);
    await showKept();
    parts.box.querySelector("#uploads-files").focus();
  } catch (error) {
    say(parts.result, "error", error.message);
  }
};

// --- sending ---------------------------------------------------------------------------------------------------
const problemOf = (files) => {
  const { file, batch, files: most } = limits();
  const large = files.find((f) => f.size > file);
  const total = files.reduce((sum, f) => sum + f.size, 0);
  if (!files.length) return "No file was dropped: folders must be opened first, and their files dropped.";
  if (files.length > most)
    return `${files.length} files are more than the ${most} that are taken at once: send them in several parts.`;
  if (large) return `${large.name} has ${megabytes(large.size)}, ${megabytes(file)} is the most: cut it into tiles first.`;
  if (total > batch)
    return `These files have ${megabytes(total)} together, ${megabytes(batch)} is the most at once: send them in several parts.`;
  return null;
};

// `said` answers what the server asked: { units: "power" }.
const send = (files, said = {}) => {
  open();
  if (sending) return;
  const problem = problemOf(files);
  if (problem) {
    say(parts.result, "error", problem);
    return;
  }
  say(parts.result, null);
  last = { files, said };
  const form = new FormData();
  files.forEach((file) => form.append("files", file, file.name));
  const request = new XMLHttpRequest();
  sending = request;
  parts.cancel.hidden = false;
  const count = format.count(files.length, "file");
  parts.bar.show(`Sending ${count} …`);
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    parts.bar.show(
      loaded < total ? `Sending ${count}: ${megabytes(loaded)} of ${megabytes(total)}` : `Checking ${count} …`,
      loaded / total,
    );
  });
  request.addEventListener("loadend", () => {
    sending = null;
    parts.cancel.hidden = true;
    parts.bar.show(null);
  });
  request.addEventListener("load", () => answered(request));
  request.addEventListener("abort", () => say(parts.result, "info", "Cancelled: nothing was kept."));
  request.addEventListener("error", () =>
    say(
      parts.result,
      "error",
      "The server broke the connection, perhaps since the files are too large, or it has stopped: try fewer or smaller ones.",
    ),
  );
  request.open("POST", `uploads?${new URLSearchParams(said)}`);
  request.setRequestHeader("X-Floodscope", "page");
  request.send(form);
};

// What the server asks of an image is answered by a button: its files are sent again with the answer.
const answers = ({ name, files, choices }) => {
  const { said } = last;
  const again = last.files.filter((file) => files.includes(file.name));
  const button = ({ text, option, value }) =>
    make("button", {
      type: "button",
      class: "fs-button",
      text: `${text}: add`,
      "aria-label": `${name}: ${text}`,
      onclick: () => send(again, { ...said, [option]: value }),
    });
  return choices.length ? make("div", { class: "fs-uploads-answers" }, ...choices.map(button)) : null;
};

const answered = async (request) => {
  let answer = {};
  try {
    answer = JSON.parse(request.responseText);
  } catch {
    /* told below */
  }
  if (request.status !== 200) {
    say(parts.result, "error", answer.message || `The server answered ${request.status}: try again.`);
    return;
  }
  const { added, refused } = answer;
  const words = added.length
    ? [
        `${format.count(added.length, "image")} added: ${added.map((a) => a.id).join(", ")}.`,
        ...added.map((a) => a.message).filter(Boolean),
      ].join(" ")
    : "";
  if (refused.length) {
    say(
      parts.result,
      "error",
      make("p", { text: `${format.count(refused.length, "image")} not taken${words ? `; ${words}` : ":"}` }),
      make("ul", {}, ...refused.map((refusal) => make("li", { text: refusal.message }, answers(refusal)))),
    );
  } else {
    say(parts.result, "info", words);
  }
  if (!added.length) return;
  await refresh.renew({ others: true });
  await showKept();
  whenKnown(added[0].id, () => {
    if (!refused.length && !added.some((a) => a.message)) parts.box.close();
    tiles.choose(added[0].id);
  });
};

// Dash takes the catalog in a moment after it has come.
const whenKnown = (id, then, frames = 600) => {
  if (catalog.chips.has(id)) then();
  else if (frames) requestAnimationFrame(() => whenKnown(id, then, frames - 1));
};

// --- files over the page -----------------------------------------------------------------------------------------
const over = () => {
  open();
  parts.drop.dataset.over = "yes";
};
const gone = () => {
  if (parts) delete parts.drop.dataset.over;
};
const take = (files) => {
  gone();
  send(files);
};

export { gone, open, over, take };
