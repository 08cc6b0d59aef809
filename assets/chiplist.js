// The list of chips: its rows, how they are sorted, and the two ways to show them, a table and a grid of pictures.
window.floodscope = window.floodscope || {};

floodscope.chiplist = (() => {
  const { make, fill } = floodscope.build;
  const TABLE = "chips-table";
  const GALLERY = "chips-gallery";
  const FOLLOWING = ["worst", "wrong"]; // fields beside the columns that follow the threshold
  const BESIDE_IOU = 3; // the place after picture, name and IoU
  const PORTION = 60; // cards that are made at once; more follow as they are scrolled to

  // name -> [text, column, descending]; those by IoU go by the one rule of worst.js
  const SORTS = {
    iou: ["Worst IoU first", "iou", false],
    best: ["Best IoU first", "iou", true],
    missed: ["Most missed water", "missed", true],
    false: ["Most false water", "false", true],
    uncertain: ["Most uncertain", "uncertain", true],
    apart: ["Models differ most", "apart", true],
    newest: ["Newest first", "date", true],
    oldest: ["Oldest first", "date", false],
    name: ["Name", "id", false],
  };

  const stateOf = (chip, model, p, figures) => {
    if (chip.problem) return "unusable";
    if (!chip.imagery) return "no image";
    if (!p && floodscope.book.failure(model, chip.id)) return "failed";
    if (!chip.labelled) return "no label";
    if (!p) return "to predict";
    return figures && floodscope.scores.counted(figures) ? "scored" : "predicted";
  };

  const rows = ({ model, other, k }) => {
    const shown = floodscope.sieve.chips().filter((chip) => floodscope.sieve.focused(chip.id));
    return [...shown.filter((c) => c.imagery), ...shown.filter((c) => !c.imagery)].map((chip) => {
      const p = floodscope.book.prediction(model, chip.id);
      const f = floodscope.book.chipFigures(model, chip.id, k);
      return {
        id: chip.id, country: chip.country || (chip.unplaced ? "no place" : null), event: chip.event, date: chip.date ? chip.date.slice(0, 10) : null, split: chip.split, file: chip.file,
        state: stateOf(chip, model, p, f), iou: f ? f.iou : null, predicted: Boolean(p), missed: f ? f.fn : null, false: f ? f.fp : null,
        uncertain: p ? p.uncertain : null, apart: other ? floodscope.others.apart(model, other, chip.id, k) : null,
        model, revision: p ? p.revision : null,
        seen: f && floodscope.scores.counted(f) ? p.seen ?? null : undefined, // a mark stands beside a score
        worst: f ? floodscope.worst.value(f) : null, wrong: f ? f.fp + f.fn : null, little: Boolean(f) && floodscope.worst.little(f),
      };
    });
  };

  const compare = (column, descending) => (a, b) => {
    const [x, y] = column === "iou" ? [a.worst ?? null, b.worst ?? null] : [a[column] ?? null, b[column] ?? null];
    if (x === null || y === null) return (x === null) - (y === null);
    const order = column === "iou" ? floodscope.worst.compare(a, b) : typeof x === "string" ? x.localeCompare(y) : x - y;
    return descending ? -order : order;
  };
  const sorted = (list, sort) => {
    const [, column, descending] = SORTS[sort] || SORTS.iou;
    return [...list].sort(compare(column, descending));
  };

  // --- the table -----------------------------------------------------------------------------------------------
  let applied = null; // the sort that the table was given; whoever clicks a header sorts by it
  const showTable = (list, sort) => floodscope.tables.use(TABLE, (grid) => {
    if (applied === null) {
      grid.addEventListener("sortChanged", () => {
        const by = grid.getColumnState().find((column) => column.sort);
        const found = Object.entries(SORTS).find(([, [, column, descending]]) => by && column === by.colId && descending === (by.sort === "desc"));
        if (found && found[0] !== applied) floodscope.review.set({ sort: found[0] });
      });
    }
    floodscope.tables.write(grid, list, FOLLOWING);
    if (applied !== sort) {
      applied = sort;
      const [, column, descending] = SORTS[sort];
      if (!["id", "iou"].includes(column)) grid.moveColumns([column], BESIDE_IOU); // what is sorted by is in sight
      grid.applyColumnState({ state: [{ colId: column, sort: descending ? "desc" : "asc" }], defaultState: { sort: null } });
    }
  });

  // --- the grid of pictures ------------------------------------------------------------------------------------
  const note = (row, sort) => {
    const { integer, percent, score } = floodscope.words;
    if (sort === "missed" && row.missed !== null) return `${integer(row.missed)} px missed`;
    if (sort === "false" && row.false !== null) return `${integer(row.false)} px false`;
    if (sort === "uncertain" && row.uncertain !== null) return `${percent(row.uncertain)} uncertain`;
    if (sort === "apart" && row.apart !== null) return `${percent(row.apart)} differ`;
    if ((sort === "newest" || sort === "oldest") && row.date) return row.date;
    return row.iou === null ? (row.state === "scored" ? "no water" : row.state) : `IoU ${score(row.iou)}${row.little ? ", dry land" : ""}`;
  };
  const labelOf = (row, said) => `Open ${row.id}, ${said}${floodscope.seen.tipOf(row.seen) && `, ${floodscope.seen.tipOf(row.seen)}`}`;
  const card = (row, model, sort) => {
    const chip = floodscope.book.chips.get(row.id);
    const said = note(row, sort);
    return make("button", {
      class: "fs-card", type: "button", "data-chip": row.id, "aria-label": labelOf(row, said), onclick: () => floodscope.tiles.choose(row.id),
    }, make("span", { class: "fs-thumbs" }, floodscope.thumbs.elements(chip, model)), make("span", { class: "fs-card-name" }, row.id),
    make("span", { class: "fs-card-foot" }, make("span", { class: "fs-card-note" }, said), floodscope.seen.mark(row.seen)));
  };
  let watcher = null;
  let drawn = ""; // what the cards are of: they are made anew where it changes, and else written over
  const showGallery = (list, { model, sort }) => {
    const place = document.getElementById(GALLERY);
    if (!place) return;
    const now = `${model} ${list.map((row) => `${row.id}:${row.revision}:${row.seen}`).join()}`;
    if (now === drawn) {
      const by = new Map(list.map((row) => [row.id, row]));
      place.querySelectorAll(".fs-card").forEach((element) => {
        const said = note(by.get(element.dataset.chip), sort);
        element.querySelector(".fs-card-note").textContent = said;
        element.setAttribute("aria-label", labelOf(by.get(element.dataset.chip), said));
      });
      return;
    }
    drawn = now;
    if (watcher) watcher.disconnect();
    const more = make("div", { class: "fs-card-more" });
    let at = 0;
    const next = () => {
      list.slice(at, at + PORTION).forEach((row) => more.before(card(row, model, sort)));
      at += PORTION;
      if (at >= list.length) { watcher.disconnect(); more.remove(); }
    };
    watcher = new IntersectionObserver((entries) => { if (entries.some((entry) => entry.isIntersecting)) next(); }, { root: place.closest(".fs-tab"), rootMargin: "400px" });
    fill(place, list.length ? more : make("p", { class: "fs-soft" }, "No chip passes the filters."));
    if (list.length) { next(); if (more.isConnected) watcher.observe(more); }
  };

  const show = (state) => {
    const list = rows(state);
    if (state.list === "grid") showGallery(sorted(list, state.sort), state);
    else showTable(list, state.sort);
    return list.length;
  };

  return { SORTS, rows, sorted, show, stateOf };
})();
