// Which chips are shown: the filters, and the region that was chosen. Map, list, tables and figures ask here.
window.floodscope = window.floodscope || {};

floodscope.sieve = (() => {
  const NONE = { country: [], event: [], split: [], from: null, to: null, iou: [0, 1], labelled: null, predicted: null };
  let values = NONE;
  let context = { model: null, k: 127, by: "country", region: null };
  let passed = null; // ids that pass the filters; null: all
  let version = 0; // changes with the chips that pass
  let key = "";

  const listed = (list) => list && list.length > 0;
  const active = () => ({
    country: listed(values.country), event: listed(values.event), split: listed(values.split),
    date: Boolean(values.from || values.to), iou: Boolean(values.iou) && (values.iou[0] > 0 || values.iou[1] < 1),
    labelled: Boolean(values.labelled), predicted: Boolean(values.predicted),
  });
  const any = () => Object.values(active()).includes(true);

  // A link may hold what this catalog has not, a name twice, or dates the wrong way round.
  const KEYS = ["country", "event", "split"];
  let names = { version: null };
  const sound = (wanted) => {
    if (names.version !== floodscope.book.version) {
      const chips = [...floodscope.book.chips.values()];
      names = { version: floodscope.book.version, ...Object.fromEntries(KEYS.map((name) => [name, new Set(chips.map((chip) => chip[name] || "Unknown"))])) };
    }
    const known = (name) => [...new Set(wanted[name] || [])].filter((value) => !floodscope.book.chips.size || names[name].has(value));
    const dates = wanted.from && wanted.to && wanted.from > wanted.to ? { from: wanted.to, to: wanted.from } : {};
    return { ...wanted, ...Object.fromEntries(KEYS.map((name) => [name, known(name)])), ...dates };
  };

  const among = (list, value) => !listed(list) || list.includes(value || "Unknown");
  const passes = (chip, on) => {
    if (!among(values.country, chip.country) || !among(values.event, chip.event) || !among(values.split, chip.split)) return false;
    if (on.date) {
      const date = (chip.date || "").slice(0, 10);
      if (!date || (values.from && date < values.from) || (values.to && date > values.to)) return false;
    }
    if (on.labelled && chip.labelled !== (values.labelled === "yes")) return false;
    if (on.predicted && Boolean(floodscope.book.prediction(context.model, chip.id)) !== (values.predicted === "yes")) return false;
    if (on.iou) {
      const figures = floodscope.book.chipFigures(context.model, chip.id, context.k);
      if (!figures || figures.iou === null || figures.iou < values.iou[0] || figures.iou > values.iou[1]) return false;
    }
    return true;
  };

  // Take what is new, and sift again where it can matter. Returns whether other chips pass than before.
  const use = (news) => {
    values = sound({ ...NONE, ...(news.values || values) });
    context = { ...context, ...news };
    const on = active();
    const now = JSON.stringify([values, floodscope.book.version, on.iou || on.predicted ? context.model : 0, on.iou ? context.k : 0]);
    if (now === key) return false;
    const fresh = key === "" || JSON.parse(key)[1] !== floodscope.book.version;
    key = now;
    const before = passed;
    passed = any() ? new Set([...floodscope.book.chips.values()].filter((chip) => passes(chip, on)).map((chip) => chip.id)) : null;
    const same = !fresh && (before === null ? passed === null : passed !== null && before.size === passed.size && [...before].every((id) => passed.has(id)));
    if (!same) version += 1;
    return !same;
  };

  const has = (id) => passed === null || passed.has(id);
  const chips = () => (passed === null ? [...floodscope.book.chips.values()] : [...floodscope.book.chips.values()].filter((c) => passed.has(c.id)));

  // Whether a chip belongs to the chosen region; every chip does where none is chosen.
  const focused = (id) => {
    if (!context.region) return true;
    const chip = floodscope.book.chips.get(id);
    return Boolean(chip) && floodscope.groups.nameOf(context.by, chip, context.model) === context.region;
  };

  return {
    NONE, use, has, chips, focused, any, active,
    get values() { return values; },
    get context() { return context; },
    get version() { return version; },
  };
})();
