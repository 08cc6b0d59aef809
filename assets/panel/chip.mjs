// What stands in the panel: the open chip, the figures of all regions, the bars.

import * as catalog from "../data/catalog.mjs";
import * as filters from "../data/filters.mjs";
import * as training from "../data/training.mjs";
import * as trust from "../data/trust.mjs";
import { html } from "../page/drawn.mjs";
import * as format from "../page/format.mjs";
import * as marks from "../page/marks.mjs";
import * as scores from "../scores/histogram.mjs";
import * as worst from "../scores/worst.mjs";
import { area, div, figure, metric, notice, row, soft, span } from "./figures.mjs";
import * as scene from "./scene.mjs";
import * as usual from "./usual.mjs";

const empty = () =>
  div(
    "fs-empty",
    html.H2({}, "No chip is open"),
    html.P(
      {},
      "Click a chip on the map, or choose one in the Chips table: its image is drawn, its water predicted and, where there is a label, scored.",
    ),
  );

const again = () => html.Button({ id: "try-again", className: "fs-button" }, "Try again");

const badges = (chip, p) => {
  const out = [];
  const badge = (kind, text) => out.push(span(`fs-badge fs-badge-${kind}`, text));
  if (chip.simulated) badge("simulated", "Simulated");
  if (!chip.imagery) badge("muted", chip.problem ? "Unusable" : "No imagery");
  else if (!chip.labelled) badge("muted", "No label");
  const seen = p && (p.seen ?? null);
  if (p && (seen === true || (seen === null && chip.labelled))) {
    out.push(
      html.Span(
        { className: "fs-badge fs-badge-seen", title: marks.tipOf(seen) },
        seen ? "Seen by the model" : "Not known whether seen",
      ),
    );
  }
  if (chip.imagery && chip.unplaced) badge("muted", "No place");
  return out.length ? div("fs-badges", ...out) : "";
};

const heading = (chip, p, near = []) =>
  div(
    "fs-chip-heading",
    html.H2({ dir: "auto" }, chip.id),
    chip.file ? html.Div({ className: "fs-chip-file", dir: "auto", title: "The files of this chip" }, chip.file) : "",
    div(
      "fs-chip-place",
      [
        chip.country,
        chip.event && chip.event !== chip.country ? `event ${chip.event}` : null,
        chip.date,
        chip.split ? `${chip.split} split` : null,
        chip.layout,
      ]
        .filter(Boolean)
        .join(" · "),
    ),
    near.length ? div("fs-chip-place", format.towns(near)) : "",
    badges(chip, p),
    ...[chip.unplaced, chip.assumed_grid].filter((told) => told && chip.imagery).map((told) => notice("info", told)),
  );

const ready = (opened, id, model) => opened && opened.id === id && opened.model === model && !opened.pending;

const chip = ({ id, opened, model, k, threshold }) => {
  if (!id) return empty();
  const c = catalog.chips.get(id);
  if (!c) {
    if (!catalog.chips.size) return div("fs-empty", html.P({}, "Reading the catalog …"));
    if (catalog.gone.has(id))
      return said(
        `${id} was removed`,
        html.H2({}, id),
        notice("info", "This image was removed, and its predictions with it. Choose another chip in the Chips table."),
      );
    return notice("error", `No chip ${id} is in this catalog. Choose one in the Chips table.`);
  }
  const near = (opened && opened.id === id && opened.near) || [];
  if (!c.imagery) {
    return said(
      `${c.id}: ${c.problem ? "cannot be used" : "no imagery on disk"}`,
      heading(c, null, near),
      c.problem
        ? notice("error", c.problem)
        : notice(
            "info",
            "The catalog knows this chip, but its image is not on disk. Its footprint is drawn as an outline where it is known.",
          ),
    );
  }
  const p = catalog.shown(model, id);
  const answered = ready(opened, id, model);
  if (answered && opened.error)
    return said(
      `${c.id} could not be predicted`,
      heading(c, null, near),
      notice("error", opened.error),
      ...(opened.unusable ? [] : [again()]), // of what the image is no second try makes another
    );
  if (!p) {
    const pending = opened && opened.id === id && opened.model === model && opened.pending ? opened : {};
    const wait = pending.note
      ? pending.note
      : pending.loading
        ? "Loading the model …"
        : pending.ahead
          ? `Waiting for ${format.count(pending.ahead, "prediction")} before this one …`
          : scene.stage(catalog.drawings.get(id)) || "Predicting water …";
    const part = catalog.part(model, id);
    return said(
      `${c.id}: ${pending.loading ? "loading the model" : "predicting water"}`,
      heading(c, null, near),
      ...(part ? scene.told(id, model) : [notice("busy", wait)]),
      div("fs-skeleton"),
      div("fs-skeleton fs-skeleton-short"),
    );
  }
  return said(
    outcome(c, p, k, threshold),
    heading(c, p, near),
    ...(c.scene ? scene.told(id, model) : []),
    ...scored(c, p, k, threshold, model),
  );
};

// The panel of a chip, and what a screen reader is told of it.
const said = (text, ...children) => html.Div({ className: "fs-chip", "data-say": text }, ...children);
const outcome = (c, p, k, threshold) => {
  const { score } = format;
  const f = p.histogram ? scores.figures(scores.confusion(p.histogram, k)) : null;
  const detail = catalog.details.get(p.revision);
  const water = detail ? `, water ${area(detail, detail.area[k])}${detail.placed ? "" : " of its pixels"}` : "";
  const range = detail ? trust.range(detail, k) : null;
  const told = `${detail ? usual.said(detail, k) : ""}${range ? `; ${range.name} ${range.value}` : ""}`;
  return `${c.id}: ${f && f.iou !== null ? `IoU ${score(f.iou)}${p.seen === true ? ", seen by this model" : ""}` : "no IoU"}${water}, at threshold ${threshold.toFixed(2)}${told}`;
};

const scored = (c, p, k, threshold, model) => {
  const { percent, integer, seconds } = format;
  const f = p.histogram ? scores.figures(scores.confusion(p.histogram, k)) : null;
  const detail = catalog.details.get(p.revision);
  const water = detail ? detail.area[k] : null;
  const out = [];
  const known = f && f.tp + f.fp + f.fn + f.tn > 0;
  if (known) {
    const undefinedIou = f.iou === null ? "no water here, none predicted" : "";
    out.push(
      div(
        "fs-figures fs-figures-chip",
        metric("IoU", f.iou, undefinedIou || marks.wordOf(p.seen ?? null)),
        metric("Precision", f.precision),
        metric("Recall", f.recall),
        metric("F1", f.f1),
      ),
    );
    if (p.seen === true) {
      const validated = training.crossvalidated(model);
      out.push(
        html.P(
          { className: "fs-soft fs-seen-note" },
          `This model was trained or calibrated on this chip, so these scores do not measure it.${validated ? ` ${validated}.` : ""}`,
        ),
      );
    }
  } else if (p.label_problem || c.labelled) {
    // That there is no label says the badge.
    const why = p.label_problem || "the label holds no known pixel on valid data.";
    out.push(notice("info", `Not scored: ${why}`));
  }
  // What is told of its place stands above.
  (p.notes || [])
    .filter((note) => note !== c.unplaced && note !== c.assumed_grid)
    .forEach((note) => out.push(notice("info", note)));
  const range = detail ? trust.range(detail, k) : null;
  const seen = detail?.placed ? ` of ${format.km2(detail.area[0])} seen` : " of what is seen";
  const share = detail ? `: ${percent(water / (detail.area[0] || 1))}${seen}` : "";
  const reach = range && figure(range.name, range.value, range.note, range.rests);
  const truth =
    known &&
    figure(
      "Truth",
      detail ? area(detail, detail.placed ? detail.label_water_km2 : p.histogram.water[0]) : format.NONE,
      detail && !detail.placed ? `${integer(p.histogram.water[0])} px are water in the label` : "water in the label",
    );
  const amount = detail && !detail.placed ? `${integer(water)} px at` : "at";
  out.push(
    div(
      "fs-figures fs-figures-two",
      figure("Water", area(detail, water), `${amount} p ≥ ${threshold.toFixed(2)}${detail?.placed ? share : ""}`),
      truth || reach || "",
    ),
  );
  out.push(...usual.told(detail, k, model));
  if (range) out.push(trusted(c, p, detail, range, known));
  const rows = [];
  if (known) {
    rows.push(
      row("True water (TP)", `${integer(f.tp)} px`),
      row("False water (FP)", `${integer(f.fp)} px`),
      row("Missed water (FN)", `${integer(f.fn)} px`),
      row("True dry (TN)", `${integer(f.tn)} px`),
    );
  }
  rows.push(row("Valid pixels", `${percent(p.valid_share)}`));
  rows.push(
    row("Model", p.model_name),
    row("Device", p.device),
    row("Prediction took", seconds(p.seconds)),
    row("Predicted", `${p.created.slice(0, 16).replace("T", " ")} UTC`),
  );
  out.push(div("fs-rows", ...rows));
  return out;
};

// How far the water can be trusted: without a label all that there is to go by.
const trusted = (c, p, { trust: told }, range, known) =>
  div(
    "fs-trust",
    html.H3({}, "How far to trust it"),
    div(
      "fs-rows",
      ...(known ? [row(`Water, ${range.name.toLowerCase()}`, range.value)] : []),
      row("Not sure (0.25 ≤ p < 0.75)", `${format.percent(p.uncertain)} of what is seen`),
      ...trust.elsewhere(told, c.country).map(({ name, value, few }) => row(name, value, few)),
    ),
    ...(range.beside ? [soft(range.beside)] : []),
    soft(
      range.rests,
      c.simulated && told.held_out ? " What is held out are real chips; this one is simulated." : "",
      p.seen === true && told.held_out ? " This chip may be one of those, and of the held-out ones." : "",
    ),
    ...(told.fails ? [soft(`Known failures: ${told.fails[0].toLowerCase()}${told.fails.slice(1)}`)] : []),
    ...(told.held_out?.note && !(known && p.seen === true) ? [soft(`On the held-out figures: ${told.held_out.note}`)] : []),
  );

// --- regions -------------------------------------------------------------------------------------------------
const figures = (model, all, regions, unscored) => {
  const { integer, score, interval } = format;
  const only = filters.known().length;
  const weakest = [...regions].sort(worst.compare).find((r) => r.rank === 0 && r.worst !== null) || null; // as the table has them
  const why = !regions.length
    ? "no labelled chip is shown"
    : !all.all
      ? "predict to find out"
      : all.seen === true
        ? "no unseen chip"
        : "no region of two chips";
  const out = [
    figure(
      "Chips",
      integer(all.imagery),
      [`${integer(all.labelled)} labelled, ${integer(all.all)} scored`, only ? `${integer(only)} known only` : ""]
        .filter(Boolean)
        .join("; "),
      `Chips with imagery on disk: only these can be opened and predicted, only labelled ones scored. Of those that are known only, there is no image.${notScored(unscored)}`,
    ),
    figure(
      "Predicted",
      integer(all.predicted),
      `of ${integer(all.imagery)}${unscored.cannot ? `, ${integer(unscored.cannot)} cannot be predicted` : ""}`,
      "Chips that the chosen model has predicted, of those with imagery.",
    ),
    figure(
      "Micro IoU",
      all.seen === true ? format.NONE : score(all.iou),
      all.seen === true
        ? "no unseen chip"
        : all.interval
          ? interval(all.interval)
          : all.pending
            ? "interval to come"
            : all.scored
              ? `n = ${all.scored}`
              : "nothing scored yet",
      "IoU over the pixels of all scored chips together that the model has not seen, with its 95 % bootstrap interval over chips.",
      all.scored === 1,
    ),
    figure(
      "Weakest region",
      weakest ? weakest.name : format.NONE,
      weakest ? `IoU ${score(weakest.iou)}, n = ${weakest.scored}` : why,
      `The first row of the table, of regions with two scored chips or more, unseen by the model and with water in their labels. ${worst.RULE}`,
    ),
  ];
  const told = training.sentence(model, { scored: all.all, seen: all.seenChips, unknown: all.unknown });
  if (told) out.push(html.P({ className: "fs-soft fs-seen-note", id: "seen-note" }, told));
  return out;
};

// Why labelled chips are not scored, in a sentence; few are named.
const notScored = ({ waiting, failed, unknown }) => {
  const some = (ids) => (ids.length > 3 ? format.integer(ids.length) : ids.join(", "));
  const reasons = [
    waiting.length ? `${format.integer(waiting.length)} not predicted yet` : "",
    failed.length ? `could not be predicted: ${some(failed)}` : "",
    unknown.length ? `no known pixel in the label: ${some(unknown)}` : "",
  ].filter(Boolean);
  return reasons.length ? ` Labelled but not scored: ${reasons.join("; ")}.` : "";
};

// Regions that cannot be scored, folded: what there is of them, and what is missing.
const unlabelled = (regions) => {
  if (!regions.length) return [];
  const { count } = format;
  const what = (r) =>
    r.imagery
      ? `${count(r.imagery, "chip")} with imagery, none labelled`
      : `${count(r.chips, "chip")}, none with imagery on disk`;
  return [
    html.Details(
      { className: "fs-explained", key: "unlabelled" },
      html.Summary({}, `${count(regions.length, "region")} without a labelled chip`),
      html.Dl({}, ...regions.flatMap((r) => [html.Dt({}, r.name), html.Dd({}, what(r))])),
    ),
  ];
};

// --- jobs -----------------------------------------------------------------------------------------
const job = (progress, name) => {
  const { integer, seconds } = format;
  const ready = progress.done + progress.skipped + progress.failed.length;
  const share = progress.total ? ready / progress.total : 1;
  const text = progress.running
    ? progress.loading
      ? `Loading the model: ${format.count(progress.total - ready, "chip")} to predict`
      : `Predicting: ${integer(ready)} of ${integer(progress.total)}${progress.rate ? `, ${progress.rate.toFixed(1)} chips/s` : ""}`
    : `${progress.message ? "Ended" : progress.cancelled ? "Cancelled" : "Done"}: ${integer(progress.done)} predicted in ${seconds(progress.seconds)}`;
  const out = [
    html.Span({}, text),
    html.Div({ className: "fs-job-bar" }, html.Div({ className: "fs-job-done", style: { width: `${100 * share}%` } }, "")),
  ];
  if (progress.message) out.push(html.Span({ className: "fs-job-failed" }, progress.message));
  if (progress.failed.length) {
    out.push(
      html.Details(
        { className: "fs-job-failed" },
        html.Summary({}, `${integer(progress.failed.length)} could not be predicted`),
        html.Ul({}, ...progress.failed.slice(0, 20).map((f) => html.Li({}, f.message))),
      ),
    );
  }
  if (!progress.running) {
    out.splice(
      1,
      0,
      html.Button(
        {
          id: "job-close",
          className: "fs-job-close",
          type: "button",
          title: "Close this notice",
          "aria-label": "Close this notice",
          "data-job": name,
        },
        "×",
      ),
    );
  }
  return out;
};

export { chip, figures, job, unlabelled };
