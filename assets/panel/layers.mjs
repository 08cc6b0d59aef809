// The box of a person's own layers, over the map: which there are and how they fare, and a form for another.
import * as own from "../map/own.mjs";
import { arrange, make, select, svg } from "../page/dom.mjs";
import { MOST_BYTES } from "../page/geojson.mjs";
import { hosts } from "../page/layers.mjs";
import { allowed, entriesOf, KINDS, keyOf, LETTERS, MOST, problemOf, read, wmsOf, wmsWith, write } from "../page/own.mjs";
import { styled } from "../page/sheets.mjs";
import * as state from "../page/state.mjs";

/** @typedef {import("../page/own.mjs").Own} Own */
/** @typedef {import("../page/own.mjs").Kind} Kind */

const ACCEPT = ".geojson,.json,application/geo+json,application/json";
const rows = new Map(); // key -> {element, update}
let parts = null; // the box and what changes in it, made when it is first needed

const texts = () => entriesOf(state.get().layers).map(({ text }) => text);
const set = (/** @type {string[]} */ layers) => state.set({ layers });
const at = (key) => own.entries().findIndex((entry) => entry.key === key);
/** @param {string} key @param {Partial<Own>} part */
const change = (key, part) => set(own.entries().map((one) => (one.key === key ? write({ ...one.own, ...part }) : one.text)));
const drop = (key) => {
  const index = at(key);
  set(texts().filter((_, i) => i !== index));
  const next = [...parts.list.children][Math.min(index, parts.list.children.length - 1)];
  (next?.querySelector("button") || parts.kind).focus(); // not lost with the row
};
const move = (key, by) => {
  const index = at(key);
  const order = texts();
  const [text] = order.splice(index, 1);
  order.splice(index + by, 0, text);
  set(order);
};

// --- a row ------------------------------------------------------------------------------------------------------
const button = (label, content, onclick) =>
  make("button", { type: "button", class: "fs-button", "aria-label": label, title: label, onclick }, content);
const frame = () =>
  svg(
    "svg",
    {
      viewBox: "0 0 20 20",
      width: 14,
      height: 14,
      fill: "none",
      stroke: "currentColor",
      "stroke-width": 1.8,
      "aria-hidden": true,
    },
    svg("path", { d: "M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4" }),
  );

/** The input of a file, what is done with its name and text, and where it is said what is wrong with it. */
const chooser = (then, say, label = null) =>
  make("input", {
    type: "file",
    accept: ACCEPT,
    "aria-label": label,
    onchange: async ({ target }) => {
      const [file] = target.files;
      target.value = ""; // the same may be chosen again
      if (!file) return;
      try {
        if (file.size > MOST_BYTES)
          throw new Error(`It is larger than ${MOST_BYTES >> 20}\u2009MiB: cut a part out, or simplify it.`);
        then(file.name, await file.text());
      } catch (error) {
        say(`${file.name}: ${error.message}`);
      }
    },
  });

const unknownRow = (key, text) => {
  const says = make("p", { class: "fs-own-fate", text: `A layer of the link is not understood: ${text.slice(0, 60)}` });
  says.dataset.bad = "";
  const element = make(
    "li",
    {},
    make(
      "div",
      { class: "fs-own-row" },
      says,
      button("Remove it", "×", () => drop(key)),
    ),
  );
  return { element, update: () => {} };
};
const rowOf = (key, /** @type {Own} */ first) => {
  const { name, attribution, kind } = first;
  const shapes = own.ofShapes(first);
  const on = make("input", { type: "checkbox", onchange: () => change(key, { on: on.checked }) });
  const line = make("span", { class: "fs-own-line" });
  const range = make("input", {
    type: "range",
    min: 0,
    max: 100,
    "aria-label": `Opacity of ${name}`,
    oninput: () => change(key, { opacity: Number(range.value) }),
  });
  const under = make("input", { type: "checkbox", onchange: () => change(key, { under: under.checked }) });
  const [up, down] = [button(`Move ${name} up`, "↑", () => move(key, -1)), button(`Move ${name} down`, "↓", () => move(key, 1))];
  const zoom = shapes ? button(`Zoom to ${name}`, frame(), () => own.zoomTo(read(texts()[at(key)]))) : null;
  const fate = make("p", { class: "fs-own-fate", role: "status" });
  const retake = (_, written) => own.takeFile(name, written);
  const choose = kind === "file" ? chooser(retake, (said) => say(said), `Choose ${name}`) : null;
  const say = (said, bad = true) => {
    if (fate.textContent !== said) fate.textContent = said;
    fate.toggleAttribute("data-bad", bad);
  };
  const element = make(
    "li",
    {},
    make(
      "div",
      { class: "fs-own-row" },
      make("label", {}, on, line, make("span", { class: "fs-own-name", text: name, title: first.address || name })),
      zoom,
      up,
      down,
      button(`Remove ${name}`, "×", () => drop(key)),
    ),
    make("p", { class: "fs-own-kind", text: [KINDS[kind], attribution].filter(Boolean).join(" · ") }),
    make("div", { class: "fs-own-row" }, range, make("label", {}, under, "under the image")),
    fate,
    choose,
  );
  const update = (now, index, count) => {
    const { says, bad } = own.fateOf(now);
    [on.checked, under.checked, range.value] = [now.on, now.under, String(now.opacity)];
    [up.disabled, down.disabled] = [index === 0, index === count - 1];
    if (shapes) line.replaceChildren(own.swatch(now));
    if (zoom) zoom.disabled = !own.boundsFor(now);
    if (choose) choose.hidden = !bad;
    say(now.on || bad ? says : "", bad);
  };
  return { element, update };
};

const refresh = () => {
  const entries = own.entries();
  [...rows.keys()].filter((key) => !entries.some((entry) => entry.key === key)).forEach((key) => rows.delete(key));
  entries.forEach(({ key, text, own: one }, i) => {
    if (!rows.has(key)) rows.set(key, one ? rowOf(key, one) : unknownRow(key, text));
    if (one) rows.get(key).update(one, i, entries.length);
  });
  arrange(
    parts.list,
    entries.map(({ key }) => rows.get(key).element),
  );
  parts.none.hidden = entries.length > 0;
};

// --- the form ---------------------------------------------------------------------------------------------------
const tellForm = (text) => {
  parts.said.textContent = text;
};
/** @param {Own} given @param {string} [written] of a file */
const add = (given, written) => {
  const made = read(write(given)); // as the link has it
  if (!made) return tellForm("Give it a name.");
  const key = keyOf(made);
  const there = at(key) >= 0;
  const problem =
    problemOf(made, own.origins()) ||
    (there && made.kind !== "file" ? "This layer is there already." : "") ||
    (!there && texts().length >= MOST ? `There are ${MOST} layers, which is as many as a link holds: remove one.` : "");
  if (problem) return tellForm(problem);
  if (made.kind === "file") own.takeFile(made.name, written);
  if (!there) set([write(made), ...texts()]);
  parts.form.reset();
  shape();
};
/** What a layer is called that is given no name. @param {Own} made */
const nameOf = ({ kind, address }) => {
  const { host, pathname } = new URL(address.replace(/\{[^}]*\}/g, "0"));
  const what = { wms: wmsOf(address).params.layers, geojson: pathname.split("/").pop() }[kind];
  return what ? `${what} of ${host}` : host;
};
const submit = (event) => {
  event.preventDefault();
  const { kind, address, name, attribution, wms, version } = parts;
  const typed = address.value.trim();
  if (!typed) return tellForm("Give the address of the layer.");
  const made = {
    kind: /** @type {Kind} */ (kind.value),
    opacity: 100,
    on: true,
    under: kind.value === "xyz", // tiles cover all that lies below them
    name: name.value.trim(),
    attribution: attribution.value.trim(),
    address: kind.value === "wms" ? wmsWith(typed, wms.value, version.value) : typed,
  };
  if (made.address.length > LETTERS.address) return tellForm(`The address has more than ${LETTERS.address} letters.`);
  const problem = problemOf(made, own.origins());
  if (problem) return tellForm(problem);
  add({ ...made, name: made.name || nameOf(made) });
};
const field = (label, input, kinds) => {
  const whole = make("label", { class: "fs-field" }, label, input);
  return Object.assign(whole, { kinds });
};
// The fields of the kind that is chosen.
const shape = () => {
  const kind = parts.kind.value;
  parts.fields.forEach((one) => {
    one.hidden = !one.kinds.includes(kind);
  });
  parts.address.placeholder = {
    xyz: "https://tiles.example.org/{z}/{x}/{y}.png",
    wms: "https://maps.example.org/wms",
    geojson: "https://data.example.org/extent.geojson",
    file: "",
  }[kind];
  tellForm("");
};

const build = () => {
  const list = make("ul", { class: "fs-own-list" });
  const none = make("p", { class: "fs-own-kind", text: "There is none yet." });
  const said = make("p", { class: "fs-own-fate", role: "alert" });
  said.dataset.bad = "";
  const input = (letters, props = {}) => make("input", { type: "text", maxlength: letters, autocomplete: "off", ...props });
  const kind = select({ onchange: () => shape() }, Object.entries(KINDS), "file");
  const address = input(LETTERS.address, { inputmode: "url", spellcheck: "false" });
  const wms = input(LETTERS.address);
  const version = select({}, [["1.3.0", "1.3.0"], ["1.1.1", "1.1.1"]], "1.3.0"); // biome-ignore format: two choices
  const [name, attribution] = [input(LETTERS.name), input(LETTERS.attribution)];
  const file = chooser(
    (called, written) =>
      add(
        {
          kind: "file",
          opacity: 100,
          on: true,
          under: false,
          name: called.slice(-LETTERS.name),
          attribution: attribution.value.trim(),
          address: "",
        },
        written,
      ),
    (why) => tellForm(why),
  );
  const elsewhere = ["xyz", "wms", "geojson"];
  const fields = [
    field("Address", address, elsewhere),
    field("Layers of the WMS, by comma", wms, ["wms"]),
    field("Version", version, ["wms"]),
    field("Name", name, elsewhere),
    field("Whom to name (attribution)", attribution, Object.keys(KINDS)),
    field("File, which stays on this machine", file, ["file"]),
    Object.assign(make("button", { type: "submit", class: "fs-button fs-button-primary", text: "Add" }), { kinds: elsewhere }),
  ];
  const form = make("form", { onsubmit: submit }, field("Add a layer", kind, []), fields, said);
  const close = make("button", { type: "button", class: "fs-button fs-dialog-close", "aria-label": "Close", text: "×" });
  const heading = make("h2", { id: "own-title", tabindex: -1, text: "Your layers" });
  const box = make(
    "section",
    { id: "own-box", class: "fs-own", "aria-labelledby": "own-title", hidden: true },
    make("div", { class: "fs-dialog-head" }, heading, close),
    none,
    list,
    form,
    make("p", { class: "fs-own-kind", text: allowed(hosts) }),
  );
  close.addEventListener("click", shut);
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    shut();
  });
  parts = { box, heading, list, none, form, kind, fields, address, name, attribution, wms, version, said };
  document.querySelector(".fs-map").append(box);
  shape();
  own.onFate(() => !box.hidden && refresh());
  state.listen((now, before) => {
    if (now.layers !== before.layers && !box.hidden) refresh();
  });
};

const expand = (/** @type {boolean} */ open) =>
  document.getElementById("own-layers")?.setAttribute("aria-expanded", String(open));
const shut = () => {
  parts.box.hidden = true;
  expand(false);
  document.getElementById("own-layers")?.focus();
};
const sheet = styled("layers.css");

/** Show the box; where somebody has asked for it, with the focus. @param {boolean} [asked] */
export const open = async (asked = false) => {
  await sheet;
  if (!parts) build();
  parts.box.hidden = false;
  expand(true);
  refresh();
  if (asked) parts.heading.focus();
};
/** Show the box, or close it. */
export const turn = () => (parts && !parts.box.hidden ? shut() : open(true));
