import * as overlay from "/static/overlay.js";
import { LatentMap } from "/static/latentmap.js";
import { placeNow } from "/static/latentpainter.js";
import { FilmViewer } from "/static/viewer.js";
import { shades } from "/static/windowed.js";

const byId = (id) => document.getElementById(id);
const film = new FilmViewer(byId("film"), { label: "Your film" });
const other = new FilmViewer(byId("other"), { label: "Case 12" });
const map = new LatentMap(byId("map"));

// A film from grey values as base64, uint8 [height x width].
function grey(text, width, height, of = { width, height }) {
  const values = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const pixels = new ImageData(width, height);
  new Uint32Array(pixels.data.buffer).set(Array.from(values, (value) => 0xff000000 + value * 0x010101));
  const image = Object.assign(document.createElement("canvas"), { width, height });
  image.getContext("2d").putImageData(pixels, 0, 0);
  return { image, ...of };
}

const drawn = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));

// The pixels of a canvas as it is seen, as base64 of RGBA.
async function pixels(selector) {
  await drawn();
  const canvas = document.querySelector(selector);
  const copy = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
  const context = copy.getContext("2d", { willReadFrequently: true });
  context.drawImage(canvas, 0, 0);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  const letters = Array.from({ length: Math.ceil(data.length / 8192) }, (_, at) =>
    String.fromCharCode(...data.subarray(at * 8192, (at + 1) * 8192)),
  );
  return { width: canvas.width, height: canvas.height, data: btoa(letters.join("")) };
}

Object.assign(window, { film, other, map, overlay, shades, placeNow, grey, drawn, pixels, ready: true });
