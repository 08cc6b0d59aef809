// A scene in the panel: how far it is from being drawn, how much of it is predicted, and the buttons for the rest.

import * as catalog from "../data/catalog.mjs";
import { ask } from "../page/ask.mjs";
import { tell } from "../page/bridge.mjs";
import { html } from "../page/drawn.mjs";
import * as format from "../page/format.mjs";

const STAGES = {
  opening: "Opening the scene …",
  truth: "Looking at what the numbers of its label mean …",
  label: "Making overviews of its label, once",
  image: "Making a display pyramid of its image, once",
};

// What is being made ready, or nothing.
const stage = (drawing) => {
  if (!drawing || (drawing.ready && drawing.settled)) return "";
  const share = ["label", "image"].includes(drawing.stage) ? ` (${format.percent(drawing.share)} done) …` : "";
  return `${STAGES[drawing.stage]}${share}`;
};

const button = (action, text, primary) =>
  html.Button(
    {
      id: `scene-${action}`,
      key: action, // another button is another element: nobody presses Cancel with the press that began it
      className: `fs-button${primary ? " fs-button-primary" : ""}`,
      type: "button",
      "data-scene": action,
    },
    text,
  );

// Windows a second since this page saw the job begin: those that were done before do not count.
let pace = { of: "", at: 0, done: 0 };
const rate = (of, done) => {
  if (pace.of !== of) pace = { of, at: performance.now(), done };
  const seconds = (performance.now() - pace.at) / 1000;
  return seconds > 1 && done > pace.done ? (done - pace.done) / seconds : 0;
};
const left = (seconds) => (seconds < 90 ? `about ${Math.ceil(seconds)}\u2009s` : `about ${Math.ceil(seconds / 60)}\u2009min`);

const progress = (id, model, { done, total, looked, job }) => {
  const running = job?.running;
  if (!running && !looked) {
    pace.of = "";
    return [];
  }
  const speed = running ? rate(`${model} ${id}`, done) : 0;
  const text =
    done === total
      ? "All windows are predicted: putting them together …"
      : running
        ? `Predicting the whole scene: ${format.integer(done)} of ${format.integer(total)} windows${speed ? `, ${speed.toFixed(1)} a second, ${left((total - done) / speed)} left` : ""}`
        : `Predicting what is in view: ${format.count(looked, "window")} left`;
  return [
    html.Div(
      { className: "fs-job", id: "scene-progress" },
      html.Span({}, text),
      html.Div(
        { className: "fs-job-bar" },
        html.Div({ className: "fs-job-done", style: { width: `${(100 * done) / total}%` } }, ""),
      ),
    ),
  ];
};

// What is said of a scene that is open, above its figures.
const told = (id, model) => {
  const out = [];
  const making = stage(catalog.drawings.get(id));
  if (making) out.push(html.Div({ className: "fs-notice fs-notice-busy" }, making));
  const part = catalog.part(model, id);
  if (!part) return out;
  const { share, done, total, looked, job } = part;
  const running = job?.running;
  const some = share > 0 ? format.percent(share) : "Nothing";
  out.push(
    html.Div(
      { className: "fs-notice fs-notice-info", id: "scene-part" },
      `${some} of the scene predicted${share > 0 ? ": the figures and the map show that part" : " yet"}. Where two windows meet, a whole scene is smoother.`,
    ),
    ...progress(id, model, part),
    html.Div(
      { className: "fs-buttons", key: "scene-buttons" },
      ...(running
        ? [button("enough", "Cancel")]
        : done < total
          ? [button("whole", "Predict the whole scene", true), ...(looked ? [] : [button("view", "Predict what is in view")])]
          : []),
    ),
  );
  const failed = job?.failed?.[0];
  if (failed) out.push(html.Div({ className: "fs-notice fs-notice-error", role: "alert" }, failed.message));
  return out;
};

document.addEventListener("click", ({ target, detail }) => {
  if (detail > 1) return; // the second of two clicks, under which another button may lie by now
  const pressed = target instanceof Element && /** @type {HTMLElement | null} */ (target.closest("[data-scene]"));
  const { id, model } = catalog.opened || {};
  if (!pressed || !id) return;
  const again = () => tell("ask-again", { data: { at: Date.now(), pressed: true } });
  const action = pressed.dataset.scene;
  document.getElementById("chip-panel").focus({ preventScroll: true }); // the button goes
  if (action === "view") again();
  else ask(`inspect/${action}/${encodeURIComponent(id)}`, { json: { model } }).then(again, again); // what went wrong, the answer tells
});

export { stage, told };
