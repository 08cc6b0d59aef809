// What the first picture does not wait for: ways to use the page, what is folded or behind a tab or a button. Explore and the
// Models tab come when they are opened first.

import { doubt, outlived, troubled } from "./connection.mjs";
import { listen } from "./data/refresh.mjs";
import "./keys.mjs";
import * as leaflet from "./map/leaflet.mjs";
import * as state from "./page/state.mjs";
import { narrow } from "./page/view.mjs";
import "./panel/inspector.mjs";
import "./panel/transforms.mjs";
import "./panel/news.mjs";
import * as workbench from "./review/workbench.mjs";

listen(troubled, doubt, outlived);

// Who may be about to print: by the button, by Ctrl or Cmd and P, or in the browser's menu, for which the pointer or the focus leaves
// the page.
const paper = async () => {
  await import("./paper.mjs");
};
const print = async () => {
  await paper();
  window.print();
};
document.documentElement.addEventListener("mouseleave", paper);
window.addEventListener("blur", paper);
window.addEventListener("keydown", ({ key }) => {
  if (key === "Control" || key === "Meta") paper();
});
["pointerover", "focusin"].forEach((near) =>
  document.addEventListener(near, ({ target }) => {
    if (target instanceof Element && target.closest("#print")) paper();
  }),
);

// What a button opens.
const uploads = () => import("./panel/uploads.mjs");
const OPENED_BY = {
  "#print": print,
  "#add-images": async () => (await uploads()).open(),
  "#own-layers": async () => (await import("./panel/layers.mjs")).turn(),
  "#take-away": async () => (await import("./panel/takeaway.mjs")).open(),
};
/** @param {EventTarget | null} target what was clicked */
export const clicked = (target) => {
  if (!(target instanceof Element)) return;
  Object.entries(OPENED_BY).forEach(([button, open]) => {
    if (target.closest(button)) open();
  });
};
document.addEventListener("click", ({ target }) => clicked(target));
// Files that are dragged over the page, and dropped anywhere on it.
const carries = ({ dataTransfer }) => dataTransfer && [...dataTransfer.types].includes("Files");
let over = false;
document.addEventListener("dragover", async (event) => {
  if (!carries(event)) return;
  event.preventDefault();
  over = true;
  const { over: show } = await uploads();
  if (over) show();
});
document.addEventListener("dragleave", async ({ relatedTarget }) => {
  if (relatedTarget || !over) return;
  over = false;
  (await uploads()).gone();
});
document.addEventListener("drop", async (event) => {
  if (!carries(event)) return;
  event.preventDefault();
  over = false;
  const files = [...event.dataTransfer.files]; // they are there as long as the event is
  (await uploads()).take(files);
});

// Places are looked for, and the graticule drawn, once somebody asks for them.
document.addEventListener("input", async ({ target }) => {
  if (!(target instanceof HTMLInputElement) || target.id !== "search") return;
  const places = await import("./map/places.mjs");
  places.typed(target.value);
});
const grid = async () => {
  if (!state.get().graticule || !leaflet.map) return;
  const graticule = await import("./map/graticule.mjs");
  graticule.show();
};
leaflet.onMap(grid);
state.listen(grid);
grid();

// Layers of a person's own come with the first of them. Of a link that has some which cannot be shown, the reason is.
const own = async () => {
  if (!state.get().layers.length || !leaflet.map) return;
  const { begin } = await import("./map/own.mjs");
  if (begin() && !narrow()) (await import("./panel/layers.mjs")).open();
};
leaflet.onMap(own);
state.listen((now, before) => {
  if (now.layers !== before.layers) own();
});
own();

const bring = async () => {
  const { tab, list } = state.get();
  if (tab === "models") {
    const models = await import("./review/models.mjs");
    workbench.add({ models: models.show });
  }
  if (tab === "chips" && list === "explore") {
    const explore = await import("./review/explore.mjs");
    workbench.add({ explore: explore.show });
  }
};
state.listen((now, before) => {
  if (now.tab !== before.tab || now.list !== before.list) bring();
});
bring();
