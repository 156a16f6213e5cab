// What stands below the maps: how much of the film was read, and which tests such maps have passed.

import { make } from "./dom.js";
import { percent } from "./words.js";

const ALL = 0.98; // of a film, from which on nothing is missing that matters

/** How much of a film the encoder was shown, 0 to 1. */
export function partRead({ height, width, shown: [top, left, bottom, right] }) {
  return ((bottom - top) * (right - left)) / (height * width);
}

/** The lines for a film that is explained, under a map of a `kind`. */
export function mapNotes(explained, kind, verdict) {
  return [read(partRead(explained), kind), ...(kind === "none" ? [] : tested(kind, verdict))];
}

function read(part, kind) {
  if (part >= ALL) return null;
  if (kind === "none") return make("p", {}, `Only the middle of the film, ${percent(part)} of it, was read.`);
  const bright = `Only the bright part of the film, ${percent(part)} of it, was read`;
  return make("p", {}, `${bright}; the dark part was not looked at.`);
}

function tested(kind, verdict) {
  if (!verdict || verdict.startsWith("not checked")) return [make("p", {}, "These maps have not been tested.")];
  if (kind !== "margin") return [make("p", {}, "Maps of this kind have not been tested.")];
  const brief = verdict.replace(/^margin maps[^:]*: /, "").replace(/ \([^)]*\)/g, "");
  return [
    make("p", {}, `Tests of such maps: ${brief}.`),
    make(
      "details",
      { "aria-label": "More about the tests" },
      make("summary", {}, "More about the tests"),
      make("p", {}, `${verdict}.`),
    ),
  ];
}
