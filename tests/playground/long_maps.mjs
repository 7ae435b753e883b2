// States of links, and the mean prediction on the maps' grid in a long run of each: [{state, map, halves}], `halves` the
// total variation between the run's two halves.
import { readFileSync } from 'node:fs';

const browser = new URL('../../mtbkd_core/browser/', import.meta.url);
const { Session, square } = await import(new URL('session.js', browser));
const { totalVariation } = await import(new URL('scores.js', browser));
const { asked, decode, pointsOf } = await import(new URL('state.js', browser));
const { probabilities } = await import(new URL('student.js', browser));
const { drawPoints } = await import(new URL('teachers.js', browser));

const { plane, start, plays, side, burnIn, draws } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const grid = square(side, plane.bound);

function long(play, seed) {
  const { state, wrong } = decode(play, start, plane.bound);
  if (wrong.length) throw new Error(`no such setting: ${wrong}`);
  const session = new Session(plane, { side: 2, seed: seed + 100 });
  session.configure(asked(state, pointsOf(state, drawPoints(400, plane, state.seed))));
  const { sampler, student } = session;
  const halves = [0, 1].map(() => new Float64Array(3 * side * side));
  while (sampler.trajectories < burnIn + draws) {
    if (!sampler.step() || sampler.trajectories <= burnIn) continue;
    const half = halves[sampler.trajectories - burnIn > draws / 2 ? 1 : 0];
    for (let s = 0; s < sampler.chains; s++) {
      const p = probabilities(student, sampler.position, s * student.parameters, state.scale, grid);
      p.forEach((value, i) => (half[i] += (2 * value) / (draws * sampler.chains)));
    }
  }
  const map = Array.from(halves[0], (value, i) => (value + halves[1][i]) / 2);
  return { state, map, halves: totalVariation(...halves) };
}

console.log(JSON.stringify(plays.map(long)));
