// The answer to one film: a sentence, the votes of each head, and what they rest on.

import { make, refill, worded } from "./dom.js";
import { distance, headHow, headName, percent, sentence, several, summary } from "./words.js";

/** Show the answers of all heads to a film; `classified` has the classes, the heads and the warnings. */
export function showAnswer(root, classified, answers, own) {
  const told = summary(answers);
  const counts = new Map(classified.classes.map((each) => [each.name, each.examples]));
  refill(
    root,
    make(
      "p",
      { class: `sentence ${told.kind}` },
      make("span", { class: "mark", "aria-hidden": "true" }, { known: "●", split: "◐", unknown: "○" }[told.kind]),
      make("span", {}, worded(told.sentence)),
    ),
    told.beside && make("p", { class: "beside" }, told.beside),
    classified.warnings.length > 0 && warned(classified.warnings),
    make(
      "div",
      { class: "heads" },
      ...answers.map((answer) =>
        head(
          answer,
          classified.heads.find((each) => each.head === answer.head),
          counts,
          own,
        ),
      ),
    ),
  );
}

function warned(lines) {
  return make(
    "div",
    { class: "box warning" },
    make("strong", {}, "Before you believe it"),
    make("ul", {}, ...lines.map((line) => make("li", {}, sentence(line)))),
  );
}

/** Show why there is no answer; `again`, where another try may help. */
export function showNoAnswer(root, line, again = null) {
  refill(
    root,
    make("p", { class: "box error", role: "alert" }, make("strong", {}, "No answer. "), line),
    again && make("button", { type: "button", on: { click: again } }, "Try again"),
  );
}

/** Show that an answer is on its way. */
export function showPending(root, line) {
  refill(root, make("p", { class: "pending" }, line));
}

function head(answer, fitted, counts, own) {
  return make(
    "section",
    { class: "head", "aria-label": headName(answer.head) },
    make("h3", {}, headName(answer.head), " ", make("small", {}, headHow(answer.head))),
    make(
      "ul",
      { class: "bars" },
      ...Object.entries(answer.probabilities).map(([name, share]) =>
        bar(name, share, name === answer.class, counts.get(name)),
      ),
    ),
    make("p", { class: "facts" }, calibration(fitted), " ", strange(answer, fitted)),
    own &&
      answer.nearest.length > 0 &&
      make("p", { class: "facts" }, `Nearest of your examples: ${answer.nearest.map(near).join(", ")}.`),
  );
}

function bar(name, share, first, count) {
  const fill = make("span", { class: "fill" });
  fill.style.inlineSize = `${share * 100}%`;
  return make(
    "li",
    { class: first ? "first" : null },
    make("span", { class: "name", title: count === undefined ? null : several(count, "example") }, worded(name)),
    make("span", { class: "track", "aria-hidden": "true" }, fill),
    make("span", { class: "number" }, percent(share)),
  );
}

const near = (example) => `${example.label} (${distance(example.distance)})`;

function calibration(fitted) {
  if (!fitted || fitted.temperature === null)
    return `Not calibrated${fitted?.reason ? `: ${fitted.reason}` : ""}; the numbers rank, they are no probabilities.`;
  return `Calibrated on validation films, ${several(fitted.base_shots, "example")} a class.`;
}

function strange(answer, fitted) {
  const value = answer.strangeness.toFixed(3);
  if (!fitted || fitted.bound === null) return `Strangeness ${value}; there is no bound to hold it against.`;
  const bound = fitted.bound.toFixed(3);
  return answer.unknown
    ? `Strangeness ${value}, beyond the bound of ${bound}: unlike anything known.`
    : `Strangeness ${value}, within the bound of ${bound}.`;
}
