// The plane's truth, its points and its teachers, as mtbkd_core/tasks/synthetic.py has them.
//
// `plane` is what Python passes: {swirl, steepness, radius, classAngles, reach, fade, lean, noise, noiseScale,
// noiseFeatures, sharpness}. A point is two numbers of a flat array; logits are flat [points, 3].

import { NumpyRandom } from './numpy_random.js';

export const CLASSES = 3;
const TRAIN_STREAM = 0;
const NOISE_STREAM = 2;

const radians = (degrees) => (degrees * Math.PI) / 180;

// True logits [N, 3] at points [N, 2].
export function truthLogits(x, plane) {
  const n = x.length / 2;
  const logits = new Float64Array(n * CLASSES);
  const directions = plane.classAngles.map((angle) => [Math.cos(radians(angle)), Math.sin(radians(angle))]);
  for (let i = 0; i < n; i++) {
    const [a, b] = [x[2 * i], x[2 * i + 1]];
    const turn = plane.swirl * Math.hypot(a, b);
    const [cosine, sine] = [Math.cos(turn), Math.sin(turn)];
    const [first, second] = [cosine * a - sine * b, sine * a + cosine * b];
    for (let c = 0; c < CLASSES; c++) {
      logits[i * CLASSES + c] = plane.steepness * (first * directions[c][0] + second * directions[c][1]);
    }
  }
  return logits;
}

export function softmaxRows(logits) {
  const p = new Float64Array(logits.length);
  for (let i = 0; i < logits.length; i += CLASSES) {
    const highest = Math.max(logits[i], logits[i + 1], logits[i + 2]);
    let total = 0;
    for (let c = 0; c < CLASSES; c++) total += p[i + c] = Math.exp(logits[i + c] - highest);
    for (let c = 0; c < CLASSES; c++) p[i + c] /= total;
  }
  return p;
}

// `count` points and labels drawn from the truth, the engine's own for the same seed.
export function drawPoints(count, plane, seed, stream = TRAIN_STREAM) {
  const random = new NumpyRandom([seed, stream]);
  const exact = new Float64Array(2 * count);
  const coin = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const radius = plane.radius * Math.sqrt(random.uniform());
    const angle = 2 * Math.PI * random.uniform();
    exact[2 * i] = radius * Math.cos(angle);
    exact[2 * i + 1] = radius * Math.sin(angle);
    coin[i] = random.uniform();
  }
  const p = softmaxRows(truthLogits(exact, plane));
  const labels = Int32Array.from(coin, (u, i) => (u > p[3 * i]) + (u > p[3 * i] + p[3 * i + 1]));
  return { x: exact.map(Math.fround), labels };
}

// Smooth noise of one seed, as a function of points [N, 2] to [N, 3]: random features, near a Gaussian process.
export function smoothNoise(plane, seed) {
  const random = new NumpyRandom([seed, NOISE_STREAM]);
  const m = plane.noiseFeatures;
  const draw = (count, next) => Float64Array.from({ length: count }, next);
  const frequency = draw(2 * m, () => plane.noiseScale * random.normal());
  const phase = draw(m, () => 2 * Math.PI * random.uniform());
  const weight = draw(CLASSES * m, () => random.normal());
  const scale = plane.noise * Math.sqrt(2 / m);
  return (x) => {
    const found = new Float64Array((x.length / 2) * CLASSES);
    for (let i = 0; i < x.length / 2; i++) {
      for (let j = 0; j < m; j++) {
        const wave = scale * Math.cos(x[2 * i] * frequency[j] + x[2 * i + 1] * frequency[m + j] + phase[j]);
        for (let c = 0; c < CLASSES; c++) found[i * CLASSES + c] += wave * weight[j * CLASSES + c];
      }
    }
    return found;
  };
}

const KINDS = {
  // The truth on one side of a line, and near nothing beyond: {angle, reach, lean: a class}.
  expert(x, truth, teacher, plane) {
    const direction = [Math.cos(radians(teacher.angle)), Math.sin(radians(teacher.angle))];
    return truth.map((value, index) => {
      const i = Math.floor(index / CLASSES);
      const along = x[2 * i] * direction[0] + x[2 * i + 1] * direction[1];
      const share = 1 / (1 + Math.exp(-plane.fade * (along + teacher.reach)));
      return share * value + (1 - share) * (index % CLASSES === teacher.lean ? plane.lean : 0);
    });
  },
  // The truth and smooth noise: {amount}, 1 as the engine's.
  noisy(x, truth, teacher, plane, noise) {
    const error = noise(x);
    return truth.map((value, index) => value + teacher.amount * error[index]);
  },
  // Every class is taken for the next one, surely: {sharpness}.
  wrong(x, truth, teacher) {
    return truth.map((_, index) => {
      const c = index % CLASSES;
      return teacher.sharpness * truth[index - c + ((c + CLASSES - 1) % CLASSES)];
    });
  },
};

// What each of K teachers predicts: K arrays of logits [N, 3] at points [N, 2].
export function teacherLogits(teachers, x, plane, noise) {
  const truth = truthLogits(x, plane);
  return teachers.map((teacher) => KINDS[teacher.kind](x, truth, teacher, plane, noise));
}
