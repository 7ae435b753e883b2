// The parameters of the link to the engine, for the changes of the start in a JSON file; with a position, also the log
// joint that the playground has there.
import { readFileSync } from 'node:fs';

const browser = new URL('../../mtbkd_core/browser/', import.meta.url);
const { asked, copy, engineSetting, pointsOf } = await import(new URL('state.js', browser));
const { drawPoints, smoothNoise, teacherLogits } = await import(new URL('teachers.js', browser));
const { MixturePrior } = await import(new URL('prior.js', browser));
const { Student } = await import(new URL('student.js', browser));
const { LogPosterior } = await import(new URL('posterior.js', browser));
const { plane, start, changes, position } = JSON.parse(readFileSync(process.argv[2], 'utf8'));

function logJoint(state) {
  const points = pointsOf(state, drawPoints(400, plane, state.seed));
  const { teachers, x, labels, setting, hidden, scale, seed } = asked(state, points);
  const mixture = new MixturePrior(teacherLogits(teachers, x, plane, smoothNoise(plane, seed)), 3, setting);
  const posterior = new LogPosterior(new Student(hidden), x, labels, mixture, scale);
  const found = new Float64Array(1);
  posterior.evaluate(Float64Array.from(position), new Float64Array(position.length), found);
  return found[0];
}

const found = changes.map((change) => {
  const state = { ...copy(start), ...change };
  return { parameters: engineSetting(state, start), joint: position && logJoint(state) };
});
console.log(JSON.stringify(found));
