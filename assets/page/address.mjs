// The state of the screen and the URL that holds it: one table of fields. A link restores all of them.
// A new field is a row here and its component in dashboard/page/address.py; nothing else reads or writes the URL.
import { moment } from "./format.mjs";
import { SORTS } from "./order.mjs";

// --- kinds of values: what a text says (null: nothing or nonsense), how it is written, and an example drawn at random ---
const number = (low, high, digits = null) => ({
  parse: (text) => {
    if (text === null || text.trim() === "") return null;
    const value = Number(text);
    return Number.isFinite(value) && value >= low && value <= high ? value : null;
  },
  format: (value) => (digits === null ? String(value) : value.toFixed(digits)),
  draw: (random) => Number((low + random() * (high - low)).toFixed(digits ?? 2)),
});
const choice = (...choices) => ({
  parse: (text) => (choices.includes(text) ? text : null),
  format: String,
  draw: (random) => choices[Math.floor(random() * choices.length)],
});
const text = { parse: (value) => value || null, format: String, draw: null }; // what may be drawn, the catalog knows
const flag = {
  parse: (value) => (value === "1" ? true : null),
  format: (value) => (value ? "1" : ""),
  draw: (random) => random() < 0.5,
};
// Names of columns, by comma.
const names = {
  parse: (value) => (/^\w{1,20}(,\w{1,20}){0,19}$/.test(value || "") ? value : null),
  format: String,
  draw: (random) => ["name,iou", "id", "iou,missed,false"][Math.floor(random() * 3)],
};
// Several texts: the key is repeated in the URL, so no text needs a separator that it might hold.
const texts = {
  many: true,
  parse: (values) => (values.length ? values : null),
  format: (values) => values.map(String),
  draw: null,
};
const range = (low, high) => ({
  parse: (value) => {
    const parts = (value || "").split("-");
    if (parts.length !== 2 || parts.some((part) => part.trim() === "")) return null;
    const [a, b] = parts.map(Number);
    return Number.isFinite(a) && Number.isFinite(b) && low <= a && a <= b && b <= high ? [a, b] : null;
  },
  format: ([a, b]) => `${a}-${b}`,
  draw: (random) =>
    [low + random() * (high - low), low + random() * (high - low)].map((v) => Number(v.toFixed(2))).sort((a, b) => a - b),
});
const day = {
  parse: (value) => (/^\d{4}-\d\d-\d\d$/.test(value || "") && !Number.isNaN(Date.parse(value)) ? value : null),
  format: String,
  draw: (random) => new Date(1420070400000 + Math.floor(random() * 3600) * 86400000).toISOString().slice(0, 10),
};
// Places as "lon,lat;lon,lat;...", so many of them. Where they make sense, the open chip says.
const [longitude, latitude] = [number(-540, 540), number(-90, 90)];
const places = (fewest, most) => ({
  parse: (value) => {
    const pairs = (value || "").split(";").map((pair) => pair.split(","));
    if (pairs.length < fewest || pairs.length > most || pairs.some((pair) => pair.length !== 2)) return null;
    const points = pairs.map(([lon, lat]) => [longitude.parse(lon), latitude.parse(lat)]);
    return points.flat().includes(null) ? null : points;
  },
  format: (points) => points.map((point) => point.map((v) => Number(v.toFixed(6))).join(",")).join(";"),
  draw: null,
});
const ring = places(3, 100);
const one = places(1, 1);
const spot = { parse: (value) => one.parse(value)?.[0] ?? null, format: (point) => one.format([point]), draw: null };

const chosenModel = (view, settings) =>
  settings.models.find((m) => m.spec === view.model) || settings.models.find((m) => m.spec === settings.model);

/**
 * The table of a page and what follows from it.
 * @param {{images: string[], overlays: string[], swiped: string[], preferredTheme: string}} page its layers by name, and the
 *   theme that the browser prefers
 */
export const addressOf = ({ images, overlays, swiped, preferredTheme }) => {
  // --- the table -----------------------------------------------------------------------------------------------
  // name: in this code; key: in the URL; at: the component that holds it, as "id.property" (absent: the map itself);
  // also: another component that is set with it; fallback: its value where the URL has none, a value or a function of
  // the view and the settings; check: whether a value of the URL makes sense on this page; quiet: the default is left
  // out of the URL; step: its change is one that the browser's Back undoes, or what of it is; take and give: between value and component;
  // part: the component's value is an object, and this is one of its entries.
  /**
   * @typedef {object} Field
   * @property {string} name
   * @property {string} key
   * @property {(text: any) => any} parse
   * @property {(value: any) => string | string[]} format
   * @property {((random: () => number) => any) | null} [draw]
   * @property {boolean} [many]
   * @property {string} [at]
   * @property {string} [also]
   * @property {string} [part]
   * @property {any} [fallback]
   * @property {(value: any, settings: any) => boolean} [check]
   * @property {boolean} [quiet]
   * @property {boolean | ((value: any) => any)} [step]
   * @property {(value: any) => any} [take]
   * @property {(value: any, first: boolean, view: any) => any} [give]
   */
  /** @type {Field[]} */
  const FIELDS = [
    {
      name: "chip",
      key: "chip",
      ...text,
      at: "selection.data",
      step: true,
      take: (selection) => (selection && selection.id) || null,
      give: (id, first, view) =>
        id ? { id, at: moment(), restored: true, placed: view.zoom !== null } : first ? undefined : null,
    },
    { name: "zoom", key: "z", ...number(0, 22), draw: (random) => 2 + Math.floor(random() * 1700) / 100 },
    { name: "lat", key: "lat", ...number(-90, 90, 5), draw: (random) => Number((120 * random() - 60).toFixed(5)) },
    { name: "lon", key: "lon", ...number(-540, 540, 5), draw: (random) => Number((340 * random() - 170).toFixed(5)) },
    {
      name: "model",
      key: "model",
      ...text,
      at: "model.value",
      step: true,
      check: (spec, settings) => settings.models.some((m) => m.spec === spec),
      fallback: (view, settings) => settings.model,
    },
    { name: "base", key: "base", ...choice(...images), at: "base.value", fallback: "composite" },
    { name: "overlay", key: "overlay", ...choice(...overlays), at: "overlay.value", fallback: "prediction" },
    { name: "grey", key: "grey", ...flag, at: "grey.checked", fallback: false, quiet: true },
    { name: "outline", key: "outline", ...flag, at: "outline.checked", fallback: false, quiet: true },
    // Read from the level, which follows the slider once the picture is drawn.
    {
      name: "threshold",
      key: "t",
      ...number(0, 1),
      at: "level.data",
      also: "threshold.value",
      fallback: (view, settings) => {
        const known = chosenModel(view, settings);
        return known ? known.threshold : 0.5;
      },
    },
    { name: "opacity", key: "o", ...number(0, 1), at: "opacity.value", fallback: 0.75 },
    {
      name: "tab",
      key: "tab",
      ...choice("chip", "regions", "chips", "models"),
      at: "tab.value",
      step: true,
      fallback: (view) => (view.chip ? "chip" : "regions"),
    },
    { name: "theme", key: "theme", ...choice("dark", "light"), at: "theme.data", fallback: () => preferredTheme },
    // One chip, closely: what is compared, where the swipe's handle is, the pinned pixel, the drawn area.
    {
      name: "mode",
      key: "mode",
      ...choice("one", "swipe", "four"),
      at: "compare.value",
      fallback: "one",
      quiet: true,
      step: true,
    },
    { name: "left", key: "left", ...choice(...swiped), at: "left.value", fallback: "composite", quiet: true },
    { name: "right", key: "right", ...choice(...swiped), at: "right.value", fallback: "prediction", quiet: true },
    { name: "handle", key: "at", ...number(0, 1), at: "look.data", part: "at", fallback: 0.5, quiet: true },
    { name: "pin", key: "pin", ...spot, at: "look.data", part: "pin", quiet: true },
    { name: "area", key: "area", ...ring, at: "look.data", part: "area", quiet: true },
    // The review workbench. Model B is the same here and on the map; the store may know one that is not on offer, so any text is one.
    { name: "other", key: "b", ...text, at: "review.data", part: "other", quiet: true, step: true },
    {
      name: "by",
      key: "by",
      ...choice("country", "event", "split", "water"),
      at: "review.data",
      part: "by",
      fallback: "country",
      quiet: true,
      step: true,
    },
    { name: "region", key: "region", ...text, at: "review.data", part: "region", quiet: true, step: true },
    {
      name: "list",
      key: "list",
      ...choice("list", "grid", "explore"),
      at: "review.data",
      part: "list",
      fallback: "list",
      quiet: true,
      step: true,
    },
    {
      name: "sort",
      key: "sort",
      ...choice(...Object.keys(SORTS)),
      at: "review.data",
      part: "sort",
      fallback: "iou",
      quiet: true,
    },
    { name: "regionColumns", key: "rcols", ...names, at: "review.data", part: "regionColumns", quiet: true },
    { name: "chipColumns", key: "ccols", ...names, at: "review.data", part: "chipColumns", quiet: true },
    { name: "wide", key: "wide", ...flag, at: "review.data", part: "wide", fallback: false, quiet: true },
    { name: "graticule", key: "degrees", ...flag, at: "review.data", part: "graticule", fallback: false, quiet: true },
    // A layer more, less or in another order is a step; how opaque one is, is none.
    {
      name: "layers",
      key: "layer",
      ...texts,
      at: "review.data",
      part: "layers",
      fallback: [],
      quiet: true,
      step: (some) => (some || []).map((one) => one.split("~").slice(3)),
    },
    { name: "sheet", key: "sheet", ...choice("peek", "half", "full"), at: "review.data", part: "sheet", quiet: true },
    // The filters.
    { name: "countries", key: "country", ...texts, at: "sieve.data", part: "country", fallback: [], quiet: true },
    { name: "events", key: "event", ...texts, at: "sieve.data", part: "event", fallback: [], quiet: true },
    { name: "splits", key: "split", ...texts, at: "sieve.data", part: "split", fallback: [], quiet: true },
    { name: "from", key: "from", ...day, at: "sieve.data", part: "from", quiet: true },
    { name: "to", key: "to", ...day, at: "sieve.data", part: "to", quiet: true },
    { name: "iouRange", key: "iou", ...range(0, 1), at: "sieve.data", part: "iou", fallback: [0, 1], quiet: true },
    { name: "labelled", key: "labelled", ...choice("yes", "no"), at: "sieve.data", part: "labelled", quiet: true },
    { name: "predicted", key: "predicted", ...choice("yes", "no"), at: "sieve.data", part: "predicted", quiet: true },
    { name: "seen", key: "seen", ...choice("yes", "no"), at: "sieve.data", part: "seen", quiet: true },
    { name: "known", key: "known", ...flag, at: "sieve.data", part: "known", fallback: false, quiet: true },
  ];

  // --- between table and URL -----------------------------------------------------------------------------------
  // What a query string says; whatever is missing or senseless is null.
  const parse = (search) => {
    const query = new URLSearchParams(search);
    const view = Object.fromEntries(
      FIELDS.map(({ name, key, many, parse: read }) => [name, read(many ? query.getAll(key) : query.get(key))]),
    );
    const placed = ["lat", "lon", "zoom"].every((name) => view[name] !== null);
    return placed ? view : { ...view, lat: null, lon: null, zoom: null };
  };

  const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
  const format = (state) => {
    const query = new URLSearchParams();
    FIELDS.forEach(({ name, key, format: write, fallback, quiet }) => {
      const value = state[name];
      if (value === null || value === undefined || (quiet && same(value, fallback))) return;
      [write(value)]
        .flat()
        .filter((part) => part !== "")
        .forEach((part) => query.append(key, part));
    });
    return `?${query.toString()}`;
  };

  // A view in which nothing is missing that has a default.
  const complete = (view, settings) => {
    const sound = { ...view };
    FIELDS.forEach(({ name, check }) => {
      if (check && sound[name] !== null && !check(sound[name], settings)) sound[name] = null;
    });
    FIELDS.forEach(({ name, fallback }) => {
      if (sound[name] === null) sound[name] = typeof fallback === "function" ? fallback(sound, settings) : (fallback ?? null);
    });
    return sound;
  };

  // --- between table and components ----------------------------------------------------------------------------
  // The value of each component, "id.property" -> value; undefined: leave it as it is.
  const toComponents = (view, settings, first) => {
    const whole = complete(view, settings);
    const out = new Map();
    FIELDS.filter(({ at }) => at).forEach(({ name, at, also, part, give }) => {
      const value = give ? give(whole[name], first, whole) : whole[name];
      [at, also].filter(Boolean).forEach((place) => out.set(place, part ? { ...out.get(place), [part]: value } : value));
    });
    return out;
  };

  // The state that the values of the components and the place of the map are.
  const fromComponents = (values) => {
    const place = values.get("view.data") || { lat: null, lon: null, zoom: null };
    return Object.fromEntries(
      FIELDS.map(({ name, at, part, take }) => {
        if (!at) return [name, place[name]];
        const value = part ? (values.get(at) || {})[part] : values.get(at);
        return [name, take ? take(value) : value];
      }),
    );
  };

  // Whether the step from one state to another is one that Back undoes.
  const isStep = (before, after) =>
    FIELDS.some(({ name, step }) => {
      const of = typeof step === "function" ? step : (value) => value;
      return step && !same(of(before[name]) ?? null, of(after[name]) ?? null);
    });

  return { FIELDS, parse, format, complete, toComponents, fromComponents, isStep };
};

export const kinds = { number, choice, text, flag, names, texts, range, day, ring, spot };
