// The strip of films with their answers, of which one is shown.

import { make, refill, worded } from "./dom.js";
import { small } from "./films.js";
import { FILM } from "./intake.js";
import { summary } from "./words.js";

const drawn = new WeakMap();
const shownState = new WeakMap();

/** Show the films; `answersOf(film)` are its answers now, `choose(film)` and `remove(film)` what may be done. */
export function showStrip(root, films, chosen, { answersOf, choose, remove }) {
  const state = JSON.stringify(films.map((film) => [film.id, film.state, film === chosen, wordsOf(film, answersOf)]));
  if (state === shownState.get(root)) return; // what is shown already may be under the mouse
  shownState.set(root, state);
  refill(
    root,
    ...films.map((film) =>
      make("li", { class: film.state }, shown(film, film === chosen, answersOf, choose), taken(film, remove)),
    ),
  );
}

function shown(film, isChosen, answersOf, choose) {
  const button = make(
    "button",
    {
      type: "button",
      class: "film",
      "data-key": film.id,
      "aria-current": isChosen ? "true" : null,
      draggable: film.state === "done" ? "true" : null,
      on: { click: () => choose(film) },
    },
    thumbOf(film),
    make("span", { class: "film-name" }, film.name),
    make("span", { class: "film-answer" }, worded(wordsOf(film, answersOf))),
  );
  button.addEventListener("dragstart", (event) => event.dataTransfer.setData(FILM, film.id));
  return button;
}

function taken(film, remove) {
  return make(
    "button",
    {
      type: "button",
      class: "remove",
      "data-key": `${film.id}-remove`,
      "aria-label": `Remove ${film.name}`,
      title: "Remove",
      on: { click: ({ detail }) => detail < 2 && remove(film) }, // a second click would meet the next film
    },
    "×",
  );
}

function thumbOf(film) {
  const sign = film.state === "failed" ? "!" : "…";
  if (!film.image) return make("span", { class: "thumb", "aria-hidden": "true" }, sign);
  if (!drawn.has(film)) drawn.set(film, small(film.image));
  return drawn.get(film);
}

function wordsOf(film, answersOf) {
  if (film.state === "waiting") return "waiting";
  if (film.state === "reading") return "being read…";
  if (film.state === "failed") return "cannot be read";
  const answers = answersOf(film);
  if (!answers) return "…";
  const { label, share } = summary(answers);
  return `${label} ${share}`.trim();
}
