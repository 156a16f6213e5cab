// A film and a case side by side, moved together, with what each has in common with the other.

import { explain } from "./api.js";
import { SEEN, facts, far } from "./cases.js";
import { byId } from "./dom.js";
import { bytesOf, plain } from "./messages.js";
import { filmOf } from "./pictures.js";
import { mapOf } from "./reasons.js";
import { FilmViewer } from "./viewer.js";
import { short, summary } from "./words.js";

const OPACITY = 0.7;

/** The dialog; `explained(film, id)` is called when an explanation against a case has come. */
export class Compare {
  #asking = new AbortController();
  #viewers = null;
  #film = null;
  #cases = [];
  #at = 0;
  #image = null; // of the case
  #explained;

  constructor(explained) {
    this.#explained = explained;
    byId("compare-close").addEventListener("click", () => byId("compare").close());
    byId("compare-before").addEventListener("click", () => this.#go(-1));
    byId("compare-next").addEventListener("click", () => this.#go(1));
    byId("compare").addEventListener("close", () => this.#leave());
  }

  /** Show a film (null: none), of which `answers` are told, beside a case, one of `cases`. */
  open(film, shown, cases, answers = null) {
    this.#film = film;
    byId("compare-answer").textContent = answers ? summary(answers).sentence : "";
    this.#cases = cases.some((each) => each.id === shown.id) ? cases : [shown];
    this.#at = this.#cases.findIndex((each) => each.id === shown.id);
    byId("compare").showModal();
    byId("compare").classList.toggle("alone", !film);
    byId("compare-title").firstElementChild.textContent = film ? "Side by side" : "A case of the gallery";
    this.#viewers ??= this.#begin();
    this.#viewers.film.setFilm(film && { image: film.image, ...film.size });
    this.#show();
  }

  #begin() {
    const film = new FilmViewer(byId("compare-film"), { label: "Your film", controls: true });
    const other = new FilmViewer(byId("compare-case"), { label: "The case", controls: true });
    film.linkWith(other);
    film.opacity = other.opacity = OPACITY;
    return { film, other };
  }

  #go(step) {
    this.#at += step;
    this.#show();
  }

  async #show() {
    this.#asking.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    const [shown, film] = [this.#cases[this.#at], this.#film];
    byId("compare-theirs").textContent = shown.label ?? `Case ${short(shown.id)}`;
    byId("compare-mine").textContent = film ? film.name : "Your film";
    byId("compare-place").textContent = this.#cases.length > 1 ? `case ${this.#at + 1} of ${this.#cases.length}` : "";
    byId("compare-facts").textContent = this.#facts(shown);
    byId("compare-facts").title = `case ${shown.id}`;
    byId("compare-before").disabled = this.#at === 0;
    byId("compare-next").disabled = this.#at === this.#cases.length - 1;
    byId("compare-none").hidden = shown.picture;
    byId("compare-case").hidden = !shown.picture;
    this.#viewers.film.setMap(null);
    this.#viewers.other.setFilm(null);
    this.#image = null;
    await Promise.all([this.#picture(shown, signal), film && this.#reason(film, shown, signal)]);
  }

  #facts(shown) {
    const known = ["id", "label", "source", "view", "picture", "seen", "place", "rank", "distance", "same_picture"];
    const others = Object.entries(shown).filter(([name, value]) => !known.includes(name) && value !== null);
    return [
      facts(shown),
      shown.distance !== undefined && far(shown),
      `case ${short(shown.id)}`,
      ...others.map(([name, value]) => `${name}: ${value}`),
      shown.same_picture && "the same picture as yours",
      shown.seen && SEEN,
    ]
      .filter(Boolean)
      .join(" · ");
  }

  async #picture(shown, signal) {
    if (!shown.picture) return;
    try {
      const image = await createImageBitmap(await filmOf(shown.id));
      if (signal.aborted) return;
      this.#image = image;
      this.#lay();
    } catch (error) {
      if (!signal.aborted) this.#say(plain(error));
    }
  }

  async #reason(film, shown, signal) {
    if (film.explained === null) return this.#say(film.told.not_explained);
    try {
      if (!film.reasons.has(shown.id)) {
        this.#say("Looking for what they have in common…");
        const told = await explain(await bytesOf(film.file), { id: shown.id }, signal);
        film.reasons.set(shown.id, told.films[0]);
      }
      if (signal.aborted) return;
      this.#say("");
      this.#explained(film, shown.id);
      this.#lay();
    } catch (error) {
      if (!signal.aborted) this.#say(plain(error));
    }
  }

  /** Show what has come so far; a case's own sides are known once it is explained: its picture may be smaller. */
  #lay() {
    const told = this.#film?.reasons.get(this.#cases[this.#at].id);
    const { film, other } = this.#viewers;
    film.setMap(told ? mapOf(told, 3) : null);
    if (!this.#image) return;
    const { height, width } = told?.of_case ?? this.#image;
    other.setFilm({ image: this.#image, height, width });
    other.setMap(told?.of_case ? mapOf(told.of_case, 0) : null);
  }

  #say(line) {
    byId("compare-words").textContent = line;
  }

  #leave() {
    this.#asking.abort();
    this.#viewers.film.setFilm(null);
    this.#viewers.other.setFilm(null);
    this.#say("");
  }
}
