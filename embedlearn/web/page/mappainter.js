// A map of a score drawn over a film on a canvas.

import { clamp } from "./numbers.js";
import { cellAt, edges, layer, layered, UNSEEN } from "./overlay.js";

const FINEST = 640; // pixels of a side up to which a smooth map is worked out

export class MapPainter {
  constructor() {
    Object.assign(this, { map: null, cells: false, smooth: null });
  }

  set(map) {
    this.map = map;
    this.smooth = null;
  }

  // Draws on a context whose unit is a pixel of the film.
  draw(context, { width, height }, opacity) {
    const [top, left, bottom, right] = this.map.shown;
    context.save();
    context.globalAlpha = opacity * (1 - UNSEEN);
    context.fillStyle = "black";
    context.beginPath();
    context.rect(0, 0, width, height);
    context.rect(left, top, right - left, bottom - top);
    context.fill("evenodd");
    context.globalAlpha = opacity;
    if (this.cells) this.drawCells(context);
    else context.drawImage(this.smoothed(), left, top, right - left, bottom - top);
    context.restore();
  }

  smoothed() {
    if (this.smooth) return this.smooth;
    const [top, left, bottom, right] = this.map.shown;
    const [high, wide] = [bottom - top, right - left].map((side) => Math.max(1, Math.min(FINEST, Math.round(side))));
    this.smooth = Object.assign(document.createElement("canvas"), { width: wide, height: high });
    const pixels = new ImageData(layer(this.map.map, this.map, this.map.scale, high, wide), wide, high);
    this.smooth.getContext("2d").putImageData(pixels, 0, 0);
    return this.smooth;
  }

  // Cells end on whole pixels of the screen, so that no seam shows between them.
  drawCells(context) {
    const { a: scale, e: left, f: top } = context.getTransform();
    const [rows, columns] = this.edges();
    const y = rows.map((row) => Math.round(row * scale + top));
    const x = columns.map((column) => Math.round(column * scale + left));
    context.setTransform(1, 0, 0, 1, 0, 0);
    this.map.map.forEach((line, row) =>
      line.forEach((value, column) => {
        const [red, green, blue, alpha] = layered(value, this.map.scale);
        context.fillStyle = `rgb(${red} ${green} ${blue} / ${alpha / 255})`;
        context.fillRect(x[column], y[row], x[column + 1] - x[column], y[row + 1] - y[row]);
      }),
    );
  }

  // Where the cells begin and end on the film, within what was shown of it: rows, columns.
  edges() {
    const { map, window, shown, lag } = this.map;
    const within = (places, low, high) => places.map((place) => clamp(place, low, high));
    return [
      within(edges(map.length, window[0], window[2], lag), shown[0], shown[2]),
      within(edges(map[0].length, window[1], window[3], lag), shown[1], shown[3]),
    ];
  }

  cellAt(across, down) {
    return cellAt(this.map.map, this.map, down, across);
  }

  // The middle of a cell, across and down in the film's pixels.
  middle([row, column]) {
    const [rows, columns] = this.edges();
    return [(columns[column] + columns[column + 1]) / 2, (rows[row] + rows[row + 1]) / 2];
  }

  // A frame around a cell, `line` pixels of the film thick.
  mark(context, [row, column], line) {
    const [rows, columns] = this.edges();
    const sides = [columns[column], rows[row], columns[column + 1] - columns[column], rows[row + 1] - rows[row]];
    for (const [wide, hue] of [[3 * line, "black"], [1.5 * line, "white"]]) {
      Object.assign(context, { lineWidth: wide, strokeStyle: hue });
      context.strokeRect(...sides);
    }
  }
}
