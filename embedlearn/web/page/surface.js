// A canvas that fills its element sharply and is drawn at most once a frame.

import { clamp } from "./numbers.js";

const BESIDE = 12; // pixels between a place and the words that hang on it

export class Surface {
  // Calls `draw` on a cleared canvas when it was asked for, and `resized` when the element has another size.
  constructor(canvas, draw, resized) {
    Object.assign(this, { canvas, draw, asked: false, ratio: 1, width: 1, height: 1 });
    this.context = canvas.getContext("2d");
    const fit = () => {
      this.fit();
      resized();
      this.ask();
    };
    this.refit = fit;
    new ResizeObserver(fit).observe(canvas);
  }

  fit() {
    this.ratio = window.devicePixelRatio || 1;
    [this.width, this.height] = [this.canvas.clientWidth || 1, this.canvas.clientHeight || 1];
    this.canvas.width = Math.round(this.width * this.ratio);
    this.canvas.height = Math.round(this.height * this.ratio);
  }

  ask() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      if ((window.devicePixelRatio || 1) !== this.ratio) this.refit();
      this.context.setTransform(1, 0, 0, 1, 0, 0);
      this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
      this.draw();
    });
  }

  // Hangs words beside a place, in pixels, where there is room for them.
  hang(tip, [x, y], words) {
    tip.textContent = words;
    const { offsetWidth: wide, offsetHeight: high } = tip;
    const left = x + BESIDE + wide <= this.width ? x + BESIDE : x - BESIDE - wide;
    const top = y + BESIDE + high <= this.height ? y + BESIDE : y - BESIDE - high;
    tip.style.left = `${clamp(left, 0, Math.max(0, this.width - wide))}px`;
    tip.style.top = `${clamp(top, 0, Math.max(0, this.height - high))}px`;
  }
}
