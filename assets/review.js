// The review workbench: what the panel's tables, lists and figures show. One function draws all of it from one state, so
// that the slider, a filter, a region or another model change map, list, table and figures together.
window.floodscope = window.floodscope || {};

floodscope.review = (() => {
  const { make, fill, select } = floodscope.build;
  const DEFAULT = { by: "country", region: null, other: null, list: "list", sort: "iou", wide: false };
  let state = { ...DEFAULT, version: 0, k: 127, model: null, tab: null, theme: null, sieve: null, settings: null };
  let stored = null; // as the store holds it, and until that is told as the address says
  const held = () => {
    const view = floodscope.view.initial();
    stored ??= Object.fromEntries(Object.entries(DEFAULT).map(([name, value]) => [name, view[name] ?? value]));
    return stored;
  };
  let drawn = {}; // what each part was drawn of

  // Change some of by, region, other, list, sort, wide.
  const set = (news) => {
    stored = { ...held(), ...news };
    window.dash_clientside.set_props("review", { data: stored });
  };

  // The store has changed, by this page or by a link: what is set from now on is set beside it.
  const take = (review) => { stored = { ...DEFAULT, ...review }; };

  const recolour = () => {
    const iou = new Map();
    floodscope.book.shelf(state.model).forEach((p, id) => {
      const figures = p.histogram ? floodscope.book.chipFigures(state.model, id, state.k) : null;
      iou.set(id, figures ? figures.iou : null);
    });
    floodscope.map.restyle({ iou, country: floodscope.groups.countryIou(state.model, state.k), model: state.model });
  };

  // --- the head of the Chips tab -----------------------------------------------------------------------------------
  const VIEWS = [["list", "List"], ["grid", "Pictures"], ["explore", "Explore"]];
  const regionTag = (id) => (state.region ? make("button", {
    class: "fs-tag fs-tag-region", type: "button", id, "aria-label": `${floodscope.groups.BY[state.by]} ${state.region}: show all regions again`, onclick: () => set({ region: null }),
  }, `${floodscope.groups.BY[state.by]}: ${state.region}`, make("span", { "aria-hidden": true }, " ×")) : "");
  const head = () => {
    const { list, sort, other, model } = state;
    const shown = floodscope.sieve.chips().filter((chip) => floodscope.sieve.focused(chip.id));
    const ghosts = shown.filter(floodscope.sieve.onlyKnown).length;
    const told = `${floodscope.words.count(shown.length - ghosts, "chip")}${ghosts ? `, ${floodscope.words.integer(ghosts)} known only` : ""}`;
    fill("chips-head",
      regionTag("region-tag"),
      make("div", { class: "fs-views", role: "group", "aria-label": "Show chips as" }, VIEWS.map(([value, text]) => make("button", {
        class: "fs-view", type: "button", id: `view-${value}`, "aria-pressed": String(list === value), onclick: () => set({ list: value }),
      }, text))),
      list === "explore" ? "" : select({ id: "chips-sort", "aria-label": "Sort chips by", onchange: (event) => set({ sort: event.target.value }) },
        Object.entries(floodscope.chiplist.SORTS).map(([value, [text]]) => [value, text]), sort),
      list === "explore" ? "" : make("span", { class: "fs-soft", id: "chips-count" }, told),
      list !== "explore" && sort === "apart" ? make("p", { class: "fs-soft fs-head-note", role: "status" }, apartNote(model, other)) : "");
    document.getElementById("chips-list").hidden = list !== "list";
    document.getElementById("chips-gallery").hidden = list !== "grid";
    document.getElementById("explore").hidden = list !== "explore";
  };
  const apartNote = (model, other) => {
    if (!other) return "Choose a second model in the Models tab: then chips are sorted by the share of pixels on which the two differ.";
    const progress = floodscope.others.progress(model, other);
    if (!progress) return "Comparing the two models …";
    if (progress.running) return `Comparing the two models: ${floodscope.words.integer(progress.done + progress.failed.length)} of ${floodscope.words.integer(progress.total)}`;
    return progress.total ? `Share of pixels on which ${floodscope.others.nameOf(model)} and ${floodscope.others.nameOf(other)} differ.` : "No chip is predicted by both models yet.";
  };

  // --- the head of the Regions tab ---------------------------------------------------------------------------------
  const regionsHead = () => fill("regions-head", make("label", { for: "regions-by" }, "Regions by"),
    select({ id: "regions-by", onchange: (event) => set({ by: event.target.value, region: null }) }, Object.entries(floodscope.groups.BY).map(([value, text]) => [value, text.toLowerCase()]), state.by), regionTag("regions-tag"));

  // --- all of it ---------------------------------------------------------------------------------------------------
  // Do something where what it is made of has changed.
  const where = (part, made, then) => {
    const now = JSON.stringify(made);
    if (drawn[part] === now) return;
    drawn[part] = now;
    then();
  };

  // The catalog comes with the shapes of the chips that pass now.
  const shapesGiven = () => {
    floodscope.sieve.use({});
    drawn.shapes = JSON.stringify(floodscope.sieve.version);
  };

  // A link may name a region that there is not.
  const sound = () => {
    const { by, region, model } = state;
    if (!region || !floodscope.book.chips.size) return true;
    const known = by === "water" ? floodscope.groups.SHARES.some(([, name]) => name === region) || region === floodscope.groups.UNKNOWN
      : [...floodscope.book.chips.values()].some((chip) => floodscope.groups.nameOf(by, chip, model) === region);
    if (!known) set({ region: null });
    return known;
  };

  const draw = () => {
    const { version, k, model, tab, theme, sieve, by, region, other, list, sort, wide } = state;
    if (!version || !model || !sound()) return;
    floodscope.sieve.use({ values: sieve || floodscope.sieve.NONE, model, k, by, region });
    if (other) floodscope.others.load(other);
    where("width", wide, () => {
      document.documentElement.dataset.panel = wide ? "wide" : "narrow";
      const { leaflet } = floodscope.map;
      if (leaflet) setTimeout(() => leaflet.invalidateSize({ pan: true, animate: false }), 0);
    });
    const sieved = floodscope.sieve.version;
    where("shapes", sieved, () => {
      window.dash_clientside.set_props("points", { data: floodscope.map.points() });
      window.dash_clientside.set_props("footprints", { data: floodscope.map.footprints() });
    });
    where("focus", [region, by, version, sieved], () => floodscope.focus.use(region));
    where("map", [version, k, model, theme, sieved, region, by], recolour);
    where("bar", [version, sieve, sieved, wide], () => floodscope.filterbar.show(state));
    if (tab === "regions") {
      where("regions head", [by, region], regionsHead);
      where("regions", [version, k, model, sieved, by, region, theme], () => floodscope.regions.show(model, k, by, region));
    }
    if (tab === "chips") {
      if (sort === "apart" && other) floodscope.others.count(model, other);
      where("chips head", [version, sieved, region, by, list, sort, other, model, list === "explore" || floodscope.sieve.active().iou ? k : 0], head);
      if (list === "explore") where("explore", [version, sieved, by, region, list, model], floodscope.explore.show);
      else where("chips", [version, k, model, other, sieved, region, by, list, sort], () => floodscope.chiplist.show(state));
    }
    if (tab === "models") where("models", [version, k, model, other, sieved, by, theme], () => floodscope.models.show(state));
  };

  // The slider moves: what is shown follows in the next frame, before Dash hears of it.
  let frame = null;
  const follow = (k) => {
    if (k === state.k || !state.version) return;
    state.k = k;
    if (frame === null) frame = requestAnimationFrame(() => { frame = null; draw(); });
  };

  // The slider itself tells its value, a frame before Dash does.
  const watchSlider = () => {
    const thumb = document.querySelector("#threshold [role=slider]");
    if (!thumb) { setTimeout(watchSlider, 100); return; }
    new MutationObserver(() => follow(floodscope.scores.level(Number(thumb.getAttribute("aria-valuenow")))))
      .observe(thumb, { attributes: true, attributeFilter: ["aria-valuenow"] });
  };
  document.addEventListener("DOMContentLoaded", watchSlider);

  // Dash tells what has changed.
  const tell = (news) => {
    const before = state.tab;
    if (news.review) take(news.review);
    state = { ...state, ...news, ...held() };
    if (state.tab === "models" && before !== "models") floodscope.others.refresh();
    document.documentElement.dataset.tab = state.tab || "";
    draw();
  };

  // A region was chosen: the map goes there, the others fade, and the list shows its worst chips first.
  const chooseRegion = (name, again = false) => {
    if (name === state.region && !again) return;
    const byKey = document.activeElement && document.activeElement.closest && document.activeElement.closest("#regions-table");
    const { by, model } = state;
    set({ region: name, sort: "iou", list: state.list === "explore" ? "list" : state.list });
    window.dash_clientside.set_props("tab", { value: "chips" });
    floodscope.map.flyToChips(floodscope.sieve.chips().filter((chip) => floodscope.groups.nameOf(by, chip, model) === name));
    const end = performance.now() + 2000;
    const focus = () => {
      const tag = document.getElementById("region-tag");
      if (tag && tag.offsetParent) tag.focus();
      else if (performance.now() < end) requestAnimationFrame(focus);
    };
    if (byKey) focus();
  };

  return { set, take, tell, follow, chooseRegion, shapesGiven, get state() { return state; }, get stored() { return held(); } };
})();

// Callbacks of the workbench, beside those of assets/callbacks.js.
Object.assign(window.dash_clientside.floodscope, (() => {
  const SAME = () => window.dash_clientside.no_update;
  return {
    review: (version, threshold, tab, theme, sieve, review, model, settings) => {
      floodscope.review.tell({ version: version || 0, k: floodscope.scores.level(threshold ?? 0.5), tab, theme, sieve, review, model, settings });
      return SAME();
    },
    chipFiles: (selection, version) => {
      if (version) floodscope.explore.files((selection && selection.id) || null);
      return SAME();
    },
  };
})());
