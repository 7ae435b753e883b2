// What a posterior is worth where the truth is known: scores against the truth's own probabilities, and diagnostics.

const CLASSES = 3;
const BINS = 10;

// Expected log score of predictions [N, 3] under the true probabilities [N, 3], in nats; larger is better.
export function logScore(mean, truth) {
  let total = 0;
  for (let i = 0; i < mean.length; i++) total += truth[i] * Math.log(Math.max(mean[i], 1e-12));
  return total / (mean.length / CLASSES);
}

// Confidence against the true probability of the predicted class, in bins of equal width; the calibration error, which is
// the mean distance of the two, weighted by the bins' counts; and how far confidence is above the truth on the whole.
export function reliability(mean, truth) {
  const bins = Array.from({ length: BINS }, () => ({ count: 0, confidence: 0, right: 0 }));
  const n = mean.length / CLASSES;
  for (let i = 0; i < n; i++) {
    let best = CLASSES * i;
    for (let c = 1; c < CLASSES; c++) if (mean[CLASSES * i + c] > mean[best]) best = CLASSES * i + c;
    const bin = bins[Math.min(BINS - 1, Math.floor(mean[best] * BINS))];
    bin.count += 1;
    bin.confidence += mean[best];
    bin.right += truth[best];
  }
  let [error, gap] = [0, 0];
  const filled = bins.filter((bin) => bin.count > 0);
  for (const bin of filled) {
    gap += (bin.confidence - bin.right) / n;
    error += Math.abs(bin.confidence - bin.right) / n;
    bin.confidence /= bin.count;
    bin.right /= bin.count;
  }
  return { bins: filled, error, gap };
}

// Share of points where the student names a class with 80 % confidence or more that the truth gives less than 50 %.
export function misled(mean, truth) {
  let count = 0;
  for (let i = 0; i < mean.length; i++) count += mean[i] >= 0.8 && truth[i] < 0.5;
  return count / (mean.length / CLASSES);
}

// Share of points where the most probable class is another one than the truth's.
export function astray(mean, truth) {
  const largest = (p, at) => [1, 2].reduce((best, c) => (p[at + c] > p[at + best] ? c : best), 0);
  let count = 0;
  for (let at = 0; at < mean.length; at += CLASSES) count += largest(mean, at) !== largest(truth, at);
  return count / (mean.length / CLASSES);
}

// How many of the draws, a list of arrays [N, 3], lie below each true probability: [N, 3].
export function countBelow(draws, truth) {
  const below = new Float64Array(truth.length);
  for (const draw of draws) for (let i = 0; i < truth.length; i++) below[i] += draw[i] < truth[i];
  return below;
}

// Share of true probabilities that lie in the equal-tailed interval of so many draws, by how many lie below each.
export function coverage(below, draws, level = 0.95) {
  const tail = (1 - level) / 2;
  let inside = 0;
  for (const count of below) inside += count >= tail * draws && count <= (1 - tail) * draws;
  return inside / below.length;
}

// The standard error of a score from its values without each of S chains: the jackknife (Efron and Tibshirani, 1993).
export function jackknife(values) {
  const mean = average(values);
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(((values.length - 1) / values.length) * squares);
}

// The equal-tailed interval [low, high] of numbers, placed as mtbkd_core/evaluation/predictive.py (`quantile_places`) does.
export function interval(values, level = 0.95) {
  const sorted = Float64Array.from(values).sort();
  const last = sorted.length - 1;
  const at = (share) => {
    const place = Math.min(Math.max(share * (sorted.length + 1) - 1, 0), last);
    const low = Math.floor(place);
    return sorted[low] + (place - low) * (sorted[Math.min(low + 1, last)] - sorted[low]);
  };
  return [at((1 - level) / 2), at((1 + level) / 2)];
}

// Split R-hat of series [chains][draws] (Gelman et al., Bayesian Data Analysis, 2013); NaN below 4 draws.
export function splitRHat(series) {
  const half = Math.floor(series[0].length / 2);
  if (half < 2) return NaN;
  const halves = series.flatMap((chain) => [chain.slice(0, half), chain.slice(-half)]);
  const means = halves.map(average);
  const within = average(halves.map((values, index) => variance(values, means[index])));
  const between = variance(means, average(means));
  return within > 0 ? Math.sqrt((half - 1) / half + between / within) : NaN;
}

// Whether chains agree, by draws [D][S] of predictions [M] of which every so manieth is looked at. rHat: the root of the
// variance over all draws to that within chains, each summed over predictions; 1: each chain says what all say, NaN below 2
// draws. noise: how far, in total variation, the mean predictions of two halves of such draws lie apart by chance.
export function agreement(draws, every = 1) {
  const [count, chains] = [draws.length, draws[0].length];
  let [between, within, noise, looked] = [0, 0, 0, 0];
  for (let i = 0; i < draws[0][0].length; i += every) {
    let [sum, squares] = [0, 0];
    for (let s = 0; s < chains; s++) {
      let [own, square] = [0, 0];
      for (let d = 0; d < count; d++) {
        const value = draws[d][s][i];
        own += value / count;
        square += value * value;
      }
      within += (square - count * own * own) / (count - 1) / chains;
      sum += own / chains;
      squares += own * own;
    }
    const variance = Math.max(0, squares - chains * sum * sum) / (chains - 1);
    between += variance;
    noise += Math.sqrt((8 * variance) / (Math.PI * chains)); // of a difference with variance 4 v / S
    looked += 1;
  }
  const rHat = within > 0 ? Math.sqrt((count - 1) / count + between / within) : NaN;
  return { rHat, noise: ((CLASSES / 2) * noise) / looked };
}

const average = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const variance = (values, mean) =>
  values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length - 1);

// Mean over points of half the summed distance of two predictions [N, 3].
export function totalVariation(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i] - b[i]);
  return sum / 2 / (a.length / CLASSES);
}
