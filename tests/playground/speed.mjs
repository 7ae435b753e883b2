// How fast the browser's modules are in node: gradients and ticks a second, wall clock and processor time, as JSON.
import { readFileSync } from 'node:fs';

const browser = new URL('../../mtbkd_core/browser/', import.meta.url);
const { Session } = await import(new URL('session.js', browser));
const { drawPoints } = await import(new URL('teachers.js', browser));

const { plane, seconds } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const data = drawPoints(150, plane, 0);
const teachers = [90, 210, 330].map((angle, lean) => ({ kind: 'expert', angle, reach: 0.3, lean }));
const ones = [1, 1, 1];
const setting = {
  rule: 'inverse_entropy',
  softmin: 1,
  calibrated: false,
  base: ones,
  temperatures: ones,
  concentration: 6,
  temperature: 1,
  strength: 1,
};
const session = new Session(plane);
session.configure({ teachers, setting, hidden: 32, scale: 1.2, seed: 0, x: data.x, labels: data.labels });

// Per second of wall clock and of processor time: how often `work` is done.
function rate(work) {
  for (let i = 0; i < 20; i++) work();
  const [begin, cpu] = [performance.now(), process.cpuUsage()];
  let count = 0;
  do {
    work();
    count += 1;
  } while (performance.now() - begin < 1000 * seconds);
  const used = process.cpuUsage(cpu);
  return { wall: (1000 * count) / (performance.now() - begin), cpu: (1e6 * count) / (used.user + used.system) };
}

const gradients = rate(() => session.sampler.step());
const ticks = rate(() => session.tick(0, { gradients: 4 }));
console.log(
  JSON.stringify({
    chains: 16,
    parameters: session.student.parameters,
    points: 150,
    gradients,
    ticks_of_4_gradients: ticks,
  }),
);
