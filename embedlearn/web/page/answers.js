// The answer to one film: a sentence, the votes of each head, and what they rest on.

import { make, refill, worded } from "./dom.js";
import { distance, headHow, headName, percent, sentence, several, summary } from "./words.js";

/** Show the answers of all heads to a film; of the warnings, `own` are this film's and `common` those of all films. */
export function showAnswer(root, { classes, heads, warnings }, answers, isOwn) {
  const told = summary(answers);
  const counts = new Map(classes.map((each) => [each.name, each.examples]));
  refill(
    root,
    make(
      "p",
      { class: `sentence ${told.kind}` },
      make("span", { class: "mark", "aria-hidden": "true" }, { known: "●", split: "◐", unknown: "○" }[told.kind]),
      make("span", {}, worded(told.sentence)),
    ),
    told.beside && make("p", { class: "beside" }, told.beside),
    warnings.own.length > 0 && warned(warnings.own),
    make(
      "div",
      { class: "heads" },
      ...answers.map((answer) =>
        head(
          answer,
          heads.find((each) => each.head === answer.head),
          counts,
          isOwn,
        ),
      ),
    ),
    ...resting(warnings.common, answers),
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

/** What holds for the answers to all films: the few lines that everyone must know, and the others folded. */
function resting(lines, answers) {
  const bounded = answers.some((answer) => answer.bound !== null && !answer.unknown);
  const plain = [
    ...(bounded ? ["most films of unknown kinds stay below the bound, too"] : []),
    ...lines.filter((line) => line.includes("shortcut")),
  ];
  const folded = lines.filter((line) => !plain.includes(line));
  return [
    plain.length > 0 && make("p", { class: "facts" }, plain.map(sentence).join(" ")),
    folded.length > 0 &&
      make(
        "details",
        { class: "numbers", "aria-label": "About these numbers" },
        make("summary", {}, "About these numbers"),
        make("ul", {}, ...folded.map((line) => make("li", {}, sentence(line)))),
      ),
  ];
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

function head(answer, fitted, counts, isOwn) {
  return make(
    "section",
    { class: "head", "aria-label": headName(answer.head) },
    make("h3", {}, headName(answer.head), " ", make("small", {}, headHow(answer.head))),
    make(
      "ul",
      { class: "bars" },
      ...Object.entries(answer.probabilities).map(([name, share]) =>
        bar(name, share, name === answer.class && !answer.unknown, counts.get(name)),
      ),
    ),
    make("p", { class: "facts" }, calibration(fitted), " ", strange(answer)),
    isOwn &&
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
    make(
      "span",
      {},
      make("span", { class: "name" }, worded(name)),
      count !== undefined && make("small", {}, ` ${several(count, "example")}`),
    ),
    make("span", { class: "track", "aria-hidden": "true" }, fill),
    make("span", { class: "number" }, percent(share)),
  );
}

const near = (example) => `${example.label} (${distance(example.distance)})`;

function calibration(fitted) {
  if (!fitted || fitted.temperature === null)
    return `Not calibrated${fitted?.reason ? `: ${fitted.reason}` : ""}; the numbers rank, they are no probabilities.`;
  return `Calibrated with ${several(fitted.base_shots, "example")} a class.`;
}

function strange(answer) {
  const value = answer.strangeness.toFixed(3);
  if (answer.bound === null) return `Strangeness ${value}; there is no bound to hold it against.`;
  const bound = answer.bound.toFixed(3);
  return answer.unknown
    ? `Strangeness ${value}, beyond the bound of ${bound}: unlike anything known.`
    : `Strangeness ${value}; beyond the bound of ${bound} it would be called unknown.`;
}
