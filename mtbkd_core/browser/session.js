// The playground without its page: settings and points in, and after each tick what the pictures show.

import { addBorders } from './borders.js';
import { chainMaps, mapErrors } from './errors.js';
import { LogPosterior } from './posterior.js';
import { MixturePrior } from './prior.js';
import { Random } from './random.js';
import { Sampler, warmStart } from './sampler.js';
import { astray, countBelow, coverage, interval, jackknife, logScore, misled } from './scores.js';
import { reliability, splitRHat } from './scores.js';
import { average, Settling } from './settling.js';
import { probabilities, Student } from './student.js';
import { drawPoints, smoothNoise, softmaxRows, teacherLogits, truthLogits } from './teachers.js';
import { Window } from './window.js';

const CHAINS = 16;
const TEST_POINTS = 200;
const WARM_STEPS = 120;
const BEFORE_MS = 1500; // at most, for a state that another one is compared with

export class Session {
  // plane: see teachers.js; side: points of the map's grid on a side.
  constructor(plane, { side = 40, seed = 1 } = {}) {
    this.plane = plane;
    this.side = side;
    this.random = new Random(seed);
    this.sampler = new Sampler(CHAINS, this.random);
    this.window = new Window();
    this.settling = new Settling();
    this.grid = square(side, plane.bound);
    this.chosen = Float64Array.of(0, 0);
    this.gradients = 0;
    this.latest = []; // each chain's probabilities on the grid
  }

  // Take settings: {teachers, setting, hidden, scale, seed, x, labels}. Chains go on where they can.
  configure(asked) {
    const before = this.asked;
    this.asked = asked;
    if (!before || before.seed !== asked.seed) this.take(asked.seed);
    const { teachers, setting, x, labels } = asked;
    const mixture = teachers.length > 0 ? new MixturePrior(teacherLogits(teachers, x, this.plane, this.noise), 3, setting) : null;
    const fresh = !before || before.hidden !== asked.hidden || before.seed !== asked.seed;
    this.student = fresh ? new Student(asked.hidden) : this.student;
    this.posterior = new LogPosterior(this.student, x, labels, mixture, asked.scale);
    if (fresh) this.restart();
    else this.proceed(Math.sqrt(before.scale / asked.scale));
  }

  // Other test points, and other noise of the teachers. A pinned state is scored on these points from now on: on its own,
  // another best score and another calibration error would look like a change.
  take(seed) {
    this.noise = smoothNoise(this.plane, seed);
    this.test = drawPoints(TEST_POINTS, this.plane, seed, this.plane.testStream).x;
    this.truth = softmaxRows(truthLogits(this.test, this.plane));
    if (!this.pinned) return;
    const { entries, student } = this.pinned;
    this.pinned.worth = this.worth(entries.map(({ theta, scale }) => this.onTest(student, theta, scale)));
  }

  // Go on under another target. Under another scale of the weights, data hold the weights and the prior holds their
  // whitened values: the chains start halfway.
  proceed(factor) {
    if (factor !== 1) this.sampler.rescale(factor);
    this.aim();
  }

  restart() {
    this.sampler.place(warmStart(this.posterior, CHAINS, this.random, WARM_STEPS));
    this.window.forget();
    this.latest.length = 0;
    this.aim();
  }

  aim() {
    this.sampler.aim(this.posterior);
    this.window.changed();
    this.changed = true; // and not looked at yet
    this.settling.begin();
  }

  // Sample until `milliseconds` are over (or for so many gradients), and look at the chains where one may have moved; scores
  // and the chosen point are worked out only where `numbers` are wanted.
  tick(milliseconds, { gradients = Infinity, numbers = true, now = () => performance.now() } = {}) {
    const end = now() + milliseconds;
    let done = 0;
    let moved = this.changed;
    do {
      moved = this.sampler.step() || moved;
      done += 1;
    } while (done < gradients && now() < end);
    this.gradients += done;
    const restarted = this.sampler.stuck;
    if (restarted) this.restart();
    if (moved || restarted) this.look();
    return {
      gradients: this.gradients,
      restarted,
      ...this.settling.judge(this.window),
      ...(moved || numbers ? this.pictures() : {}),
      ...(numbers ? this.numbers() : {}),
    };
  }

  // Keep the present draws beside those to come, or let them go.
  pin(kept) {
    const { student, asked, window } = this;
    const entries = window.current;
    this.pinned = kept ? { entries, student, asked, worth: this.worth(entries), errors: this.errors(entries) } : undefined;
  }

  // Sample a state that is not drawn until it has settled, or its time is over, and pin it: what `tick` would have found.
  sampleBefore(asked, { gradients = 16, now = () => performance.now() } = {}) {
    this.configure(asked);
    const end = now() + BEFORE_MS;
    while (this.tick(Infinity, { gradients, numbers: false }).moving && now() < end);
    this.pin(true);
    this.changed = true; // so that its pictures are worked out once more
    return this.tick(0, { gradients: 1 });
  }

  // A snapshot of the chains.
  look() {
    const { student, window, sampler } = this;
    this.changed = false;
    this.latest = Array.from({ length: CHAINS }, (_, s) =>
      probabilities(student, sampler.position, s * student.parameters, this.asked.scale, this.grid, this.latest[s]),
    );
    window.offer(() => ({
      map: mapOf(this.latest, this.side),
      chains: chainMaps(this.latest, this.side),
      ...this.onTest(student, sampler.position, this.asked.scale),
      theta: Float32Array.from(sampler.position),
      scale: this.asked.scale,
      logJoint: Float64Array.from(sampler.logJoint),
      shares: this.shares(),
    }));
  }

  // Probabilities at the test points where the chains are, or were: of each chain, and their mean.
  onTest(student, theta, scale) {
    const test = Array.from({ length: CHAINS }, (_, s) =>
      Float32Array.from(probabilities(student, theta, s * student.parameters, scale, this.test)),
    );
    return { test, mean: average(test) };
  }

  // Mean responsibility of each teacher over chains and points, where the chains are.
  shares() {
    const count = this.posterior.teachers;
    return Float64Array.from({ length: count }, (_, k) => {
      let sum = 0;
      for (let s = 0; s < CHAINS; s++) sum += this.sampler.shares[s * count + k];
      return sum / CHAINS;
    });
  }

  // What the maps show: mean probabilities [G, G, 3], entropy split, and the borders of every chain.
  pictures() {
    const entries = this.window.current;
    const sum = average(entries.map((entry) => entry.map));
    const cells = this.side * this.side;
    const epistemic = new Float32Array(cells);
    for (let i = 0; i < cells; i++) {
      let entropy = 0;
      for (let c = 0; c < 3; c++) entropy -= sum[3 * i + c] * Math.log(Math.max(sum[3 * i + c], 1e-12));
      epistemic[i] = Math.max(0, entropy - sum[3 * cells + i]);
    }
    const lines = [];
    const starts = Int32Array.from(this.latest, (values) => {
      const from = lines.length;
      addBorders(values, this.side, lines);
      return from;
    });
    return { mean: sum.slice(0, 3 * cells), epistemic, lines: Float32Array.from(lines), starts };
  }

  numbers() {
    const entries = this.window.current;
    const count = this.posterior.teachers;
    return {
      ...this.worth(entries),
      points: this.asked.labels.length,
      rHat: splitRHat(Array.from({ length: CHAINS }, (_, s) => entries.map((entry) => entry.logJoint[s]))),
      shares: average(entries.map((entry) => entry.shares).filter((shares) => shares.length === count)),
      weights: this.weights(),
      point: this.atPoint({ entries, student: this.student, asked: this.asked }),
      ...(this.pinned ? this.beside(entries) : { pointBefore: undefined, worthBefore: undefined, errors: undefined }),
    };
  }

  // What is compared with the pinned state: its chosen point and its scores on the present test points; and the errors of both
  // states' maps.
  beside(entries) {
    const { pinned } = this;
    return { pointBefore: this.atPoint(pinned), worthBefore: pinned.worth, errors: [this.errors(entries), pinned.errors] };
  }

  errors(entries) {
    return mapErrors(average(entries.map((entry) => entry.chains)), CHAINS);
  }

  // The scores, each with its Monte Carlo error: the jackknife over the chains; and the bins of the calibration error.
  worth(entries) {
    const { truth } = this;
    const chains = Array.from({ length: CHAINS }, (_, s) => entries.map((entry) => entry.test[s]));
    const means = chains.map((draws) => average(draws));
    const below = chains.map((draws) => countBelow(draws, truth));
    const mean = average(means);
    const all = truth.map((_, i) => below.reduce((sum, own) => sum + own[i], 0));
    const draws = CHAINS * entries.length;
    const { bins, ...whole } = reliability(mean, truth);
    const scoresOf = (mean, below, draws, { error, gap }) => ({
      log: logScore(mean, truth),
      calibration: error,
      gap,
      coverage: coverage(below, draws),
      misled: misled(mean, truth),
      astray: astray(mean, truth),
    });
    const others = means.map((own, s) => {
      const rest = mean.map((value, i) => (CHAINS * value - own[i]) / (CHAINS - 1));
      const counts = all.map((value, i) => value - below[s][i]);
      return scoresOf(rest, counts, draws - entries.length, reliability(rest, truth));
    });
    const scores = scoresOf(mean, all, draws, whole);
    const errors = Object.fromEntries(
      Object.keys(scores).map((name) => [name, jackknife(others.map((each) => each[name]))]),
    );
    return { scores: { ...scores, best: logScore(truth, truth), errors }, bins };
  }

  weights() {
    const mixture = this.posterior.mixture;
    if (!mixture) return [];
    const n = mixture.examples;
    return Array.from({ length: mixture.count }, (_, k) => {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += mixture.weights[k * n + i];
      return sum / n;
    });
  }

  // The draws' probabilities at the chosen point [D, 3], their intervals, the truth there, and what teachers predict, weigh and
  // explain there.
  atPoint({ entries, student, asked: { teachers, setting } }) {
    const p = student.parameters;
    const draws = new Float32Array(3 * CHAINS * entries.length);
    const one = new Float64Array(3);
    entries.forEach((entry, index) => {
      for (let s = 0; s < CHAINS; s++) {
        draws.set(probabilities(student, entry.theta, s * p, entry.scale, this.chosen, one), 3 * (index * CHAINS + s));
      }
    });
    const each = [0, 1, 2].map((c) => draws.filter((_, index) => index % 3 === c));
    const said = teacherLogits(teachers, this.chosen, this.plane, this.noise);
    const mixture = said.length > 0 && new MixturePrior(said, 3, setting);
    return {
      draws,
      intervals: each.map((values) => interval(values)),
      mean: each.map((values) => values.reduce((a, b) => a + b, 0) / values.length),
      truth: Array.from(softmaxRows(truthLogits(this.chosen, this.plane))),
      teachers: said.map((each) => Array.from(softmaxRows(each))),
      weights: mixture ? Array.from(mixture.weights) : [],
      shares: mixture ? mixture.sharesOf(draws) : [],
    };
  }
}

// Points of a square grid [side * side, 2], rows from above.
export function square(side, bound) {
  const at = (index) => bound * ((2 * index) / (side - 1) - 1);
  return Float64Array.from({ length: 2 * side * side }, (_, index) => {
    const cell = index >> 1;
    return index % 2 ? -at(Math.floor(cell / side)) : at(cell % side);
  });
}

// Mean probabilities [cells, 3] and, behind them, the mean entropy [cells] of some chains.
function mapOf(chains, side) {
  const cells = side * side;
  const map = new Float32Array(4 * cells);
  const share = 1 / chains.length;
  for (const values of chains) {
    for (let cell = 0, i = 0; cell < cells; cell++) {
      let entropy = 0;
      for (let c = 0; c < 3; c++, i++) {
        map[i] += values[i] * share;
        entropy -= values[i] * Math.log(values[i] + 1e-12);
      }
      map[3 * cells + cell] += entropy * share;
    }
  }
  return map;
}
