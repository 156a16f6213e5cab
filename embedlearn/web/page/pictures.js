// The films of cases, fetched once and kept while they are among the last that were seen.

import { caseFilm } from "./api.js";

const MOST = 60;
const kept = new Map();

/** The film of a case as a blob. */
export function filmOf(id) {
  const found = kept.get(id) ?? caseFilm(id);
  kept.delete(id);
  kept.set(id, found);
  found.catch(() => kept.delete(id));
  if (kept.size > MOST) kept.delete(kept.keys().next().value);
  return found;
}
