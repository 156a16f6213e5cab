// What a viewer shows, in words for who cannot see it.

import { littleOf } from "./maplegend.js";
import { signed } from "./numbers.js";
import { isPlain } from "./windowed.js";

const DOWN = ["top", "middle", "bottom"];
const ACROSS = ["left", "middle", "right"];

export function viewerWords({ label, film, view, window, map, mapSeen }) {
  const words = film ? [...filmWords(film, view, window), ...mapWords(map, mapSeen)] : ["no film yet"];
  return `${label}: ${words.join(". ")}.`;
}

function filmWords({ width, height }, { zoom }, window) {
  const words = [`a film of ${width} by ${height} pixels`];
  if (zoom > 1.001) words.push(`enlarged ${zoom.toFixed(1)} times`);
  if (!isPlain(window)) words.push(`window ${Math.round(window.width)}, level ${Math.round(window.level)}`);
  return window.inverted ? [...words, "black and white inverted"] : words;
}

function mapWords(map, seen) {
  if (!map) return ["no map over it"];
  if (!seen) return [`the map “${map.target}” is hidden`];
  const cells = map.map.flatMap((line, row) => line.map((value, column) => ({ value, row, column })));
  cells.sort((one, other) => other.value - one.value);
  const [most, least] = [cells[0], cells.at(-1)];
  const words = [`a map of “${map.target}” over it, score ${signed(map.score)}`];
  if (littleOf(map)) words.push(littleOf(map).toLowerCase());
  if (most.value > 0) words.push(`most for it: ${where(most, map.map)}, ${signed(most.value)}`);
  if (least.value < 0) words.push(`most against it: ${where(least, map.map)}, ${signed(least.value)}`);
  return words;
}

function where({ row, column }, map) {
  const third = (names, place, count) => names[Math.floor(((place + 0.5) / count) * 3)];
  const [down, across] = [third(DOWN, row, map.length), third(ACROSS, column, map[0].length)];
  return down === across ? "the middle" : `${down} ${across} of the picture`;
}
