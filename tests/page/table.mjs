// A catalog as the page takes it in, of plain chips: columns as tiles/catalog/columns.py writes them.

const TEXTS = ["id", "country", "event", "date", "split", "file", "layout", "source", "problem", "unplaced", "assumed_grid"];
const TRUTHS = ["imagery", "labelled", "simulated", "scene"];

/** @param {Record<string, any>[]} chips with `bounds` where they have a place @param {Record<string, any>} info */
export const table = (chips, info = {}) => {
  const box = ({ bounds }) => (bounds || [0, 0, 0, 0]).map((v) => Math.round(1e5 * v));
  const steps = (chip) => {
    const [w, s, e, n] = box(chip);
    return chip.bounds ? [e - w, 0, 0, n - s, w - e, 0] : [];
  };
  return {
    rows: chips.length,
    about: { info: { counts: {}, name: "", countries: [], ...info } },
    texts: Object.fromEntries(
      [...TEXTS, "revision"].map((name) => [name, { codes: null, values: chips.map((chip) => chip[name] ?? null) }]),
    ),
    numbers: {
      ...Object.fromEntries(TRUTHS.map((name) => [name, Uint8Array.from(chips, (chip) => (chip[name] ? 1 : 0))])),
      corners: Uint8Array.from(chips, ({ bounds }) => (bounds ? 4 : 0)),
      x: Int32Array.from(chips, (chip) => box(chip)[0]),
      y: Int32Array.from(chips, (chip) => box(chip)[1]),
      outline: Int32Array.from(chips.flatMap(steps)),
    },
  };
};
