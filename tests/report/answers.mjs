// What a report's page answers: to its examples, and to the thresholds that are asked; printed as JSON.
import { readFileSync } from 'node:fs';

const browser = new URL('../../mtbkd_core/browser/', import.meta.url);
const { numbers } = await import(new URL('bytes.js', browser));
const { Draws } = await import(new URL('draws.js', browser));
const { answered, frequencies, shareInterval } = await import(new URL('shares.js', browser));

const page = readFileSync(process.argv[2], 'utf8');
const given = JSON.parse(/<script type="application\/json" id="student">(.*)<\/script>/.exec(page)[1]);
const asked = JSON.parse(process.argv[3]);
const draws = new Draws(given);
const tested = { deviance: numbers(given.tested.deviance), wrong: numbers(given.tested.wrong) };
process.stdout.write(
  JSON.stringify({
    answers: given.examples.labels.map((_, example) => draws.example(example)),
    said: asked.thresholds.map((threshold) => frequencies(answered(tested, threshold))),
    intervals: asked.shares.map(([hits, count]) => shareInterval(hits, count)),
  }),
);
