// Clientside callbacks: what the browser answers by itself. Each reads its inputs, calls the modules beside, and returns.
window.dash_clientside = window.dash_clientside || {};

window.dash_clientside.floodscope = (() => {
  const fs = window.floodscope;
  const SAME = () => window.dash_clientside.no_update;
  const level = (threshold) => fs.scores.level(threshold === null || threshold === undefined ? 0.5 : threshold);
  const by = (place) => window.dash_clientside.callback_context.triggered.some(({ prop_id: id }) => id === place); // what runs this
  const idOf = (selection) => (selection && selection.id) || null;

  // What the picture does not wait for is done once it is drawn; of several that wait, the last.
  const later = () => {
    let task = null;
    return (then) => {
      if (!task) requestAnimationFrame(() => setTimeout(() => { const last = task; task = null; last(); }));
      task = then;
    };
  };
  const [moved, afterPaint] = [later(), later()];

  // --- page ----------------------------------------------------------------------------------------------------
  // The page opens: controls get what the URL says, or the defaults.
  const restore = (_, settings) => {
    fs.endpoints.watch(settings.models);
    fs.seen.begin(settings.models);
    fs.travel.begin(settings);
    const components = fs.view.toComponents(fs.view.initial(), settings, true);
    return window.dash_clientside.callback_context.outputs_list.map(({ id, property }) => {
      const value = components.get(`${id}.${property}`);
      return value === undefined ? SAME() : value;
    });
  };

  const persist = () => {
    const { inputs_list: inputs, states_list: states } = window.dash_clientside.callback_context;
    const values = new Map([...inputs, ...states].map(({ id, property, value }) => [`${id}.${property}`, value]));
    if (values.get("version.data") && values.get("model.value")) fs.travel.persist(values); // else nothing is settled yet
    return SAME();
  };

  const showTheme = (theme) => {
    const chosen = theme || "dark";
    document.documentElement.dataset.theme = chosen;
    document.documentElement.lang = "en";
    document.body.dataset.agThemeMode = chosen;
    return chosen;
  };
  const flipTheme = (clicks, theme) => (clicks ? (theme === "dark" ? "light" : "dark") : SAME());

  const copyLink = (clicks) => {
    if (!clicks) return SAME();
    const say = (text) => {
      window.dash_clientside.set_props("share", { children: text });
      document.getElementById("share").dataset.said = text; // a phone shows an icon, and this below it
      document.getElementById("link-announcement").textContent = text;
      setTimeout(() => {
        window.dash_clientside.set_props("share", { children: "Copy link" });
        delete document.getElementById("share").dataset.said;
        document.getElementById("link-announcement").textContent = ""; // to be said again the next time
      }, 2000);
    };
    fs.travel.settle();
    // Browsers give a clipboard to pages of this machine and of https alone.
    const copied = navigator.clipboard ? navigator.clipboard.writeText(window.location.href) : Promise.reject(new Error("no clipboard"));
    copied.then(() => say("Link copied"), () => say("Copy it from the address bar"));
    return SAME();
  };

  // --- data comes in -------------------------------------------------------------------------------------------
  const catalogLoaded = (payload) => {
    if (!payload) return Array(5).fill(SAME());
    const version = fs.book.setCatalog(payload);
    fs.review.shapesGiven();
    const { counts, simulated, name } = payload.info;
    const items = (chips) => chips.map((c) => ({ value: `chip:${c.id}`, label: c.id }));
    const chips = [...fs.book.chips.values()];
    const options = [
      { group: "Countries", items: payload.info.countries.map((c) => ({ value: `country:${c}`, label: c })) },
      { group: "Chips", items: items(chips.filter((c) => !fs.sieve.onlyKnown(c))) },
      { group: "Known only, no image", items: items(chips.filter(fs.sieve.onlyKnown)) },
    ].filter((group) => group.items.length);
    const { html } = fs.words;
    const label = [html.Span({ className: "fs-catalog-name", title: name }, name)];
    if (simulated) label.push(html.Span({ className: "fs-badge fs-badge-simulated" }, "Simulated data"));
    label.push(html.Span({ className: "fs-catalog-count" }, `${fs.words.count(counts.imagery, "chip")} with imagery`));
    if (counts.unplaced) label.push(html.Span({ className: "fs-catalog-count", title: "They are shown as pictures: open them from the Chips table." }, `${fs.words.integer(counts.unplaced)} without a place`));
    return [version, fs.map.points(), fs.map.footprints(), options, label];
  };

  const predictionsLoaded = (payload) => (payload ? fs.book.add(payload.model, payload.predictions, payload.failed) : SAME());

  // A choice of a chip under a model is one click, however often its answer must be asked for; the key P is another. The
  // server begins one prediction a click.
  let click = { of: "", name: "" };
  const ask = (selection, model, again) => {
    if (!idOf(selection) || !model) return SAME();
    const of = JSON.stringify([selection.id, selection.at, model]);
    if (click.of !== of || (by("ask-again.data") && again.pressed)) click = { of, name: fs.words.unique() };
    return { id: selection.id, model, click: click.name, at: Date.now() };
  };

  const chipOpened = (payload) => {
    if (!payload) return SAME();
    const waits = () => payload.pending && payload.click === click.name; // else something else was chosen meanwhile
    if (waits()) setTimeout(() => { if (waits()) window.dash_clientside.set_props("ask-again", { data: { at: Date.now() } }); }, 400);
    const version = fs.book.open(payload);
    if (payload.prediction) fs.tiles.again();
    return version;
  };

  // Jobs whose end is told: those that this page has begun or seen at work, until the notice is closed.
  const followed = new Set();
  const jobNews = (payload) => {
    if (!payload) return [SAME(), SAME()];
    const { model, predictions, progress, job, cursor, asked } = payload;
    if (asked || progress.running) followed.add(job);
    return [fs.book.add(model, predictions, progress.failed), { job, cursor }];
  };

  // --- map -----------------------------------------------------------------------------------------------------
  // Layers and sliders move the picture at once. What is computed at the new threshold follows once that is drawn.
  const showLayers = (base, overlay, threshold, opacity, mode, left, right) => {
    if (!base || !overlay) return Array(2).fill(SAME());
    fs.look.set({ mode, base, overlay, left, right });
    fs.filters.show({ ...fs.look.sides(), level: level(threshold), opacity: opacity ?? 0.75 });
    fs.review.follow(level(threshold));
    moved(() => window.dash_clientside.set_props("level", { data: threshold }));
    return [(threshold ?? 0.5).toFixed(2), `${Math.round((opacity ?? 0.75) * 100)}\u2009%`];
  };

  const showLegend = (base, overlay, threshold, selection, version, mode, left, right, other, model) => {
    if (!base || !overlay) return SAME();
    const id = idOf(selection);
    const k = level(threshold);
    const counts = id ? fs.book.chipFigures(model, id, k) : null;
    const unlabelled = counts ? counts.tp + counts.fp + counts.fn + counts.tn === 0 : Boolean(id && fs.book.prediction(model, id));
    fs.look.set({ mode, base, overlay, left, right });
    if (by("model-b.value")) fs.compare.choose(other);
    const { main, left: beside } = fs.look.sides();
    const sides = mode === "four" ? fs.four.sides() : [beside, main].filter(Boolean);
    return fs.legend.items(sides, counts, unlabelled, fs.compare.agreement(model, id, k), fs.compare.problem());
  };

  // Image and scores of the chosen chip are drawn; the map has gone there already if it was chosen on this page.
  let outlined = null; // the chip for which the outlines were turned on
  const showChip = (selection, version, model) => {
    const chip = fs.book.chips.get(idOf(selection));
    if (chip && chip.id !== outlined) { // who opens a chip that is only known sees its outline
      outlined = chip.id;
      if (fs.sieve.onlyKnown(chip) && !fs.sieve.values.known) fs.filterbar.set({ known: true });
    }
    fs.tiles.open(selection, model);
    return SAME();
  };

  // --- one chip, closely ---------------------------------------------------------------------------------------
  // What is compared has changed. Model B is one, here and in the Models tab; one that is only offered is not chosen.
  const compareSides = (mode, left, right, other, selection, version, model) => {
    if (!mode) return SAME();
    fs.look.set({ mode, left, right });
    if (by("model-b.value")) fs.compare.choose(other);
    fs.compare.update(idOf(selection), model);
    return SAME();
  };
  const otherChosen = (review) => {
    if (!review) return SAME();
    fs.review.take(review);
    fs.compare.follow();
    return SAME();
  };
  const lookGiven = (look) => {
    if (look && !look.told) fs.inspect.given(look);
    return SAME();
  };
  const lookClosely = (selection, version, threshold, theme, model) => {
    fs.inspect.open(selection, model, level(threshold));
    return SAME();
  };

  const highlight = (selection) => {
    afterPaint(() => fs.map.highlight(idOf(selection)));
    return SAME();
  };

  // --- ways to choose a chip -----------------------------------------------------------------------------------
  const search = (value) => {
    if (!value) return [SAME(), SAME()];
    const name = value.slice(value.indexOf(":") + 1);
    if (value.startsWith("chip:")) {
      fs.tiles.choose(name);
      return [SAME(), null];
    }
    const there = [...fs.book.chips.values()].filter((chip) => chip.country === name);
    const open = there.filter((chip) => !fs.sieve.onlyKnown(chip));
    fs.map.flyToChips(open.length ? open : there);
    return ["regions", null];
  };
  // A table is made when its tab is opened first.
  const mounted = new Set();
  const mountTables = (tab, tables) => ["regions", "chips"].map((name) => {
    if (name !== tab || mounted.has(name)) return SAME();
    mounted.add(name);
    return tables[name];
  });
  // A table tells its chosen row again when its rows are written anew: nobody has chosen then.
  const anew = (key) => {
    let last = null;
    return (rows) => {
      const now = (rows && rows.length && rows[0][key]) || null;
      const same = now === last;
      last = now;
      return same ? null : now;
    };
  };
  const [chipOfRow, regionOfRow] = [anew("id"), anew("name")];
  const rowChosen = (rows) => {
    const id = chipOfRow(rows);
    if (id) fs.tiles.choose(id);
    return SAME();
  };
  const regionChosen = (rows) => {
    const name = regionOfRow(rows);
    if (name) fs.review.chooseRegion(name);
    return SAME();
  };
  const tabOfSelection = (selection, tab) => (idOf(selection) && tab !== "chip" && !selection.restored && !selection.stay ? "chip" : SAME());

  // --- panel ---------------------------------------------------------------------------------------------------
  const chipPanel = (selection, version, threshold, model) =>
    [fs.panel.chip({ id: idOf(selection), opened: fs.book.opened, model, k: level(threshold), threshold: threshold ?? 0.5 })];

  const overview = (version, threshold, tab, sieve, review, model) => {
    if (!version || tab !== "regions") return Array(2).fill(SAME());
    const k = level(threshold);
    fs.sieve.use({ values: sieve || fs.sieve.NONE, model, k });
    const by = (review && review.by) || "country";
    const all = fs.groups.rows(model, k, by);
    const regions = all.filter((region) => region.labelled);
    const { cannot } = fs.book.unpredicted(model, fs.sieve.chips());
    return [fs.panel.figures(model, fs.groups.total(model, k), regions, { ...fs.groups.unscored(model, k), cannot }), fs.panel.unlabelled(fs.groups.unlabelled(model, by))];
  };

  const jobShown = (version, job, model) => {
    const all = fs.book.info.counts.imagery || 0;
    const { left } = fs.book.unpredicted(model || "");
    if (!job || job.model !== model || !(job.progress.running || followed.has(job.job))) {
      const idle = version && all && left === all ? "Nothing is predicted yet: open a chip, or predict all of them." : "";
      return [idle, true, !version || left <= 0];
    }
    return [fs.panel.job(job.progress, job.job), !job.progress.running, job.progress.running || left <= 0];
  };
  document.addEventListener("click", ({ target }) => {
    const close = target instanceof Element && target.closest("#job-close");
    if (!close) return;
    followed.delete(close.dataset.job);
    window.dash_clientside.set_props("version", { data: fs.book.touch() });
    document.getElementById("panel").focus({ preventScroll: true }); // not lost with the button
  });

  const modelState = (payload, version, model) => {
    if (!payload || payload.model !== model) return ["busy", "Opening the model …", ""];
    if (payload.state === "error") return ["error", payload.message, payload.endpoint ? "not reachable" : "not usable"];
    if (payload.message) return [payload.state, payload.message, payload.device];
    const opened = fs.book.opened; // knows the device once the weights are loaded
    const device = opened && opened.model === model && opened.device ? opened.device : payload.device;
    return [payload.state, `${payload.name} on ${device}`, device];
  };
  const afterResize = () => { setTimeout(() => fs.map.invalidate(), 250); return SAME(); };
  const drawer = (clicks, open) => {
    if (!clicks) return SAME();
    afterResize();
    return !open;
  };
  const drawerClass = (open) => {
    document.documentElement.dataset.drawer = open ? "open" : "closed";
    return open ? "Show more map" : "Show panel";
  };

  return {
    restore, persist, showTheme, flipTheme, copyLink, catalogLoaded, predictionsLoaded, ask, chipOpened, jobNews, showLayers, showLegend, showChip,
    highlight, mountTables, compareSides, otherChosen, lookGiven, lookClosely, search, rowChosen, regionChosen, tabOfSelection, chipPanel, overview, jobShown, modelState,
    drawer, drawerClass,
  };
})();
