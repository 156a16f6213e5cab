// The marks of the latent map: of each class a colour and a shape, so that no eye must tell them by colour alone.

const TURN = 2 * Math.PI;

// Shapes of about the same weight in a circle of radius 1 about the origin, as corners.
const CORNERS = [
  null, // a circle
  [[-0.85, -0.85], [0.85, -0.85], [0.85, 0.85], [-0.85, 0.85]],
  [[0, -1.15], [1.05, 0.75], [-1.05, 0.75]],
  [[0, -1.2], [1.2, 0], [0, 1.2], [-1.2, 0]],
  plus(0.4, 1.15, 0),
  [[0, 1.15], [1.05, -0.75], [-1.05, -0.75]],
  plus(0.4, 1.15, TURN / 8),
  around(6, [1.1]),
];
const STAR = around(10, [1, 0.42]);

// The shape of the class that is counted so: where colours begin again, shapes do not begin with the same one.
export const kindOf = (at) => (at + Math.floor(at / CORNERS.length)) % CORNERS.length;

function around(count, radii) {
  return Array.from({ length: count }, (_, at) => {
    const [angle, radius] = [(at / count) * TURN - TURN / 4, radii[at % radii.length]];
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  });
}

function plus(half, reach, turned) {
  const arm = [[-half, -half], [-half, -reach], [half, -reach], [half, -half]];
  const [cos, sin] = [Math.cos, Math.sin];
  return [0, 1, 2, 3].flatMap((quarter) => {
    const angle = turned + (quarter * TURN) / 4;
    return arm.slice(0, 3).map(([x, y]) => [x * cos(angle) - y * sin(angle), x * sin(angle) + y * cos(angle)]);
  });
}

function outline(context, corners, x, y, radius) {
  context.beginPath();
  if (!corners) context.arc(x, y, radius, 0, TURN);
  else for (const [right, down] of corners) context.lineTo(x + right * radius, y + down * radius);
  context.closePath();
}

export const shape = (context, kind, x, y, radius) => outline(context, CORNERS[kind], x, y, radius);
export const star = (context, x, y, radius) => outline(context, STAR, x, y, radius);

// Words with a rim of paper, right of a place or wherever else they hide nothing: `taken` are boxes, and gets theirs.
// Where they would hide something they are left out, unless they `must` be there.
export function write(context, words, [x, y], gap, colours, taken, [width, height], must) {
  const [wide, high] = [context.measureText(words).width, 18];
  const corners = [
    [x + gap, y - high / 2],
    [x - gap - wide, y - high / 2],
    [x - wide / 2, y - gap - high],
    [x - wide / 2, y + gap],
    [x + gap, y + gap / 2],
    [x + gap, y - gap / 2 - high],
  ];
  const box = ([left, top]) => [left - 2, top, left + wide + 2, top + high];
  const within = ([left, top]) => left >= 0 && top >= 0 && left + wide <= width && top + high <= height;
  const hides = (corner) => taken.filter((other) => overlap(box(corner), other)).length + (within(corner) ? 0 : 100);
  const [best] = corners.map((corner) => ({ corner, cost: hides(corner) })).sort((one, other) => one.cost - other.cost);
  if (best.cost && !must) return;
  const [left, top] = best.corner;
  taken.push(box([left, top]));
  Object.assign(context, { textBaseline: "middle", lineJoin: "round", lineWidth: 4 });
  Object.assign(context, { strokeStyle: colours.paper, fillStyle: colours.ink });
  context.strokeText(words, left, top + high / 2);
  context.fillText(words, left, top + high / 2);
}

function overlap(one, other) {
  return one[0] < other[2] && other[0] < one[2] && one[1] < other[3] && other[1] < one[3];
}
