// What is seen of a flat thing in a window: how much of it, and which part.

import { clamp } from "./numbers.js";

// `zoom` is 1 where the whole just fits; `across` and `down` are where the window's middle lies, as shares of the
// whole: so that two windows on things of other sizes can be at the same place.
export class Viewport {
  constructor(most = 16) {
    Object.assign(this, { width: 1, height: 1, whole: { width: 1, height: 1 }, least: 1, most });
    this.reset();
  }

  reset() {
    Object.assign(this, { zoom: 1, across: 0.5, down: 0.5 });
  }

  // Pixels of the window that a pixel of the thing takes, where the whole just fits and now.
  get fit() {
    return Math.min(this.width / this.whole.width, this.height / this.whole.height);
  }

  get scale() {
    return this.fit * this.zoom;
  }

  get place() {
    return { zoom: this.zoom, across: this.across, down: this.down };
  }

  // Goes to a place as near as it may; says whether that moved it.
  go(place) {
    const before = this.place;
    Object.assign(this, place);
    this.zoom = clamp(this.zoom, this.least, this.most);
    this.across = this.within(this.across, this.width / this.scale / this.whole.width);
    this.down = this.within(this.down, this.height / this.scale / this.whole.height);
    return Object.keys(before).some((name) => Math.abs(before[name] - this[name]) > 1e-9);
  }

  // The middle of a window on `seen` of an axis (a share of it) that leaves nothing of it unused.
  within(middle, seen) {
    return seen >= 1 ? 0.5 : clamp(middle, seen / 2, 1 - seen / 2);
  }

  panBy(right, down) {
    const { width, height } = this.whole;
    return this.go({
      across: this.across - right / this.scale / width,
      down: this.down - down / this.scale / height,
    });
  }

  // Zooms by a factor; what lies at (x, y) in the window stays there.
  zoomBy(factor, x = this.width / 2, y = this.height / 2) {
    const zoom = clamp(this.zoom * factor, this.least, this.most);
    const [u, v] = this.inside(x, y);
    const scale = this.fit * zoom;
    return this.go({
      zoom,
      across: (u - (x - this.width / 2) / scale) / this.whole.width,
      down: (v - (y - this.height / 2) / scale) / this.whole.height,
    });
  }

  // From the thing to the window, and back.
  outside(u, v) {
    const { scale, whole } = this;
    return [
      (u - this.across * whole.width) * scale + this.width / 2,
      (v - this.down * whole.height) * scale + this.height / 2,
    ];
  }

  inside(x, y) {
    const { scale, whole } = this;
    return [
      (x - this.width / 2) / scale + this.across * whole.width,
      (y - this.height / 2) / scale + this.down * whole.height,
    ];
  }
}
