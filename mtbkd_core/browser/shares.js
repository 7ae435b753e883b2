// Shares of cases: exact intervals, and what a threshold on the deviance does to the cases.

import { logGamma } from './special.js';

const LEVEL = 0.95;
const HALVINGS = 40;

// The sum of binomial probabilities from k on, upwards (step 1) or downwards (-1), where they fall.
function tail(k, n, p, step) {
  let term = Math.exp(
    logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1) + k * Math.log(p) + (n - k) * Math.log1p(-p),
  );
  let sum = term;
  const odds = step > 0 ? p / (1 - p) : (1 - p) / p;
  for (let i = k; step > 0 ? i < n : i > 0; i += step) {
    term *= odds * (step > 0 ? (n - i) / (i + 1) : i / (n - i + 1));
    sum += term;
    if (term < 1e-12 * sum) break;
  }
  return sum;
}

// The p between `from`, where `below(p)` holds, and `to`, where it no longer does.
function border(from, to, below) {
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (from + to) / 2;
    if (below(middle)) from = middle;
    else to = middle;
  }
  return (from + to) / 2;
}

// The exact interval [low, high] of a share, two-sided (Clopper and Pearson, Biometrika 1934).
export function shareInterval(hits, count) {
  const rest = (1 - LEVEL) / 2;
  const share = hits / count;
  const low = hits ? border(0, share, (p) => tail(hits, count, p, 1) < rest) : 0;
  const high = hits < count ? border(share, 1, (p) => tail(hits, count, p, -1) > rest) : 1;
  return [low, high];
}

// How many of the cases a threshold answers, and how many of those are wrong; null answers none.
export function answered(tested, threshold) {
  let [count, wrong] = [0, 0];
  tested.deviance.forEach((deviance, i) => {
    if (threshold === null || deviance > threshold) return;
    count += 1;
    wrong += tested.wrong[i];
  });
  return { count, wrong, of: tested.deviance.length };
}

// "of 1,000 cases ...", as mtbkd_core/review/verdict.py says it.
export function frequencies({ count, wrong, of }) {
  const thousand = (share) => Math.round(1000 * share).toLocaleString('en');
  if (count === 0) return 'All 1,000 cases go to a person.';
  const rate = count / of;
  const [low, high] = shareInterval(wrong, count);
  const range = `[${thousand(rate * low)} to ${thousand(rate * high)}]`;
  return `Of 1,000 cases ${thousand(rate)} are answered, ${thousand((rate * wrong) / count)} of them wrong ${range}, ${thousand(1 - rate)} go to a person.`;
}
