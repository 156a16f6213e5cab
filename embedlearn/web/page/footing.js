// What is served: a line below the name, and the details at the foot of the page.

import { byId, make } from "./dom.js";
import { headName, megabytes, several } from "./words.js";

/** Show About. */
export function showAbout(about) {
  byId("served").textContent =
    `${about.cases.toLocaleString("en")} ${about.demo ? "synthetic " : ""}cases · ` +
    about.classes.map((each) => each.name).join(", ");
  const evened = Object.entries(about.preprocessing).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  const facts = {
    Version: about.version,
    Gallery: `${about.cases.toLocaleString("en")} cases, generation ${about.generation}`,
    Classes: about.classes.map((each) => `${each.name} (${each.examples})`).join(", "),
    Encoder: `${about.encoder.slice(0, 16)}…, ${about.dimension} numbers a film`,
    "Made even by": evened.join(", "),
    Answers: about.heads.map(calibrated).join("; "),
    "Latent map": about.map ?? "none",
    Maps: about.verdict,
    "At most": `${megabytes(about.limits.bytes)} and ${(about.limits.pixels / 1e6).toFixed(0)} million pixels a film`,
    Notes: about.notes.join("; "),
  };
  const rows = Object.entries(facts).filter(([, value]) => value);
  byId("about")
    .querySelector("dl")
    .replaceChildren(...rows.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

function calibrated({ head, temperature, base_shots: shots, reason }) {
  const how =
    temperature === null ? `not calibrated (${reason})` : `calibrated on ${several(shots, "example")} a class`;
  return `${headName(head)}: ${how}`;
}
