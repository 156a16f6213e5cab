// The selected films: how many of what, their mean explanation, their list, and a CSV file of them.

const LISTED = 60;
const COUNTED = ["label", "source"];
const ENDS = { above: [213, 94, 0], below: [0, 114, 178] };
const ZERO = { light: [247, 247, 247], dark: [32, 38, 44] };

class Selected {
  constructor(films, plot) {
    Object.assign(this, { films, plot, chosen: [] });
  }

  show(chosen) {
    this.chosen = chosen.sort((one, other) => this.films.rows[one] - this.films.rows[other]);
    const count = this.chosen.length;
    element("selected-count").textContent = count.toLocaleString("en");
    for (const id of ["save", "clear"]) element(id).disabled = !count;
    element("selected").classList.toggle("empty", !count);
    element("counts").replaceChildren(...this.counts());
    element("listed").replaceChildren(...this.chosen.slice(0, LISTED).map((film) => this.item(film)));
    const more = count > LISTED ? `The first ${LISTED} of ${count.toLocaleString("en")}; the CSV file has all.` : "";
    element("listed-more").textContent = more;
    this.explain();
  }

  counts() {
    const columns = this.films.columns.filter((column) => COUNTED.includes(column.name) && column.names);
    return columns.map((column) => {
      const counts = new Map();
      for (const film of this.chosen) counts.set(column.codes[film], (counts.get(column.codes[film]) ?? 0) + 1);
      const all = column.names.map((_, code) => code);
      const rows = all.filter((code) => counts.has(code)).sort((one, other) => counts.get(other) - counts.get(one));
      const facts = rows.map((code) => [column.names[code], counts.get(code).toLocaleString("en")]);
      return make("div", {}, make("h4", {}, `By ${column.name}`), factList(facts));
    });
  }

  item(film) {
    const picture = make("canvas", { class: "thumbnail", "aria-hidden": "true" });
    const shown = drawThumbnail(this.films, film, picture);
    const known = this.films.columns.filter((column) => COUNTED.includes(column.name) && column.names);
    const about = known.map((column) => valueOf(column, film)).join(" · ");
    const words = make("span", {}, this.films.ids[film], make("small", {}, about));
    const item = make("li", {}, ...(shown ? [picture] : []), words);
    item.addEventListener("pointerenter", () => this.plot.point(film));
    item.addEventListener("pointerleave", () => this.plot.point(null));
    return item;
  }

  csv() {
    const { map } = this.plot;
    const columns = columnsOn(this.films, map);
    const head = ["id", ...columns.map((column) => column.name), "map", "x", "y"];
    const rows = this.chosen.map((film) => [
      this.films.ids[film],
      ...columns.map((column) => valueOf(column, film, 7)),
      map.name,
      ...[map.x[film], map.y[film]].map((value) => String(Number(value.toPrecision(7)))),
    ]);
    return [head, ...rows].map((row) => `${row.map(quoted).join(",")}\r\n`).join("");
  }

  save() {
    const address = URL.createObjectURL(new Blob([this.csv()], { type: "text/csv" }));
    make("a", { href: address, download: "films.csv" }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  }

  // The mean explanation of the selected films, or of all where none is.
  explain() {
    if (!this.films.explanations) return;
    const mean = this.mean();
    const largest = mean.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const canvas = element("explanation");
    canvas.width = this.films.explanations.columns;
    canvas.height = this.films.explanations.rows;
    paintSigned(canvas, mean, largest, this.plot.scheme);
    const scale = element("scale");
    const steps = Array.from({ length: scale.width }, (_, place) => (2 * place) / (scale.width - 1) - 1);
    paintSigned(scale, steps, 1, this.plot.scheme);
    element("scale-low").textContent = `−${largest.toPrecision(2)}`;
    element("scale-high").textContent = `+${largest.toPrecision(2)}`;
    const [whose, count] = this.chosen.length ? ["selected", this.chosen.length] : ["all", this.films.ids.length];
    element("explained-films").textContent = `${whose} films (${count.toLocaleString("en")})`;
  }

  mean() {
    const { rows, columns, steps, scale } = this.films.explanations;
    const size = rows * columns;
    const sum = new Float64Array(size);
    const films = this.chosen.length ? this.chosen : this.films.ids.keys();
    for (const film of films) for (let cell = 0; cell < size; cell++) sum[cell] += steps[film * size + cell] * scale[film];
    return sum.map((value) => value / (this.chosen.length || this.films.ids.length));
  }
}

function paintSigned(canvas, values, largest, scheme) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  values.forEach((value, cell) => {
    const share = largest ? Math.min(1, Math.abs(value) / largest) : 0;
    const end = value > 0 ? ENDS.above : ENDS.below;
    const mixed = ZERO[scheme].map((zero, channel) => zero + share * (end[channel] - zero));
    image.data.set([...mixed, 255], 4 * cell);
  });
  context.putImageData(image, 0, 0);
}

function quoted(word) {
  return /[",\r\n]/.test(word) ? `"${word.replaceAll('"', '""')}"` : word;
}
