// The one state of the screen. Dash's stores and the address of the page are mirrors of it (mirror.mjs, address.mjs);
// who needs to know asks here, who changes something sets it here, and who draws listens.
import { level } from "../scores/histogram.mjs";

/**
 * @typedef {[number, number]} Place longitude and latitude
 * @typedef {object} Filters which chips are shown (data/filters.mjs)
 * @property {string[]} country
 * @property {string[]} event
 * @property {string[]} split
 * @property {string | null} from
 * @property {string | null} to
 * @property {[number, number]} iou
 * @property {"yes" | "no" | null} labelled
 * @property {"yes" | "no" | null} predicted
 * @property {"yes" | "no" | null} seen
 * @property {boolean} known whether chips are shown of which no more is known than a name and a place
 *
 * @typedef {object} State
 * @property {string | null} chip the open one
 * @property {string | null} model the one in use, A
 * @property {string | null} other the one beside it, B, where somebody has chosen one
 * @property {number} threshold of the probability of water, 0 to 1
 * @property {number} level smallest probability value that is water at it (contract 2); follows from the threshold
 * @property {"one" | "swipe" | "four"} mode
 * @property {string} base the image, of one picture
 * @property {string} overlay what is over it
 * @property {boolean} grey whether the image under an overlay is a grey ground, where it is not in any case
 * @property {boolean} outline whether prediction and truth are drawn as outlines
 * @property {string} left layer left of the swipe's handle
 * @property {string} right and right of it
 * @property {number} at where the handle is, a share of the width
 * @property {Place | null} pin the pinned pixel
 * @property {Place[] | null} area corners of the drawn area
 * @property {string} by what regions are: country, event, split, water
 * @property {string | null} region the chosen one
 * @property {"list" | "grid" | "explore"} list how chips are shown
 * @property {string} sort an order of order.mjs
 * @property {string | null} regionColumns columns of the table of regions by comma, or null: as many as fit
 * @property {string | null} chipColumns and of that of chips
 * @property {boolean} wide whether the panel is
 * @property {boolean} graticule whether degrees stand on the map
 * @property {string[]} layers of the person's own, the uppermost first, as texts (own.mjs)
 * @property {"peek" | "half" | "full" | null} sheet how far the panel of a phone is open, where somebody has pulled it
 * @property {Filters} filters
 * @property {string | null} tab
 * @property {"dark" | "light" | null} theme
 */

/** @type {Filters} */
export const NO_FILTERS = {
  country: [],
  event: [],
  split: [],
  from: null,
  to: null,
  iou: [0, 1],
  labelled: null,
  predicted: null,
  seen: null,
  known: false,
};

/** @type {State} */
export const DEFAULTS = {
  chip: null,
  model: null,
  other: null,
  threshold: 0.5,
  level: 127,
  mode: "one",
  base: "composite",
  overlay: "prediction",
  grey: false,
  outline: false,
  left: "composite",
  right: "prediction",
  at: 0.5,
  pin: null,
  area: null,
  by: "country",
  region: null,
  list: "list",
  sort: "iou",
  regionColumns: null,
  chipColumns: null,
  wide: false,
  sheet: null,
  graticule: false,
  layers: [],
  filters: NO_FILTERS,
  tab: null,
  theme: null,
};

/** @type {State} */
let now = DEFAULTS;
/** @type {((now: State, before: State, told: boolean) => void)[]} */
const listeners = [];

/** @returns {Readonly<State>} what is on the screen; another value after each change */
export const get = () => now;

/** @param {(now: State, before: State, told: boolean) => void} then */
export const listen = (then) => {
  listeners.push(then);
};

/**
 * Change a part; who listens is called where it is another.
 * @param {Partial<State>} given
 * @param {{told?: boolean}} [how] `told`: by Dash, which need not be told again
 */
export const set = (given, { told = false } = {}) => {
  const before = now;
  const part = given.threshold === undefined ? given : { ...given, level: level(given.threshold) };
  if (Object.entries(part).every(([name, value]) => before[/** @type {keyof State} */ (name)] === value)) return;
  now = { ...before, ...part };
  listeners.forEach((then) => then(now, before, told));
};
