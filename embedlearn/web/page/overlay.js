// Maps of scores over films: orange where a place speaks for the score, blue where against, clear at zero.
//
// A `sight` says where a map lies: { window, shown, lag } as the API gives them, both rectangles (top, left, bottom,
// right) in the film's own pixels. A map is an array of rows of cells.

import { clamp } from "./numbers.js";

export const FOR = [0xf5, 0x7f, 0x20];
export const AGAINST = [0x35, 0x9b, 0xe8];
export const OPAQUE = 0.8; // share of the colour at the end of the scale
export const DIMMED = 0.7; // brightness of a film under its map, for the colours to be seen on white too
export const UNSEEN = 0.4; // and of what the encoder was not shown

// Places along one axis of the film, in pixels, as places in cells of the even grid.
function inCells(places, start, end, count) {
  return Float64Array.from(places, (place) => ((place - start) / (end - start)) * count);
}

// Between which two cells each place lies, and how near to the second: linear between centres, constant beyond them.
function between(places, count, lag) {
  const low = new Int32Array(places.length);
  const share = new Float32Array(places.length);
  places.forEach((place, at) => {
    const cell = clamp(place + lag - 0.5, 0, count - 1);
    low[at] = Math.floor(cell);
    share[at] = cell - low[at];
  });
  return { low, high: low.map((cell) => Math.min(cell + 1, count - 1)), share };
}

const nearest = (place, count, lag) => clamp(Math.floor(place + lag), 0, count - 1);

// The map's values at the crossings of `rows` and `columns`, in the film's pixels: float32 [rows x columns].
export function sampled(map, { window, lag }, rows, columns, cells = false) {
  const [h, w] = [map.length, map[0].length];
  const down = inCells(rows, window[0], window[2], h);
  const across = inCells(columns, window[1], window[3], w);
  const values = new Float32Array(rows.length * columns.length);
  if (cells) {
    const column = across.map((place) => nearest(place, w, lag));
    down.forEach((place, i) => {
      const line = map[nearest(place, h, lag)];
      for (let j = 0; j < column.length; j++) values[i * column.length + j] = line[column[j]];
    });
    return values;
  }
  const [y, x] = [between(down, h, lag), between(across, w, lag)];
  const line = new Float32Array(w);
  for (let i = 0; i < rows.length; i++) {
    const [upper, lower, share] = [map[y.low[i]], map[y.high[i]], y.share[i]];
    for (let cell = 0; cell < w; cell++) line[cell] = upper[cell] * (1 - share) + lower[cell] * share;
    for (let j = 0; j < columns.length; j++)
      values[i * columns.length + j] = line[x.low[j]] * (1 - x.share[j]) + line[x.high[j]] * x.share[j];
  }
  return values;
}

// `count` places in the middle of equal steps from `start` to `end`.
export function middles(start, end, count) {
  return Float64Array.from({ length: count }, (_, at) => start + ((at + 0.5) * (end - start)) / count);
}

// A map on a film of so many pixels, float32 [height x width], NaN where the encoder was not shown the film.
export function onFilm(map, sight, height, width, cells = false) {
  const values = sampled(map, sight, middles(0, height, height), middles(0, width, width), cells);
  const [top, left, bottom, right] = sight.shown.map(Math.trunc);
  for (let i = 0; i < height; i++)
    for (let j = 0; j < width; j++)
      if (i < top || i >= bottom || j < left || j >= right) values[i * width + j] = NaN;
  return values;
}

// The colour of a value and its share of the pixel.
export function hued(value, scale) {
  return [value > 0 ? FOR : AGAINST, Math.min((Math.abs(value) * OPAQUE) / scale, OPAQUE)];
}

// What lies over a film's pixel where the map is `value`, as [red, green, blue, alpha] from 0 to 255.
export function layered(value, scale) {
  if (Number.isNaN(value)) return [0, 0, 0, 255 * (1 - UNSEEN)];
  const [hue, share] = hued(value, scale);
  const alpha = 1 - DIMMED * (1 - share);
  return [...hue.map((colour) => (colour * share) / alpha), 255 * alpha];
}

// A film, grey values [H x W], under values of `onFilm`: red, green, blue [H x W x 3].
export function painted(film, values, scale) {
  const pixels = new Uint8ClampedArray(film.length * 3);
  for (let at = 0; at < film.length; at++) {
    const [red, green, blue, alpha] = layered(values[at], scale);
    const through = 1 - alpha / 255;
    pixels.set([red, green, blue].map((colour) => (colour * alpha) / 255 + film[at] * through), at * 3);
  }
  return pixels;
}

// The map over what was shown of the film, drawn smooth, as RGBA pixels [height x width] to lie on the film.
export function layer(map, sight, scale, height, width) {
  const [top, left, bottom, right] = sight.shown;
  const values = sampled(map, sight, middles(top, bottom, height), middles(left, right, width));
  const pixels = new Uint8ClampedArray(values.length * 4);
  for (let at = 0; at < values.length; at++) pixels.set(layered(values[at], scale), at * 4);
  return pixels;
}

// Where `count` cells begin and end from `start` to `end`; the outermost end where the square does.
export function edges(count, start, end, lag) {
  const side = end - start;
  const even = Array.from({ length: count + 1 }, (_, at) => start + clamp(((at - lag) * side) / count, 0, side));
  even[0] = start;
  even[count] = end;
  return even;
}

// The row and column of the cell at a point of the film in pixels, null where the encoder was not shown it.
export function cellAt(map, { window, shown, lag }, down, across) {
  if (down < shown[0] || down >= shown[2] || across < shown[1] || across >= shown[3]) return null;
  const [row] = inCells([down], window[0], window[2], map.length);
  const [column] = inCells([across], window[1], window[3], map[0].length);
  return [nearest(row, map.length, lag), nearest(column, map[0].length, lag)];
}
