// What the browser's modules answer to the settings in a JSON file, as JSON.
import { readFileSync } from 'node:fs';

const browser = new URL('../../mtbkd_core/browser/', import.meta.url);
const { NumpyRandom } = await import(new URL('numpy_random.js', browser));
const { drawPoints, smoothNoise, teacherLogits, truthLogits } = await import(new URL('teachers.js', browser));
const { MixturePrior } = await import(new URL('prior.js', browser));
const { Student } = await import(new URL('student.js', browser));
const { LogPosterior } = await import(new URL('posterior.js', browser));

const given = JSON.parse(readFileSync(process.argv[2], 'utf8'));

function answers(one) {
  const points = drawPoints(one.labels.length, given.plane, one.seed);
  const logits = teacherLogits(one.teachers, points.x, given.plane, smoothNoise(given.plane, one.seed));
  const mixture = new MixturePrior(logits, 3, one.setting);
  const student = new Student(one.hidden);
  const position = Float64Array.from(one.position);
  const chains = position.length / student.parameters;
  const posterior = new LogPosterior(student, points.x, one.labels, mixture, one.scale);
  const gradient = new Float64Array(position.length);
  const logJoint = new Float64Array(chains);
  const shares = new Float64Array(chains * one.teachers.length);
  posterior.evaluate(position, gradient, logJoint, shares);
  return {
    x: points.x,
    drawn: points.labels,
    truth: truthLogits(points.x, given.plane),
    logits,
    weights: mixture.weights,
    targets: mixture.targets,
    log_joint: logJoint,
    gradient,
    shares,
    responsibilities: responsibilities(mixture, student, position, one.scale, points.x),
  };
}

function responsibilities(mixture, student, position, scale, x) {
  const n = x.length / 2;
  const f = new Float64Array(3 * n);
  student.forward(position, 0, scale, x, f);
  const found = new Float64Array(mixture.count * n);
  const share = new Float64Array(mixture.count);
  for (let i = 0; i < n; i++) {
    const scaled = [0, 1, 2].map((c) => f[3 * i + c] / mixture.temperature);
    const highest = Math.max(...scaled);
    const total = highest + Math.log(scaled.reduce((sum, value) => sum + Math.exp(value - highest), 0));
    mixture.at(
      i,
      scaled.map((value) => value - total),
      share,
    );
    share.forEach((value, k) => (found[k * n + i] = value));
  }
  return found;
}

const normals = (given.seeds ?? []).map((seed) => {
  const random = new NumpyRandom([seed, 2]);
  return Array.from({ length: given.count }, () => random.normal());
});
const plain = (key, value) => (ArrayBuffer.isView(value) ? Array.from(value) : value);
console.log(JSON.stringify({ cases: (given.cases ?? []).map(answers), normals }, plain));
