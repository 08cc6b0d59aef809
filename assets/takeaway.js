// Taking predictions away: which chips, which files; made on the server in the background, fetched as one zip.
window.floodscope = window.floodscope || {};

floodscope.takeaway = (() => {
  const { el, dialog, ask, say, progress, megabytes, screen } = floodscope.dialogs;
  const POLL_MS = 400;
  const STATES = { predicting: "Predicting chips", writing: "Writing chips", packing: "Packing files" };
  let parts = null;
  let running = null; // id of the export that is being made

  // The ids of the chips with imagery that filters and region leave, or null where neither is set.
  const filtered = () => (floodscope.sieve.any() || floodscope.sieve.context.region
    ? floodscope.sieve.chips().filter((c) => c.imagery && floodscope.sieve.focused(c.id)).map((c) => c.id) : null);
  const left = (ids) => {
    const { region } = floodscope.sieve.context;
    const by = !region ? "the filters leave" : floodscope.sieve.any() ? "filters and region leave" : `${region} has`;
    return ids.length ? `The ${floodscope.words.count(ids.length, "chip")} with imagery that ${by}` : `None: ${by} no chip with imagery`;
  };

  const radio = ({ value, text, empty }, checked) => el("label", { class: "fs-choice" },
    el("input", { type: "radio", name: "takeaway-chips", value, checked, disabled: empty }), el("span", { text }));
  const box = ({ name, title, note, chosen }) => el("label", { class: "fs-choice" },
    el("input", { type: "checkbox", name: "takeaway-format", value: name, checked: chosen }),
    el("span", {}, title, el("small", { text: note })));

  const build = () => {
    const formats = JSON.parse(document.getElementById("take-away").dataset.formats);
    const chips = el("div", { class: "fs-choices" });
    const what = el("p", { class: "fs-dialog-small" });
    const result = el("div", { role: "status" });
    const bar = progress();
    const make = el("button", { type: "submit", class: "fs-button fs-button-primary", text: "Make the file" });
    const cancel = el("button", { type: "button", class: "fs-button", hidden: true, text: "Cancel", on: { click: () => stop() } });
    const form = el("form", { on: { submit: (event) => { event.preventDefault(); begin(); } } },
      el("fieldset", {}, el("legend", { text: "Which chips" }), chips),
      el("fieldset", {}, el("legend", { text: "Which files" }), el("div", { class: "fs-choices fs-choices-two" }, ...formats.map(box))),
      what, el("div", { class: "fs-dialog-row" }, make, cancel, bar.bar), result);
    return { dialog: dialog("takeaway-dialog", "Take away", form), form, chips, what, result, bar, make, cancel };
  };

  const open = () => {
    parts = parts || build();
    if (!running) {
      const { chip, model, threshold } = screen();
      const known = floodscope.book.chips.get(chip);
      const listed = filtered();
      const all = [...floodscope.book.chips.values()].filter((c) => c.imagery).length;
      const choices = [];
      if (known && known.imagery) choices.push({ value: "chip", text: `The open chip, ${chip}` });
      if (listed) choices.push({ value: "listed", text: left(listed), empty: !listed.length });
      choices.push({ value: "all", text: `All ${floodscope.words.count(all, "chip")} with imagery`, empty: !all });
      // Where the filters leave nothing, all is not what was meant: it is chosen by whoever wants it.
      parts.chips.replaceChildren(...choices.map((choice, i) => radio(choice, i === 0 && !choice.empty)));
      const name = [...floodscope.book.shelf(model).values()].map((p) => p.model_name)[0] || model;
      parts.what.textContent = `Predictions of ${name}, water where p ≥ ${(threshold ?? 0.5).toFixed(2)}. Chips that are not predicted yet are predicted first. Areas are geodesic.`;
      say(parts.result, null);
    }
    if (!parts.dialog.open) parts.dialog.showModal();
  };

  const chosenChips = (which, chip) => ({ chip: [chip], listed: filtered(), all: null })[which];

  const begin = async () => {
    const form = new FormData(parts.form);
    const formats = form.getAll("takeaway-format");
    if (!form.get("takeaway-chips")) {
      say(parts.result, "error", "Choose which chips.");
      return;
    }
    if (!formats.length) {
      say(parts.result, "error", "Choose at least one kind of file.");
      return;
    }
    say(parts.result, null);
    busy(true);
    parts.bar.show("Asking the server …");
    try {
      const { chip, model, threshold } = screen();
      const asked = { model, threshold: threshold ?? 0.5, formats, chips: chosenChips(form.get("takeaway-chips"), chip) };
      const begun = await ask("exports", { method: "POST", json: asked });
      running = begun.id;
      await watch(begun);
    } catch (error) {
      say(parts.result, "error", error.message);
    } finally {
      running = null;
      parts.bar.show(null);
      busy(false);
    }
  };

  const watch = async (first) => {
    let news = first;
    while (news.running) {
      parts.bar.show(`${STATES[news.state]}: ${floodscope.words.integer(news.done)} of ${floodscope.words.integer(news.total)}`, news.total ? news.done / news.total : 0);
      await new Promise((done) => { setTimeout(done, POLL_MS); });
      news = await ask(`exports/${news.id}`);
    }
    if (news.state === "failed") throw new Error(news.message);
    if (news.state === "cancelled") {
      say(parts.result, "info", "Cancelled: nothing was made.");
      return;
    }
    const link = el("a", { href: `exports/${news.id}/file`, download: news.name, class: "fs-link", text: news.name });
    say(parts.result, "info", el("p", {}, link, ` (${megabytes(news.size)}) is ready; it waits here for an hour.`),
      news.notes.length ? el("ul", {}, ...news.notes.slice(0, 20).map((note) => el("li", { text: note }))) : "");
    link.click();
  };

  const stop = () => {
    if (running) ask(`exports/${running}`, { method: "DELETE" }).catch((error) => say(parts.result, "error", error.message));
  };

  const busy = (is) => {
    parts.make.disabled = is;
    parts.cancel.hidden = !is;
    parts.form.querySelectorAll("fieldset").forEach((set) => { set.disabled = is; });
  };

  document.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("#take-away")) open();
  });

  return { open };
})();
