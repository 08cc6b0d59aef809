// Comparing the open chip: what must be known before it can be drawn, which is model B's prediction and, for the legend,
// how often the two models agree. Asked for when it is shown, and once.
window.floodscope = window.floodscope || {};

floodscope.compare = (() => {
  const AGAIN_MS = 400;
  const agreements = new Map(); // "revision revision" -> suffix sums, or null while asked for
  const failed = new Map(); // "model chip" -> why B has no prediction of it
  const asked = new Set(); // "model chip" on its way
  let open = { chip: null, model: null };

  const json = (url, body) => fetch(url, body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) })
    .then((answer) => answer.json().then((data) => (answer.ok ? data : Promise.reject(new Error(data.message || answer.statusText)))));

  const news = (version) => window.dash_clientside.set_props("version", { data: version });

  // The models on the strip. Where nobody has chosen B yet, the one that is proposed is the choice once it is part of the picture.
  let given = ""; // what the strip was given
  const offer = () => {
    const models = floodscope.others.usable();
    if (!models.length || !open.model) return;
    const { other } = floodscope.review.stored;
    if (other && !models.some((m) => m.spec === other)) { // it may have come into the store since
      floodscope.others.load(other);
      return;
    }
    const value = floodscope.others.beside(open.model);
    if (floodscope.look.needsOther() && other !== value) floodscope.review.set({ other: value });
    const props = { data: models.map((m) => ({ value: m.spec, label: m.name })), value };
    if (given === JSON.stringify(props)) return;
    given = JSON.stringify(props);
    window.dash_clientside.set_props("model-b", props);
  };
  // The strip tells its B: somebody has chosen it there, unless it is the one that the strip was given.
  const choose = (other) => {
    if (other && other !== floodscope.others.beside(open.model)) floodscope.review.set({ other });
  };
  // The B of the page may have changed: by the strip, the Models tab, a link, or Back.
  const follow = () => {
    offer();
    update(open.chip, open.model);
  };
  const ask = (chip, other) => {
    const key = `${other} ${chip}`;
    if (asked.has(key) || failed.has(key) || floodscope.book.prediction(other, chip)) return;
    asked.add(key);
    const done = (message, prediction) => {
      asked.delete(key);
      if (message) failed.set(key, message);
      news(floodscope.book.add(other, prediction ? [prediction] : [], message ? [{ id: chip, message }] : []));
    };
    const click = floodscope.words.unique(); // one for all of its questions: they begin one prediction
    const once = () => json(`inspect/prediction/${encodeURIComponent(chip)}`, { model: other, click }).then((answer) => {
      if (answer.pending) setTimeout(once, AGAIN_MS);
      else done(answer.error, answer.prediction);
    }, (error) => done(error.message));
    once();
  };

  const pair = (model, id) => {
    const [a, b] = [model, floodscope.others.beside(model)].map((by) => by && id && floodscope.book.prediction(by, id));
    return a && b ? [a.revision, b.revision] : null;
  };
  const askAgreement = (id, revisions) => {
    const key = revisions.join(" ");
    if (agreements.has(key)) return;
    agreements.set(key, null);
    json(`inspect/agreement/${encodeURIComponent(id)}/${revisions.join("/")}`).then((counts) => {
      agreements.set(key, Object.fromEntries(Object.entries(counts).map(([name, some]) => [name, floodscope.scores.suffixSums(some)])));
      news(floodscope.book.touch());
    }, () => agreements.delete(key));
  };

  // Pixels of each class of the difference at a level, or null where they are not known.
  const agreement = (model, id, k) => {
    const revisions = pair(model, id);
    const sums = revisions && agreements.get(revisions.join(" "));
    if (!sums) return null;
    const wet = sums.both[k];
    return { wet, onlyA: sums.a[k] - wet, onlyB: sums.b[k] - wet, dry: sums.a[0] - sums.a[k] - sums.b[k] + wet };
  };

  // Why B cannot be shown, or nothing.
  const problem = () => {
    if (!open.chip || !floodscope.look.needsOther()) return "";
    return failed.get(`${floodscope.others.beside(open.model)} ${open.chip}`) || "";
  };

  // The chip, the model or what is compared has changed.
  const update = (chip, model) => {
    open = { chip, model };
    const { mode } = floodscope.look.now;
    document.documentElement.dataset.mode = mode;
    if (mode === "swipe") { floodscope.others.begin(); offer(); }
    const other = floodscope.others.beside(model);
    [...failed.keys()].filter((key) => !key.startsWith(`${other} `)).forEach((key) => failed.delete(key)); // who chooses B anew is answered anew
    if (chip && other && floodscope.look.needsOther()) {
      ask(chip, other);
      const revisions = pair(model, chip);
      if (revisions) askAgreement(chip, revisions);
    }
    floodscope.swipe.place();
    floodscope.four.update();
    floodscope.tiles.again();
    floodscope.inspect.refresh();
  };

  return { update, choose, follow, agreement, problem, json };
})();
