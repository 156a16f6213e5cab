// The page: what is chosen, and what follows from it.

import * as api from "./api.js";
import { showCases } from "./cases.js";
import { Compare } from "./compare.js";
import { byId } from "./dom.js";
import { Films, MOST_FILMS } from "./films.js";
import { showAbout } from "./footing.js";
import { takeFilms } from "./intake.js";
import { LatentMap } from "./latentmap.js";
import { alarm, plain, progress, say, waiting } from "./messages.js";
import { Own } from "./own.js";
import { showPlaces } from "./places.js";
import { Recomputed } from "./recomputed.js";
import { Reasons } from "./reasons.js";
import { showStrip } from "./strip.js";
import { Support } from "./support.js";
import { askForToken } from "./tokens.js";
import { offerExamples } from "./trying.js";
import { showVerdict } from "./verdict.js";
import { FilmViewer } from "./viewer.js";
import { several, summary } from "./words.js";

class Page {
  about = null;
  shown = null; // the film that is chosen
  from = "gallery"; // or "own": where answers come from
  #drawn = null; // the film in the viewer
  #batch = 0; // films before the ones whose progress is told

  constructor() {
    this.films = new Films((film) => this.#gone(film));
    this.support = new Support(() => this.#supportChanged());
    this.recomputed = new Recomputed(this.films, this.support, () => this.#answered());
    this.own = new Own(this.support, this);
    this.viewer = new FilmViewer(byId("viewer"), { label: "Film", controls: true });
    this.viewer.opacity = 0.7;
    this.reasons = new Reasons(this.viewer);
    this.latent = new LatentMap(byId("latent-map"));
    this.compare = new Compare((film, id) => this.#against(film, id));
    this.latent.addEventListener("pick", (event) => this.#picked(event.detail.id));
    this.latent.addEventListener("choose", (event) => this.choose(this.film(event.detail.id)));
    takeFilms((files) => this.take(files));
    byId("forget").addEventListener("click", () => this.#forget());
    byId("from").addEventListener("change", (event) => this.#answerFrom(event.target.value));
    this.show();
  }

  async begin() {
    const failed = (error) => alarm(plain(error), () => this.begin());
    try {
      this.about = await api.about();
    } catch (error) {
      return failed(error);
    }
    this.films.limits = this.about.limits;
    showAbout(this.about);
    this.own.show();
    const points = this.about.map === null ? null : api.points().then((told) => this.latent.setPoints(told));
    await Promise.all([points, offerExamples((files) => this.take(files))]).catch(failed);
    showPlaces(this.latent, this);
    document.body.classList.add("ready");
  }

  film(id) {
    return this.films.all.find((each) => each.id === id);
  }

  /** Read films, load classes; the first new film is shown. */
  take(files) {
    const isJson = (file) => file.type === "application/json" || file.name?.toLowerCase().endsWith(".json");
    files.filter(isJson).forEach((file) => this.own.load(file));
    const wanted = files.filter((file) => !isJson(file));
    if (!this.#unread.length) this.#batch = this.films.all.length;
    const added = this.films.add(wanted);
    const left = wanted.length - added.length;
    if (left) alarm(`${MOST_FILMS} films at most are kept at once: ${left} were left out. Remove some first.`);
    if (!added.length) return;
    this.choose(added[0]);
    say(`Reading ${several(added.length, "film")}.`);
    if (document.activeElement === document.body) byId("strip").querySelector("[aria-current]").focus();
    if (byId("films").getBoundingClientRect().top < 0) scrollTo(0, 0); // where films are dropped far below
  }

  choose(film) {
    this.shown = film;
    this.show();
    this.#reason();
    if (film?.state === "done") this.#tell(film);
  }

  answersOf(film) {
    return this.from === "own" ? film.own : (film.told?.classified.films[0].answers ?? null);
  }

  show() {
    const { all } = this.films;
    byId("main").dataset.state = all.length ? "reading" : "empty";
    byId("welcome").hidden = all.length > 0;
    byId("answer").hidden = !this.shown;
    byId("film").hidden = !this.shown || this.shown.state === "failed";
    byId("films").hidden = all.length === 0;
    byId("similar").hidden = this.shown?.state !== "done";
    showStrip(byId("strip"), all, this.shown, {
      answersOf: (film) => this.answersOf(film),
      choose: (film) => this.choose(film),
      remove: (film) => this.#remove(film),
    });
    const recent = all.slice(this.#batch);
    progress(recent.filter((film) => film.state === "done" || film.state === "failed").length, recent.length);
    this.#showFilm();
    showVerdict(this.shown, this);
    showPlaces(this.latent, this);
    this.own.show();
  }

  get #unread() {
    return this.films.all.filter((film) => film.state === "waiting" || film.state === "reading");
  }

  #gone(film) {
    if (film.state === "done") this.recomputed.again();
    this.show();
    if (film !== this.shown) return;
    if (film.state === "done") {
      this.#tell(film);
      this.#reason();
    }
  }

  #tell(film) {
    const answers = this.answersOf(film);
    if (answers) say(`${film.name}: ${summary(answers).sentence}.`);
  }

  #remove(film) {
    const at = this.films.all.indexOf(film);
    this.films.remove(film);
    if (at < this.#batch) this.#batch--;
    if (film === this.shown) this.choose(this.films.all[Math.min(at, this.films.all.length - 1)] ?? null);
    else this.show();
    if (document.activeElement === document.body)
      (byId("strip").querySelector("[aria-current]") ?? byId("choose")).focus();
    say(`${film.name} removed.`);
  }

  #forget() {
    for (const film of [...this.films.all]) this.films.remove(film);
    this.choose(null);
    byId("choose-first").focus();
    say("All films removed.");
  }

  #showFilm() {
    const film = this.shown?.state === "done" ? this.shown : null;
    if (film !== this.#drawn) {
      this.#drawn = film;
      const aspect = film ? film.size.width / film.size.height : 1;
      byId("viewer").style.setProperty("--viewer-aspect", Math.min(Math.max(aspect, 0.75), 1.35));
      this.viewer.setFilm(film && { image: film.image, ...film.size });
      showCases(byId("cards"), film ? film.told.similar.films[0].cases : [], (shown) => this.#open(shown));
    }
    byId("viewer").classList.toggle("pending", !film);
  }

  /** The maps of the film that is shown, from where the answer is. */
  #reason() {
    const film = this.shown;
    if (film?.state !== "done") return this.reasons.show(null);
    const ofCase = [...film.reasons.values()].at(-1) ?? null;
    if (this.from === "gallery") {
      const { explained, not_explained: line } = film.told;
      return this.reasons.show(film.explained, { ofCase, verdict: explained?.verdict, line });
    }
    this.recomputed.reason(film, (told, line) => {
      if (film !== this.shown || this.from !== "own") return;
      this.reasons.show(told?.films[0] ?? null, { own: true, verdict: told?.verdict, line });
    });
  }

  #against(film, id) {
    const reason = film.reasons.get(id);
    film.reasons.delete(id);
    film.reasons.set(id, reason); // at the end: the last one that was seen is offered
    if (film !== this.shown || this.from !== "gallery") return;
    this.reasons.kind = "case";
    this.#reason();
  }

  #open(shown) {
    const film = this.shown?.state === "done" ? this.shown : null;
    this.compare.open(film, shown, film ? film.told.similar.films[0].cases : [shown], film && this.answersOf(film));
  }

  async #picked(id) {
    const known = this.shown?.told?.similar.films[0].cases.find((each) => each.id === id);
    try {
      this.#open(known ?? (await api.oneCase(id)));
    } catch (error) {
      alarm(plain(error));
    }
  }

  #supportChanged() {
    const could = !document.querySelector("#from [value=own]").disabled;
    const can = this.support.ready >= 2;
    document.querySelector("#from [value=own]").disabled = !can;
    byId("from-hint").hidden = can;
    this.recomputed.again();
    if (can !== could) this.#answerFrom(can ? "own" : "gallery");
    else this.show();
  }

  #answerFrom(from) {
    if (from !== this.from && this.reasons.kind === "case") this.reasons.kind = "margin"; // the case was the other's
    this.from = from;
    document.querySelector(`#from [value=${from}]`).checked = true;
    this.show();
    this.#reason();
    if (this.shown?.state === "done") this.#tell(this.shown);
  }

  #answered() {
    this.show();
    if (this.from !== "own") return;
    this.#reason();
    if (this.shown?.state === "done") this.#tell(this.shown);
  }
}

api.begin(waiting, askForToken);
new Page().begin();
