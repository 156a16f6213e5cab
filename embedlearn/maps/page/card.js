// The card beside the pointer: what is known of the film there.

const STRANGE = "unlike anything the map was made from";

class Card {
  constructor(films, plot) {
    Object.assign(this, { films, plot, box: element("card"), shown: null });
  }

  show(found) {
    this.plot.point(found?.kind === "film" ? found.at : null);
    this.box.hidden = !found;
    const key = found && `${found.kind} ${found.at} ${found.more} ${this.plot.map.name}`;
    if (found && key !== this.shown) this.fill(found);
    this.shown = key;
    if (found) this.place(found);
  }

  fill({ kind, at, more }) {
    const lines = kind === "film" ? this.film(at) : this.mark(at);
    if (more) lines.push(make("p", { class: "muted" }, `${more} more here`));
    this.box.replaceChildren(...lines);
  }

  film(film) {
    const picture = make("canvas", { class: "thumbnail", "aria-hidden": "true" });
    const facts = columnsOn(this.films, this.plot.map).map((column) => [column.name, valueOf(column, film)]);
    const lines = [make("p", { class: "name" }, this.films.ids[film]), factList(facts)];
    return drawThumbnail(this.films, film, picture) ? [picture, ...lines] : lines;
  }

  mark(film) {
    const words = this.films.new.strange[film] ? `new film, ${STRANGE}` : "new film";
    return [make("p", { class: "name" }, this.films.new.names[film]), make("p", {}, words)];
  }

  // Right of and below the pointer, or where there is room for it to be seen.
  place({ sx, sy }) {
    const area = this.box.parentElement.getBoundingClientRect();
    const [wide, high] = [this.box.offsetWidth, this.box.offsetHeight];
    const left = sx + 16 + wide <= area.width ? sx + 16 : sx - 16 - wide;
    const lowest = Math.min(area.height, window.innerHeight - area.top) - high;
    const top = sy + 16 <= lowest ? sy + 16 : sy - 16 - high;
    this.box.style.left = `${Math.max(0, Math.min(left, area.width - wide))}px`;
    this.box.style.top = `${Math.max(0, -area.top, top)}px`;
  }
}

function factList(facts) {
  const list = make("dl");
  for (const [name, value] of facts) list.append(make("dt", {}, name), make("dd", {}, value || "–"));
  return list;
}
