// Whether the chains have settled after a change, by the draws of the window (window.js).

import { agreement, totalVariation } from './scores.js';

// The chains have settled once the window's two halves differ by less (predictions in total variation, or by what chance
// makes of so few draws; the mean log joint in standard deviations over chains) and chains agree (R-hat of predictions):
// where some follow one teacher and some another, halves look alike long before the chains have changed sides. They move
// again beyond `AGAIN` times as much, or where chains have come apart.
const SAME_PICTURE = 0.02;
const SAME_HEIGHT = 0.5;
const AGAIN = 1.75;
const AGREED = 1.2;
const APART = 1.3;
const ENOUGH = 16;
const EVERY = 7; // of the predictions that R-hat is worked out from

export class Settling {
  // The target has changed.
  begin() {
    this.settled = false;
  }

  // By how much the predictions of the window's halves differ, and their log joints; whether chains agree; and whether they
  // move. `split`: the halves are alike, but the chains disagree.
  judge(window) {
    const { current: entries, fresh } = window;
    const change = changeWithin(entries);
    const drift = driftWithin(entries.map((entry) => entry.logJoint));
    const { rHat, noise } = agreement(entries.map((entry) => entry.test), EVERY);
    const factor = this.settled ? AGAIN : 1;
    const alike = change < factor * Math.max(SAME_PICTURE, noise) && drift < factor * SAME_HEIGHT;
    const still = fresh >= ENOUGH && alike;
    this.settled = still && rHat < (this.settled ? APART : AGREED);
    const draws = Math.min(fresh, entries.length) * entries[0].test.length;
    return { moving: !this.settled, split: still && !this.settled, change, drift, agreement: rHat, draws };
  }
}

// How far the mean predictions of a window's two halves lie apart, in total variation; 1 where there are no halves.
function changeWithin(entries) {
  if (entries.length < 2) return 1;
  const middle = entries.length >> 1;
  const halves = [entries.slice(0, middle), entries.slice(middle)];
  return totalVariation(...halves.map((half) => average(half.map((entry) => entry.mean))));
}

// How far the chains' mean log joint has gone between a window's two halves, in standard deviations over chains.
function driftWithin(joints) {
  if (joints.length < 2) return Infinity;
  const middle = joints.length >> 1;
  const means = [joints.slice(0, middle), joints.slice(middle)].map((half) => average(half));
  const [before, after] = means.map((values) => values.reduce((a, b) => a + b, 0) / values.length);
  const spread = Math.sqrt(means[1].reduce((sum, value) => sum + (value - after) ** 2, 0) / (means[1].length - 1));
  return Math.abs(after - before) / spread;
}

// The mean of arrays of the same length.
export function average(arrays) {
  const sum = new Float32Array(arrays[0].length);
  const share = 1 / arrays.length;
  for (const values of arrays) for (let i = 0; i < sum.length; i++) sum[i] += values[i] * share;
  return sum;
}
