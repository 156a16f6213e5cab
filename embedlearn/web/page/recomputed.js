// Answers from classes of one's own, asked again whenever films or examples change.

import { classify, explain } from "./api.js";
import { bytesOf, plain } from "./messages.js";

const ALONE = "This film is the only example of its class, so there is nothing to explain it by.";
const SOON = 120; // milliseconds in which further changes are waited for

/** The newest answers, in `classified` and each film's `own`; `changed()` is called when they come. */
export class Recomputed {
  classified = null;
  problem = null;
  #asking = new AbortController();
  #reasoning = new AbortController();
  #soon = 0;
  #changed;

  constructor(films, support, changed) {
    Object.assign(this, { films, support });
    this.#changed = changed;
  }

  /** Ask again, soon; what was asked before is given up. */
  again() {
    clearTimeout(this.#soon);
    this.#asking.abort();
    this.problem = null;
    this.#soon = setTimeout(() => this.#ask(), SOON);
  }

  async #ask() {
    const { support, films } = this;
    if (support.ready < 2) {
      this.classified = null;
      for (const film of films.all) film.own = null;
      return this.#changed();
    }
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    const asked = films.done;
    const vectors = asked.length
      ? asked.map((film) => film.embedding)
      : [support.examples.find((each) => each.vector).vector];
    try {
      this.classified = await classify(vectors, support.told, signal);
      asked.forEach((film, at) => {
        film.own = this.classified.films[at].answers;
        film.ownWarnings = this.classified.films[at].warnings;
      });
    } catch (error) {
      if (signal.aborted) return;
      this.problem = plain(error);
      for (const film of films.all) film.own = null;
    }
    if (!signal.aborted) this.#changed();
  }

  /** Whether a film is the only example of one of two classes: without it there is but one. */
  #isAlone(film) {
    const { classes, ready } = this.support;
    const example = this.support.holding(film.embedding);
    return ready === 2 && classes.some(({ examples }) => examples.length === 1 && examples[0] === example);
  }

  /** Why a film is answered so: `tell(explained, line)` is called at once, and again when the server has answered. */
  async reason(film, tell) {
    this.#reasoning.abort();
    const { version } = this.support;
    if (film.ownReason?.version === version) return tell(film.ownReason.told, "");
    if (this.#isAlone(film)) return tell(null, ALONE);
    this.#reasoning = new AbortController();
    const { signal } = this.#reasoning;
    tell(null, "Looking for the reason in your classes…");
    try {
      const told = await explain(await bytesOf(film.file), { support: this.support.told }, signal);
      if (signal.aborted) return;
      film.ownReason = { version, told };
      tell(told, "");
    } catch (error) {
      if (!signal.aborted) tell(null, plain(error));
    }
  }
}
