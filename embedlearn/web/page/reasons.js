// Which map lies over the film: the margin, the class, the nearest cases, one case, or none.

import { byId, make, refill } from "./dom.js";
import { mapNotes } from "./mapnotes.js";
import { short } from "./words.js";

const KINDS = ["margin", "class", "nearest", "case"];

/** The maps of a film as the viewer takes them. */
export function mapOf(explained, at) {
  const map = explained.maps[at];
  return map
    ? {
        ...map,
        window: explained.window,
        shown: explained.shown,
        lag: explained.lag,
        height: explained.height,
        width: explained.width,
      }
    : null;
}

/** The choice of a map; it stays from film to film. */
export class Reasons {
  kind = "margin";
  #viewer;
  #told = null;

  constructor(viewer) {
    this.#viewer = viewer;
  }

  /** Offer the maps of `explained`, the fourth from `ofCase` if there is one; null: `line` says why there are none. */
  show(explained, { ofCase = null, own = false, verdict = "", line = "" } = {}) {
    this.#told = explained && { explained, ofCase, verdict };
    byId("maps").hidden = !explained;
    if (!explained) byId("map-words").textContent = line;
    if (explained) this.#offer(explained, (ofCase ?? explained).case, own);
    this.#lay();
  }

  /** Choose a kind of map from outside. */
  choose(kind) {
    this.kind = kind;
    const radio = byId("maps").querySelector(`input[value="${kind}"]`);
    if (radio) radio.checked = true;
    this.#lay();
  }

  #offer({ why, why_not: whyNot }, id, own) {
    const [many, one] = own ? ["nearest examples", "its nearest example"] : ["nearest cases", `case ${short(id)}`];
    const words = {
      margin: whyNot ? `${why}, not ${whyNot}` : why,
      class: `like ${why}`,
      nearest: `like its ${many}`,
      case: `like ${one}`,
      none: "no map",
    };
    const choices = [...KINDS, "none"].map((kind) =>
      make(
        "label",
        {},
        make("input", {
          type: "radio",
          name: "map",
          value: kind,
          checked: kind === this.kind,
          "data-key": `map-${kind}`,
          on: { change: () => this.choose(kind) },
        }),
        make("span", {}, words[kind]),
      ),
    );
    refill(byId("maps"), byId("maps").querySelector("legend"), ...choices);
  }

  #lay() {
    const at = KINDS.indexOf(this.kind);
    if (this.#told) refill(byId("map-words"), ...mapNotes(this.#told.explained, this.kind, this.#told.verdict));
    if (!this.#told || at < 0) return this.#viewer.setMap(null);
    const { explained, ofCase } = this.#told;
    this.#viewer.setMap(mapOf(this.kind === "case" && ofCase ? ofCase : explained, at));
  }
}
