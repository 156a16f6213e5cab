// Cases of the gallery as cards, each a button that opens the comparison.

import { make, picture, refill, worded } from "./dom.js";
import { filmOf } from "./pictures.js";
import { distance, short } from "./words.js";

export const SEEN = "the encoder was trained on it";

/** Show cases as cards; `open(case)` is called with the one that is chosen. */
export function showCases(root, cases, open) {
  refill(root, ...cases.map((each) => make("li", {}, card(each, open))));
}

/** A case as a card: its picture or a placeholder, its label, source, view and distance. */
export function card(shown, open) {
  const frame = make("span", { class: "frame" });
  if (shown.picture) hang(frame, shown);
  else frame.append(make("span", { class: "placeholder" }, "no picture kept"));
  return make(
    "button",
    { type: "button", class: "case", "data-key": `case-${shown.id}`, on: { click: () => open(shown) } },
    frame,
    make(
      "span",
      { class: "case-label" },
      shown.rank !== undefined && make("span", { class: "rank" }, `${shown.rank}`),
      worded(shown.label ?? "no label"),
    ),
    shown.same_picture && make("span", { class: "badge" }, "the same picture"),
    make("span", { class: "facts" }, [facts(shown), shown.seen && "trained on"].filter(Boolean).join(" · ")),
    shown.distance !== undefined && make("span", { class: "facts" }, far(shown)),
  );
}

/** Source and view of a case in one line, or its id. */
export const facts = ({ id, source, view }) => [source, view].filter(Boolean).join(" · ") || `case ${short(id)}`;

/** How far a case is from the film. */
export const far = (shown) => `distance ${distance(shown.distance)}`;

async function hang(frame, shown) {
  try {
    frame.append(picture(await filmOf(shown.id), ""));
  } catch {
    frame.append(make("span", { class: "placeholder" }, "no picture to be had"));
  }
}
