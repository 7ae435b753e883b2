// What the worker found, drawn on the maps and charts; `view` is the Playground of app.js.

import { MOST, NAMES } from './board.js';
import { drawSimplex, intervalChart, reliabilityChart, sharesChart, sparkline } from './charts.js';
import { clearness } from './errors.js';
import { changed, sentence, shownNumber, spans, status, statusHelp } from './words.js';

// Points of the maps' grid on a side.
export const SIDE = 40;
const SPOKEN_MS = 800; // between two sentences while the chains move
const ENOUGH_DRAWS = 160; // with fewer, intervals cannot be judged

// What is known before the first draw: the points and the truth.
export function drawGiven({ planes, points, truth, look, data }) {
  planes.prediction.clear(look);
  planes.prediction.points(points, look);
  planes.truth.probabilities(truth, SIDE, look);
  planes.truth.letters(truth, SIDE, data.plane.classes, look);
}

export function drawMaps(view) {
  const { found, look, planes, pinned } = view;
  const { classes } = view.data.plane;
  planes.prediction.probabilities(found.mean, SIDE, look);
  if (pinned) drawBorders(view, planes.prediction, found, view.chainsShown);
  planes.prediction.points(view.points, look, { selected: view.selected });
  planes.prediction.letters(found.mean, SIDE, classes, look);
  view.grips.draw();
  planes.unsure.quantity(found.epistemic, SIDE, MOST.epistemic, look);
  if (pinned?.mean) drawDifferences(view);
  else if (!pinned) {
    planes.truth.probabilities(view.truth, SIDE, look);
    planes.truth.letters(view.truth, SIDE, classes, look);
    planes.borders.clear(look);
    drawBorders(view, planes.borders, found);
  }
  for (const [name, plane] of Object.entries(planes)) {
    if (pinned ? name !== 'truth' && name !== 'borders' : NAMES.includes(name)) plane.crosshair(view.chosen, look);
  }
}

// The true border, and thin that of each chain.
function drawBorders(view, plane, { starts, lines }, chains = true) {
  const { look } = view;
  plane.lines(view.truthLines, 0, view.truthLines.length, SIDE, {
    strokeStyle: look.muted,
    lineWidth: 4,
    globalAlpha: 0.45,
  });
  if (!chains) return;
  starts.forEach((from, s) => {
    plane.lines(lines, from, starts[s + 1] ?? lines.length, SIDE, {
      strokeStyle: look.ink,
      lineWidth: 0.8,
      globalAlpha: 0.7,
    });
  });
}

function drawDifferences(view) {
  const { found, look, planes, pinned } = view;
  planes.before.probabilities(pinned.mean, SIDE, look);
  drawBorders(view, planes.before, pinned, view.chainsShown);
  planes.before.letters(pinned.mean, SIDE, view.data.plane.classes, look);
  planes.unsureBefore.quantity(pinned.epistemic, SIDE, MOST.epistemic, look);
  const [moved, unsure] = found.errors ? differences(found, pinned) : [0, 0].map(() => new Float32Array(SIDE * SIDE));
  planes.moved.quantity(moved, SIDE, MOST.moved, look);
  planes.unsureMoved.signed(unsure, SIDE, MOST.more, look);
}

// How far predictions moved, in total variation, and how much more is unknown; 0 within the Monte Carlo errors.
function differences(found, pinned) {
  const change = (cell, c) => found.mean[3 * cell + c] - pinned.mean[3 * cell + c];
  const more = (cell) => found.epistemic[cell] - pinned.epistemic[cell];
  const moved = (cell) => [0, 1, 2].reduce((sum, c) => sum + Math.abs(change(cell, c)) / 2, 0);
  return [
    clearness(SIDE, change, found.errors, [0, 1, 2]).map((share, cell) => share * moved(cell)),
    clearness(SIDE, more, found.errors, [3]).map((share, cell) => share * more(cell)),
  ];
}

export function drawCharts(view) {
  const { found, look, pinned, data } = view;
  const { charts, simplex, pointTitle } = view.board;
  const { classes } = data.plane;
  charts.reliability.innerHTML = reliabilityChart(found.bins, pinned && found.worthBefore?.bins);
  charts.shares.innerHTML = view.drawnHeard.length
    ? sharesChart(view.drawnHeard, found.shares, found.weights, pinned?.shares)
    : `<p class="none">${view.drawnSilence}</p>`;
  charts.here.innerHTML = sharesChart(view.drawnHeard, found.point.shares, found.point.weights);
  charts.here.previousSibling.hidden = !view.drawnHeard.length;
  charts.intervals.innerHTML = intervalChart(found.point, classes, data.palette.hues, found.pointBefore);
  if (found.point.teachers.length <= view.drawnHeard.length)
    drawSimplex(simplex, found.point, found.pointBefore, classes, view.drawnHeard, look);
  pointTitle.textContent = `At (${view.chosen.map((value) => value.toFixed(1)).join(', ')}): 95 % intervals, the mean as a bar, the truth as a cross line.`;
}

// The status, the sentence and the three numbers with their history.
export function drawWords(view) {
  const { found, board: parts, pinned } = view;
  const [kind, text] = status(found, { paused: view.paused, resting: view.resting });
  if (parts.status.textContent !== text) parts.status.textContent = text;
  parts.status.dataset.kind = kind;
  parts.status.title = statusHelp(found);
  const few = found.moving && found.draws < ENOUGH_DRAWS;
  const soon = found.moving && !view.paused && !view.resting && performance.now() - view.spoken < SPOKEN_MS;
  const speaks = few || !soon; // the sentence and the numbers are of the same moment
  if (speaks) lead(view, few ? 'The chains are on their way to the posterior.' : sentence(found));
  if (!few && speaks) view.spoken = performance.now();
  for (const [name, box] of Object.entries(parts.numbers)) {
    const past = view.history[name];
    past.push(found.scores[name]);
    if (past.length > 80) past.shift();
    box.history.innerHTML = sparkline(past, ...spans[name]);
    if (speaks) drawNumber(name, box, found.scores, pinned && found.worthBefore?.scores);
  }
}

// The sentence; it stands while one of its terms is read.
function lead(view, text) {
  const { lead: place } = view.board;
  if (place.textContent === text || place.querySelector('abbr:is(:hover, :focus)')) return;
  place.replaceChildren(...view.mark(text));
}

function drawNumber(name, box, scores, before) {
  const [value, error, line] = shownNumber[name](scores);
  const change = before ? changed(name, scores, before) : { text: line, clear: true };
  box.value.textContent = value;
  box.error.textContent = error;
  box.change.textContent = change.text;
  box.change.classList.toggle('unclear', !change.clear);
}

// What was found, with each teacher's share by its name: the present state may have other teachers.
export const withShares = (found, heard) => ({
  ...found,
  shares: Object.fromEntries(heard.map(({ name }, k) => [name, found.shares[k] ?? 0])),
});
