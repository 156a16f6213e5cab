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

const CLOSE = 0.05; // of probability, within which no class stands out from another
const MOST_NAMED = 3;
const WAYS = { 2: "Both", 3: "All three" };

/** The answers of all heads as one sentence, and whether they disagree: {sentence, label, share, kind, beside}. */
export function summary(answers) {
  const [first] = answers;
  const unknown = answers.filter((answer) => answer.unknown).length;
  const classes = [...new Set(answers.map((answer) => answer.class))];
  if (unknown === answers.length) {
    const beside = `Of the known classes, nearest to ${classes.join(" and ")}.`;
    return { sentence: "Unlike anything known", label: "unknown", share: "", kind: "unknown", beside };
  }
  if (unknown) return split("Perhaps unlike anything known", first.class, disagreement(answers));
  if (classes.length > 1)
    return split(`Undecided: ${classes.join(" or ")}`, classes.join(" or "), disagreement(answers));
  if (answers.every((answer) => rivals(answer).length > 1)) return undecided(first);
  const shares = answers.map((answer) => percent(answer.probability));
  const alike = new Set(shares).size === 1;
  const agree = `${WAYS[answers.length] ?? "All"} ways of answering agree`;
  const each = answers.map(({ head }, at) => `${headName(head).toLowerCase()} ${shares[at]}`).join(", ");
  const beside = answers.length < 2 ? "" : alike ? `${agree}.` : `${agree}: ${each}.`;
  const sentence = `Nearest to ${first.class}${alike ? `: ${shares[0]}` : ""}`;
  return { sentence, label: first.class, share: alike ? shares[0] : "", kind: "known", beside };
}

const split = (sentence, label, beside) => ({ sentence, label, share: "?", kind: "split", beside });

/** Where no class stands out, though one is first. */
function undecided(answer) {
  const names = rivals(answer);
  const sentence = names.length > MOST_NAMED ? "Undecided: no class stands out" : `Undecided: ${names.join(" or ")}`;
  return split(sentence, names.slice(0, MOST_NAMED).join(" or "), "These are about equally probable.");
}

/** The classes that are about as probable as the first, which leads. */
function rivals({ probabilities }) {
  const sorted = Object.entries(probabilities).sort(([, one], [, other]) => other - one);
  return sorted.filter(([, share]) => share > sorted[0][1] - CLOSE).map(([name]) => name);
}

function disagreement(answers) {
  const said = answers.map((answer) => {
    const named = rivals(answer).length > MOST_NAMED ? "nothing clear" : rivals(answer).join(" or ");
    return `${headName(answer.head).toLowerCase()} say ${answer.unknown ? "unlike anything known" : named}`;
  });
  return `Not of one mind: ${said.join("; ")}.`;
}
