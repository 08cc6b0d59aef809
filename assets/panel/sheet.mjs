// The panel of a phone: a sheet that peeks beside the map with the open chip's figures, is half open, or covers the map. It is
// pulled, tapped or moved by arrow keys. While nobody has, it leaves the screen to an open chip. The strip folds by a button.
import * as catalog from "../data/catalog.mjs";
import * as trust from "../data/trust.mjs";
import { make, whenThere } from "../page/dom.mjs";
import * as format from "../page/format.mjs";
import * as marks from "../page/marks.mjs";
import * as state from "../page/state.mjs";
import * as view from "../page/view.mjs";

/** @typedef {"peek" | "half" | "full"} Step */
/** @type {Step[]} */
const STEPS = ["peek", "half", "full"];
const PULLED = 40; // pixels from which a pull is one, and no tap
const root = document.documentElement;

/** @param {import("../page/state.mjs").State} now @returns {Step} */
const shown = ({ sheet, chip, tab }) => {
  const picture = chip && (!catalog.chips.size || catalog.chips.get(chip)?.imagery); // without one the panel says why
  return sheet ?? (picture && (tab ?? "chip") === "chip" ? "peek" : "half");
};
const step = (by) => {
  const at = STEPS.indexOf(shown(state.get())) + by;
  state.set({ sheet: STEPS[Math.min(Math.max(at, 0), STEPS.length - 1)] });
};

// What there is to say of the open chip in a few words: its score, and its water.
const few = () => {
  const { chip, model, level } = state.get();
  const p = chip && catalog.shown(model, chip);
  if (!p) return /** @type {HTMLElement | null} */ (document.querySelector("#chip-panel [data-say]"))?.dataset.say || "";
  const detail = catalog.details.get(p.revision);
  const figures = catalog.chipFigures(model, chip, level);
  const water =
    detail && (detail.placed ? format.km2(detail.area[level]) : format.percent(detail.area[level] / (detail.area[0] || 1)));
  const iou =
    figures && format.known(figures.iou) ? `IoU ${format.score(figures.iou)} ${marks.wordOf(p.seen ?? null)}`.trim() : "";
  const range = iou || !detail ? "" : trust.range(detail, level).value; // without a label all that there is to go by
  return [iou, water ? `Water ${water}` : "", range].filter(Boolean).join(" · ");
};

const draw = (handle) => {
  const now = shown(state.get());
  root.dataset.sheet = now;
  handle.setAttribute("aria-expanded", String(now !== "peek"));
  const told = now === "peek" ? few() || "Show panel" : "Show more map";
  const [, words, name] = handle.children;
  if (words.textContent !== told) words.textContent = told;
  name.textContent = now === "peek" && told !== "Show panel" ? ": show panel" : "";
};

const install = (handle) => {
  handle.replaceChildren(make("i", { "aria-hidden": true }), make("span"), make("span", { class: "fs-visually-hidden" }));
  let from = null; // where the finger is put down: {x, y}
  let pulled = false; // a click follows
  const pull = (event) => (from ? (view.low() ? from.x - event.clientX : from.y - event.clientY) : 0);
  const end = () => {
    from = null;
    root.style.removeProperty("--fs-pull");
  };
  handle.addEventListener("pointerdown", (event) => {
    [from, pulled] = [{ x: event.clientX, y: event.clientY }, false];
    handle.setPointerCapture(event.pointerId);
  });
  handle.addEventListener("pointermove", (event) => {
    if (from) root.style.setProperty("--fs-pull", `${pull(event)}px`);
  });
  handle.addEventListener("pointerup", (event) => {
    const by = pull(event);
    end();
    pulled = Math.abs(by) > PULLED;
    if (pulled) step(Math.sign(by));
  });
  handle.addEventListener("pointercancel", end);
  handle.addEventListener("click", () => {
    if (!pulled) step(shown(state.get()) === "peek" ? 1 : -1);
    pulled = false;
  });
  handle.addEventListener("keydown", (event) => {
    const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    step(by);
  });
  draw(handle);
  state.listen(() => draw(handle));
  const panel = document.getElementById("panel");
  panel.addEventListener("focus", () => {
    if (shown(state.get()) === "peek") step(1); // by the link that skips to it
  });
  new MutationObserver(() => draw(handle)).observe(document.getElementById("chip-panel"), {
    childList: true,
    subtree: true,
    attributes: true,
    attributeFilter: ["data-say"],
  });
};

whenThere("drawer-handle", install);
whenThere("strip-more", (button) => {
  button.addEventListener("click", () => {
    const whole = root.dataset.strip !== "whole";
    root.dataset.strip = whole ? "whole" : "folded";
    button.setAttribute("aria-expanded", String(whole));
    button.textContent = whole ? "Less" : "More";
  });
});
