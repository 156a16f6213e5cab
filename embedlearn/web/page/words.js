// Numbers and answers in plain words.

const NAMES = { prototype: "Class averages", knn: "Nearest neighbours" };
const HOW = {
  prototype: "how near the film is to the average of each class",
  knn: "how the most similar examples vote",
};

/** What a head is called, and how it decides. */
export const headName = (head) => NAMES[head] ?? head;
export const headHow = (head) => HOW[head] ?? "";

/** A share in per cent; what is not certain is never said to be. */
export function percent(share) {
  const whole = Math.round(share * 100);
  if (whole >= 100 && share < 1) return ">\u00a099\u00a0%";
  if (whole <= 0 && share > 0) return "<\u00a01\u00a0%";
  return `${whole}\u00a0%`;
}

export const distance = (value) => value.toFixed(3);
export const several = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;
export const megabytes = (bytes) => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;

/** A line as a sentence. */
export function sentence(line) {
  const trimmed = line.trim().replace(/^./, (letter) => letter.toUpperCase());
  return /[.!?]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}

/** An id short enough to be read. */
export const short = (id) => (String(id).length > 10 ? `${String(id).slice(0, 8)}…` : String(id));

/** The answers of all heads as one sentence, and whether they disagree: {sentence, label, share, kind, beside}. */
export function summary(answers) {
  const [first] = answers;
  const unknown = answers.filter((answer) => answer.unknown);
  const classes = new Set(answers.map((answer) => answer.class));
  const said = answers.map(
    (answer) => `${headName(answer.head).toLowerCase()} say ${answer.unknown ? "unlike anything known" : answer.class}`,
  );
  const beside = said.join("; ") + ".";
  if (unknown.length === answers.length) {
    return {
      sentence: "Unlike anything known",
      label: "unknown",
      share: "",
      kind: "unknown",
      beside: `Of the known classes, nearest to ${[...classes].join(" and ")}.`,
    };
  }
  if (unknown.length)
    return {
      sentence: "Perhaps unlike anything known",
      label: first.class,
      share: "?",
      kind: "split",
      beside: `Not of one mind: ${beside}`,
    };
  if (classes.size > 1) {
    return {
      sentence: `Undecided: ${[...classes].join(" or ")}`,
      label: [...classes].join(" or "),
      share: "?",
      kind: "split",
      beside: `Not of one mind: ${beside}`,
    };
  }
  const shares = [
    ...new Set(
      answers
        .map((answer) => answer.probability)
        .sort((a, b) => a - b)
        .map(percent),
    ),
  ];
  const share = shares.length > 1 ? `${shares[0].replace("\u00a0%", "")}\u00a0to\u00a0${shares.at(-1)}` : shares[0];
  return {
    sentence: `Nearest to ${first.class}: ${share}`,
    label: first.class,
    share: percent(first.probability),
    kind: "known",
    beside: answers.length > 1 ? "Both ways of answering agree." : "",
  };
}
