// What the browser knows: the catalog's chips and, by model, their predictions with decoded histograms.
// Dash stores carry version numbers only; the data stays here, decoded once.
window.floodscope = window.floodscope || {};

floodscope.book = (() => {
  const chips = new Map(); // id -> chip of the catalog
  const models = new Map(); // model spec -> Map(chip id -> prediction)
  const failures = new Map(); // model spec -> Map(chip id -> why it could not be predicted)
  const details = new Map(); // prediction revision -> {area, labelKm2, ...}
  let info = { counts: {}, name: "", simulated: false };
  let opened = null; // the server's latest answer to an opened chip
  let version = 0; // changes with all of this; callbacks take it as their input

  const setCatalog = (payload) => {
    chips.clear();
    payload.chips.forEach((chip) => chips.set(chip.id, chip));
    info = payload.info;
    version += 1;
    return version;
  };

  const shelf = (model) => {
    if (!models.has(model)) models.set(model, new Map());
    return models.get(model);
  };

  // Take in predictions of a model, and the chips that it could not predict: [{id, message}].
  const add = (model, predictions, failed = []) => {
    const place = shelf(model);
    if (!failures.has(model)) failures.set(model, new Map());
    failed.forEach(({ id, message }) => failures.get(model).set(id, message));
    predictions.forEach((p) => {
      const known = place.get(p.id);
      if (known && known.revision === p.revision) return;
      place.set(p.id, { ...p, histogram: p.histogram ? floodscope.scores.histogram(p.histogram) : null });
    });
    version += 1;
    return version;
  };

  // Take in the answer to an opened chip: its prediction, or why there is none.
  const open = (answer) => {
    opened = answer;
    const { id, prediction: p, detail, chip_revision: revision } = answer;
    const chip = chips.get(id);
    if (chip && revision && chip.revision !== revision) chips.set(id, { ...chip, revision }); // its files have changed
    if (detail) details.set(p.revision, { ...detail, area: floodscope.scores.area(detail.area) });
    return add(answer.model, p ? [p] : [], answer.error ? [{ id, message: answer.error }] : []);
  };

  // What callbacks compute follows from more than this book holds: have them compute again.
  const touch = () => { version += 1; return version; };

  const prediction = (model, id) => (models.has(model) ? models.get(model).get(id) : undefined);

  // Why a chip has no prediction, where one was tried.
  const failure = (model, id) => (failures.has(model) ? failures.get(model).get(id) : undefined);

  // Figures of one chip at a level: null where it has no label or no prediction.
  const chipFigures = (model, id, k) => {
    const p = prediction(model, id);
    if (!p || !p.histogram) return null;
    return floodscope.scores.figures(floodscope.scores.confusion(p.histogram, k));
  };

  // One row a group of chips, in the order of the groups' names: micro figures with their interval.
  const regions = (model, k, by = "country") => {
    const groups = new Map();
    chips.forEach((chip) => {
      const name = chip[by] || "Unknown";
      if (!groups.has(name)) groups.set(name, { name, chips: 0, imagery: 0, labelled: 0, predicted: 0, counts: [] });
      const group = groups.get(name);
      group.chips += 1;
      group.imagery += chip.imagery ? 1 : 0;
      group.labelled += chip.labelled ? 1 : 0;
      const p = prediction(model, chip.id);
      if (!p) return;
      group.predicted += 1;
      if (p.histogram) group.counts.push(floodscope.scores.confusion(p.histogram, k));
    });
    return [...groups.values()]
      .map((group) => summary(group))
      .sort((a, b) => a.name.localeCompare(b.name));
  };

  // Micro IoU of the countries with a scored chip: all that the map's colours need, and no interval.
  const countryIou = (model, k) => {
    const counts = new Map();
    shelf(model).forEach((p, id) => {
      const chip = chips.get(id);
      if (!chip || !p.histogram) return;
      const name = chip.country || "Unknown";
      if (!counts.has(name)) counts.set(name, []);
      counts.get(name).push(floodscope.scores.confusion(p.histogram, k));
    });
    const scored = [...counts].map(([name, some]) => [name, floodscope.scores.sum(some)]);
    return new Map(scored.filter(([, c]) => c.tp + c.fp + c.fn + c.tn > 0).map(([name, c]) => [name, floodscope.scores.figures(c).iou]));
  };

  const summary = ({ name, chips: n, imagery, labelled, predicted, counts }) => {
    const scored = counts.filter((c) => c.tp + c.fp + c.fn + c.tn > 0);
    return {
      name, chips: n, imagery, labelled, predicted, scored: scored.length,
      ...floodscope.scores.figures(floodscope.scores.sum(scored)),
      interval: floodscope.scores.interval(scored),
    };
  };

  const total = (model, k) => {
    const counts = [];
    let predicted = 0;
    chips.forEach((chip) => {
      const p = prediction(model, chip.id);
      if (!p) return;
      predicted += 1;
      if (p.histogram) counts.push(floodscope.scores.confusion(p.histogram, k));
    });
    return summary({ name: "all", chips: chips.size, imagery: info.counts.imagery, labelled: info.counts.labelled, predicted, counts });
  };

  // The labelled chips that have no score, by the reason: their ids.
  const unscored = (model, k) => {
    const out = { waiting: [], failed: [], unknown: [] };
    chips.forEach((chip) => {
      if (!chip.labelled) return;
      const f = chipFigures(model, chip.id, k);
      if (f && f.tp + f.fp + f.fn + f.tn > 0) return;
      if (prediction(model, chip.id)) out.unknown.push(chip.id);
      else out[failure(model, chip.id) ? "failed" : "waiting"].push(chip.id);
    });
    return out;
  };

  return {
    chips, details, setCatalog, add, open, touch, prediction, failure, chipFigures, regions, countryIou, total, unscored, shelf,
    get info() { return info; },
    get opened() { return opened; },
    get version() { return version; },
  };
})();
