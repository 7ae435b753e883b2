// What the playground makes of states in links: each written anew, with what could not be read.
import { readFileSync } from 'node:fs';

const { decode, encode } = await import(new URL('../../mtbkd_core/browser/state.js', import.meta.url));
const { given, plays } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const found = plays.map((play) => {
  const { state, chosen, wrong } = decode(play, given.start, given.plane.bound);
  return [encode(state, given.start, { chosen }), wrong];
});
process.stdout.write(JSON.stringify(found));
