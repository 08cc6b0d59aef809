// The review workbench: what the panel's tables, lists and figures show. One function draws all of it from one state, so
// that the slider, a filter, a region or another model change map, list, table and figures together.

import * as catalog from "../data/catalog.mjs";
import * as filters from "../data/filters.mjs";
import * as grouping from "../data/grouping.mjs";
import * as groups from "../data/groups.mjs";
import * as shelf from "../data/shelf.mjs";
import * as fading from "../map/fading.mjs";
import * as flights from "../map/flights.mjs";
import * as shapes from "../map/shapes.mjs";
import { tell } from "../page/bridge.mjs";
import { fill, make, select } from "../page/dom.mjs";
import * as format from "../page/format.mjs";
import { SORTS } from "../page/order.mjs";
import * as state from "../page/state.mjs";
import * as tables from "../page/tables.mjs";
import * as chiplist from "./chips.mjs";
import * as filterbar from "./filterbar.mjs";
import * as regions from "./regions.mjs";

let settings = null; // of the page, as the server made it
const drawn = {}; // what each part was drawn of
const parts = { explore: null, models: null }; // how the parts are drawn that come later

const recolour = () => {
  const { model, level } = state.get();
  const [of, { rows }] = [catalog.iouOf(model, level), catalog.chips];
  const get = (id) => (rows.has(id) ? of(rows.get(id)) : undefined);
  const iou = { get, has: (id) => get(id) !== undefined, size: catalog.shelf(model).size };
  shapes.restyle({ iou, country: groups.countryIou(model, level), model });
};

// --- what a table can be asked: its columns, and itself as a file --------------------------------------------------
// Which columns: as many as fit, until somebody chooses.
const chooser = (table, field) => {
  const place = make("div", { class: "fs-filter-form fs-columns-form", role: "group", "aria-label": "Columns" });
  const draw = () => {
    const all = tables.columnsOf(table);
    const boxes = all.map(({ id, name, shown }) =>
      make(
        "label",
        {},
        make("input", {
          type: "checkbox",
          checked: shown,
          "data-column": id,
          onchange: ({ target }) => {
            const now = all.filter((one) => (one.id === id ? target.checked : one.shown)).map((one) => one.id);
            if (now.length) state.set({ [field]: now.join(",") });
            draw();
          },
        }),
        name,
      ),
    );
    const focused = place.contains(document.activeElement)
      ? /** @type {HTMLElement} */ (document.activeElement).dataset.column
      : null;
    const fits = make(
      "button",
      {
        class: "fs-button",
        type: "button",
        disabled: state.get()[field] === null,
        onclick: () => {
          state.set({ [field]: null });
          draw();
        },
      },
      "As many as fit",
    );
    place.replaceChildren(...boxes, fits);
    if (focused) /** @type {HTMLElement | null} */ (place.querySelector(`[data-column="${focused}"]`))?.focus();
  };
  return make(
    "details",
    {
      class: "fs-filter fs-columns",
      id: `${table}-columns`,
      ontoggle: ({ target }) => {
        if (target.open) draw();
      },
    },
    make("summary", { class: "fs-button" }, "Columns"),
    place,
  );
};
const toFile = async (table, name) => {
  const { save } = await import("../page/csv.mjs");
  const { model, threshold } = state.get();
  save(`floodscope-${name}-${threshold.toFixed(2)}`, tables.contents(table), { model, threshold });
};
const tableTools = (table, field, name) =>
  make(
    "span",
    { class: "fs-table-tools" },
    chooser(table, field),
    make(
      "button",
      {
        class: "fs-button",
        type: "button",
        id: `${table}-csv`,
        title: "This table as it stands: its columns, rows, order and threshold",
        onclick: () => toFile(table, name),
      },
      "CSV",
    ),
  );

// --- the head of the Chips tab -----------------------------------------------------------------------------------
/** @type {[import("../page/state.mjs").State["list"], string][]} */
const VIEWS = [
  ["list", "List"],
  ["grid", "Pictures"],
  ["explore", "Explore"],
];
const regionTag = (id, { by, region } = state.get()) =>
  region
    ? make(
        "button",
        {
          class: "fs-tag fs-tag-region",
          type: "button",
          id,
          "aria-label": `${grouping.BY[by]} ${region}: show all regions again`,
          onclick: () => state.set({ region: null }),
        },
        `${grouping.BY[by]}: ${region}`,
        make("span", { "aria-hidden": true }, " ×"),
      )
    : "";
const head = () => {
  const { list, sort, other, model } = state.get();
  const shown = filters.rows().filter(filters.focusedRows());
  const ghosts = shown.filter(filters.isGhost).length;
  const told = `${format.count(shown.length - ghosts, "chip")}${ghosts ? `, ${format.integer(ghosts)} known only` : ""}`;
  fill(
    "chips-head",
    regionTag("region-tag"),
    make(
      "div",
      { class: "fs-views", role: "group", "aria-label": "Show chips as" },
      VIEWS.map(([value, text]) =>
        make(
          "button",
          {
            class: "fs-view",
            type: "button",
            id: `view-${value}`,
            "aria-pressed": String(list === value),
            onclick: () => state.set({ list: value }),
          },
          text,
        ),
      ),
    ),
    list === "explore"
      ? ""
      : select(
          { id: "chips-sort", "aria-label": "Sort chips by", onchange: (event) => state.set({ sort: event.target.value }) },
          Object.entries(SORTS).map(([value, [text]]) => [value, text]),
          sort,
        ),
    list === "explore" ? "" : make("span", { class: "fs-soft", id: "chips-count" }, told),
    list === "list" ? tableTools("chips-table", "chipColumns", "chips") : "",
    list !== "explore" && sort === "apart"
      ? make("p", { class: "fs-soft fs-head-note", role: "status" }, apartNote(model, other))
      : "",
  );
  document.getElementById("chips-list").hidden = list !== "list";
  document.getElementById("chips-gallery").hidden = list !== "grid";
  document.getElementById("explore").hidden = list !== "explore";
};
const apartNote = (model, other) => {
  if (!other)
    return "Choose a second model in the Models tab: then chips are sorted by the share of pixels on which the two differ.";
  const progress = shelf.progress(model, other);
  if (!progress) return "Comparing the two models …";
  if (progress.running)
    return `Comparing the two models: ${format.integer(progress.done + progress.failed.length)} of ${format.integer(progress.total)}`;
  return progress.total
    ? `Share of pixels on which ${shelf.nameOf(model)} and ${shelf.nameOf(other)} differ.`
    : "No chip is predicted by both models yet.";
};

// --- the head of the Regions tab ---------------------------------------------------------------------------------
const regionsHead = () =>
  fill(
    "regions-head",
    make("label", { for: "regions-by" }, "Regions by"),
    select(
      { id: "regions-by", onchange: (event) => state.set({ by: event.target.value, region: null }) },
      Object.entries(grouping.BY).map(([value, text]) => [value, text.toLowerCase()]),
      state.get().by,
    ),
    tableTools("regions-table", "regionColumns", "regions"),
    regionTag("regions-tag"),
  );

// --- all of it ---------------------------------------------------------------------------------------------------
// Do something where what it is made of has changed.
const where = (part, made, then) => {
  const now = JSON.stringify(made);
  if (drawn[part] === now) return;
  drawn[part] = now;
  then();
};

// A link may name a region that there is not.
const sound = () => {
  const { by, region, model } = state.get();
  if (!region || !catalog.chips.size) return true;
  const known =
    by === "water"
      ? grouping.SHARES.some(([, name]) => name === region) || region === grouping.UNKNOWN
      : grouping.filed(by, model).names.includes(region);
  if (!known) state.set({ region: null });
  return known;
};

const draw = () => {
  drawAll();
  if (groups.toCome() && !working) working = setTimeout(work, 2 * PIECE_MS);
};
const drawAll = () => {
  const { level: k, model, tab, theme, filters: chosen, by, region, other, list, sort, wide } = state.get();
  const { regionColumns, chipColumns } = state.get();
  const { version } = catalog;
  if (!version || !model || !sound()) return;
  filters.use({ values: chosen, model, k, by, region });
  if (other) shelf.load(other);
  where("width", wide, () => {
    document.documentElement.dataset.panel = wide ? "wide" : "narrow";
  });
  const sieved = filters.version;
  where("focus", [region, by, version, sieved], () => fading.use(region));
  where("map", [version, k, model, theme, sieved, region, by], recolour);
  where("bar", [version, chosen, sieved, wide], () => filterbar.show(wide));
  if (tab === "regions") {
    where("regions head", [by, region, regionColumns], regionsHead);
    where("regions", [version, k, model, sieved, by, region, theme, regionColumns, groups.toCome(), groups.settled], () =>
      regions.show(model, k, by, region, regionColumns),
    );
  }
  if (tab === "chips") {
    if (sort === "apart" && other) shelf.count(model, other);
    where(
      "chips head",
      [version, sieved, region, by, list, sort, chipColumns, other, model, list === "explore" || filters.active().iou ? k : 0],
      head,
    );
    if (list === "explore")
      where("explore", [version, sieved, by, region, list, model, Boolean(parts.explore)], () => parts.explore?.());
    else
      where("chips", [version, k, model, other, sieved, region, by, list, sort, chipColumns], () =>
        chiplist.show({ model, other, k, list, sort, chosen: chipColumns }),
      );
  }
  if (tab === "models")
    where("models", [version, k, model, other, sieved, by, theme, Boolean(parts.models)], () =>
      parts.models?.({ model, other, k, by, settings }),
    );
};

// Intervals of many chips come once the rest is drawn, in pieces of a few milliseconds between frames.
const PIECE_MS = 8;
let working = 0;
const work = () => {
  working = 0;
  if (groups.work(PIECE_MS)) {
    working = setTimeout(work);
    return;
  }
  draw();
  worked();
};
let worked = () => {};
/** Hear that all intervals are there. @param {() => void} then */
const onWorked = (then) => {
  worked = then;
};

// The slider moves: what is shown follows in the next frame, before Dash hears of it.
let frame = 0;
state.listen((now, before) => {
  if (now.level === before.level || !settings || frame) return;
  frame = requestAnimationFrame(() => {
    frame = 0;
    draw();
  });
});

// The slider itself tells its value, a frame before Dash does.
const watchSlider = () => {
  const thumb = document.querySelector("#threshold [role=slider]");
  if (!thumb) {
    setTimeout(watchSlider, 100);
    return;
  }
  new MutationObserver(() => state.set({ threshold: Number(thumb.getAttribute("aria-valuenow")) }, { told: true })).observe(
    thumb,
    { attributes: true, attributeFilter: ["aria-valuenow"] },
  );
};
watchSlider();

// The parts are there that come later.
const add = (more) => {
  Object.assign(parts, more);
  if (settings) draw();
};

// Dash tells what has changed: draw it.
const show = (made) => {
  settings = made;
  const { tab } = state.get();
  where("tab", tab, () => {
    document.documentElement.dataset.tab = tab || "";
    if (tab === "models") shelf.refresh();
  });
  draw();
};

// A region was chosen: the map goes there, the others fade, and the list shows its worst chips first.
const chooseRegion = (name, again = false) => {
  const { by, model, region, list } = state.get();
  if (name === region && !again) return;
  const byKey = document.activeElement && document.activeElement.closest && document.activeElement.closest("#regions-table");
  state.set({ region: name, sort: "iou", list: list === "explore" ? "list" : list });
  tell("tab", { value: "chips" });
  const { codes, names } = grouping.filed(by, model);
  flights.flyToChips(filters.rows().filter((row) => names[codes[row]] === name));
  const end = performance.now() + 2000;
  const focus = () => {
    const tag = document.getElementById("region-tag");
    if (tag && tag.offsetParent) tag.focus();
    else if (performance.now() < end) requestAnimationFrame(focus);
  };
  if (byKey) focus();
};

export { add, chooseRegion, onWorked, settings, show };
