// Which chips a model was trained or calibrated on: a score on them is no measure of it. Headlines count the others, and all marks are made here.
window.floodscope = window.floodscope || {};

floodscope.seen = (() => {
  const WORD = "seen";
  const UNTOLD = "?"; // as floodscope evaluate marks them, too
  const TIP = "this model was trained or calibrated on it: no measure of how good it is";
  const UNTOLD_TIP = "not known whether the model was trained or calibrated on it";
  const w = () => floodscope.words;

  // Has a model seen a chip? true, false, or null where it does not tell.
  const of = (model, id) => floodscope.book.prediction(model, id)?.seen ?? null;
  const byAny = (models, id) => (models.some((model) => of(model, id) === true) ? true : models.some((model) => of(model, id) === null) ? null : false);

  // Of [{histogram, seen}] those that a headline may count: the unseen ones (model/seen/headline.py has the same rule). Where
  // there are none, all are returned and it is said what they are: `seen` true; or null, where the model tells of none of them.
  const pool = (scored) => {
    const fresh = scored.filter(({ seen }) => seen === false);
    if (fresh.length || !scored.length) return { counted: fresh, seen: false };
    return { counted: scored, seen: scored.some(({ seen }) => seen === true) ? true : null };
  };

  // --- what is known of a model ----------------------------------------------------------------------------------
  let offered = [];
  const begin = (models) => { offered = models; };
  const about = (model) => ({ ...offered.find((m) => m.spec === model), ...floodscope.others.models.find((m) => m.spec === model) });

  // "Left out by country: 0.763, 12 chips"; nothing where it was not cross-validated.
  const crossvalidated = (model) => {
    const told = about(model).crossvalidated;
    if (!told || !w().known(told.micro)) return "";
    return `Left out by ${told.by}: ${w().score3(told.micro)}${w().known(told.chips) ? `, ${w().count(told.chips, "chip")}` : ""}`;
  };

  // What is to be said beside figures, of how many scored chips are seen and of how many it is not known; "" where nothing is.
  const sentence = (model, { scored, seen, unknown }) => {
    const [some, left] = [w().count(scored, "scored chip"), scored - seen - unknown];
    if (!scored) return "";
    const validated = crossvalidated(model);
    const beside = validated ? ` ${validated}.` : "";
    if (seen === scored) return `This model was trained or calibrated on ${scored === 1 ? "the one scored chip" : `all ${some}`}, so no score here measures it.${beside}`;
    if (unknown === scored) return `This model does not tell what it was trained on: whether it has seen these chips is not known.${beside}`;
    if (left === scored) return "";
    const known = seen ? `This model was trained or calibrated on ${w().integer(seen)} of ${some}` : `Of ${w().integer(unknown)} of ${some} it is not known whether the model was trained on them`;
    const rest = seen && unknown ? `, of ${w().integer(unknown)} it is not known` : "";
    return `${known}${rest}: ${left ? `figures count the other ${left === 1 ? "one" : w().integer(left)}` : "none is left to measure it"}.${beside}`;
  };

  // --- marks -----------------------------------------------------------------------------------------------------
  // Of what is shown with a score: true, false or null as above; undefined where nothing is to be marked.
  const wordOf = (seen) => (seen === true ? WORD : seen === null ? UNTOLD : "");
  const tipOf = (seen) => (seen === true ? TIP : seen === null ? UNTOLD_TIP : "");
  const mark = (seen) => (wordOf(seen) ? floodscope.build.make("span", { class: "fs-seen", title: tipOf(seen) }, wordOf(seen)) : "");
  // What is appended to a number in running text.
  const after = (seen) => (wordOf(seen) ? [" ", mark(seen)] : []);
  // The same for a cell that is written past the grid: it stays as it is where nothing has changed.
  const markCell = (place, seen) => {
    const there = place.querySelector(".fs-seen");
    if ((there ? there.textContent : "") === wordOf(seen)) return;
    if (there) there.remove();
    place.append(mark(seen));
  };

  // A colour with lines across, for a shape of the map; one pattern a colour, of which there are few.
  const SVG = "http://www.w3.org/2000/svg";
  let place = null;
  const hatch = (colour) => {
    const { svg } = floodscope.build;
    if (!place) {
      place = svg("svg", { width: 0, height: 0, "aria-hidden": true, class: "fs-seen-patterns", xmlns: SVG });
      document.body.append(place);
    }
    const id = `fs-seen-${colour.replace(/\D+/g, "-")}`;
    if (!document.getElementById(id)) {
      place.append(svg("pattern", { id, width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
        svg("rect", { width: 7, height: 7, fill: colour }), svg("line", { x1: 0, y1: 0, x2: 0, y2: 7, class: `fs-seen-line${floodscope.filters.dark(colour) ? " fs-seen-line-light" : ""}` })));
    }
    return `url(#${id})`;
  };

  return { of, byAny, pool, begin, about, crossvalidated, sentence, wordOf, tipOf, mark, after, markCell, hatch };
})();
