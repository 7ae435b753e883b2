// Sentences and numbers that the page shows.

const percent = (value, digits = 0) => `${(100 * value).toFixed(digits)} %`;

const minus = (text) => text.replace('-', '−');

const mean = (bins, name) =>
  bins.reduce((sum, bin) => sum + bin.count * bin[name], 0) / bins.reduce((sum, bin) => sum + bin.count, 0);

// The two-sided 95 % point of Student's t with 15 degrees of freedom: errors are of 16 chains.
const T = 2.131;

// Up to this R-hat chains are said to agree, as mtbkd_core/evaluation/diagnostics.py has it.
const AGREED = 1.05;

// Beyond this calibration error, confidence is not called near the truth.
const NEAR = 0.05;

// One sentence on the present posterior, by rules. A fault is named where the number is beyond its bound by more than its
// Monte Carlo error.
export function sentence({ scores, bins, points }) {
  const { coverage, misled, gap, calibration, log, best, errors } = scores;
  if (points === 0) return 'There is no point to learn from: these students are drawn from the prior of their weights.';
  if (misled - T * errors.misled >= 0.02) {
    return `Sure and wrong at ${percent(misled)} of the test points: 80 % confidence or more in a class that the truth gives less than half.`;
  }
  if (coverage + T * errors.coverage < 0.85) {
    return `The intervals are too narrow: only ${percent(coverage)} of the true probabilities lie in the 95 % intervals.`;
  }
  if (Math.abs(gap) - T * errors.gap > 0.03) {
    const kind = gap > 0 ? 'too sure' : 'not sure enough';
    return `The student is ${kind}: its mean confidence is ${percent(mean(bins, 'confidence'))}, and the truth gives the classes that it names ${percent(mean(bins, 'right'))}.`;
  }
  const [far, margin] = [best - log, T * errors.log];
  const miscalibrated = calibration - T * errors.calibration > NEAR;
  const told = `coverage ${percent(coverage)}, log score ${minus(log.toFixed(3))}, at best ${minus(best.toFixed(3))}.`;
  if (miscalibrated) return `Confidence lies ${percent(calibration, 1)} from the truth on average: ${told}`;
  const near = calibration > NEAR ? '' : 'confidence near the truth, ';
  if (far <= margin) return `No clear difference from the truth: ${near}${told}`;
  if (far + margin < 0.02) return `The student is close to the truth: ${near}${told}`;
  return `${reason(scores)}: ${near}${told}`;
}

// Why the log score is below the best one, where confidence is right on the whole.
function reason({ astray, errors }) {
  if (astray - T * errors.astray < 0.02) return 'Nearly always the right class, but not its exact probability';
  return `The truth favours another class at ${percent(astray)} of the test points`;
}

// What an address held that could not be read, or not be taken as it is; nothing where all was right.
export function misread({ wrong, beyond }) {
  const unread = wrong.length ? `The address could not be read in full: ${wrong.join(', ')}.` : '';
  const limited = beyond.map(([part, value]) => `${part} (now ${value})`).join(', ');
  return [unread, limited && `Beyond the limits in the address: ${limited}.`].filter(Boolean).join(' ');
}

// Why no teacher has a share; nothing where one has.
export function silence(state, points) {
  if (!points.length) return 'Without points there are no shares: teachers speak only at points.';
  if (!state.teachers.some((teacher) => teacher.on && teacher.base > 0)) return 'No teacher is on: the student learns from labels alone.';
  return state.labels > 0 ? '' : 'At strength 0 no teacher counts, ticked or not: the student learns from labels alone.';
}

export function status(found, { paused, resting }) {
  if (paused) return ['paused', 'Paused'];
  if (found.restarted) return ['moving', 'Started anew: the change was too large'];
  if (found.split) return ['moving', resting ? 'At rest, but not mixed' : 'Mixing slowly: not settled'];
  if (found.moving) return ['moving', 'The chains are still moving'];
  const rest = resting ? ', at rest' : '';
  if (found.rHat <= AGREED) return ['settled', rest ? `Settled${rest}` : `Settled · ${found.draws} draws`];
  return ['partly', `Predictions settled${rest} · R-hat ${Math.max(1.1, found.rHat).toFixed(1)}`];
}

// What the status is worked out from.
export function statusHelp({ moving, gradients, change, agreement, rHat }) {
  const joint = rHat <= AGREED ? `within ${AGREED}` : `the chains still lie apart there, ${AGREED} is the engine's limit`;
  const settled = moving ? '' : 'Settled: the predictions no longer change, and the chains agree in them. ';
  return `${settled}R-hat of predictions ${agreement.toFixed(2)}, of the log joint ${rHat.toFixed(2)} (${joint}). Predictions of the last two halves differ by ${(100 * change).toFixed(1)} points. ${gradients} gradients of 16 chains.`;
}

// As many digits as its error needs, and at least so many.
const digitsOf = (error, least) => (error > 0 ? Math.min(6, Math.max(least, Math.ceil(-Math.log10(error)))) : least);

const errorText = (error, digits) => `± ${error > 0 ? error.toFixed(digits) : '0'}`;

function percentage(value, error, line) {
  const digits = digitsOf(100 * error, 1);
  return [percent(value, digits), `${errorText(100 * error, digits)} %`, line];
}

// Each number: its text, its Monte Carlo error, and what it is.
export const shownNumber = {
  log({ log, best, errors }) {
    const digits = digitsOf(errors.log, 3);
    return [minus(log.toFixed(digits)), errorText(errors.log, digits), `${(best - log).toFixed(digits)} below the best`];
  },
  calibration: ({ calibration, errors }) => percentage(calibration, errors.calibration, 'confidence against truth'),
  coverage: ({ coverage, errors }) => percentage(coverage, errors.coverage, 'of the 95 % intervals'),
};

const CHANGES = { log: [1, 3, ''], calibration: [100, 1, ' points'], coverage: [100, 1, ' points'] };

// How a number has changed since the pin, and whether that is beyond both Monte Carlo errors.
export function changed(name, after, before) {
  const change = after[name] - before[name];
  const error = Math.hypot(after.errors[name], before.errors[name]);
  const clear = Math.abs(change) > T * error;
  const [factor, least, unit] = CHANGES[name];
  const digits = digitsOf(factor * error, least);
  const size = Math.abs(factor * change).toFixed(digits);
  if (Number(size) === 0) return { text: 'no change since the pin', clear };
  return { text: `${change < 0 ? '−' : '+'}${size}${unit} since the pin${clear ? '' : ', within its error'}`, clear };
}

// The span of a number's history line.
export const spans = { log: [-1.2, -0.35], calibration: [0, 0.2], coverage: [0.4, 1] };
