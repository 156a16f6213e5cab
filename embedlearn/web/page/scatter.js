// A picture of thousands of marks, written pixel by pixel: drawn one by one a canvas takes too long over them.

import { kindOf, shape } from "./marks.js";

const OPAQUE = 250; // of 255, from which on a pixel hides what lies below

// One mark as the pixels that it covers: places about its middle, colours as 0xAABBGGRR.
export function stampOf(label, colour, rim, radius, ratio) {
  const half = Math.ceil(radius * 1.3 * ratio) + 2;
  const side = 2 * half + 1;
  const canvas = Object.assign(document.createElement("canvas"), { width: side, height: side });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  shape(context, kindOf(label), half + 0.5, half + 0.5, radius * ratio);
  Object.assign(context, { fillStyle: colour, strokeStyle: rim, lineWidth: 0.7 * ratio });
  context.fill();
  context.stroke();
  const colours = new Uint32Array(context.getImageData(0, 0, side, side).data.buffer);
  const covered = Array.from(colours.keys()).filter((at) => colours[at] >>> 24);
  return {
    right: Int32Array.from(covered, (at) => (at % side) - half),
    down: Int32Array.from(covered, (at) => Math.floor(at / side) - half),
    colours: Uint32Array.from(covered, (at) => colours[at]),
  };
}

export class Scatter {
  constructor(width, height) {
    this.image = new ImageData(width, height);
    this.pixels = new Uint32Array(this.image.data.buffer);
  }

  put({ right, down, colours }, x, y) {
    const { pixels, image } = this;
    const { width, height } = image;
    for (let one = 0; one < colours.length; one++) {
      const column = x + right[one];
      const row = y + down[one];
      if (column < 0 || row < 0 || column >= width || row >= height) continue;
      const at = row * width + column;
      const colour = colours[one];
      pixels[at] = pixels[at] === 0 || colour >>> 24 > OPAQUE ? colour : over(colour, pixels[at]);
    }
  }

  canvas() {
    const { width, height } = this.image;
    const made = Object.assign(document.createElement("canvas"), { width, height });
    made.getContext("2d").putImageData(this.image, 0, 0);
    return made;
  }
}

// One colour over another, both 0xAABBGGRR and not multiplied by their alpha.
function over(upper, lower) {
  const share = (upper >>> 24) / 255;
  const left = ((lower >>> 24) / 255) * (1 - share);
  const all = share + left;
  const blue = (((upper >>> 16) & 255) * share + ((lower >>> 16) & 255) * left) / all;
  const green = (((upper >>> 8) & 255) * share + ((lower >>> 8) & 255) * left) / all;
  const red = ((upper & 255) * share + (lower & 255) * left) / all;
  return ((Math.round(255 * all) << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
