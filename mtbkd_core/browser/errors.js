// Monte Carlo errors of the maps, by how far the 16 chains' own maps lie apart, on every second point of the grid.

const VALUES = 4; // a point's three probabilities, and their entropy
const EVERY = 2;
const sideOf = (side) => Math.ceil(side / EVERY);
const entropyOf = (p) => p.reduce((sum, value) => sum - value * Math.log(Math.max(value, 1e-12)), 0);

// Of each chain's probabilities [cells, 3] on a grid, what the errors need: [S, points, 4].
export function chainMaps(chains, side) {
  const points = sideOf(side) ** 2;
  const found = new Float32Array(VALUES * points * chains.length);
  let at = 0;
  for (const values of chains) {
    for (let row = 0; row < side; row += EVERY) {
      for (let column = 0; column < side; column += EVERY, at += VALUES) {
        const from = 3 * (row * side + column);
        let entropy = 0;
        for (let c = 0; c < 3; c++) {
          const value = values[from + c];
          found[at + c] = value;
          entropy -= value * Math.log(value + 1e-12);
        }
        found[at + 3] = entropy;
      }
    }
  }
  return found;
}

// Standard errors [points, 4] of the mean probabilities and of the epistemic part of the entropy, from such numbers averaged
// over draws: chains are independent, and the epistemic part's error is the jackknife's over them.
export function mapErrors(maps, chains) {
  const points = maps.length / VALUES / chains;
  const found = new Float32Array(VALUES * points);
  const mean = new Float64Array(VALUES);
  const without = new Float64Array(chains);
  const rest = [0, 0, 0];
  for (let i = 0; i < points; i++) {
    const at = (s) => VALUES * (s * points + i);
    mean.fill(0);
    for (let s = 0; s < chains; s++) for (let c = 0; c < VALUES; c++) mean[c] += maps[at(s) + c] / chains;
    for (let c = 0; c < 3; c++) {
      let squares = 0;
      for (let s = 0; s < chains; s++) squares += (maps[at(s) + c] - mean[c]) ** 2;
      found[VALUES * i + c] = Math.sqrt(squares / (chains - 1) / chains);
    }
    let centre = 0;
    for (let s = 0; s < chains; s++) {
      const left = (c) => (chains * mean[c] - maps[at(s) + c]) / (chains - 1);
      for (let c = 0; c < 3; c++) rest[c] = left(c);
      without[s] = entropyOf(rest) - left(3);
      centre += without[s] / chains;
    }
    const squares = without.reduce((sum, value) => sum + (value - centre) ** 2, 0);
    found[VALUES * i + 3] = Math.sqrt(((chains - 1) / chains) * squares);
  }
  return found;
}

// By the largest of a map's points 95 of 100 pairs of runs of one state stay below this (benchmarks/log/playground.md).
const CLEAR = 4.7;

// How clearly two maps differ at each cell [side * side]: 0 within their errors, 1 beyond. `difference(cell, value)` is that of
// one of the `values` (0 to 2: a class's probability; 3: the epistemic part); errors: those of both maps.
export function clearness(side, difference, [now, before], values) {
  const around = neighbours(side);
  const found = new Float32Array(side * side);
  for (let cell = 0; cell < found.length; cell++) {
    let largest = 0;
    for (const v of values) {
      let variance = 1e-18;
      for (let n = 4 * cell; n < 4 * cell + 4; n++) {
        const [a, b] = [now[around[n] + v], before[around[n] + v]];
        variance += (a * a + b * b) / 4;
      }
      largest = Math.max(largest, Math.abs(difference(cell, v)) / Math.sqrt(variance));
    }
    found[cell] = Math.min(1, Math.max(0, largest - CLEAR));
  }
  return found;
}

// Where the errors of the four points around each cell begin.
function neighbours(side) {
  if (kept.side === side) return kept.around;
  const points = sideOf(side);
  const both = (place) => [Math.floor(place / EVERY), Math.min(points - 1, Math.ceil(place / EVERY))];
  const ofCell = (cell) => both(Math.floor(cell / side)).flatMap((row) => both(cell % side).map((column) => VALUES * (points * row + column)));
  const around = Int32Array.from(Array.from({ length: side * side }, (_, cell) => ofCell(cell)).flat());
  Object.assign(kept, { side, around });
  return around;
}

const kept = {};
