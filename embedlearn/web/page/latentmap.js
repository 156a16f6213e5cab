// The latent map: the films of a gallery by their labels, new films as stars, and the prototypes of the classes.

import { coloursOf, whenRecoloured } from "./colours.js";
import { make } from "./dom.js";
import { watch } from "./gestures.js";
import { KEYS, press } from "./latentkeys.js";
import { LatentLegend } from "./latentlegend.js";
import { LatentPainter, placeNow } from "./latentpainter.js";
import { Points, extent } from "./latentpoints.js";
import { latentWords } from "./latentwords.js";
import { Surface } from "./surface.js";
import { Viewport } from "./viewport.js";
import { short } from "./words.js";

const MARGIN = 0.06; // of the map's longer side, around it
const REACH = 14; // pixels from the pointer to a film that it means
const STAR = 11; // and to a star
const EDGE = 20; // pixels from the window's edge that a film is kept when the keyboard goes to it
const CLOSEST = 40; // times what fits
let made = 0; // maps, for the ids of what describes them

// Emits "pick" with `detail.id`, the case that was asked for, and "choose" with that of a new film.
export class LatentMap extends EventTarget {
  constructor(root) {
    super();
    Object.assign(this, { root, kind: "", points: new Points(), films: [], prototypes: [], marked: [], at: null });
    Object.assign(this, { view: new Viewport(CLOSEST), legend: new LatentLegend(), low: [0, 0], high: [1, 1] });
    this.classOf = this.classOf.bind(this);
    this.build(`latent-keys-${++made}`);
    this.surface = new Surface(
      this.canvas,
      () => this.painter.draw(this, coloursOf(root), getComputedStyle(root).fontFamily),
      () => this.resized(),
    );
    this.painter = new LatentPainter(this.surface, (x, y) => this.outside(x, y));
    watch(this.canvas, this.gestures());
    this.canvas.addEventListener("keydown", (event) => press(this, event));
    this.canvas.addEventListener("blur", () => this.point(null));
    this.legend.addEventListener("filter", () => this.changed());
    whenRecoloured(() => this.changed());
  }

  build(id) {
    const told = { role: "application", "aria-roledescription": "map of films", "aria-describedby": id };
    this.canvas = make("canvas", { class: "latent-canvas", tabindex: 0, ...told });
    this.tip = make("div", { class: "latent-tip", hidden: true, "aria-hidden": "true" });
    this.live = make("p", { class: "unseen", "aria-live": "polite" });
    this.sentences = make("div", { class: "latent-sentences" });
    const button = (words, title, click) =>
      make("button", { type: "button", title, "aria-label": title, on: { click } }, words);
    const zooms = make(
      "div",
      { class: "latent-zooms", role: "group", "aria-label": "Zoom of the map" },
      button("−", "Zoom out of the map", () => this.zoomBy(1 / 1.5)),
      button("+", "Zoom into the map", () => this.zoomBy(1.5)),
      button("All", "Show the whole map", () => this.moved(this.view.go({ zoom: 1 }))),
    );
    this.root.classList.add("latent");
    this.root.replaceChildren(
      make("div", { class: "latent-stage" }, this.canvas, this.tip),
      make("p", { class: "unseen", id }, KEYS),
      this.live,
      make("div", { class: "latent-below" }, zooms, this.legend.element),
      this.sentences,
    );
  }

  // `points`: LatentPoints as the API has them.
  setPoints(points) {
    this.points = new Points(points);
    this.kind = points.kind;
    this.legend.set(this.points.labels.map((name, at) => ({ name, count: this.points.counts[at] })));
    this.sentences.replaceChildren(...points.sentences.map((sentence) => make("p", {}, sentence)));
    Object.assign(this, { marked: [], at: null });
    this.view.reset();
    this.bound();
  }

  // `films`: [{ x, y, strange, label, id }].
  setFilms(films) {
    this.films = films;
    this.bound();
  }

  // `prototypes`: [{ name, x, y, examples }]; one that was there before glides to its new place.
  setPrototypes(prototypes) {
    const before = new Map(this.prototypes.map((one) => [one.name, one]));
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const now = performance.now();
    this.prototypes = prototypes.map((one) => {
      const old = still ? undefined : before.get(one.name);
      return { ...one, from: old ? placeNow(old, now) : [one.x, one.y], since: old ? now : -Infinity };
    });
    this.bound();
  }

  // Ties the first film to cases; to none where `ids` is empty.
  highlight(ids) {
    this.marked = ids.map((id) => this.points.places.get(id)).filter((at) => at !== undefined);
    this.surface.ask();
  }

  // The class, counted from 0, whose colour and shape a name has: a label's, or one that no label has.
  classOf(name) {
    const { labels } = this.points;
    const others = this.prototypes.map((one) => one.name).filter((other) => !labels.includes(other));
    return labels.includes(name) ? labels.indexOf(name) : labels.length + Math.max(0, others.indexOf(name));
  }

  get order() {
    return this.points.order;
  }

  get hidden() {
    return this.legend.hidden;
  }

  // Finds the part of the map that holds everything, and shows it.
  bound() {
    const marks = [...this.films, ...this.prototypes];
    const sides = ["x", "y"].map((axis) => extent([...this.points[axis], ...marks.map((one) => one[axis])]));
    const margin = MARGIN * Math.max(...sides.map(([low, high]) => high - low)) || 1;
    this.low = sides.map(([low]) => low - margin);
    this.high = sides.map(([, high]) => high + margin);
    this.view.whole = { width: this.high[0] - this.low[0], height: this.high[1] - this.low[1] };
    this.view.go(this.view.place);
    this.changed();
  }

  resized() {
    [this.view.width, this.view.height] = [this.surface.width, this.surface.height];
    this.changed();
  }

  // From the map to the window and back; the map's second axis points up.
  outside(x, y) {
    return this.view.outside(x - this.low[0], this.high[1] - y);
  }

  inside(u, v) {
    const [x, y] = this.view.inside(u, v);
    return [x + this.low[0], this.high[1] - y];
  }

  isShown(at) {
    return !this.hidden.has(this.points.label[at]);
  }

  gestures() {
    return {
      pan: (right, down) => this.moved(this.view.panBy(right, down)),
      zoom: (factor, x, y) => this.moved(this.view.zoomBy(factor, x, y)),
      twice: (x, y, back) => this.found(x, y) === null && this.moved(this.view.zoomBy(back ? 0.5 : 2, x, y)),
      hover: (x, y) => this.hover(x, y),
      leave: () => this.point(null),
      tap: (x, y) => this.tap(x, y),
      movable: () => this.view.zoom > 1.001,
    };
  }

  found(u, v) {
    return this.points.nearest(...this.inside(u, v), REACH / this.view.scale, (at) => this.isShown(at));
  }

  // The new film whose star is at a place in the window.
  star(u, v) {
    return this.films.find((film) => {
      const [left, top] = this.outside(film.x, film.y);
      return Math.hypot(left - u, top - v) < STAR;
    });
  }

  // About the film that is pointed at, else the new one, else the middle.
  zoomBy(factor) {
    const { x, y } = this.points;
    const [film] = this.at === null ? this.films : [{ x: x[this.at], y: y[this.at] }];
    const [u, v] = film ? this.outside(film.x, film.y) : [-1, -1];
    const seen = u >= 0 && v >= 0 && u <= this.view.width && v <= this.view.height;
    return this.moved(seen ? this.view.zoomBy(factor, u, v) : this.view.zoomBy(factor));
  }

  moved(really) {
    this.canvas.classList.toggle("movable", this.view.zoom > 1.001);
    if (really) this.point(this.at);
    return really;
  }

  changed() {
    this.canvas.setAttribute("aria-label", latentWords(this));
    this.legend.paint(coloursOf(this.root), this.surface.ratio);
    this.moved(true);
  }

  hover(u, v) {
    const star = this.star(u, v);
    this.point(star ? null : this.found(u, v));
    if (!star) return;
    this.canvas.style.cursor = "pointer";
    this.tip.hidden = false;
    this.surface.hang(this.tip, this.outside(star.x, star.y), star.label);
  }

  tap(u, v) {
    const star = this.star(u, v);
    if (star) this.dispatchEvent(new CustomEvent("choose", { detail: { id: star.id } }));
    else this.pick(this.found(u, v));
  }

  // Marks a film (none: null), and says beside it what it is.
  point(at) {
    this.at = at !== null && this.isShown(at) ? at : null;
    this.tip.hidden = this.at === null;
    this.canvas.style.cursor = this.at !== null && this.points.id[at] !== null ? "pointer" : "";
    if (this.at !== null)
      this.surface.hang(this.tip, this.outside(this.points.x[at], this.points.y[at]), this.wordsOf(at));
    this.surface.ask();
  }

  wordsOf(at) {
    const { labels, label, id } = this.points;
    return `${labels[label[at]]} · ${id[at] === null ? "not in the gallery" : "open this case"}`;
  }

  pick(at) {
    this.point(at);
    if (this.at === null || this.points.id[at] === null) return;
    this.dispatchEvent(new CustomEvent("pick", { detail: { id: this.points.id[at] } }));
  }

  // To the next film in a direction; the first is the one nearest to the new film, else to the middle.
  step(arrow) {
    const fits = (at) => this.isShown(at);
    const [film] = this.films;
    const start = film ? [film.x, film.y] : this.inside(this.view.width / 2, this.view.height / 2);
    const { points, at } = this;
    const next = at === null ? points.nearest(...start, Infinity, fits) : points.beyond(at, arrow, fits);
    if (next === null) return;
    this.bringIn(this.outside(points.x[next], points.y[next]));
    this.point(next);
    this.live.textContent = `${this.wordsOf(next)}${points.id[next] === null ? "" : ` · ${short(points.id[next])}`}`;
  }

  // Moves the map so far that a place in the window is well within it.
  bringIn([u, v]) {
    const missing = (place, side) => Math.max(0, EDGE - place) - Math.max(0, place - side + EDGE);
    const [right, down] = [missing(u, this.view.width), missing(v, this.view.height)];
    if (right || down) this.moved(this.view.panBy(right, down));
  }
}
