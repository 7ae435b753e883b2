// Where a student changes its mind: the lines on which its two most probable classes are equally probable.

const PAIRS = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 2, 0],
];

// Adds segments x1, y1, x2, y2 in cells of a grid [side, side, 3] of logits or probabilities to `into`.
export function addBorders(values, side, into) {
  const corner = new Float64Array(12);
  for (let row = 0; row + 1 < side; row++) {
    for (let column = 0; column + 1 < side; column++) {
      const at = 3 * (row * side + column);
      const below = at + 3 * side;
      for (let c = 0; c < 3; c++) {
        corner[c] = values[at + c];
        corner[3 + c] = values[at + 3 + c];
        corner[6 + c] = values[below + 3 + c];
        corner[9 + c] = values[below + c];
      }
      if (!sameClass(corner)) for (const pair of PAIRS) addCell(corner, pair, column, row, into);
    }
  }
}

const largest = (v, at) => (v[at] >= v[at + 1] ? (v[at] >= v[at + 2] ? 0 : 2) : v[at + 1] >= v[at + 2] ? 1 : 2);

function sameClass(corner) {
  const first = largest(corner, 0);
  return first === largest(corner, 3) && first === largest(corner, 6) && first === largest(corner, 9);
}

const CORNERS = [
  [0, 0],
  [1, 0],
  [1, 1],
  [0, 1],
];

// One pair's line through one cell, where neither is beaten by the third class in its middle.
function addCell(corner, [a, b, third], column, row, into) {
  const crossings = [];
  let lead = 0;
  for (let edge = 0; edge < 4; edge++) {
    const [from, to] = [3 * edge, 3 * ((edge + 1) % 4)];
    const [left, right] = [corner[from + a] - corner[from + b], corner[to + a] - corner[to + b]];
    if (left > 0 === right > 0) continue;
    const share = left / (left - right);
    const between = (c) => corner[from + c] + share * (corner[to + c] - corner[from + c]);
    lead += between(a) - between(third);
    const [start, end] = [CORNERS[edge], CORNERS[(edge + 1) % 4]];
    crossings.push(column + start[0] + share * (end[0] - start[0]), row + start[1] + share * (end[1] - start[1]));
  }
  if (crossings.length >= 4 && lead > 0) into.push(...crossings.slice(0, 4));
}
