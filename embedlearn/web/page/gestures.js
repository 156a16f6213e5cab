// Mouse, pen, fingers and wheel over an element, told as what they mean.

const STILL = { mouse: 4, pen: 6, touch: 10 }; // pixels that a click may move
const STEP = 1.0015; // zoom for a pixel of the wheel
const LINE = 16; // pixels that a line of the wheel stands for
const SCROLLED = 250; // milliseconds for which a page that scrolls goes on doing so

// Calls of `on`, in pixels from the element's upper left corner:
//   pan(right, down); zoom(factor, x, y), which says whether anything changed; hover(x, y); leave(); tap(x, y);
//   twice(x, y, back); and, if it is there, adjust(right, down): a drag with the right button or with Shift.
// `on.movable()`: whether there is anything to pan; where not, one finger scrolls the page.
export function watch(element, on) {
  new Gestures(element, on);
}

class Gestures {
  constructor(element, on) {
    Object.assign(this, { element, on, held: new Map(), moved: 0, many: false, scrolled: -Infinity });
    const listen = (name, call, options) => element.addEventListener(name, call, options);
    listen("pointerdown", (event) => this.down(event));
    listen("pointermove", (event) => this.move(event));
    listen("pointerup", (event) => this.up(event, true));
    listen("pointercancel", (event) => this.up(event, false));
    listen("pointerleave", (event) => event.pointerType === "mouse" && this.on.leave());
    listen("wheel", (event) => this.wheel(event), { passive: false });
    listen("dblclick", (event) => this.on.twice(...this.at(event), event.shiftKey || event.altKey));
    listen("touchmove", (event) => this.touch(event), { passive: false });
    if (on.adjust) listen("contextmenu", (event) => event.preventDefault());
    addEventListener("scroll", () => (this.scrolled = performance.now()), { passive: true, capture: true });
  }

  at(event) {
    const box = this.element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  // The middle of all that is held down, and how far apart they are.
  spread() {
    const places = [...this.held.values()];
    const middle = [0, 1].map((axis) => places.reduce((sum, place) => sum + place[axis], 0) / places.length);
    const apart = places.length < 2 ? 0 : Math.hypot(places[0][0] - places[1][0], places[0][1] - places[1][1]);
    return { middle, apart };
  }

  down(event) {
    if (event.pointerType === "mouse" && event.button === 1) return;
    if (!this.held.size) Object.assign(this, { moved: 0, many: false });
    this.adjusting = Boolean(this.on.adjust) && (event.button === 2 || event.shiftKey);
    this.held.set(event.pointerId, this.at(event));
    this.many ||= this.held.size > 1;
    if (event.pointerType !== "touch") this.element.setPointerCapture(event.pointerId);
  }

  move(event) {
    if (!this.held.has(event.pointerId)) {
      if (event.pointerType !== "touch") this.on.hover(...this.at(event));
      return;
    }
    const before = this.spread();
    this.held.set(event.pointerId, this.at(event));
    const after = this.spread();
    const [right, down] = [0, 1].map((axis) => after.middle[axis] - before.middle[axis]);
    this.moved += Math.hypot(right, down);
    if (this.adjusting) return this.on.adjust(right, down);
    const scrolls = event.pointerType === "touch" && this.held.size === 1 && !this.on.movable();
    if (scrolls) return;
    if (this.many || this.moved > STILL[event.pointerType]) this.on.pan(right, down);
    if (before.apart > 0) this.on.zoom(after.apart / before.apart, ...after.middle);
  }

  up(event, meant) {
    if (!this.held.delete(event.pointerId)) return;
    const still = !this.many && this.moved <= STILL[event.pointerType];
    if (meant && still && !this.adjusting && event.button !== 2) this.on.tap(...this.at(event));
  }

  // A wheel that turns while the page scrolls, or that has nothing left to zoom, is the page's.
  wheel(event) {
    if (performance.now() - this.scrolled < SCROLLED && !event.ctrlKey) return;
    const pixels = event.deltaY * (event.deltaMode === 1 ? LINE : event.deltaMode === 2 ? 400 : 1);
    const turned = Math.max(-400, Math.min(400, pixels)) * (event.ctrlKey ? 5 : 1); // ctrl: two fingers on a pad
    if (this.on.zoom(STEP ** -turned, ...this.at(event)) || event.ctrlKey) event.preventDefault();
  }

  touch(event) {
    if (event.cancelable && (event.touches.length > 1 || this.on.movable())) event.preventDefault();
  }
}
