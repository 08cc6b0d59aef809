// What keyboards and screen readers need beyond what the components bring: rows that open by key, focus that stays with
// what was opened, outcomes that are said, explanations that Escape hides.
import * as catalog from "./data/catalog.mjs";
import * as board from "./map/picture.mjs";
import * as tiles from "./map/tiles.mjs";
import { table as tableOf, tell } from "./page/bridge.mjs";
import { whenThere } from "./page/dom.mjs";
import * as view from "./page/view.mjs";
import * as workbench from "./review/workbench.mjs";

const PANEL = "chip-panel";
const CHIPS = "chips-table";
const near = (event, selector) => (event.target instanceof Element ? event.target.closest(selector) : null);
const visible = (element) => Boolean(element && element.offsetParent);

// Call back once the condition holds, for two seconds at most.
const when = (condition, then, end = performance.now() + 10_000) => {
  if (condition()) then();
  else if (performance.now() < end) requestAnimationFrame(() => when(condition, then, end));
};

// --- rows ----------------------------------------------------------------------------------------------------
// A click on a row that is selected already changes no selection, yet asks for the same again.
const again = {
  [CHIPS]: (id) => tiles.choose(id),
  "regions-table": (name) => workbench.chooseRegion(name, true),
};
document.addEventListener(
  "click",
  (event) => {
    const row = near(event, ".ag-theme-fs .ag-row-selected");
    const table = row && row.closest(".ag-theme-fs").id;
    if (table in again) again[table](row.getAttribute("row-id"));
  },
  true,
);

// Enter and Space open the row; focus follows a chip into its panel.
document.addEventListener(
  "keydown",
  (event) => {
    const cell = near(event, ".ag-theme-fs .ag-cell");
    if (!cell || (event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    event.stopPropagation(); // Space would take the selection back
    cell.click();
    if (!cell.closest(`#${CHIPS}`)) return;
    const panel = document.getElementById(PANEL);
    when(
      () => visible(panel),
      () => panel.focus(),
    );
  },
  true,
);

const backToTable = () => {
  const row = catalog.opened && catalog.opened.id;
  tell("tab", { value: "chips" });
  const there = () => (visible(document.getElementById(CHIPS)) ? tableOf(CHIPS) : null);
  when(
    () => there()?.getDisplayedRowCount(),
    () => {
      const api = there();
      const node = row && api.getRowNode(row);
      const index = node ? node.rowIndex : 0;
      api.ensureIndexVisible(index);
      api.setFocusedCell(index, "id");
    },
  );
};

// --- Escape --------------------------------------------------------------------------------------------------
const root = document.documentElement;
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const explained = !root.dataset.tips && document.querySelector(".fs-figure:is(:hover, :focus)");
  if (explained) root.dataset.tips = "off";
  else if (near(event, `#${PANEL}`)) {
    backToTable();
    board.close();
  }
});
["focusin", "pointerover"].forEach((name) =>
  document.addEventListener(name, (event) => {
    if (near(event, ".fs-figure")) delete root.dataset.tips;
  }),
);

// --- what became of the chip is said, once it has settled --------------------------------------------------------
let timer = null;
const say = () => {
  const news = /** @type {HTMLElement | null} */ (document.querySelector(`#${PANEL} [data-say]`));
  const place = document.getElementById("announcement");
  if (place && news && place.textContent !== news.dataset.say) place.textContent = news.dataset.say;
};
const listen = (panel) =>
  new MutationObserver(() => {
    clearTimeout(timer);
    timer = setTimeout(say, 300);
  }).observe(panel, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-say"] });

// Mantine's menus do not say that they are combo boxes, nor whether they are open.
const combobox = (input) => {
  const tell = () => input.setAttribute("aria-expanded", String(input.dataset.expanded === "true"));
  input.setAttribute("role", "combobox");
  tell();
  new MutationObserver(tell).observe(input, { attributes: true, attributeFilter: ["data-expanded"] });
};

// --- the page is there -----------------------------------------------------------------------------------------
whenThere(PANEL, (panel) => {
  listen(panel);
  document.querySelectorAll(".mantine-Select-input").forEach(combobox);
  if (view.narrow()) /** @type {HTMLDetailsElement} */ (document.querySelector(".fs-key")).open = false; // a phone's map is small
});
