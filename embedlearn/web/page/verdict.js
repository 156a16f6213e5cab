// The panel of the answer: what it says of the film that is shown, in whatever state the film is.

import { showAnswer, showNoAnswer, showPending } from "./answers.js";
import { byId } from "./dom.js";
import { partRead } from "./mapnotes.js";
import { percent, summary } from "./words.js";

const LITTLE = 0.8; // of a film, below which it is told before the answer
const WAITING = { reading: "Reading the film…", waiting: "Waiting for its turn…" };

/** Show the answer to a film, or why there is none yet; `page` tells where answers come from. */
export function showVerdict(film, page) {
  const answers = film && page.answersOf(film);
  const told = answers ? summary(answers).sentence : "";
  byId("own-answer").hidden = !(answers && page.from === "own");
  byId("own-answer").textContent = `${film?.name}: ${told}`;
  if (!film) return;
  byId("film-title").textContent = film.name;
  byId("film-says").firstElementChild.textContent = told;
  const root = byId("verdict");
  root.setAttribute("aria-busy", String(film.state in WAITING));
  const { recomputed } = page;
  if (film.state === "failed") {
    showNoAnswer(root, `${film.name}: ${film.problem}`, film.passes && (() => page.films.again(film)));
  } else if (film.state in WAITING) showPending(root, WAITING[film.state]);
  else if (answers) showAnswer(root, based(film, page), answers, page.from === "own");
  else if (recomputed.problem) showNoAnswer(root, recomputed.problem, () => recomputed.again());
  else showPending(root, "Answering from your classes…");
}

/** What an answer rests on, with all that should be known before it is believed. */
function based(film, { from, recomputed }) {
  if (from === "gallery") {
    const { classified } = film.told;
    const own = [...partly(film.explained), ...classified.films[0].warnings];
    return { ...classified, warnings: { own, common: classified.warnings } };
  }
  const { classified } = recomputed;
  const own = [...partly(film.explained), ...film.ownWarnings];
  return { ...classified, warnings: { own, common: classified.warnings } };
}

/** What to say of a film of which much was not read. */
function partly(explained) {
  const part = explained ? partRead(explained) : 1;
  return part < LITTLE ? [`only ${percent(part)} of this film was read, the part about its middle`] : [];
}
