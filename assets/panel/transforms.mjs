// The open chip under changes that leave its truth as it is. Pictures come as score pixels, so that layer and threshold move
// them as they move the map, with no request.

import * as catalog from "../data/catalog.mjs";
import * as training from "../data/training.mjs";
import * as tiles from "../map/tiles.mjs";
import { ask } from "../page/ask.mjs";
import { make } from "../page/dom.mjs";
import * as format from "../page/format.mjs";
import * as marks from "../page/marks.mjs";
import * as state from "../page/state.mjs";
import * as scores from "../scores/histogram.mjs";

const AGAIN_MS = 300;
let shown = ""; // the chip and model whose cards stand there
let turn = 0; // a later call ends the earlier ones
let answers = []; // of the cards that are filled: [{card, answer}]

const section = () => /** @type {HTMLDetailsElement | null} */ (document.getElementById("transforms"));
const wait = (ms) =>
  new Promise((done) => {
    setTimeout(done, ms);
  });

const cardOf = ({ title }) => {
  const figures = make("span", { class: "fs-transform-figures", text: "…" });
  const picture = make("div", { class: "fs-transform-picture" });
  return {
    title,
    figures,
    picture,
    whole: make("figure", { class: "fs-transform" }, picture, make("figcaption", {}, make("strong", { text: title }), figures)),
  };
};

const fill = (card, answer) => {
  const image = make("img", { class: "fs-transform-image", src: answer.image, alt: "" });
  const water = make("img", { class: "fs-transform-scores", src: answer.scores, alt: `Prediction of the chip, ${card.title}` });
  card.picture.replaceChildren(image, water);
  const decoded = (text) => (text ? scores.histogram(text) : null);
  answers.push({ card, answer: { ...answer, changed: decoded(answer.changed), plain: decoded(answer.plain) } });
  describe();
};

// The figures of all cards at the threshold of the screen.
const describe = () => {
  const { score, percent, known } = format;
  const { chip, model, level: k } = state.get();
  const seen = training.of(model, chip);
  answers.forEach(({ card, answer }) => {
    const iou = (h) => (h ? scores.figures(scores.confusion(h, k)).iou : null);
    const [changed, plain] = [iou(answer.changed), iou(answer.plain)];
    const differ = `${percent(answer.pixels ? answer.differing[k] / answer.pixels : 0)} change class`;
    const same = answer.name === "turn0";
    const moved = known(changed) && known(plain) && !same ? changed - plain : null;
    const step =
      moved === null ? "" : Math.abs(moved) < 0.005 ? " (the same)" : ` (${moved < 0 ? "−" : "+"}${Math.abs(moved).toFixed(2)})`;
    card.figures.replaceChildren(
      ...(answer.changed ? [`IoU ${score(changed)}${step}`, ...marks.after(seen)] : ["no label"]),
      same ? "" : ` · ${differ}`,
    );
  });
};

const run = async (chip, model) => {
  turn += 1;
  const mine = turn;
  answers = [];
  const place = document.getElementById("transforms-cards");
  const said = document.getElementById("transforms-said");
  const changes = JSON.parse(place.dataset.changes);
  const cards = changes.map(cardOf);
  place.replaceChildren(...cards.map((card) => card.whole));
  const click = format.unique();
  const view = catalog.chips.get(chip)?.scene ? `&view=${tiles.view(chip).join()}` : ""; // of a scene, the square in its middle
  for (let i = 0; i < changes.length; i += 1) {
    said.textContent = `Predicting ${i + 1} of ${changes.length} …`;
    try {
      let answer = { pending: true };
      while (answer.pending && mine === turn) {
        answer = await ask(
          `transforms/${encodeURIComponent(chip)}/${encodeURIComponent(changes[i].name)}?model=${encodeURIComponent(model)}&click=${click}${view}`,
          { method: "POST" },
        );
        if (answer.pending) await wait(AGAIN_MS);
      }
      if (mine !== turn) return;
      fill(cards[i], answer);
    } catch (error) {
      if (mine === turn) said.textContent = error.message;
      shown = ""; // unfolded again, it is tried again
      return;
    }
  }
  said.textContent = view ? "Of the square in the middle of what was in view; fold and unfold it after the map was moved." : "";
};

// Follow the screen: hidden without a predicted chip, emptied and filled anew for another chip or model.
const follow = () => {
  const place = section();
  if (!place) return;
  const { chip, model } = state.get();
  const prediction = chip && model && catalog.shown(model, chip);
  const predicted = Boolean(prediction);
  place.hidden = !predicted;
  if (!predicted || !place.open) {
    if (!predicted) {
      turn += 1;
      shown = "";
    }
    return;
  }
  // A scene's revision goes on with each window that is predicted; the square that is shown here does not change by it.
  const now = `${model}\n${chip}\n${catalog.chips.get(chip)?.scene ? "" : prediction.revision}`;
  if (now === shown) {
    describe();
    return;
  }
  shown = now;
  run(chip, model);
};

let timer = null;
const soon = () => {
  clearTimeout(timer);
  timer = setTimeout(follow, 120);
}; // the address follows the panel
document.addEventListener(
  "toggle",
  (event) => {
    if (event.target !== section()) return;
    const scene = catalog.chips.get(state.get().chip)?.scene;
    if (scene && !section().open) shown = ""; // unfolded again, it is of what is in view then
    follow();
  },
  true,
);
const watch = () => {
  const panel = document.getElementById("chip-panel");
  if (!panel) {
    requestAnimationFrame(watch);
    return;
  }
  new MutationObserver(soon).observe(panel, { childList: true, subtree: true, characterData: true });
  soon();
};
watch();
