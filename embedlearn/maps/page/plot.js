// The plot: Bokeh's document, filled and driven.

const INK = { light: "#1c2127", dark: "#e3e7ec" };
const PAPER = { light: "#ffffff", dark: "#14181c" };
const NAMED = 20; // new films whose names stand on the map; of more, the pointer and the list tell them
const WIDE = 700; // pixels: on a narrower plot films are drawn smaller
const MARGIN = 0.05; // of a map's width, around it

class Plot {
  constructor(view, films) {
    this.view = view;
    this.films = films;
    const named = (name) => view.model.document.get_model_by_name(name);
    this.named = named;
    [this.source, this.ring, this.marks] = ["films", "ring", "new"].map(named);
    this.tools = { pan: named("pan"), box: named("box"), lasso: named("lasso") };
    this.range = [view.model.x_range, view.model.y_range];
    this.drawn = view.model.renderers.map((renderer) => view.views.find_one(renderer));
    this.palette = named("palette");
    const share = Math.max(0.6, Math.min(1, view.bbox.width / WIDE));
    for (const dot of ["dot", "faded-dot"].map(named)) dot.radius = { value: share * dot.radius.value, units: "screen" };
    view.canvas_view.events_el.removeAttribute("tabindex"); // the plot's own element takes the keys
    this.colours = []; // of all columns: one palette, so that another column changes nothing but the films' places in it
  }

  // Each film's place in the palette, by a column.
  slots(column) {
    column.slots ??= this.enter(column);
    return column.slots;
  }

  enter({ groups, group }) {
    const places = groups.map(({ colour, dark }) => {
      const known = this.colours.findIndex((one) => one.light === colour && one.dark === dark);
      return known >= 0 ? known : this.colours.push({ light: colour, dark }) - 1;
    });
    return group.map((number) => places[number]);
  }

  // Shows the films at their places on `map`, in the colours of `column`.
  show(map, column) {
    this.column = column;
    if (map === this.map) {
      this.source.data.group = this.slots(column);
      this.redraw(this.drawn.slice(0, 1)); // places have not changed: no new index of them
      return;
    }
    this.map = map;
    this.point(null);
    this.source.data = { x: map.atX, y: map.atY, group: this.slots(column) };
    const { films } = this;
    const [x, y] = films.new?.maps[map.name] ?? [[], []];
    this.home = square([map.atX, x], [map.atY, y]);
    const [low, high] = this.home[0];
    this.marks.data = {
      x,
      y,
      text: x.map((_, film) => (x.length <= NAMED ? shortened(films.new.names[film]) : "")),
      align: x.map((at) => aligned((at - low) / (high - low))),
      fill: x.map((_, film) => (films.new.strange[film] ? 0 : 1)),
    };
    this.reset();
  }

  // Takes on the colours of light or dark paper.
  paint(scheme) {
    this.scheme = scheme;
    const ink = { value: INK[scheme] };
    const palette = this.colours.map((colour) => colour[scheme]);
    this.palette.setv({ palette, low: -0.5, high: palette.length - 0.5 });
    this.named("ring-glyph").line_color = ink;
    this.named("mark-glyph").setv({ fill_color: ink, line_color: ink });
    this.named("word-glyph").setv({ text_color: ink, background_fill_color: { value: PAPER[scheme] } });
    this.redraw();
  }

  // Draws in the colours of now, and at once: paper is printed before the browser's next frame.
  redraw(changed = this.drawn) {
    Promise.all(changed.map((one) => one.set_visuals())).then(() => {
      for (const one of changed) one.request_paint();
      this.view.paint();
    });
  }

  use(tool) {
    for (const [name, model] of Object.entries(this.tools)) model.active = name === tool;
  }

  reset() {
    this.range.forEach((range, axis) => range.setv({ start: this.home[axis][0], end: this.home[axis][1] }));
  }

  zoom(factor) {
    for (const range of this.range) {
      const [middle, half] = [(range.start + range.end) / 2, ((range.end - range.start) / 2) * factor];
      range.setv({ start: middle - half, end: middle + half });
    }
  }

  move(right, up) {
    [right, up].forEach((share, axis) => {
      const range = this.range[axis];
      const step = share * (range.end - range.start);
      range.setv({ start: range.start + step, end: range.end + step });
    });
  }

  select(chosen) {
    this.source.selected.indices = chosen;
  }

  onSelect(listener) {
    this.source.selected.properties.indices.change.connect(() => listener([...this.source.selected.indices]));
  }

  // Calls `listener` with {film} or {mark} under the pointer, its place in pixels and how many more lie there, or null.
  onHover(listener) {
    const under = { film: null, mark: null };
    const watch = (source, key) =>
      source.inspect.connect(([, { geometry }]) => {
        under[key] = Number.isFinite(geometry.sx) ? this.nearest(source, geometry) : null;
        const found = under.mark ?? under.film;
        listener(found && { ...found, sx: geometry.sx, sy: geometry.sy, kind: under.mark ? "mark" : "film" });
      });
    watch(this.source, "film");
    watch(this.marks, "mark");
  }

  nearest(source, { sx, sy }) {
    const { x_scale: across, y_scale: up } = this.view.frame;
    const { x, y } = source.data;
    const away = (place) => Math.hypot(across.compute(x[place]) - sx, up.compute(y[place]) - sy);
    const found = source.inspected.indices;
    if (!found.length) return null;
    return { at: found.reduce((best, place) => (away(place) <= away(best) ? place : best)), more: found.length - 1 };
  }

  // Rings the film, or none.
  point(film) {
    const x = film === null ? [] : [this.map.atX[film]];
    const y = film === null ? [] : [this.map.atY[film]];
    if (x[0] !== this.ring.data.x[0] || y[0] !== this.ring.data.y[0]) this.ring.data = { x, y };
  }
}

// Where a word stands against a point, so that it does not leave the map.
function aligned(share) {
  if (share < 0.15) return "left";
  return share > 0.85 ? "right" : "center";
}

function shortened(name) {
  return name.length > 28 ? `${name.slice(0, 27)}…` : name;
}

// Ranges of one length for both axes that hold all points.
function square(...axes) {
  const ends = axes.map((parts) => {
    let [low, high] = [Infinity, -Infinity];
    for (const part of parts) for (const value of part) [low, high] = [Math.min(low, value), Math.max(high, value)];
    return [low, high];
  });
  const half = ((Math.max(...ends.map(([low, high]) => high - low)) || 1) / 2) * (1 + 2 * MARGIN);
  return ends.map(([low, high]) => [(low + high) / 2 - half, (low + high) / 2 + half]);
}
