// Which scores a headline may count.

// Of [{histogram, seen}] those that a headline may count: the unseen ones (model/seen/headline.py has the same rule). Where
// there are none, all are returned and it is said what they are: `seen` true; or null, where the model tells of none of them.
/** @template {{seen: boolean | null}} T @param {T[]} scored @returns {{counted: T[], seen: boolean | null}} */
export const pool = (scored) => {
  const fresh = scored.filter(({ seen }) => seen === false);
  if (fresh.length || !scored.length) return { counted: fresh, seen: false };
  return { counted: scored, seen: scored.some(({ seen }) => seen === true) ? true : null };
};
