// Explore: what the chips are made of, and what would spoil their scores. The server adds up what it has computed once.

import * as catalog from "../data/catalog.mjs";
import * as filters from "../data/filters.mjs";
import * as grouping from "../data/grouping.mjs";
import { ask } from "../page/ask.mjs";
import * as charts from "../page/charts.mjs";
import { fill, make, select } from "../page/dom.mjs";
import * as format from "../page/format.mjs";

const PLACE = "explore";
const POLL_MS = 700;
let answer = null;
let asked = "";
let problem = "";
let country = "";
let timer = null;
let running = 0;

const NAMES = { vv: ["VV", "VV backscatter, dB"], vh: ["VH", "VH backscatter, dB"], ratio: ["VV / VH", "VV / VH, dB (VV − VH)"] };
const CLASSES = [
  ["dry", "D", "dry"],
  ["water", "W", "water"],
  ["unknown", "U", "no label"],
];

// --- counts of the catalog, at once ----------------------------------------------------------------------------
const tally = (chips, name) => {
  const counts = new Map();
  chips.forEach((chip) => {
    const key = name(chip) || "Unknown";
    counts.set(key, (counts.get(key) || 0) + 1);
  });
  return [...counts];
};
const MOST = 12;
const counted = (label, rows, order) => {
  const sorted = order
    ? rows.sort((a, b) => a[0].localeCompare(b[0]))
    : rows.sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
  const shown = sorted.slice(0, MOST);
  const rest = sorted.slice(MOST).reduce((s, [, n]) => s + n, 0);
  if (rest) shown.push([format.count(sorted.length - MOST, "other"), rest]);
  return [
    make("h3", {}, label),
    charts.bars(
      label,
      shown.map(([name, n]) => [name, n, format.integer(n)]),
    ),
  ];
};

// --- shares ------------------------------------------------------------------------------------------------------
/** @type {[number, string][]} */
const STEPS = [
  [0, "none"],
  [0.01, "up to 1 %"],
  [0.05, "1 to 5 %"],
  [0.2, "5 to 20 %"],
  [0.5, "20 to 50 %"],
  [1, "over 50 %"],
];
const shares = (label, values) => {
  const counts = STEPS.map(([, name]) => /** @type {[string, number]} */ ([name, 0]));
  values.forEach((value) => {
    counts[STEPS.findIndex(([top]) => value <= top + 1e-9)][1] += 1;
  });
  return [
    make("h3", {}, label),
    charts.bars(
      label,
      counts.map(([name, n]) => [name, n, format.count(n, "chip")]),
    ),
  ];
};

const histogram = (name, index, sums) => {
  const [low, high] = answer.ranges[name];
  const classes = CLASSES.map(([kind, letter], i) => [kind, letter, sums[index][i]]).filter(([, , counts]) =>
    counts.some(Boolean),
  );
  const most = Math.max(0.01, ...classes.map(([, , counts]) => Math.max(...counts) / counts.reduce((a, b) => a + b, 0)));
  const [short, title] = NAMES[name];
  const ticks = Array.from({ length: 6 }, (_, i) => Math.round(low + (i * (high - low)) / 5));
  return charts.frame(
    `${short} by class: share of the class's pixels at each value`,
    {
      x: [low, high],
      y: [0, most],
      xTicks: ticks,
      yTicks: [],
      xTitle: title,
      yTitle: "Share of pixels",
      height: 170,
    },
    ...classes.map(([kind, letter, counts]) => charts.steps(counts, low, high, kind, letter, kind === "unknown" ? -16 : 4)),
  );
};

// Several findings of one kind are folded under what they have in common.
const KINDS = {
  seen: "sets of chips were seen by this model",
  leak: "floods have chips in several splits",
  duplicate: "pairs of sources show the same places",
  dominance: "countries dominate",
  no_imagery: "kinds of labels lack imagery",
};
const finding = (warning) =>
  make(
    "li",
    {},
    warning.text,
    make(
      "span",
      { class: "fs-soft" },
      ` ${warning.chips.slice(0, 3).join(", ")}${warning.chips.length > 3 ? ` and ${format.integer(warning.chips.length - 3)} more` : ""}`,
    ),
  );
const warnings = () => {
  if (!answer.warnings.length) {
    return [
      make(
        "p",
        { class: "fs-soft" },
        "Nothing found that would spoil a score: no country dominates, no flood is in two splits, no place is there twice, every label has its imagery.",
      ),
    ];
  }
  const kinds = [...new Set(answer.warnings.map((warning) => warning.kind))].map((kind) =>
    answer.warnings.filter((warning) => warning.kind === kind),
  );
  return [
    make("h3", {}, "What would spoil a score"),
    make(
      "ul",
      { class: "fs-warnings" },
      kinds.map((some) =>
        some.length < 3
          ? some.map(finding)
          : make(
              "li",
              {},
              `${format.integer(some.length)} ${KINDS[some[0].kind]}.`,
              make(
                "details",
                { id: `warnings-${some[0].kind}` },
                make("summary", {}, "Which ones"),
                make("ul", {}, some.map(finding)),
              ),
            ),
      ),
    ),
  ];
};

const progress = () => {
  const { total, running: busy, failed: bad } = answer.progress;
  const done = answer.progress.done + bad.length;
  return [
    busy
      ? make(
          "div",
          { class: "fs-job", role: "status" },
          `Reading chips: ${format.integer(done)} of ${format.integer(total)}`,
          make(
            "div",
            { class: "fs-job-bar" },
            make("div", { class: "fs-job-done", style: `width:${total ? (100 * done) / total : 100}%` }),
          ),
        )
      : "",
    bad.length
      ? make(
          "details",
          { class: "fs-explained", id: "explore-failed" },
          make("summary", {}, `${format.count(bad.length, "chip")} could not be read`),
          make(
            "ul",
            {},
            bad.slice(0, 20).map((problem) => make("li", {}, problem.message)),
          ),
        )
      : "",
  ];
};

// Of scenes no more is read than squares spread over them: how many there are, and how much of them that is.
const looked = () => {
  const { scenes, pixels, of } = answer.looked;
  if (!scenes) return [];
  const many = scenes === 1 ? "1 scene is" : `${format.integer(scenes)} scenes are`;
  const share = `${format.integer(pixels)} of ${format.integer(of)} pixels`;
  return [
    make(
      "p",
      { class: "fs-soft", id: "explore-scenes" },
      `${many} counted by squares spread over ${scenes === 1 ? "it" : "them"}: ${share}.`,
    ),
  ];
};

// The chips that pass the filters and are of the chosen region; whether that leaves any out.
const shown = () => filters.chips().filter((chip) => filters.focused(chip.id));
const part = () => filters.any() || Boolean(filters.context.region);

const draw = () => {
  const chips = shown();
  const out = [
    make(
      "h2",
      {},
      `${format.count(chips.filter((chip) => !filters.onlyKnown(chip)).length, "chip")}${part() ? ` of ${format.integer(filters.total())}` : ""}`,
    ),
  ];
  const only = filters.known().filter((chip) => filters.focused(chip.id)).length;
  if (only) out.push(make("p", { class: "fs-soft" }, `${format.integer(only)} more are known only: there is no image of them.`));
  if (problem) out.push(make("p", { class: "fs-notice fs-notice-error", role: "alert" }, problem));
  if (!chips.length) {
    fill(PLACE, ...out, make("p", { class: "fs-soft" }, "No chip passes the filters."));
    return;
  }
  if (answer) out.push(...warnings(), ...progress(), ...looked());
  out.push(
    make(
      "div",
      { class: "fs-explore-columns" },
      make(
        "div",
        {},
        ...counted(
          "By country",
          tally(chips, (c) => grouping.nameOf("country", c)),
        ),
      ),
      make(
        "div",
        {},
        ...counted(
          "By event",
          tally(chips, (c) => c.event),
        ),
      ),
      make(
        "div",
        {},
        ...counted(
          "By year",
          tally(chips, (c) => (c.date || "").slice(0, 4)),
          true,
        ),
      ),
      make(
        "div",
        {},
        ...counted(
          "By split",
          tally(chips, (c) => c.split),
        ),
      ),
      ...(answer
        ? [
            make(
              "div",
              {},
              ...shares(
                "Water share of the label",
                answer.shares.map(([, water]) => water).filter((v) => v !== null),
              ),
            ),
            make(
              "div",
              {},
              ...shares(
                "Share without data",
                answer.shares.map(([, , nodata]) => nodata),
              ),
            ),
          ]
        : []),
    ),
  );
  if (answer && answer.shares.length) {
    const names = Object.keys(answer.countries);
    if (!names.includes(country)) country = "";
    out.push(
      make("h3", {}, make("label", { for: "explore-country" }, "Backscatter of")),
      select(
        {
          id: "explore-country",
          onchange: (event) => {
            country = event.target.value;
            draw();
          },
        },
        [["", "all countries"], ...names.map((name) => [name, name])],
        country,
      ),
      make("p", { class: "fs-soft" }, "W water, D dry land, U pixels without a label; each class adds up to 1."),
      ...Object.keys(NAMES).map((name, i) => histogram(name, i, country ? answer.countries[country] : answer.histograms)),
    );
  } else if (!answer && !problem) out.push(make("p", { class: "fs-soft" }, "Reading what is known of the chips …"));
  fill(PLACE, ...out);
};

// Ask for the chips that pass the filters, again until all are computed.
const fetchIt = () => {
  clearTimeout(timer);
  running += 1;
  const mine = running;
  const ids = part() ? shown().map((chip) => chip.id) : null;
  ask("review/explore", { json: { ids, model: filters.context.model } })
    .then((told) => {
      if (mine !== running) return; // asked anew since
      [answer, problem] = [told, ""];
      if (visible()) draw();
      if (told.progress.running && visible()) timer = setTimeout(fetchIt, POLL_MS);
    })
    .catch((error) => {
      problem = error.message;
      if (visible()) draw();
    });
};
const visible = () => Boolean(document.getElementById(PLACE) && document.getElementById(PLACE).offsetParent);

const show = () => {
  const { by, region } = filters.context;
  const now = JSON.stringify([filters.version, catalog.info.version, by, region, filters.context.model]);
  if (now === asked && answer && !answer.progress.running) return;
  draw();
  if (now !== asked || !answer) {
    asked = now;
    fetchIt();
  } else if (answer.progress.running) fetchIt();
};

export { show };
