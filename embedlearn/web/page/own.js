// "Your own classes": what may be done with them, by mouse or keyboard, and the files they are kept in.

import { byId, save } from "./dom.js";
import { small, smallOf } from "./films.js";
import { Told, alarm, plain, say } from "./messages.js";
import { showZones } from "./zones.js";

const MOST_SAID = 3; // files that are told of one by one when they fail

/** The section of the page; `page` tells `about`, the film `shown` and `film(id)`. */
export class Own {
  constructor(support, page) {
    Object.assign(this, { support, page });
    byId("new-class").addEventListener("submit", (event) => this.#create(event));
    byId("class-name").addEventListener("input", () => byId("class-name").setCustomValidity(""));
    byId("download").addEventListener("click", () =>
      save("classes.json", support.written(page.about), "application/json"),
    );
    byId("load").addEventListener("click", () => byId("support-file").click());
    byId("support-file").addEventListener("change", () => {
      const files = [...byId("support-file").files];
      byId("support-file").value = "";
      files.forEach((file) => this.load(file));
    });
  }

  /** Show the classes as they are now; what is shown already is left alone, for it may be under the mouse. */
  show() {
    const { support, page } = this;
    byId("download").disabled = support.ready === 0 || !page.about;
    byId("load").disabled = !page.about;
    const drawn = support.examples.filter((each) => each.drawn).length;
    const state = `${support.version} ${drawn} ${page.shown?.state === "done"}`;
    if (state === this.state) return;
    this.state = state;
    showZones(byId("zones"), support, {
      canAddShown: page.shown?.state === "done",
      addShown: (made) => this.#addFilm(made, page.shown),
      addFilm: (made, id) => this.#addFilm(made, page.film(id)),
      addFiles: (made, files) => this.#addFiles(made, files),
      move: (id, made) => this.#move(id, made),
      remove: (example) => {
        support.remove(example);
        this.#focus(byId("zones"), `${example.name} removed.`);
      },
      drop: (made) => {
        support.drop(made);
        this.#focus(byId("class-name"), `The class ${made.name} removed.`);
      },
    });
  }

  /** Load a file of classes. */
  async load(file) {
    try {
      if (!this.page.about) throw new Told("The server has not answered yet. Load the classes once it has.");
      say(this.support.read(await file.text(), this.page.about));
    } catch (error) {
      alarm(`${file.name}: ${plain(error)}`);
    }
  }

  #create(event) {
    event.preventDefault();
    const field = byId("class-name");
    try {
      const made = this.support.make(field.value);
      field.value = "";
      say(`The class ${made.name} is made; put films in.`);
    } catch (error) {
      field.setCustomValidity(plain(error));
      field.reportValidity();
    }
  }

  #addFilm(made, film) {
    if (film?.state !== "done") return;
    this.support.put(made, film.name, film.embedding, small(film.image));
    say(`${film.name} is an example of ${made.name}.`);
  }

  async #addFiles(made, files) {
    const failed = [];
    const add = async (file) => {
      try {
        await this.support.file(made, file, smallOf(file), this.page.about?.limits);
      } catch (error) {
        failed.push(`${file.name}: ${plain(error)}`);
      }
    };
    const queue = [...files];
    const worker = async () => {
      while (queue.length) await add(queue.shift());
    };
    await Promise.all([worker(), worker()]);
    failed.slice(0, MOST_SAID).forEach((line) => alarm(line));
    if (failed.length > MOST_SAID) alarm(`${failed.length - MOST_SAID} more files could not be added.`);
    say(`${files.length - failed.length} of ${files.length} films are examples of ${made.name} now.`);
  }

  #move(id, made) {
    const example = this.support.examples.find((each) => each.id === id);
    if (!example || made.examples.includes(example)) return;
    this.support.move(example, made);
    say(`${example.name} is an example of ${made.name} now.`);
  }

  #focus(element, line) {
    if (document.activeElement === document.body) (element.querySelector?.("button") ?? element).focus();
    say(line);
  }
}
