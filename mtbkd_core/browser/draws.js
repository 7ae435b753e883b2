// The student that a report holds: its draws run here, or answers that were stored of it.

import { numbers } from './bytes.js';
import { convolutionLogits } from './convolution.js';
import { kernelFeatures, patchFeatures, standardised } from './inputs.js';
import { interval } from './scores.js';
import { logits, softmax } from './student.js';

const ROUNDING = 1e-6;
const FEATURES = { patches: patchFeatures, kernel: kernelFeatures };

const unpacked = (part) =>
  part &&
  Object.fromEntries(
    Object.entries(part).map(([name, value]) => [name, value?.data === undefined ? value : numbers(value)]),
  );

export const entropy = (p) => p.reduce((sum, value) => sum - (value > 0 ? value * Math.log(value) : 0), 0);

export class Draws {
  // As mtbkd_core/report/packing.py and thinking.py pack it.
  constructor(given) {
    this.classes = given.classes.length;
    this.level = given.level;
    this.student = given.student && { ...given.student, theta: numbers(given.student.theta) };
    this.standardisation = unpacked(given.standardisation);
    this.features = unpacked(given.features);
    this.inputs = { ...given.inputs, x: numbers(given.inputs?.x) };
    this.stored = unpacked(given.stored);
  }

  // The raw input [F] of an example; null where the file has none.
  input(example) {
    const { x, width, levels } = this.inputs;
    if (!x) return null;
    const raw = x.slice(example * width, (example + 1) * width);
    return levels ? Float32Array.from(raw, (value) => value / levels) : raw;
  }

  // What the student says of an example: by its draws, or as it was stored.
  example(example) {
    if (this.student) return this.answer(this.input(example));
    const row = (values) => Array.from(values.slice(example * this.classes, (example + 1) * this.classes));
    const { mean, low, high, set, deviance, epistemic } = this.stored;
    const lows = row(low);
    return {
      mean: row(mean),
      intervals: row(high).map((end, c) => [lows[c], end]),
      set: row(set).map(Boolean),
      deviance: deviance[example],
      epistemic: epistemic[example],
    };
  }

  // Mean, intervals, set, deviance and epistemic part for a raw input [F].
  answer(raw) {
    const { sizes, theta, draws, convolutions } = this.student;
    const size = theta.length / draws;
    const pass = convolutions ? convolutionLogits : logits;
    const about = convolutions ? { ...convolutions, classes: this.classes } : sizes;
    const plain = this.standardisation ? standardised(raw, this.standardisation) : raw;
    const x = this.features ? FEATURES[this.features.kind](plain, this.features) : plain;
    const each = Array.from({ length: draws }, (_, d) => softmax(pass(about, theta, d * size, x)));
    const mean = Array.from({ length: this.classes }, (_, c) => each.reduce((sum, p) => sum + p[c], 0) / draws);
    const aleatoric = each.reduce((sum, p) => sum + entropy(p), 0) / draws;
    return {
      mean,
      intervals: mean.map((_, c) => interval(each.map((p) => p[c]), this.level)),
      set: credibleSet(mean, this.level),
      deviance: 2 * aleatoric,
      epistemic: Math.max(0, entropy(mean) - aleatoric),
    };
  }
}

// The smallest set of classes whose means reach the level; as mtbkd_core/evaluation/sets.py.
function credibleSet(mean, level) {
  const order = mean.map((_, c) => c).sort((a, b) => mean[b] - mean[a]);
  const found = mean.map(() => false);
  let before = 0;
  for (const c of order) {
    if (before >= level - ROUNDING) break;
    found[c] = true;
    before += mean[c];
  }
  return found;
}
