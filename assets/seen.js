// Which chips a model was trained on: a score on them is no measure of it. Headlines count the others, and all marks are made here.
window.floodscope = window.floodscope || {};

floodscope.seen = (() => {
  const WORD = "seen";
  const TIP = "in this model's training set: no measure of how good it is";
  const w = () => floodscope.words;

  // Was a model trained on a chip? true, false, or null where it does not tell.
  const of = (model, id) => floodscope.book.prediction(model, id)?.seen ?? null;
  const byAny = (models, id) => (models.some((model) => of(model, id) === true) ? true : models.some((model) => of(model, id) === null) ? null : false);

  // Of [{histogram, seen}] those that a headline may count. Where all of them are seen they are returned, and said to be.
  const pool = (scored) => {
    const fresh = scored.filter(({ seen }) => seen !== true);
    return fresh.length || !scored.length ? { counted: fresh, seen: false } : { counted: scored, seen: true };
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
    const [some, left] = [w().count(scored, "scored chip"), scored - seen];
    if (!scored) return "";
    const validated = crossvalidated(model);
    const beside = validated ? ` ${validated}.` : "";
    if (seen === scored) return `${scored === 1 ? "The one scored chip is" : `All ${some} are`} in this model's training set, so no score here measures it.${beside}`;
    if (seen) return `${w().integer(seen)} of ${some} ${seen === 1 ? "is" : "are"} in this model's training set: figures count the other ${left === 1 ? "one" : w().integer(left)}.${beside}`;
    if (unknown) return `This model does not tell what it was trained on: whether it has seen ${unknown === scored ? "these chips" : `${w().integer(unknown)} of them`} is not known.`;
    return "";
  };

  // --- marks -----------------------------------------------------------------------------------------------------
  const mark = (seen) => (seen === true ? floodscope.build.make("span", { class: "fs-seen", title: TIP }, WORD) : "");
  // The same for a cell that is written past the grid: it stays as it is where nothing has changed.
  const markCell = (place, seen) => {
    const there = place.querySelector(".fs-seen");
    if (seen === true && !there) place.append(mark(true));
    else if (seen !== true && there) there.remove();
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
        svg("rect", { width: 7, height: 7, fill: colour }), svg("line", { x1: 0, y1: 0, x2: 0, y2: 7, class: "fs-seen-line" })));
    }
    return `url(#${id})`;
  };

  return { WORD, TIP, of, byAny, pool, begin, about, crossvalidated, sentence, mark, markCell, hatch };
})();
