// The films that were put in: each is read by the server once and then lives here only.

import { read } from "./api.js";
import { make } from "./dom.js";
import { bytesOf, passes, plain } from "./messages.js";

const AT_ONCE = 2;
const SIDE = 112; // pixels of a small picture
export const MOST_FILMS = 200;

let count = 0;

/** A film: `state` is waiting, reading, done or failed; then `told` is what the server said, `problem` why not. */
class Film {
  state = "waiting";
  told = null;
  problem = null;
  passes = false; // whether another try may help
  image = null;
  own = null; // what the classes of one's own say: the answers of each head
  reasons = new Map(); // explanations against single cases, by id
  ownReason = null;

  constructor(file) {
    this.id = `film-${++count}`;
    this.file = file;
    this.name = file.name || "pasted film";
    this.leaving = new AbortController();
  }

  get explained() {
    return this.told?.explained?.films[0] ?? null;
  }

  get embedding() {
    return this.told.embedding;
  }

  get size() {
    return { height: this.told.picture.height, width: this.told.picture.width };
  }
}

/** Reads films, a few at a time; `changed(film)` is called whenever one of them has gone on. */
export class Films {
  all = [];
  #changed;

  constructor(changed) {
    this.#changed = changed;
  }

  add(files) {
    const added = files.slice(0, MOST_FILMS - this.all.length).map((file) => new Film(file));
    this.all.push(...added);
    this.#next();
    return added;
  }

  remove(film) {
    film.leaving.abort();
    film.image?.close?.();
    this.all = this.all.filter((other) => other !== film);
    this.#next();
  }

  again(film) {
    film.state = "waiting";
    this.#next();
    this.#changed(film);
  }

  get done() {
    return this.all.filter((film) => film.state === "done");
  }

  #next() {
    const reading = this.all.filter((film) => film.state === "reading").length;
    const waiting = this.all.filter((film) => film.state === "waiting");
    for (const film of waiting.slice(0, AT_ONCE - reading)) this.#read(film);
  }

  async #read(film) {
    film.state = "reading";
    this.#changed(film);
    try {
      film.told = await read(await bytesOf(film.file, this.limits), film.leaving.signal);
      film.image = await bitmapOf(film.told.picture);
      film.state = "done";
    } catch (error) {
      if (film.leaving.signal.aborted) return;
      film.problem = plain(error);
      film.passes = passes(error);
      film.state = "failed";
    }
    this.#next();
    this.#changed(film);
  }
}

async function bitmapOf(drawn) {
  const bytes = Uint8Array.from(atob(drawn.png), (letter) => letter.charCodeAt(0));
  drawn.png = null; // the bitmap holds it from here on
  return createImageBitmap(new Blob([bytes], { type: "image/png" }));
}

/** A small picture of a bitmap. */
export function small(bitmap) {
  const scale = Math.min(1, SIDE / Math.min(bitmap.width, bitmap.height));
  const canvas = make("canvas", {
    width: Math.round(bitmap.width * scale),
    height: Math.round(bitmap.height * scale),
    class: "thumb",
    "aria-hidden": "true",
  });
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** A small picture of a file, or null where the browser cannot draw it, such as a DICOM. */
export async function smallOf(file) {
  try {
    const bitmap = await createImageBitmap(file);
    const drawn = small(bitmap);
    bitmap.close();
    return drawn;
  } catch {
    return null;
  }
}
