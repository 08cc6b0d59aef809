// Marks of scores on chips that a model has seen in training: all are made here.
import { make } from "./dom.mjs";

const WORD = "seen";
const UNTOLD = "?";
const TIP = "this model was trained or calibrated on it: no measure of how good it is";
const UNTOLD_TIP = "not known whether the model was trained or calibrated on it";

// Of what is shown with a score: true, false or null as above; undefined where nothing is to be marked.
const wordOf = (seen) => (seen === true ? WORD : seen === null ? UNTOLD : "");
const tipOf = (seen) => (seen === true ? TIP : seen === null ? UNTOLD_TIP : "");
const mark = (seen) => (wordOf(seen) ? make("span", { class: "fs-seen", title: tipOf(seen) }, wordOf(seen)) : "");
// What is appended to a number in running text.
const after = (seen) => (wordOf(seen) ? [" ", mark(seen)] : []);
// The same for a cell that is written past the grid: it stays as it is where nothing has changed.
const markCell = (place, seen) => {
  const there = place.querySelector(".fs-seen");
  if ((there ? there.textContent : "") === wordOf(seen)) return;
  if (there) there.remove();
  place.append(mark(seen));
};

export { after, mark, markCell, tipOf, wordOf };
