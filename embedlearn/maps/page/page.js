// The page: its controls and what they change.

class Page {
  constructor(films, plot) {
    Object.assign(this, { films, plot, card: new Card(films, plot), selected: new Selected(films, plot) });
    this.colour = films.columns[0] ?? plainColumn(films);
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.print = matchMedia("print");
  }

  start() {
    for (const column of [...this.films.columns, this.colour]) this.plot.slots(column);
    this.plot.paint(this.scheme());
    this.listen();
    this.showMap(0);
    this.selected.show([]);
    this.useTool("pan");
  }

  scheme() {
    return this.dark.matches && !this.print.matches ? "dark" : "light";
  }

  listen() {
    for (const query of [this.dark, this.print]) query.addEventListener("change", () => this.repaint());
    this.plot.onSelect((chosen) => this.selected.show(chosen));
    this.plot.onHover((found) => this.card.show(found));
    element("map").addEventListener("change", (event) => this.showMap(Number(event.target.value)));
    element("colour").addEventListener("change", (event) => this.showColour(event.target.value));
    for (const button of document.querySelectorAll("[data-tool]"))
      button.addEventListener("click", () => this.useTool(button.dataset.tool));
    const actions = {
      closer: () => this.plot.zoom(0.8),
      wider: () => this.plot.zoom(1.25),
      reset: () => this.plot.reset(),
      clear: () => this.plot.select([]),
      save: () => this.selected.save(),
    };
    for (const [id, action] of Object.entries(actions)) element(id).addEventListener("click", action);
    element("plot").addEventListener("keydown", (event) => this.press(event));
  }

  press(event) {
    const step = 0.1;
    const keys = {
      ArrowLeft: () => this.plot.move(-step, 0),
      ArrowRight: () => this.plot.move(step, 0),
      ArrowDown: () => this.plot.move(0, -step),
      ArrowUp: () => this.plot.move(0, step),
      "+": () => this.plot.zoom(0.8),
      "=": () => this.plot.zoom(0.8),
      "-": () => this.plot.zoom(1.25),
      0: () => this.plot.reset(),
      Escape: () => this.plot.select([]),
    };
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key]();
  }

  showMap(number) {
    const map = this.films.maps[number];
    const columns = columnsOn(this.films, map);
    this.colour = columns.find((column) => column.name === this.colour.name) ?? columns[0] ?? this.colour;
    const options = columns.map((column) => make("option", { value: column.name }, column.name));
    element("colour").replaceChildren(...options);
    element("colour").value = this.colour.name;
    element("quality").replaceChildren(...map.quality.map((sentence) => make("li", {}, sentence)));
    element("quality-of").hidden = !map.quality.length;
    element("spread").hidden = !map.drawn;
    this.plot.show(map, this.colour);
    this.legend();
  }

  showColour(name) {
    this.colour = columnsOn(this.films, this.plot.map).find((column) => column.name === name);
    this.plot.show(this.plot.map, this.colour);
    this.legend();
  }

  repaint() {
    this.plot.paint(this.scheme());
    this.legend();
    this.selected.explain();
  }

  legend() {
    const { groups, group } = this.colour;
    const items = groups.map(({ name, colour, dark, films }, number) => {
      const swatch = make("span", { class: "swatch" });
      swatch.style.background = this.plot.scheme === "dark" ? dark : colour;
      const words = [swatch, name, make("small", {}, films.toLocaleString("en"))];
      const button = make("button", { type: "button", title: "Select these films" }, ...words);
      button.addEventListener("click", () => this.plot.select([...group.keys()].filter((at) => group[at] === number)));
      return make("li", {}, button);
    });
    element("legend").replaceChildren(...items);
  }

  useTool(tool) {
    this.plot.use(tool);
    for (const button of document.querySelectorAll("[data-tool]"))
      button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
  }
}

// One colour for all films, where there is no column.
function plainColumn(films) {
  const groups = [{ name: "films", colour: "#0072B2", dark: "#2387CC", films: films.ids.length }];
  return { name: "", map: null, groups, group: new Uint8Array(films.ids.length) };
}

Bokeh.set_log_level("error");
Bokeh.embed.embed_item(read("document"), "plot").then((views) => {
  const films = readFilms();
  new Page(films, new Plot(views.roots[0], films)).start();
  document.body.classList.add("ready");
});
