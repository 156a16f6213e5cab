// The buttons and sliders below a film.

import { make } from "./dom.js";
import { isPlain, PLAIN } from "./windowed.js";

// Drives a viewer, and is shown what it does.
export class ViewerControls {
  constructor(viewer) {
    const button = (words, title, click) =>
      make("button", { type: "button", title, "aria-label": title, on: { click } }, words);
    const group = (name, label, ...children) =>
      make("div", { class: name, role: "group", "aria-label": `${label} of ${viewer.label}` }, ...children);
    const turned = () => viewer.setWindow({ inverted: !viewer.window.inverted });
    this.invert = button("Invert", "Invert black and white", turned);
    this.plain = button("Reset", "Show the grey values as they are", () => viewer.setWindow(PLAIN));
    this.width = slider("Window", 2, 512, (value) => viewer.setWindow({ width: value }));
    this.level = slider("Level", 0, 255, (value) => viewer.setWindow({ level: value }));
    this.element = make(
      "div",
      { class: "viewer-controls" },
      group(
        "viewer-buttons",
        "Zoom",
        button("−", "Zoom out", () => viewer.zoomBy(1 / 1.5)),
        button("+", "Zoom in", () => viewer.zoomBy(1.5)),
        button("Fit", "Fit the film into its frame", () => viewer.resetView()),
        button("100 %", "One pixel of the film on one of the screen", () => viewer.showPixels()),
      ),
      group("viewer-buttons", "Grey values", this.invert, this.plain),
      group("viewer-greys", "Window and level", this.width.row, this.level.row),
    );
  }

  show(window, hasFilm) {
    for (const control of this.element.querySelectorAll("button, input")) control.disabled = !hasFilm;
    this.invert.setAttribute("aria-pressed", String(window.inverted));
    this.plain.disabled = !hasFilm || isPlain(window);
    this.width.set(window.width);
    this.level.set(window.level);
  }
}

function slider(name, min, max, call) {
  const input = make("input", { type: "range", min, max, step: 1 });
  const value = make("output", { "aria-hidden": "true" });
  input.addEventListener("input", () => call(Number(input.value)));
  const set = (number) => {
    input.value = number;
    value.textContent = Math.round(number);
  };
  return { row: make("label", { class: "viewer-slider" }, name, input, value), set };
}
