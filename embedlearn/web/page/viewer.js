// A film to look into: moved, zoomed, through a window of grey values, and under a map of a score.

import { make } from "./dom.js";
import { watch } from "./gestures.js";
import { MapLegend, cellWords } from "./maplegend.js";
import { MapPainter } from "./mappainter.js";
import { clamp } from "./numbers.js";
import { Surface } from "./surface.js";
import { ViewerControls } from "./viewercontrols.js";
import { KEYS, press } from "./viewerkeys.js";
import { viewerWords } from "./viewerwords.js";
import { Viewport } from "./viewport.js";
import { PLAIN, Windowed } from "./windowed.js";

const CLOSEST = 32; // pixels of the screen for one of the film at the most, or `MOST` times what fits
const MOST = 8;
let made = 0; // viewers, for the ids of what describes them

// Emits "change" when what is seen has changed.
export class FilmViewer extends EventTarget {
  constructor(root, { label, controls = true }) {
    super();
    Object.assign(this, { root, label, film: null, window: PLAIN, map: null, wanted: true, shade: 1, cell: null });
    Object.assign(this, { view: new Viewport(), painter: new MapPainter(), legend: new MapLegend() });
    this.linked = new Set();
    this.controls = controls ? new ViewerControls(this) : null;
    this.build(`viewer-keys-${++made}`);
    this.surface = new Surface(
      this.canvas,
      () => this.draw(),
      () => this.resized(),
    );
    watch(this.canvas, this.gestures());
    this.canvas.addEventListener("keydown", (event) => this.film && press(this, event));
    this.canvas.addEventListener("blur", () => this.point(null));
    this.legend.addEventListener("opacity", ({ detail }) => (this.opacity = detail));
    this.legend.addEventListener("cells", ({ detail }) => this.showCells(detail));
    this.legend.addEventListener("seen", ({ detail }) => this.showMap(detail));
    this.tell();
  }

  build(id) {
    const told = { role: "application", "aria-roledescription": "film", "aria-describedby": id };
    this.canvas = make("canvas", { class: "viewer-canvas", tabindex: 0, ...told });
    this.tip = make("div", { class: "viewer-tip", hidden: true, "aria-hidden": "true" });
    this.note = make("div", { class: "viewer-note", "aria-hidden": "true" });
    this.live = make("p", { class: "unseen", "aria-live": "polite" });
    this.root.classList.add("viewer");
    this.root.replaceChildren(
      make("div", { class: "viewer-stage" }, this.canvas, this.note, this.tip),
      make("p", { class: "unseen", id }, KEYS),
      this.live,
      ...(this.controls ? [this.controls.element] : []),
      this.legend.element,
    );
  }

  // `image`: anything that a canvas can draw and that has been loaded, of the film's shape; it may be smaller.
  setFilm(film) {
    this.film = film && { greys: new Windowed(film.image) };
    this.measure(film ?? { height: 1, width: 1 });
    this.window = PLAIN;
    this.view.reset();
    this.setMap(null);
    const [other] = [...this.linked].filter((viewer) => viewer.film);
    if (other) this.view.go(other.view.place);
    this.changed();
  }

  // { map, window, shown, lag, scale, target, score, constant } as the API has them, or null. With { height, width } of
  // the film that it is over, these are the film's own sides from now on.
  setMap(map) {
    if (this.film && map?.height) this.measure(map);
    this.map = map;
    this.painter.set(map);
    this.legend.show(map);
    this.point(null);
    this.changed();
  }

  // Takes so many pixels as the film's own, in which maps are.
  measure({ height, width }) {
    if (this.film) Object.assign(this.film, { height, width });
    this.view.whole = { height, width };
    this.resized();
  }

  // Shows or hides the map that there is.
  showMap(wanted) {
    this.wanted = this.legend.seen.checked = wanted;
    this.point(null);
    this.changed();
  }

  // Draws the map's cells as they are, or smooth between their middles.
  showCells(wanted) {
    this.painter.cells = this.legend.cells.checked = wanted;
    this.legend.show(this.map);
    this.changed();
  }

  get mapSeen() {
    return Boolean(this.map) && this.wanted && this.shade > 0;
  }

  // Of the map, 0 to 1.
  get opacity() {
    return this.shade;
  }

  set opacity(share) {
    this.shade = clamp(share, 0, 1);
    this.legend.opacity.value = 100 * this.shade;
    this.changed();
  }

  resetView() {
    this.view.reset();
    this.moved(true);
  }

  // One pixel of the film on one of the screen.
  showPixels() {
    return this.moved(this.view.go({ zoom: 1 / this.surface.ratio / this.view.fit }));
  }

  zoomBy(factor, x, y) {
    return this.moved(this.view.zoomBy(factor, x, y));
  }

  // Sets as much as is given of { width, level, inverted }.
  setWindow(window) {
    const { width, level, inverted } = { ...this.window, ...window };
    this.window = { width: clamp(width, 2, 512), level: clamp(level, 0, 255), inverted };
    this.changed();
  }

  // Makes the place and zoom of two viewers common, until `unlink`.
  linkWith(other) {
    this.linked.add(other);
    other.linked.add(this);
    other.follow(this.view.place);
  }

  unlink() {
    for (const other of this.linked) other.linked.delete(this);
    this.linked.clear();
  }

  follow(place) {
    if (this.view.go(place)) this.changed();
  }

  moved(really) {
    if (!really) return false;
    this.point(null);
    this.changed();
    for (const other of this.linked) other.follow(this.view.place);
    return true;
  }

  changed() {
    this.tell();
    this.dispatchEvent(new Event("change"));
  }

  // Makes all that stands around the film agree with it.
  tell() {
    const { width, level } = this.window;
    const percent = Math.round(100 * this.view.scale * this.surface.ratio);
    this.note.textContent = this.film ? `${percent} %   W ${Math.round(width)}  L ${Math.round(level)}` : "";
    this.canvas.classList.toggle("movable", this.movable());
    this.canvas.setAttribute("aria-label", viewerWords(this));
    this.controls?.show(this.window, Boolean(this.film));
    this.surface.ask();
  }

  movable() {
    return Boolean(this.film) && this.view.zoom > 1.001;
  }

  resized() {
    const { view, surface } = this;
    [view.width, view.height] = [surface.width, surface.height];
    const one = 1 / surface.ratio / view.fit; // the zoom at which a pixel is a pixel
    view.least = Math.min(1, one);
    view.most = Math.max(MOST, CLOSEST * one);
    view.go(view.place);
    this.tell();
  }

  gestures() {
    return {
      pan: (right, down) => this.film && this.panBy(right, down),
      zoom: (factor, x, y) => Boolean(this.film) && this.zoomBy(factor, x, y),
      adjust: (right, down) => this.film && this.adjust(right, down),
      twice: (x, y, back) => this.film && this.zoomBy(back ? 0.5 : 2, x, y),
      hover: (x, y) => this.hover(x, y),
      leave: () => this.point(null),
      tap: (x, y) => this.hover(x, y),
      movable: () => this.movable(),
    };
  }

  // A drag to the right widens the window, one downwards raises its level.
  adjust(right, down) {
    this.setWindow({ width: this.window.width + right, level: this.window.level + down });
  }

  hover(x, y) {
    this.point(this.mapSeen ? this.painter.cellAt(...this.view.inside(x, y)) : null, [x, y]);
  }

  // Marks a cell (none: null), and says what it holds beside the pointer or in the cell's middle.
  point(cell, place) {
    if (String(cell) !== String(this.cell)) this.surface.ask();
    this.cell = cell;
    const found = cell && [...cell, this.map.map[cell[0]][cell[1]]];
    this.legend.point(found);
    this.tip.hidden = !found;
    if (found) this.surface.hang(this.tip, place ?? this.view.outside(...this.painter.middle(cell)), cellWords(found));
  }

  panBy(right, down) {
    return this.moved(this.view.panBy(right, down));
  }

  // To the next cell; the first is the one in the middle.
  step(right, down) {
    if (!this.mapSeen) return;
    const { map } = this.map;
    const [h, w] = [map.length, map[0].length];
    const next = this.cell && [clamp(this.cell[0] + down, 0, h - 1), clamp(this.cell[1] + right, 0, w - 1)];
    this.point(next ?? [Math.floor(h / 2), Math.floor(w / 2)]);
    this.live.textContent = this.tip.textContent;
  }

  draw() {
    const { context, ratio } = this.surface;
    if (!this.film) return;
    const { greys, width, height } = this.film;
    const scale = this.view.scale * ratio;
    const corner = this.view.outside(0, 0).map((place) => Math.round(place * ratio));
    greys.draw(context, corner, [(width / greys.width) * scale, (height / greys.height) * scale], this.window);
    if (!this.mapSeen) return;
    context.setTransform(scale, 0, 0, scale, ...corner);
    this.painter.draw(context, this.film, this.shade);
    if (this.cell) this.painter.mark(context, this.cell, ratio / scale);
  }
}
