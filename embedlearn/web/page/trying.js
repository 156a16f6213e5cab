// Synthetic films to try the page with, where the server offers them.

import { example, examples } from "./api.js";
import { byId, make, picture, worded } from "./dom.js";
import { alarm, plain } from "./messages.js";

/** Show the examples; `take(files)` reads the one that is chosen. */
export async function offerExamples(take) {
  const told = await examples();
  byId("examples").hidden = told.examples.length === 0;
  byId("examples")
    .querySelector("ul")
    .replaceChildren(...told.examples.map((each) => make("li", {}, offered(each, take))));
}

function offered({ name, label }, take) {
  const film = example(name);
  const choose = async () => {
    try {
      take([new File([await film], `${name}.png`, { type: "image/png" })]);
    } catch (error) {
      alarm(`${name}: ${plain(error)}`);
    }
  };
  const frame = make("span", { class: "frame" });
  film.then(
    (blob) => frame.append(picture(blob, "")),
    () => frame.append(make("span", { class: "placeholder" }, "no picture")),
  );
  return make(
    "button",
    { type: "button", class: "case", on: { click: choose } },
    frame,
    make("span", { class: "case-label" }, worded(label)),
  );
}
