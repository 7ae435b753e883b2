// Sentences and numbers that the page shows.

const percent = (value, digits = 0) => `${(100 * value).toFixed(digits)} %`;

const minus = (text) => text.replace('-', '−');

const mean = (bins, name) =>
  bins.reduce((sum, bin) => sum + bin.count * bin[name], 0) / bins.reduce((sum, bin) => sum + bin.count, 0);

// The two-sided 95 % point of Student's t with 15 degrees of freedom: errors are of 16 chains.
const T = 2.131;

// One sentence on the present posterior, by rules. A fault is named where the number is beyond its bound by more than its
// Monte Carlo error.
export function sentence({ scores, bins }) {
  const { coverage, misled, gap, log, best, errors } = scores;
  if (misled - T * errors.misled >= 0.02) {
    return `Sure and wrong at ${percent(misled)} of the points: 80 % confidence or more in a class that the truth gives less than half.`;
  }
  if (coverage + T * errors.coverage < 0.85) {
    return `The student is too sure: its 95 % intervals hold only ${percent(coverage)} of the true probabilities.`;
  }
  if (Math.abs(gap) - T * errors.gap > 0.03) {
    const kind = gap > 0 ? 'too sure' : 'too cautious';
    return `The student is ${kind}: its mean confidence is ${percent(mean(bins, 'confidence'))}, and the truth says ${percent(mean(bins, 'right'))}.`;
  }
  const [far, margin] = [best - log, T * errors.log];
  const below = `its log score is ${far.toFixed(3)} nats below the best possible one; its 95 % intervals hold ${percent(coverage)} of the true probabilities.`;
  if (far <= margin) return `No clear difference from the truth: ${below}`;
  if (far + margin < 0.02) return `The student is close to the truth: ${below}`;
  const sure = Math.abs(gap) <= T * errors.gap ? 'No clear difference between confidence and truth' : 'Confidence is near the truth';
  return `${sure}, but the student is blurred: ${below}`;
}

export function status(found, { paused, resting }) {
  if (paused) return ['paused', 'Paused'];
  if (found.restarted) return ['moving', 'Started anew: the change was too large'];
  if (found.split) return ['moving', resting ? 'At rest, but the chains disagree' : 'Moving slowly: the chains disagree'];
  if (found.moving) return ['moving', 'The chains are still moving'];
  return ['settled', resting ? 'Settled, at rest' : `Settled · ${found.draws} draws`];
}

// Each number: its text, its Monte Carlo error, and what it is.
export const shownNumber = {
  log: ({ log, best, errors }) => [
    minus(log.toFixed(3)),
    `± ${errors.log.toFixed(3)}`,
    `${(best - log).toFixed(3)} below the best`,
  ],
  calibration: ({ calibration, errors }) => [
    percent(calibration, 1),
    `± ${percent(errors.calibration, 1)}`,
    'confidence against truth',
  ],
  coverage: ({ coverage, errors }) => [
    percent(coverage, 1),
    `± ${percent(errors.coverage, 1)}`,
    'of the 95 % intervals',
  ],
};

const signed = (value, digits, unit = '') => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(digits)}${unit}`;
export const shownChange = {
  log: (change) => `${signed(change, 3)} since the pin`,
  calibration: (change) => `${signed(100 * change, 1, ' points')} since the pin`,
  coverage: (change) => `${signed(100 * change, 1, ' points')} since the pin`,
};

// How a number has changed since the pin, and whether that is beyond both Monte Carlo errors.
export function changed(name, after, before) {
  const change = after[name] - before[name];
  const clear = Math.abs(change) > T * Math.hypot(after.errors[name], before.errors[name]);
  return { text: `${shownChange[name](change)}${clear ? '' : ', within its error'}`, clear };
}

// The span of a number's history line.
export const spans = { log: [-1.2, -0.35], calibration: [0, 0.2], coverage: [0.4, 1] };
