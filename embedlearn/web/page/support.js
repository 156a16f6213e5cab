// Classes of one's own: named examples, each an embedding; kept in this tab only.

import { embed } from "./api.js";
import { Told, bytesOf } from "./messages.js";
import { several } from "./words.js";

const MOST_CLASSES = 20;
const MOST_EXAMPLES = 1000;
const LONGEST = 60;
const CONTROL = /\p{Cc}/u;
const UNEVEN = 0.01; // that the length of an embedding may be off 1

let count = 0;

/** The classes and their examples; every change calls `changed()`. */
export class Support {
  classes = [];
  version = 0;
  #changed;

  constructor(changed) {
    this.#changed = changed;
  }

  /** How many classes have an example. */
  get ready() {
    return this.classes.filter((each) => each.examples.some((example) => example.vector)).length;
  }

  get examples() {
    return this.classes.flatMap((each) => each.examples);
  }

  /** The support as the API takes it. */
  get told() {
    const full = this.classes.map(({ name, examples }) => [name, examples.map((each) => each.vector).filter(Boolean)]);
    return { classes: Object.fromEntries(full.filter(([, vectors]) => vectors.length)) };
  }

  /** Make a class. Throws `Told` where the name cannot be used. */
  make(name) {
    const clean = name.trim();
    if (!clean) throw new Told("A class needs a name.");
    if (clean.length > LONGEST)
      throw new Told(`A class’s name has ${LONGEST} letters at most; this one has ${clean.length}.`);
    if (this.classes.some((each) => each.name === clean)) throw new Told(`There is a class “${clean}” already.`);
    if (this.classes.length >= MOST_CLASSES) throw new Told(`There can be ${MOST_CLASSES} classes at most.`);
    const made = { name: clean, examples: [] };
    this.classes.push(made);
    this.#tell();
    return made;
  }

  drop(made) {
    for (const example of made.examples) example.leaving?.abort();
    this.classes = this.classes.filter((each) => each !== made);
    this.#tell();
  }

  /** Add an example whose embedding is known; one that is in another class already is moved from there. */
  put(made, name, vector, drawn = null) {
    this.#room(1);
    const same = this.examples.find((each) => each.vector && alike(each.vector, vector));
    if (same) return this.move(same, made);
    made.examples.push({ id: `example-${++count}`, name, vector, drawn });
    this.#tell();
    return made.examples.at(-1);
  }

  /** Add a file as an example, embedded by the server. Throws what the server or the file says. */
  async file(made, file, drawn, limits) {
    this.#room(1);
    const leaving = new AbortController();
    const example = { id: `example-${++count}`, name: file.name || "pasted film", vector: null, drawn: null, leaving };
    made.examples.push(example);
    this.#tell();
    drawn.then((picture) => {
      example.drawn = picture;
      this.#changed();
    });
    try {
      const told = await embed(await bytesOf(file, limits), leaving.signal);
      const vector = told.films[0].embedding;
      const same = this.examples.find((each) => each.vector && alike(each.vector, vector));
      if (same) {
        this.remove(example);
        return this.move(same, this.classes.find((each) => each.name === made.name) ?? made);
      }
      example.vector = vector;
      this.#tell();
    } catch (error) {
      if (leaving.signal.aborted) return example; // it was removed meanwhile
      this.remove(example);
      throw error;
    }
    return example;
  }

  move(example, made) {
    for (const each of this.classes) each.examples = each.examples.filter((other) => other !== example);
    made.examples.push(example);
    this.#tell();
    return example;
  }

  remove(example) {
    example.leaving?.abort();
    for (const each of this.classes) each.examples = each.examples.filter((other) => other !== example);
    this.#tell();
  }

  /** The example of a film that is itself one, or undefined. */
  holding(vector) {
    return this.examples.find((each) => each.vector && alike(each.vector, vector));
  }

  /** What a file to be kept says: the support, and which encoder its embeddings are of. */
  written(about) {
    return JSON.stringify({ encoder: about.encoder, dimension: about.dimension, ...this.told });
  }

  /** Add what such a file says. Throws `Told`. */
  read(text, about) {
    const told = classesOf(text, about);
    const classes = told.map(([name, vectors]) => [name, vectors.filter((vector) => !this.holding(vector))]);
    const [all, total] = [told, classes].map((some) => some.flatMap(([, vectors]) => vectors).length);
    this.#room(total);
    const merged = new Set([...this.classes.map((each) => each.name), ...classes.map(([name]) => name)]);
    if (merged.size > MOST_CLASSES)
      throw new Told(`There can be ${MOST_CLASSES} classes at most; with this file there would be ${merged.size}.`);
    for (const [name, vectors] of classes) {
      const made = this.classes.find((each) => each.name === name) ?? this.make(name);
      for (const vector of vectors)
        made.examples.push({
          id: `example-${++count}`,
          name: `loaded example ${made.examples.length + 1}`,
          vector,
          drawn: null,
        });
    }
    this.#tell();
    const loaded = `${several(total, "example")} in ${several(classes.length, "class", "classes")} loaded`;
    return total < all ? `${loaded}; ${all - total} were there already.` : `${loaded}.`;
  }

  #room(more) {
    if (this.examples.length + more > MOST_EXAMPLES) throw new Told(`There can be ${MOST_EXAMPLES} examples at most.`);
  }

  #tell() {
    this.version++;
    this.#changed();
  }
}

const alike = (one, other) =>
  one.length === other.length && one.every((value, at) => Math.abs(value - other[at]) < 1e-6);

/** The classes of a file and their embeddings. Throws `Told` where it is not such a file, or another encoder's. */
function classesOf(text, about) {
  let told;
  try {
    told = JSON.parse(text);
  } catch {
    throw new Told("This file is no JSON. Load one that was downloaded here.");
  }
  const classes = told?.classes;
  const isObject = typeof classes === "object" && classes !== null && !Array.isArray(classes);
  if (!isObject || !Object.keys(classes).length)
    throw new Told("This JSON holds no classes. Load one that was downloaded here.");
  if (told.encoder !== undefined && told.encoder !== about.encoder)
    throw new Told(
      "These classes were made with another encoder: their numbers mean nothing to this one. Add the films again.",
    );
  const fits = (vector) =>
    Array.isArray(vector) &&
    vector.length === about.dimension &&
    vector.every(Number.isFinite) &&
    Math.abs(Math.hypot(...vector) - 1) <= UNEVEN;
  for (const [name, vectors] of Object.entries(classes)) {
    if (!name.trim() || name.length > LONGEST || CONTROL.test(name))
      throw new Told(`A class’s name has 1 to ${LONGEST} letters, and no line breaks or the like.`);
    if (!Array.isArray(vectors) || !vectors.length || !vectors.every(fits))
      throw new Told(
        `“${name}”: wanted embeddings of ${about.dimension} numbers, of length 1. Load a file downloaded here.`,
      );
  }
  return Object.entries(classes).map(([name, vectors]) => [name.trim(), vectors]);
}
