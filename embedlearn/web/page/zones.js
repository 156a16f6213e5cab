// The classes of one's own as zones to drop films into, each example a chip.

import { make, refill } from "./dom.js";
import { EXAMPLE, FILM, dropping } from "./intake.js";
import { several } from "./words.js";

/** Show the zones; `acts` is what may be done, and whether there is a film to be added (`canAddShown`). */
export function showZones(root, support, acts) {
  refill(root, ...support.classes.map((made) => zone(made, support, acts)));
}

function zone(made, support, acts) {
  const input = make("input", { type: "file", multiple: true, hidden: true, "aria-label": `Films for ${made.name}` });
  input.addEventListener("change", () => acts.addFiles(made, [...input.files]));
  const root = make(
    "section",
    { class: "zone", "aria-label": `Class ${made.name}`, "data-name": made.name },
    make(
      "div",
      { class: "headed" },
      make("h3", {}, made.name, " ", make("small", {}, several(made.examples.length, "film"))),
      make(
        "button",
        {
          type: "button",
          class: "remove",
          "data-key": `drop-${made.name}`,
          "aria-label": `Remove the class ${made.name}`,
          title: "Remove the class",
          on: { click: ({ detail }) => detail < 2 && acts.drop(made) },
        },
        "×",
      ),
    ),
    made.examples.length
      ? make("ul", { class: "chips" }, ...made.examples.map((each) => chip(each, made, support, acts)))
      : make("p", { class: "placeholder" }, "Drop films here"),
    make(
      "div",
      { class: "tools" },
      make(
        "button",
        {
          type: "button",
          "data-key": `shown-${made.name}`,
          disabled: !acts.canAddShown,
          on: { click: () => acts.addShown(made) },
        },
        "Add the film shown",
      ),
      make(
        "button",
        { type: "button", "data-key": `choose-${made.name}`, on: { click: () => input.click() } },
        "Choose films…",
      ),
      input,
    ),
  );
  dropping(
    root,
    ({ dataTransfer }) => {
      if (dataTransfer.files.length) acts.addFiles(made, [...dataTransfer.files]);
      else if (dataTransfer.getData(FILM)) acts.addFilm(made, dataTransfer.getData(FILM));
      else if (dataTransfer.getData(EXAMPLE)) acts.move(dataTransfer.getData(EXAMPLE), made);
    },
    [FILM, EXAMPLE],
  );
  return root;
}

function chip(example, made, support, acts) {
  const root = make(
    "li",
    { class: example.vector ? "chip" : "chip pending", draggable: "true" },
    example.drawn ?? make("span", { class: "thumb", "aria-hidden": "true" }, example.vector ? "◆" : "…"),
    make("span", { class: "film-name" }, example.vector ? example.name : `${example.name}: being read…`),
    mover(example, made, support, acts),
    make(
      "button",
      {
        type: "button",
        class: "remove",
        "data-key": `remove-${example.id}`,
        "aria-label": `Remove ${example.name} from ${made.name}`,
        title: "Remove",
        on: { click: ({ detail }) => detail < 2 && acts.remove(example) },
      },
      "×",
    ),
  );
  root.addEventListener("dragstart", (event) => event.dataTransfer.setData(EXAMPLE, example.id));
  return root;
}

function mover(example, made, support, acts) {
  if (support.classes.length < 2) return null;
  const options = support.classes.map((each) =>
    make("option", { value: each.name, selected: each === made }, each.name),
  );
  const select = make(
    "select",
    { "data-key": `move-${example.id}`, "aria-label": `Class of ${example.name}` },
    ...options,
  );
  select.addEventListener("change", () =>
    acts.move(
      example.id,
      support.classes.find((each) => each.name === select.value),
    ),
  );
  return select;
}
