// Long runs of the browser's sampler, as JSON: of each case probabilities [draws, chains, points, 3], flat.
import { readFileSync } from 'node:fs';

const browser = new URL('../../mtbkd_core/browser/', import.meta.url);
const { drawPoints, smoothNoise, teacherLogits } = await import(new URL('teachers.js', browser));
const { MixturePrior } = await import(new URL('prior.js', browser));
const { probabilities, Student } = await import(new URL('student.js', browser));
const { LogPosterior } = await import(new URL('posterior.js', browser));
const { Random } = await import(new URL('random.js', browser));
const { Sampler, warmStart } = await import(new URL('sampler.js', browser));

const { plane, cases } = JSON.parse(readFileSync(process.argv[2], 'utf8'));

function draws(one) {
  const data = drawPoints(one.count, plane, one.seed);
  const logits = teacherLogits(one.teachers, data.x, plane, smoothNoise(plane, one.seed));
  const mixture = logits.length ? new MixturePrior(logits, 3, one.setting) : null;
  const student = new Student(one.hidden);
  const posterior = new LogPosterior(student, data.x, data.labels, mixture, one.scale);
  const random = new Random(one.stream ?? one.seed + 1);
  const sampler = new Sampler(one.chains, random);
  sampler.place(warmStart(posterior, one.chains, random, 120));
  sampler.aim(posterior);
  const found = [];
  while (sampler.trajectories < one.burnIn + one.draws) {
    if (!sampler.step() || sampler.trajectories <= one.burnIn) continue;
    for (let s = 0; s < one.chains; s++) {
      found.push(...probabilities(student, sampler.position, s * student.parameters, one.scale, one.points));
    }
  }
  return found;
}

console.log(JSON.stringify(cases.map(draws)));
