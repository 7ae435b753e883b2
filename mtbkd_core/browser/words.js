// Sentences and numbers that the page shows.

const percent = (value, digits = 0) => `${(100 * value).toFixed(digits)} %`;

const minus = (text) => text.replace('-', '−');

const mean = (bins, name) =>
  bins.reduce((sum, bin) => sum + bin.count * bin[name], 0) / bins.reduce((sum, bin) => sum + bin.count, 0);

// One sentence on the present posterior, by rules.
export function sentence({ scores, bins }) {
  const { coverage, misled, log, best } = scores;
  if (misled >= 0.02) {
    return `Sure and wrong at ${percent(misled)} of the points: 80 % confidence or more in a class that the truth gives less than half.`;
  }
  if (coverage < 0.85) {
    return `The student is too sure: its 95 % intervals hold only ${percent(coverage)} of the true probabilities.`;
  }
  const [confidence, right] = [mean(bins, 'confidence'), mean(bins, 'right')];
  if (Math.abs(confidence - right) > 0.05) {
    const kind = confidence > right ? 'too sure' : 'too cautious';
    return `The student is ${kind}: its mean confidence is ${percent(confidence)}, and the truth says ${percent(right)}.`;
  }
  const far = (best - log).toFixed(3);
  const near = best - log < 0.02 ? 'close to the truth' : 'about as sure as it is right, but blurred';
  return `The student is ${near}: ${far} nats below the best possible score; its 95 % intervals hold ${percent(coverage)} of the true probabilities.`;
}

export function status(found, { paused, resting }) {
  if (paused) return ['paused', 'Paused'];
  if (found.restarted) return ['moving', 'Started anew: the change was too large'];
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

// The two-sided 95 % point of Student's t with 15 degrees of freedom: errors are of 16 chains.
const T = 2.131;

// How a number has changed since the pin, and whether that is beyond both Monte Carlo errors.
export function changed(name, after, before) {
  const change = after[name] - before[name];
  const clear = Math.abs(change) > T * Math.hypot(after.errors[name], before.errors[name]);
  return { text: `${shownChange[name](change)}${clear ? '' : ', within its error'}`, clear };
}

// The span of a number's history line.
export const spans = { log: [-1.2, -0.35], calibration: [0, 0.2], coverage: [0.4, 1] };
