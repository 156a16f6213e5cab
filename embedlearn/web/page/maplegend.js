// What stands below a film under a map: its target, the bar of colours, what the score is made of, how it is drawn.

import { make } from "./dom.js";
import { signed, signedAlike } from "./numbers.js";
import { AGAINST, FOR, OPAQUE } from "./overlay.js";
import { percent } from "./words.js";

const GROUND = 100; // grey that the bar shows the colours over

// Emits "opacity" (detail: 0 to 1), "cells" and "seen" (detail: whether cells, or the map, are wanted).
export class MapLegend extends EventTarget {
  constructor() {
    super();
    this.title = make("p", { class: "map-title" });
    this.bar = make("div", { class: "map-bar" });
    const [against, speaksFor] = [AGAINST, FOR].map((hue) => hue.map((part) => GROUND * (1 - OPAQUE) + part * OPAQUE));
    const colours = [against, Array(3).fill(GROUND), speaksFor].map((colour) => `rgb(${colour})`);
    this.bar.style.background = `linear-gradient(to right, ${colours})`;
    this.ends = ["", "0", ""].map((words) => make("span", {}, words));
    this.made = make("p");
    this.drawn = make("span");
    this.cell = make("output", { class: "map-cell" });
    this.seen = this.control("checkbox", { checked: true }, "seen", (input) => input.checked);
    this.cells = this.control("checkbox", {}, "cells", (input) => input.checked);
    const range = { min: 0, max: 100, value: 100, "aria-label": "Opacity of the map" };
    this.opacity = this.control("range", range, "opacity", (input) => input.value / 100);
    this.element = make("div", { class: "map-legend", hidden: true }, ...this.parts());
  }

  parts() {
    return [
      this.title,
      this.bar,
      make("div", { class: "map-ends" }, ...this.ends),
      this.made,
      make("div", { class: "map-row" }, make("label", {}, this.seen, "Map"), this.opacity),
      make("p", { class: "map-row" }, this.drawn, make("label", {}, this.cells, "Cells as they are")),
      this.cell,
    ];
  }

  control(type, attributes, name, read) {
    const input = make("input", { type, ...attributes });
    input.addEventListener("input", () => this.dispatchEvent(new CustomEvent(name, { detail: read(input) })));
    return input;
  }

  show(map) {
    this.element.hidden = !map;
    if (!map) return;
    this.title.textContent = map.target;
    const end = signed(map.scale).slice(1);
    [this.ends[0].textContent, this.ends[2].textContent] = [`−${end} against`, `for +${end}`];
    this.made.textContent = madeOf(map);
    const grid = `${map.map.length} × ${map.map[0].length} cells`;
    this.drawn.textContent = this.cells.checked ? `The map’s ${grid}` : `Drawn smooth from ${grid}`;
  }

  // Says what a cell holds: `found` is [row, column, value], null where none is pointed at.
  point(found) {
    this.cell.textContent = found ? `Cell in ${cellWords(found)}` : "";
  }
}

export function cellWords([row, column, value]) {
  const side = value > 0 ? " for" : value < 0 ? " against" : "";
  return `row ${row + 1}, column ${column + 1}: ${signed(value)}${side}`;
}

// A line for a map whose cells are less than half of its score; nothing for others.
export function littleOf({ map, score, constant }) {
  if (constant === null || constant === undefined || !score) return "";
  const share = sumOf(map) / score;
  if (Math.abs(share) >= 0.5) return "";
  return `Little of the score lies in this picture: the map explains ${percent(Math.max(share, 0))} of it`;
}

const sumOf = (map) => map.flat().reduce((total, value) => total + value, 0);

function madeOf(told) {
  const { map, score, constant } = told;
  if (constant === null || constant === undefined) return `Score ${signed(score)}, which the map does not add up to`;
  const [whole, cells, rest] = signedAlike([score, sumOf(map), constant]);
  const made = `Score ${whole} = sum of cells ${cells} + constant ${rest}`;
  return [made, littleOf(told)].filter(Boolean).join(". ");
}
