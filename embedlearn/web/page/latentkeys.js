// The keys that the latent map heeds while its canvas has the focus.

const STEP = 40; // pixels that an arrow key moves the map
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const ACTIONS = {
  "+": (map) => map.zoomBy(1.25),
  "=": (map) => map.zoomBy(1.25),
  "-": (map) => map.zoomBy(0.8),
  0: (map) => map.moved(map.view.go({ zoom: 1 })),
  Enter: (map) => map.pick(map.at),
  Escape: (map) => map.point(null),
};

export const KEYS =
  "Arrow keys go from film to film, Enter opens the case, Shift with arrow keys moves the map, plus and minus zoom, " +
  "0 shows all of it.";

export function press(map, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const arrow = ARROWS[event.key];
  if (arrow && event.shiftKey) map.moved(map.view.panBy(-arrow[0] * STEP, arrow[1] * STEP));
  else if (arrow) map.step(arrow);
  else if (Object.hasOwn(ACTIONS, event.key)) ACTIONS[event.key](map);
  else return;
  if (event.key !== "Escape") event.preventDefault();
}
