// The address of this page, and what its window is like.
import { addressOf } from "./address.mjs";
import { images, overlays, swiped } from "./layers.mjs";
import * as state from "./state.mjs";

const preferredTheme = window.matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";

export const { FIELDS, parse, format, complete, toComponents, fromComponents, isStep } = addressOf({
  images,
  overlays,
  swiped,
  preferredTheme,
});

const first = parse(window.location.search);
// The state that the page was opened with.
export const initial = () => first;

// Until Dash tells more, the screen is as the address says.
state.set(
  Object.fromEntries(
    Object.keys(state.DEFAULTS)
      .map((name) => [name, first[name === "at" ? "handle" : name]])
      .filter(([, value]) => value !== null && value !== undefined),
  ),
  { told: true },
);

// The map must have its size before it is put in its place.
if (first.wide) document.documentElement.dataset.panel = "wide";

// A phone, whose panel is a sheet (assets/touch.css has the same sizes); and one that lies.
export const narrow = () => window.matchMedia("(max-width: 760px), (max-height: 500px)").matches;
export const low = () => window.matchMedia("(max-height: 500px)").matches;
