"use strict";
// The films of the page: `contents` as Python wrote it, with its arrays unpacked.

const element = (id) => document.getElementById(id);

function unpacked(text, Kind) {
  return new Kind(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
}

function read(id) {
  return JSON.parse(element(id).textContent);
}

function unpackedColumn(column) {
  const codes = column.codes && unpacked(column.codes, Uint32Array);
  const values = column.values && unpacked(column.values, Float32Array);
  return { ...column, codes, values, group: unpacked(column.group, Uint8Array) };
}

function unpackedMap(map) {
  const [x, y] = [map.x, map.y].map((text) => unpacked(text, Float32Array));
  const [atX, atY] = map.drawn ? map.drawn.map((text) => unpacked(text, Float32Array)) : [x, y];
  return { ...map, x, y, atX, atY };
}

function readFilms() {
  const contents = read("contents");
  const { thumbnails, explanations } = contents;
  return {
    ...contents,
    rows: unpacked(contents.rows, Uint32Array),
    maps: contents.maps.map(unpackedMap),
    columns: contents.columns.map(unpackedColumn),
    thumbnails: thumbnails && { ...thumbnails, place: unpacked(thumbnails.place, Int32Array), images: [] },
    explanations: explanations && {
      ...explanations,
      steps: unpacked(explanations.steps, Int8Array),
      scale: unpacked(explanations.scale, Float32Array),
    },
  };
}

// What a film has in a column: a word, or a number with so many digits.
function valueOf(column, film, digits = 3) {
  if (column.names) return column.names[column.codes[film]];
  const value = column.values[film];
  return Number.isFinite(value) ? String(Number(value.toPrecision(digits))) : "";
}

// The columns that belong to a map: those of all maps and its own.
function columnsOn(films, map) {
  return films.columns.filter((column) => column.map === null || column.map === map.name);
}

// An element with attributes and children, whose words are never markup.
function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// Draws the thumbnail of a film; says whether it has one.
function drawThumbnail(films, film, canvas) {
  const sheets = films.thumbnails;
  const place = sheets ? sheets.place[film] : -1;
  if (place < 0) return false;
  const number = Math.floor(place / sheets.sheet);
  const image = (sheets.images[number] ??= Object.assign(new Image(), { src: sheets.sheets[number] }));
  const [row, column] = [Math.floor((place % sheets.sheet) / sheets.columns), (place % sheets.sheet) % sheets.columns];
  canvas.width = canvas.height = sheets.side;
  canvas.dataset.film = film;
  image.decode().then(() => {
    if (canvas.dataset.film !== String(film)) return; // another film has come since
    const { side, pitch } = sheets;
    canvas.getContext("2d").drawImage(image, column * pitch, row * pitch, side, side, 0, 0, side, side);
  });
  return true;
}
