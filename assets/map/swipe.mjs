// The swipe: two sets of panes, each clipped at the handle. Dragged by mouse and finger, moved by the arrow keys.

import * as shelf from "../data/shelf.mjs";
import * as layers from "../page/layers.mjs";
import * as state from "../page/state.mjs";
import * as view from "../page/view.mjs";
import * as flights from "./flights.mjs";
import * as leaflet from "./leaflet.mjs";

const SIDES = { right: ["imagery", "scores"], left: ["left-imagery", "left-scores"] };
const handle = () => document.getElementById("swipe-handle");
const round = (share) => Math.round(1000 * Math.min(Math.max(share, 0), 1)) / 1000;

// Panes move with the map, the handle does not: the clip is put anew at every move.
const clip = () => {
  const map = leaflet.map;
  if (!map || !map.getPane("left-scores")) return;
  const { mode, at } = state.get();
  const size = map.getSize();
  const [top, end] = [map.containerPointToLayerPoint([0, 0]), map.containerPointToLayerPoint(size)];
  const cut = top.x + Math.round(at * size.x);
  Object.entries(SIDES).forEach(([name, panes]) =>
    panes.forEach((pane) => {
      const rect = name === "right" ? [top.y, end.x, end.y, cut] : [top.y, cut, end.y, top.x];
      const element = map.getPane(pane);
      if (element) element.style.clip = mode === "swipe" ? `rect(${rect.map((v) => `${v}px`).join(" ")})` : "";
    }),
  );
};

// What stands at a side: of model B and the difference also whose they are, A being the model in use.
const titleOf = (name) => {
  const { title, models } = layers.of(name);
  const { model } = state.get();
  const [a, b] = [model, shelf.beside(model)].map((spec) => spec && shelf.nameOf(spec));
  if (!b || !models.includes("b")) return title;
  return `${title}: ${models.length > 1 ? `A ${a}, B ` : ""}${b}`;
};
// How wide the name at each side may be: neither comes upon the buttons (on a phone that lies: the strip), nor leaves the map.
const [GAP, EDGE, BUTTONS, LEAST] = [8, 8, 48, 76];
const fit = () => {
  const map = leaflet.map;
  if (!map || !handle()) return;
  const { at } = state.get();
  const beside = view.low() ? flights.covered().left : view.narrow() ? 0 : BUTTONS;
  const width = map.getSize().x;
  const line = at * width;
  const rooms = { left: line - beside, right: line < beside ? 0 : width - line };
  Object.entries(rooms).forEach(([side, room]) => {
    const name = document.getElementById(`swipe-${side}`);
    const most = Math.floor(room) - GAP - EDGE;
    name.hidden = most < LEAST;
    name.style.maxWidth = `${most}px`;
  });
};
const place = () => {
  const { mode, at, left, right } = state.get();
  const element = handle();
  if (!element) return;
  element.hidden = mode !== "swipe";
  element.style.left = `${100 * at}%`;
  element.setAttribute("aria-valuenow", String(Math.round(100 * at)));
  const [before, behind] = [left, right].map(titleOf);
  element.setAttribute("aria-valuetext", `${before} left of ${Math.round(100 * at)} %, ${behind} right of it`);
  document.getElementById("swipe-left").textContent = before;
  document.getElementById("swipe-right").textContent = behind;
  fit();
  clip();
};

const STEPS = {
  ArrowLeft: -0.01,
  ArrowDown: -0.01,
  ArrowRight: 0.01,
  ArrowUp: 0.01,
  PageDown: -0.1,
  PageUp: 0.1,
  Home: -1,
  End: 1,
};
const to = (share) => state.set({ at: round(share) });

const drag = (event) => {
  const ground = document.getElementById("map").getBoundingClientRect();
  to((event.clientX - ground.left) / ground.width);
};
const install = () => {
  const element = handle();
  element.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    element.setPointerCapture(event.pointerId);
    element.focus({ preventScroll: true });
    event.preventDefault();
  });
  element.addEventListener("pointermove", (event) => {
    if (element.hasPointerCapture(event.pointerId)) drag(event);
  });
  element.addEventListener("keydown", (event) => {
    if (!(event.key in STEPS)) return;
    event.preventDefault();
    to(state.get().at + STEPS[event.key] * (event.shiftKey ? 10 : 1));
  });
  state.listen((now, before) => {
    if (["mode", "at", "left", "right"].some((name) => now[name] !== before[name])) place();
  });
  const map = leaflet.map;
  map.on("move zoom viewreset resize", clip);
  map.on("resize", fit);
  place();
};

export { install, place };
