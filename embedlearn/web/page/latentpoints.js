// The films of the latent map as they can be looked for: at a place, in a direction, by their cases.

const CLOSE = 15; // films that say what lies around a place

export class Points {
  constructor({ x = [], y = [], label = [], id = [], labels = [] } = {}) {
    Object.assign(this, { x, y, label, id, labels });
    this.places = new Map(id.map((name, at) => [name, at]));
    this.counts = labels.map(() => 0);
    for (const one of label) this.counts[one]++;
    const mixed = (at) => Math.imul(at + 1, 0x9e3779b1) >>> 0;
    this.order = x.map((_, at) => at).sort((one, other) => mixed(one) - mixed(other)); // no label above all others
  }

  get length() {
    return this.x.length;
  }

  // The place in the list of the film nearest to (x, y) among those that `fits`, within `reach`; null if there is none.
  nearest(x, y, reach, fits) {
    let [best, found] = [reach ** 2, null];
    for (let at = 0; at < this.length; at++) {
      const away = (this.x[at] - x) ** 2 + (this.y[at] - y) ** 2;
      if (away <= best && fits(at)) [best, found] = [away, at];
    }
    return found;
  }

  // The next film from `from` towards (right, up), near by and not far aside; null if there is none.
  beyond(from, [right, up], fits) {
    let [best, found] = [Infinity, null];
    for (let at = 0; at < this.length; at++) {
      const [x, y] = [this.x[at] - this.x[from], this.y[at] - this.y[from]];
      const ahead = x * right + y * up;
      const aside = Math.abs(x * up - y * right);
      if (ahead <= 0 || aside > 2 * ahead) continue;
      const cost = ahead + 2 * aside;
      if (cost < best && fits(at)) [best, found] = [cost, at];
    }
    return found;
  }

  // The label of most films around a place, and of how many of how many.
  around(x, y) {
    const away = Float64Array.from(this.x, (_, at) => (this.x[at] - x) ** 2 + (this.y[at] - y) ** 2);
    const [bound] = away.slice().sort().slice(CLOSE - 1);
    const close = Array.from(this.order).filter((at) => !(away[at] > bound)).slice(0, CLOSE);
    const counts = this.labels.map(() => 0);
    for (const at of close) counts[this.label[at]]++;
    const most = counts.indexOf(Math.max(...counts));
    return { label: this.labels[most], count: counts[most], of: close.length };
  }
}

// The least and the greatest of values.
export function extent(values) {
  if (!values.length) return [0, 1];
  const least = values.reduce((low, value) => Math.min(low, value));
  return [least, values.reduce((high, value) => Math.max(high, value))];
}
