// Clientside callbacks: what the browser answers by itself. Each reads its inputs, calls the modules beside, and returns.
// This is where the page begins: it offers Dash what it calls by name, and starts it.

import * as catalog from "./data/catalog.mjs";
import * as coming from "./data/coming.mjs";
import * as endpoints from "./data/endpoints.mjs";
import * as filters from "./data/filters.mjs";
import * as training from "./data/training.mjs";
import * as travel from "./history.mjs";
import * as comparison from "./map/comparison.mjs";
import * as finding from "./map/finding.mjs";
import * as leaflet from "./map/leaflet.mjs";
import * as painting from "./map/painting.mjs";
import * as pixel from "./map/pixel.mjs";
import * as shapes from "./map/shapes.mjs";
import * as sides from "./map/sides.mjs";
import * as tiles from "./map/tiles.mjs";
import { begin, bringTables, context, offer, offerToTables, same, tell } from "./page/bridge.mjs";
import * as cells from "./page/cells.mjs";
import { columns } from "./page/columns.mjs";
import { draw } from "./page/drawn.mjs";
import * as format from "./page/format.mjs";
import * as state from "./page/state.mjs";
import * as view from "./page/view.mjs";
import * as panel from "./panel/chip.mjs";
import * as heading from "./panel/heading.mjs";
import "./panel/sheet.mjs";
import { drawParts, idOf, seen } from "./parts.mjs";
import * as regions from "./review/regions.mjs";
import * as workbench from "./review/workbench.mjs";
import * as scores from "./scores/histogram.mjs";
import "./connection.mjs";
import "./keyboard.mjs";
import "./map/start.mjs";
import "./page/mirror.mjs";

const by = (place) => context().triggered.some(({ prop_id: id }) => id === place); // what runs this
const level = (threshold) => scores.level(threshold ?? 0.5);
const begun = coming.chips(); // at once: before Dash has drawn the page
begun.catch(() => {}); // it is told where the page is drawn

// What the picture does not wait for is done once it is drawn; of several that wait, the last.
const later = () => {
  let task = null;
  return (then) => {
    if (!task)
      requestAnimationFrame(() =>
        setTimeout(() => {
          const last = task;
          task = null;
          last();
        }),
      );
    task = then;
  };
};
const [moved, afterPaint] = [later(), later()];

// What a component's property holds is left alone where it is the same: each that is told runs through the whole page.
const held = new Map();
const changed = (place, value) => {
  if (held.get(place) === value) return same();
  held.set(place, value);
  return value;
};

// --- page ----------------------------------------------------------------------------------------------------
// The page opens: controls get what the URL says, or the defaults.
const restore = (_, settings) => {
  endpoints.watch(settings.models);
  training.begin(settings.models);
  travel.begin(settings);
  begun.then(catalogCame, (error) => draw("catalog-label", error.message));
  const components = view.toComponents(view.initial(), settings, true);
  return context().outputs_list.map(({ id, property }) => {
    const value = components.get(`${id}.${property}`);
    return value === undefined ? same() : value;
  });
};

const persist = () => {
  const { inputs_list: inputs, states_list: states } = context();
  const values = new Map([...inputs, ...states].map(({ id, property, value }) => [`${id}.${property}`, value]));
  if (values.get("version.data") && values.get("model.value")) travel.persist(values); // else nothing is settled yet
  return same();
};

const showTheme = (theme) => {
  const chosen = theme || "dark";
  document.documentElement.dataset.theme = chosen;
  document.documentElement.lang = "en";
  document.body.dataset.agThemeMode = chosen;
  return chosen;
};
const flipTheme = (clicks, theme) => (clicks ? (theme === "dark" ? "light" : "dark") : same());

const copyLink = (clicks) => {
  if (!clicks) return same();
  const say = (text) => {
    tell("share", { children: text });
    document.getElementById("share").dataset.said = text; // a phone shows an icon, and this below it
    document.getElementById("link-announcement").textContent = text;
    setTimeout(() => {
      tell("share", { children: "Copy link" });
      delete document.getElementById("share").dataset.said;
      document.getElementById("link-announcement").textContent = ""; // to be said again the next time
    }, 2000);
  };
  // Browsers give a clipboard to pages of this machine and of https alone.
  const copied = navigator.clipboard ? navigator.clipboard.writeText(travel.link()) : Promise.reject(new Error("no clipboard"));
  copied.then(
    // Who has floodscope on his own machine alone cannot send it to others.
    () => say(/^(127\.|localhost$|\[::1\]$)/.test(window.location.hostname) ? "Copied, for this machine" : "Link copied"),
    () => say("Copy it from the address bar"),
  );
  return same();
};

// --- data comes in -------------------------------------------------------------------------------------------
// Whoever comes first is met once the catalog has offered a chip, and the model has told what it has predicted of it.
const asked = window.location.search; // before the page writes into it what it shows
let [offered, told] = ["", false];
const welcome = async () => {
  if (offered && told && !asked) (await import("./panel/welcome.mjs")).meet(offered);
};
const catalogCame = (about) => {
  offered = about.welcome;
  welcome();
  tell("catalog-in", { data: catalog.version });
};
const catalogLoaded = (version) => {
  if (!version) return Array(2).fill(same());
  filters.use({});
  draw("catalog-label", ...heading.ofCatalog());
  return [catalog.version, finding.options("")];
};

// The model in use has been opened, or cannot be: what it has predicted is asked for.
const predictionsLoaded = async (payload) => {
  if (!payload) return same();
  try {
    await coming.ofModel(payload);
  } catch (error) {
    tell("predictions-in", { data: { ...payload, state: "error", message: error.message } });
    return same();
  }
  told = true;
  welcome();
  return catalog.add(payload.model, [], payload.failed);
};

// A choice of a chip under a model is one click, however often its answer must be asked for; the key P is another. The
// server begins one prediction a click.
let click = { of: "", name: "" };
const ask = (selection, model, again) => {
  if (!idOf(selection) || !model) return same();
  const of = JSON.stringify([selection.id, selection.at, model]);
  if (click.of !== of || (by("ask-again.data") && again.pressed)) click = { of, name: format.unique() };
  return { id: selection.id, model, click: click.name, view: tiles.view(selection.id), at: Date.now() };
};

const chipOpened = (payload) => {
  if (!payload) return same();
  const waits = () => payload.pending && payload.click === click.name; // else something else was chosen meanwhile
  if (waits())
    setTimeout(
      () => {
        if (waits()) tell("ask-again", { data: { at: Date.now() } });
      },
      payload.partial?.done ? 1500 : payload.scene ? 250 : 400, // what is seen of a scene grows; before, there is nothing to look at
    );
  const version = catalog.open(payload);
  if (payload.prediction || payload.scene) tiles.again();
  return version;
};

// Jobs whose end is told: those that this page has begun or seen at work, until the notice is closed.
const followed = new Set();
const jobNews = (payload) => {
  if (!payload) return [same(), same()];
  const { model, predictions, progress, job, cursor, asked } = payload;
  if (asked || progress.running) followed.add(job);
  return [catalog.add(model, predictions, progress.failed), { job, cursor }];
};

// --- map -----------------------------------------------------------------------------------------------------
// Layers and sliders move the picture at once. What is computed at the new threshold follows once that is drawn.
const showLayers = (base, overlay, grey, outline, threshold, opacity, mode, left, right) => {
  if (!base || !overlay) return Array(2).fill(same());
  const looks = { grey: Boolean(grey), outline: Boolean(outline) };
  state.set({ mode, base, overlay, left, right, ...looks, threshold: threshold ?? 0.5 }, { told: true });
  painting.show({ ...sides.shown(), level: level(threshold), opacity: opacity ?? 0.75 });
  draw("threshold-value", (threshold ?? 0.5).toFixed(2));
  draw("opacity-value", `${Math.round((opacity ?? 0.75) * 100)}\u2009%`);
  moved(() => {
    newLevel();
    tell("level", { data: threshold });
  });
  return [changed("grey", !sides.choosesGround(seen())), changed("outline", !sides.choosesOutline(seen()))];
};

// --- one chip, closely ---------------------------------------------------------------------------------------
const otherChosen = (review) => {
  if (!review) return same();
  state.set(review, { told: true });
  comparison.follow();
  return same();
};
const lookGiven = (look) => {
  if (look && !look.told) pixel.given(look);
  return same();
};
const highlight = (selection) => {
  afterPaint(() => shapes.highlight(idOf(selection)));
  return same();
};

// --- ways to choose a chip -----------------------------------------------------------------------------------
const find = (typed) => (catalog.version ? finding.options(typed) : same());
const search = (value) => {
  if (!value) return [same(), same()];
  return [finding.go(value) ?? same(), null];
};
// A table is made when its tab is opened first.
const mounted = new Set();
const mountTables = async (tab, tables) => {
  const into = (content) => ["regions", "chips"].map((name) => (name === tab ? content : same()));
  if (!(tab in tables) || mounted.has(tab)) return into(same());
  mounted.add(tab);
  await leaflet.there;
  try {
    await bringTables();
    return into(tables[tab]);
  } catch (error) {
    mounted.delete(tab);
    return into(error.message);
  }
};
// A table tells its chosen row again when its rows are written anew: nobody has chosen then.
const anew = (key) => {
  let last = null;
  return (rows) => {
    const now = (rows && rows.length && rows[0][key]) || null;
    const same = now === last;
    last = now;
    return same ? null : now;
  };
};
const [chipOfRow, regionOfRow] = [anew("id"), anew("name")];
const rowChosen = (rows) => {
  const id = chipOfRow(rows);
  if (id) tiles.choose(id);
  return same();
};
const regionChosen = (rows) => {
  const name = regionOfRow(rows);
  if (name) workbench.chooseRegion(name);
  return same();
};
const tabOfSelection = (selection, tab) =>
  idOf(selection) && tab !== "chip" && !selection.restored && !selection.stay ? "chip" : same();

const jobShown = (version, job, model) => {
  const all = catalog.info.counts.imagery || 0;
  const { left } = catalog.unpredicted(model || "");
  if (!job || job.model !== model || !(job.progress.running || followed.has(job.job))) {
    const idle = version && all && left === all ? "Nothing is predicted yet: open a chip, or predict all of them." : "";
    draw("job", idle);
    return [true, !version || left <= 0];
  }
  draw("job", ...panel.job(job.progress, job.job));
  return [!job.progress.running, job.progress.running || left <= 0];
};
document.addEventListener("click", ({ target }) => {
  if (target instanceof Element && target.closest("#try-again")) tell("ask-again", { data: { pressed: Date.now() } });
  const close = target instanceof Element && /** @type {HTMLElement | null} */ (target.closest("#job-close"));
  if (!close) return;
  followed.delete(close.dataset.job);
  tell("version", { data: catalog.touch() });
  document.getElementById("panel").focus({ preventScroll: true }); // not lost with the button
});

const modelState = (payload, version, model) => {
  if (!payload || payload.model !== model || !coming.isThere(payload)) return ["busy", "Opening the model …", ""];
  if (payload.state === "error") return ["error", payload.message, payload.short || "not usable"];
  if (payload.message) return [payload.state, payload.message, payload.device];
  const opened = catalog.opened; // knows the device once the weights are loaded
  const device = opened && opened.model === model && opened.device ? opened.device : payload.device;
  return [payload.state, `${payload.name} on ${device}`, device];
};

// --- what follows a change -----------------------------------------------------------------------------------------
// One callback for all parts: what Dash does about each callback costs more than most of what they do.
/** @type {any} what the components hold, by their names */
let components = null;
const follow = () => {
  const { inputs_list: inputs, states_list: states, triggered } = context();
  const before = components;
  components = Object.fromEntries([...inputs, ...states].map(({ id, value }) => [id, value]));
  // Dash tells what has changed since a run that it may have dropped: what another value has, has changed as well.
  const changes = new Set(triggered.map(({ prop_id: place }) => place.split(".")[0]));
  for (const { id, value } of inputs) if (before ? before[id] !== value : id !== "model-b") changes.add(id); // B is offered at first
  const { compare, left, right, base, overlay, grey, outline } = components;
  if (compare) state.set({ mode: compare, left, right }, { told: true });
  if (base && overlay) state.set({ base, overlay, grey: Boolean(grey), outline: Boolean(outline) }, { told: true });
  if (changes.has("model-b")) comparison.choose(components["model-b"]);
  drawParts(changes, components);
  return same();
};
const newLevel = () => {
  if (components) drawParts(new Set(["level"]), components);
};
workbench.onWorked(newLevel);

offer("floodscope", {
  restore,
  persist,
  showTheme,
  flipTheme,
  copyLink,
  catalogLoaded,
  predictionsLoaded,
  ask,
  chipOpened,
  jobNews,
  showLayers,
  follow,
  highlight,
  mountTables,
  otherChosen,
  lookGiven,
  find,
  search,
  rowChosen,
  regionChosen,
  tabOfSelection,
  jobShown,
  modelState,
});
// What dash-leaflet calls (dashboard/page/layout/map.py).
offer("leaflet", {
  onCountry: shapes.onCountry,
  countryStyle: shapes.styleOfCountry,
});
offerToTables(columns, { fsLive: cells.text, fsBar: regions.bar, fsSpark: regions.line, fsThumbs: regions.thumbs });
begin();
// What is clicked before that which it opens has come is opened then: the last of several clicks.
const early = [null];
document.addEventListener("click", ({ target }) => early.splice(0, 1, target));
import("./later.mjs").then(({ clicked }) => clicked(early[0]));
