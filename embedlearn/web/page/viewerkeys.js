// The keys that a viewer heeds while its canvas has the focus.

const STEP = 40; // pixels that an arrow key moves the film
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const ACTIONS = {
  "+": (viewer) => viewer.zoomBy(1.25),
  "=": (viewer) => viewer.zoomBy(1.25),
  "-": (viewer) => viewer.zoomBy(0.8),
  0: (viewer) => viewer.resetView(),
  m: (viewer) => viewer.showMap(!viewer.wanted),
  i: (viewer) => viewer.setWindow({ inverted: !viewer.window.inverted }),
  Escape: (viewer) => viewer.point(null),
};

export const KEYS =
  "Arrow keys move the film, plus and minus zoom, 0 shows all of it, m shows or hides the map, i inverts the greys, " +
  "Shift with arrow keys goes from cell to cell of the map.";

export function press(viewer, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const arrow = ARROWS[event.key];
  if (arrow && event.shiftKey) viewer.step(...arrow);
  else if (arrow) viewer.panBy(-arrow[0] * STEP, -arrow[1] * STEP);
  else if (Object.hasOwn(ACTIONS, event.key)) ACTIONS[event.key](viewer);
  else return;
  if (event.key !== "Escape") event.preventDefault();
}
