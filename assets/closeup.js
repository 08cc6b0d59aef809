// The lower part of the chip's panel: the pinned pixel, the histograms of backscatter, the drawn area. Plain elements:
// Dash draws nothing here.
window.floodscope = window.floodscope || {};

floodscope.closeup = (() => {
  const w = () => floodscope.words;
  const element = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    Object.entries(attributes).forEach(([key, value]) => {
      if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else if (value !== false && value !== null) made.setAttribute(key, value === true ? "" : value);
    });
    made.append(...children.filter((child) => child !== null && child !== ""));
    return made;
  };
  const button = (text, then, attributes = {}) => element("button", { class: "fs-button", type: "button", onclick: then, ...attributes }, text);
  const row = (name, value, swatch) => element("div", { class: "fs-row" }, element("span", { class: "fs-row-name" }, name),
    element("span", { class: "fs-row-value" }, swatch ? element("i", { class: "fs-row-swatch", style: `background:${floodscope.filters.css(swatch)}` }) : "", value));
  const notice = (text) => element("p", { class: "fs-notice fs-notice-error", role: "alert" }, text);

  const spreads = new Map(); // prediction revision -> decoded counts, a promise's message, or "busy"
  let parts = null; // the sections, made once

  // --- the pixel ------------------------------------------------------------------------------------------------
  const pixelPart = (pinned) => (pinned
    ? [element("div", { class: "fs-part-head" }, element("h3", {}, "Pinned pixel"), button("Unpin", floodscope.inspect.unpin)),
      element("div", { class: "fs-rows" }, ...floodscope.inspect.facts(pinned).map(([name, value, colour]) => row(name === "p" ? "Probability of water" : name === "p of B" ? "Probability under B" : name, value, colour)))]
    : []);

  // --- the histograms -------------------------------------------------------------------------------------------
  const askSpread = (chip, revision) => {
    if (spreads.has(revision)) return;
    spreads.set(revision, "busy");
    floodscope.compare.json(`inspect/spread/${encodeURIComponent(chip)}/${revision}`)
      .then((answer) => spreads.set(revision, floodscope.histograms.decode(answer)), (error) => { spreads.set(revision, error.message); })
      .finally(() => render(floodscope.inspect.now, floodscope.inspect.pinned));
  };
  const spreadPart = (now, revision, pinned) => {
    const found = spreads.get(revision);
    if (!found || found === "busy") return [element("p", { class: "fs-quiet" }, "Counting pixels …")];
    if (typeof found === "string") return [notice(found)];
    return [
      ...floodscope.histograms.BANDS.map((band) => element("figure", {}, element("figcaption", {}, `${band.toUpperCase()}, dB`),
        floodscope.histograms.drawing(found, band, now.level, pinned ? pinned[band] : null))),
      element("div", { class: "fs-legend" }, ...floodscope.histograms.names(found, now.level).map(([name, css]) =>
        element("span", { class: "fs-legend-item" }, element("span", { class: `fs-line fs-line-${css}` }), name)),
      pinned ? element("span", { class: "fs-legend-item" }, element("span", { class: "fs-line fs-line-here" }), "pinned pixel") : ""),
      element("p", { class: "fs-quiet" }, "Each curve is drawn to its own height. Errors follow the threshold."),
    ];
  };

  // --- the area -------------------------------------------------------------------------------------------------
  const areaFigures = (now, answer) => {
    const { integer, score, km2, percent } = w();
    const k = now.level;
    // Of a chip without a place pixels are counted.
    const water = (value) => (answer.placed ? km2(value) : `${integer(value)} px, ${percent(value / (answer.area[0] || 1))}`);
    const rows = [row("Size", `${answer.placed ? `${km2(answer.km2)}, ` : ""}${integer(answer.pixels)} px`)];
    if (answer.valid_pixels < answer.pixels) rows.push(row("With data", percent(answer.valid_pixels / answer.pixels)));
    rows.push(row("Water predicted", water(answer.area[k]), "water"));
    const f = answer.histogram && floodscope.scores.figures(floodscope.scores.confusion(answer.histogram, k));
    const known = f && f.tp + f.fp + f.fn + f.tn > 0;
    if (!known) return [...rows, row("Truth", "no known label here")];
    rows.push(row("Water in the label", answer.placed ? km2(answer.label_water_km2) : `${integer(answer.histogram.water[0])} px`, "truth"), row("IoU", f.iou === null ? "no water here, none predicted" : element("span", {}, score(f.iou), ...floodscope.seen.after(floodscope.seen.of(now.model, now.chip)))),
      row("Precision, recall", `${score(f.precision)}, ${score(f.recall)}`), row("True water (TP)", `${integer(f.tp)} px`, "hit"),
      row("False water (FP)", `${integer(f.fp)} px`, "false"), row("Missed water (FN)", `${integer(f.fn)} px`, "missed"), row("True dry (TN)", `${integer(f.tn)} px`));
    return rows;
  };
  const areaPart = (now) => {
    const { area } = floodscope.look.now;
    const state = floodscope.draw.state;
    const out = [element("div", { class: "fs-part-head" }, element("h3", {}, "Area"),
      element("div", { class: "fs-buttons" }, button("Rectangle", () => floodscope.draw.start("rectangle"), { id: "draw-rectangle" }),
        button("Polygon", () => floodscope.draw.start("polygon"), { id: "draw-polygon" }), area ? button("Remove", floodscope.draw.remove, { id: "draw-remove" }) : ""))];
    if (!area) out.push(element("p", { class: "fs-quiet" }, "Draw over the image, or give coordinates: water, IoU and counts inside."));
    else if (state.error) out.push(notice(state.error));
    else if (state.answer) out.push(element("div", { class: "fs-rows", id: "area-figures" }, ...areaFigures(now, state.answer)));
    else out.push(element("p", { class: "fs-quiet" }, "Counting pixels …"));
    return out;
  };

  // The open chip, where it has no place: its rectangles are given in pixels, from its upper left corner.
  const unplaced = () => {
    const chip = floodscope.book.chips.get(floodscope.inspect.now.chip);
    return chip && chip.unplaced ? chip : null;
  };
  const NAMES = (board) => (board ? { west: "Left", south: "Bottom", east: "Right", north: "Top" } : { west: "West", south: "South", east: "East", north: "North" });

  // A rectangle by numbers: the keyboard's way, and the exact one.
  const form = () => {
    const field = (name, side) => element("label", {}, element("span", {}, name), element("input", { type: "number", step: "any", required: true, name: side, class: "fs-input" }));
    const made = element("form", { class: "fs-coordinates", novalidate: true }, field("West", "west"), field("South", "south"), field("East", "east"), field("North", "north"),
      element("p", { class: "fs-form-problem", role: "alert" }), element("button", { class: "fs-button fs-button-primary", type: "submit" }, "Measure"));
    made.addEventListener("submit", (event) => {
      event.preventDefault();
      const [west, south, east, north] = ["west", "south", "east", "north"].map((side) => Number(made.elements[side].value || NaN));
      const board = unplaced();
      const wrong = [west, south, east, north].some((v) => !Number.isFinite(v)) ? `Give four numbers, ${board ? "pixels" : "degrees in WGS84"}.`
        : west >= east ? `${NAMES(board).west} must be smaller than ${NAMES(board).east.toLowerCase()}.`
          : board && north >= south ? "Top must be smaller than bottom." : !board && south >= north ? "South must be smaller than north." : "";
      made.querySelector(".fs-form-problem").textContent = wrong;
      const corners = [[west, south], [east, south], [east, north], [west, north]];
      if (!wrong) floodscope.draw.use(board ? corners.map((corner) => floodscope.picture.ofPixel(board, corner)) : corners);
    });
    return made;
  };
  // The form begins with what is drawn, else with the chip.
  const fill = (ring) => {
    const made = parts.form;
    const board = unplaced();
    const [x, y] = [0, 1].map((i) => ring.map((corner) => (board ? floodscope.picture.toPixel(board, corner) : corner)[i]));
    const [low, high] = [Math.min(...y), Math.max(...y)];
    const values = { west: Math.min(...x), south: board ? high : low, east: Math.max(...x), north: board ? low : high };
    Object.entries(values).forEach(([side, value]) => {
      made.elements[side].value = String(Number(value.toFixed(board ? 1 : 6)));
      made.elements[side].labels[0].firstElementChild.textContent = NAMES(board)[side];
    });
    parts.coordinates.firstElementChild.textContent = board ? "Rectangle by pixels" : "Rectangle by coordinates";
  };
  const openForm = () => {
    if (!parts) return;
    parts.coordinates.open = true;
    parts.form.elements.west.focus();
  };

  // --- all ------------------------------------------------------------------------------------------------------
  const build = (place) => {
    const made = { pixel: element("section", { "aria-label": "Pinned pixel" }), area: element("section", { "aria-label": "Area" }), spread: element("div", { class: "fs-spread" }), form: form() };
    made.backscatter = element("details", { class: "fs-explained", id: "backscatter" }, element("summary", {}, "Backscatter of water, dry land and errors"), made.spread);
    made.backscatter.addEventListener("toggle", () => render(floodscope.inspect.now, floodscope.inspect.pinned));
    made.coordinates = element("details", { class: "fs-explained", id: "coordinates" }, element("summary", {}, "Rectangle by coordinates"), made.form);
    place.replaceChildren(made.pixel, made.backscatter, made.area, made.coordinates);
    return made;
  };
  // Buttons that have the focus keep it when their part is drawn anew.
  const renew = (part, children) => {
    const { id } = part.contains(document.activeElement) ? document.activeElement : {};
    part.replaceChildren(...children);
    if (id) document.getElementById(id)?.focus();
  };

  let filled = null; // the chip or area that the form was filled with
  const render = (now, pinned) => {
    const place = document.getElementById("inspector");
    if (!place) return;
    const chip = floodscope.book.chips.get(now.chip);
    const prediction = chip && floodscope.book.prediction(now.model, chip.id);
    place.hidden = !(chip && chip.imagery && chip.frame && prediction);
    if (place.hidden) return;
    if (!parts) parts = build(place);
    renew(parts.pixel, pixelPart(pinned));
    parts.pixel.hidden = !pinned;
    if (parts.backscatter.open) {
      askSpread(chip.id, prediction.revision);
      renew(parts.spread, spreadPart(now, prediction.revision, pinned));
    }
    renew(parts.area, areaPart(now));
    const { area } = floodscope.look.now;
    if (filled !== (area || chip.id)) {
      filled = area || chip.id;
      const [west, south, east, north] = chip.frame;
      fill(area || [[west, south], [east, north]]);
    }
  };

  return { render, openForm };
})();
