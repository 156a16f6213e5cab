// The latent map drawn on a canvas: films, new films, prototypes, and what ties them.

import { clamp } from "./numbers.js";
import { kindOf, shape, star, write } from "./marks.js";
import { Scatter, stampOf } from "./scatter.js";

const TURN = 2 * Math.PI;
const GLIDE = 600; // milliseconds in which a prototype goes to its new place
const LONGEST = 28; // letters of a name, and on a narrow map
const SHORTEST = 16;
const NARROW = 480; // pixels

// Where a prototype is now that has been going from `from` to (x, y) for some time.
export function placeNow({ x, y, from, since }, now = performance.now()) {
  const left = (1 - clamp((now - since) / GLIDE, 0, 1)) ** 3;
  return [x + (from[0] - x) * left, y + (from[1] - y) * left];
}

function shortened(name, most) {
  return name.length > most ? `${name.slice(0, most / 2)}…${name.slice(-most / 2)}` : name;
}

export class LatentPainter {
  // `outside`: from the map to the canvas's pixels.
  constructor(surface, outside) {
    Object.assign(this, { surface, outside, kept: null, points: null, films: null });
  }

  // `map`: { points, order, hidden, films, prototypes, marked, at, classOf } as `LatentMap` has them.
  draw(map, colours, family) {
    const { context, ratio } = this.surface;
    this.colours = colours;
    this.drawPoints(map);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.font = `600 12px ${family}`;
    const place = ({ x, y }) => this.outside(x, y);
    const at = (film) => this.outside(map.points.x[film], map.points.y[film]);
    this.drawLines(map.films.slice(0, 1).map(place), map.marked.map(at));
    for (const film of map.marked) this.drawRinged(map.points.label[film], at(film), 5);
    const gliding = this.drawNamed(map, place, map.marked.map(at));
    if (map.at !== null) this.drawRinged(map.points.label[map.at], at(map.at), 6);
    if (gliding) this.surface.ask();
  }

  // All films in one picture, kept for as long as nothing of it changes.
  drawPoints({ points, order, hidden, marked }) {
    const { context, ratio } = this.surface;
    const [[left, top], [right, bottom]] = [this.outside(0, 0), this.outside(1, 1)];
    const look = [left, top, right, bottom, ratio, context.canvas.width, context.canvas.height, [...hidden]];
    const kept = `${look} ${this.colours.paper} ${this.colours.classes}`;
    if (this.kept !== kept || this.points !== points) {
      const [across, down] = [(right - left) * ratio, (bottom - top) * ratio];
      const laid = { left: left * ratio, top: top * ratio, across, down };
      Object.assign(this, { kept, points, films: this.scattered(points, order, hidden, laid) });
    }
    context.globalAlpha = marked.length ? 0.5 : 0.9;
    context.drawImage(this.films, 0, 0);
    context.globalAlpha = 1;
  }

  scattered({ x, y, label, labels, length }, order, hidden, { left, top, across, down }) {
    const { ratio, canvas } = this.surface;
    const radius = length > 3000 ? 2.4 : length > 800 ? 3 : length > 200 ? 4 : 5;
    const stamps = labels.map((_, at) => stampOf(at, this.colour(at), this.colours.paper, radius, ratio));
    const scatter = new Scatter(canvas.width, canvas.height);
    for (const at of order)
      if (!hidden.has(label[at]))
        scatter.put(stamps[label[at]], Math.round(left + x[at] * across), Math.round(top + y[at] * down));
    return scatter.canvas();
  }

  colour(at) {
    return this.colours.classes[at % this.colours.classes.length];
  }

  // From the new film, if there is one, to its cases.
  drawLines([film], cases) {
    if (!film) return;
    const { context } = this.surface;
    context.beginPath();
    for (const place of cases) {
      context.moveTo(...film);
      context.lineTo(...place);
    }
    this.stroke(1.2, this.colours.ink, 0.6);
  }

  drawRinged(label, [u, v], radius) {
    const { context } = this.surface;
    shape(context, kindOf(label), u, v, radius);
    this.stroke(4, this.colours.paper);
    this.fill(this.colour(label));
    this.stroke(1.5, this.colours.ink);
  }

  // Prototypes and new films, the first of these in front, and when all are drawn their names, as far as there is room.
  // Says whether a prototype is still on its way.
  drawNamed({ points, films, prototypes, hidden, classOf }, place, cases) {
    const { context, width, height } = this.surface;
    const most = width < NARROW ? SHORTEST : LONGEST;
    const now = performance.now();
    const seen = prototypes.filter(({ name }) => !hidden.has(classOf(name)));
    const rings = seen.map((one) => ({
      words: shortened(one.name, LONGEST), place: this.outside(...placeNow(one, now)), size: 13, must: true, one,
    }));
    const stars = films.map((film, at) => ({
      words: shortened(film.label, most) + (film.strange ? ": off this flat map" : ""),
      place: place(film), size: at ? 8 : 11, must: !at, film,
    }));
    for (const { place, one } of rings)
      this.drawPrototype(classOf(one.name), place, points.labels.includes(one.name));
    for (const { place, size, film } of stars.toReversed()) this.drawStar(place, size, film.strange);
    const marks = [...rings, ...stars, ...cases.map((place) => ({ place, size: 6 }))];
    const taken = marks.map(({ place: [u, v], size }) => [u - size, v - size, u + size, v + size]);
    for (const { words, place, size, must } of [...stars.slice(0, 1), ...rings, ...stars.slice(1)])
      write(context, words, place, size + 4, this.colours, taken, [width, height], must);
    return seen.some(({ since }) => now - since < GLIDE);
  }

  // A class of no label is drawn in ink: the colours are the labels’.
  drawPrototype(kind, [u, v], isLabel) {
    const { context } = this.surface;
    context.beginPath();
    context.arc(u, v, 13, 0, TURN);
    this.stroke(5, this.colours.paper);
    this.fill(this.colours.paper);
    this.stroke(2, this.colours.ink);
    shape(context, kindOf(kind), u, v, 7);
    this.fill(isLabel ? this.colour(kind) : this.colours.ink);
  }

  drawStar([u, v], size, strange) {
    star(this.surface.context, u, v, size);
    this.stroke(5, this.colours.paper);
    this.fill(strange ? this.colours.paper : this.colours.ink);
    this.stroke(1.5, this.colours.ink);
  }

  stroke(lineWidth, strokeStyle, globalAlpha = 1) {
    const { context } = this.surface;
    Object.assign(context, { lineWidth, strokeStyle, globalAlpha, lineJoin: "round" });
    context.stroke();
    context.globalAlpha = 1;
  }

  fill(colour) {
    this.surface.context.fillStyle = colour;
    this.surface.context.fill();
  }
}
