// A film's grey values through a window (its width and level), kept as a bitmap of what is looked at.

import { clamp } from "./numbers.js";

const SQUARES = 4; // pixels of the screen for one of the film, from which on these are drawn as squares
const WHOLE = 2_000_000; // pixels of a film, or of a reduced one, up to which all of it is kept in the bitmap
const AROUND = 0.5; // of what is looked at, kept beside it on each side where it is not all
const STRIP = 256; // rows that are read at once

// Grey values as they are: identity for a window of 256 at level 128.
export const PLAIN = { width: 256, level: 128, inverted: false };

export const isPlain = (window) => Object.keys(PLAIN).every((name) => window[name] === PLAIN[name]);

// What each grey value is shown as, uint8 [256]: linear, as DICOM has it (PS3.3 C.11.2.1.2).
export function shades({ width, level, inverted }) {
  return Uint8ClampedArray.from({ length: 256 }, (_, grey) => {
    const share = (grey - (level - 0.5)) / Math.max(width - 1, 1e-9) + 0.5;
    return 255 * clamp(inverted ? 1 - share : share, 0, 1);
  });
}

export class Windowed {
  constructor(image) {
    this.levels = [greyOf(image)];
    this.canvas = document.createElement("canvas");
    this.made = null;
  }

  get width() {
    return this.levels[0].width;
  }

  get height() {
    return this.levels[0].height;
  }

  // The film reduced so many times to half its sides.
  reduced(times) {
    while (this.levels.length <= times) this.levels.push(halved(this.levels.at(-1)));
    return this.levels[times];
  }

  // A bitmap that holds `part` (left, top, right, bottom in pixels of the image) of the film, about as fine as `scale`
  // pixels of the screen for one of the image, and the part of the film that it holds: { canvas, part }.
  bitmap(part, scale, window) {
    const most = Math.floor(Math.log2(Math.min(this.width, this.height)));
    const times = Math.min(Math.max(Math.round(-Math.log2(scale)), 0), most);
    const look = `${times} ${window.width} ${window.level} ${window.inverted}`;
    if (this.made?.look !== look || !holds(this.made.part, part)) this.make(look, part, this.reduced(times), window);
    return { canvas: this.canvas, part: this.made.part };
  }

  // Draws the film with its upper left corner at (left, top) and `x`, `y` pixels of the canvas for one of the image.
  draw(context, [left, top], [x, y], window) {
    const { width, height } = context.canvas;
    const within = (place, side) => clamp(place, 0, side);
    const part = [
      within(-left / x, this.width), within(-top / y, this.height),
      within((width - left) / x, this.width), within((height - top) / y, this.height),
    ];
    const drawn = this.bitmap(part, Math.min(x, y), window);
    const [from, over, to, under] = drawn.part;
    context.setTransform(x, 0, 0, y, left, top);
    context.imageSmoothingEnabled = x < SQUARES;
    context.drawImage(drawn.canvas, from, over, to - from, under - over);
    context.imageSmoothingEnabled = true;
  }

  make(look, [left, top, right, bottom], grey, window) {
    const [x, y] = [grey.width / this.width, grey.height / this.height];
    const [wide, high] = [(right - left) * AROUND, (bottom - top) * AROUND];
    const all = grey.width * grey.height <= WHOLE;
    const [first, last, up, low] = all
      ? [0, grey.width, 0, grey.height]
      : [
          Math.max(0, Math.floor((left - wide) * x)), Math.min(grey.width, Math.ceil((right + wide) * x)),
          Math.max(0, Math.floor((top - high) * y)), Math.min(grey.height, Math.ceil((bottom + high) * y)),
        ];
    const pixels = new ImageData(last - first, low - up);
    const into = new Uint32Array(pixels.data.buffer);
    const colours = Uint32Array.from(shades(window), (shade) => 0xff000000 | (shade * 0x010101));
    for (let row = up, at = 0; row < low; row++)
      for (let from = row * grey.width + first, end = from + last - first; from < end; from++)
        into[at++] = colours[grey.values[from]];
    Object.assign(this.canvas, { width: pixels.width, height: pixels.height });
    this.canvas.getContext("2d").putImageData(pixels, 0, 0);
    this.made = { look, part: [first / x, up / y, last / x, low / y] };
  }
}

function holds([left, top, right, bottom], inner) {
  return left <= inner[0] && top <= inner[1] && right >= inner[2] && bottom >= inner[3];
}

// The grey values of an image that has been loaded: { width, height, values: uint8 [height x width] }.
function greyOf(image) {
  const [width, height] = [image.naturalWidth || image.width, image.naturalHeight || image.height];
  const values = new Uint8Array(width * height);
  const strip = Object.assign(document.createElement("canvas"), { width, height: Math.min(STRIP, height) });
  const context = strip.getContext("2d", { willReadFrequently: true });
  for (let top = 0; top < height; top += STRIP) {
    const rows = Math.min(STRIP, height - top);
    context.drawImage(image, 0, top, width, rows, 0, 0, width, rows);
    const { data } = context.getImageData(0, 0, width, rows);
    for (let from = 0, at = top * width; from < data.length; from += 4) values[at++] = data[from];
  }
  return { width, height, values };
}

// Half as many rows and columns, each pixel the mean of four; a last odd row or column is left out.
function halved({ width, height, values }) {
  const [wide, high] = [Math.max(1, width >> 1), Math.max(1, height >> 1)];
  const half = new Uint8Array(wide * high);
  for (let row = 0, at = 0; row < high; row++)
    for (let from = 2 * row * width, column = 0; column < wide; column++, from += 2)
      half[at++] = (values[from] + values[from + 1] + values[from + width] + values[from + width + 1] + 2) >> 2;
  return { width: wide, height: high, values: half };
}
