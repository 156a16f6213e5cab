// The labels below the latent map: what each mark means, how many there are, and whether they are shown.

import { make } from "./dom.js";
import { kindOf, shape } from "./marks.js";

// Emits "filter" when a label is shown or hidden.
export class LatentLegend extends EventTarget {
  constructor() {
    super();
    this.hidden = new Set();
    this.element = make("ul", { class: "latent-legend", "aria-label": "Labels: press one to hide or show its films" });
  }

  // `labels`: [{ name, count }].
  set(labels) {
    this.hidden.clear();
    const items = labels.map(({ name, count }, at) => {
      const sample = make("canvas", { class: "latent-sample", "aria-hidden": "true" });
      const words = make("span", {}, name);
      const number = make("small", {}, count.toLocaleString("en"));
      const button = make("button", { type: "button", "aria-pressed": "true" }, sample, words, number);
      button.addEventListener("click", () => this.toggle(at, button));
      return make("li", {}, button);
    });
    this.element.replaceChildren(...items);
  }

  toggle(at, button) {
    if (!this.hidden.delete(at)) this.hidden.add(at);
    button.setAttribute("aria-pressed", String(!this.hidden.has(at)));
    this.dispatchEvent(new Event("filter"));
  }

  paint(colours, ratio) {
    this.element.querySelectorAll("canvas").forEach((canvas, at) => {
      canvas.width = canvas.height = 16 * ratio;
      const context = canvas.getContext("2d");
      context.fillStyle = colours.classes[at % colours.classes.length];
      shape(context, kindOf(at), 8 * ratio, 8 * ratio, 5.5 * ratio);
      context.fill();
    });
  }
}
