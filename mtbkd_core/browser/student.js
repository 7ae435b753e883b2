// Students' forward passes. Parameters lie as mtbkd_core/students/base.py has them: weights [out, in] and biases [out],
// layer by layer.
//
// `Student` is the plane's: inputs of 2 numbers, one hidden layer of SiLU units, 3 logits; all chains in one flat array.
// Its loops are unrolled, since it is sampled from. `logits` is the same pass for a dense student of any size.

import { exp, sigmoid } from './special.js';

export class Student {
  constructor(hidden) {
    this.hidden = hidden;
    this.parameters = 6 * hidden + 3;
  }

  // Logits [N, 3] of one chain at points x [N, 2]; `scale` times theta (from `at`) are its parameters. The units and
  // their gates [h, N] are kept where arrays for them are given, which `pullback` needs.
  forward(theta, at, scale, x, logits, units, gates) {
    const h = this.hidden;
    const b1 = at + 2 * h;
    const w2 = at + 3 * h;
    const b2 = at + 6 * h;
    const n = x.length / 2;
    for (let i = 0; i < n; i++) {
      const first = x[2 * i] * scale;
      const second = x[2 * i + 1] * scale;
      let f0 = theta[b2];
      let f1 = theta[b2 + 1];
      let f2 = theta[b2 + 2];
      for (let j = 0; j < h; j++) {
        const unit = theta[at + 2 * j] * first + theta[at + 2 * j + 1] * second + theta[b1 + j] * scale;
        const gate = sigmoid(unit);
        const out = unit * gate;
        f0 += theta[w2 + j] * out;
        f1 += theta[w2 + h + j] * out;
        f2 += theta[w2 + 2 * h + j] * out;
        if (units !== undefined) {
          units[j * n + i] = out;
          gates[j * n + i] = gate;
        }
      }
      logits[3 * i] = f0 * scale;
      logits[3 * i + 1] = f1 * scale;
      logits[3 * i + 2] = f2 * scale;
    }
  }

  // Adds the gradient on the whitened parameters to `gradient` (from `at`), given that on the logits [N, 3].
  pullback(theta, at, scale, x, units, gates, signal, gradient) {
    const h = this.hidden;
    const b1 = at + 2 * h;
    const w2 = at + 3 * h;
    const b2 = at + 6 * h;
    const n = x.length / 2;
    for (let i = 0; i < n; i++) for (let c = 0; c < 3; c++) gradient[b2 + c] += signal[3 * i + c] * scale;
    for (let j = 0; j < h; j++) {
      const to0 = theta[w2 + j] * scale;
      const to1 = theta[w2 + h + j] * scale;
      const to2 = theta[w2 + 2 * h + j] * scale;
      let [from0, from1, from2, first, second, bias] = [0, 0, 0, 0, 0, 0];
      for (let i = 0, unit = j * n; i < n; i++, unit++) {
        const out = units[unit];
        const gate = gates[unit];
        const d0 = signal[3 * i];
        const d1 = signal[3 * i + 1];
        const d2 = signal[3 * i + 2];
        from0 += d0 * out;
        from1 += d1 * out;
        from2 += d2 * out;
        // SiLU's slope is s + u s (1 - s), with s the gate and u the unit
        const down = (d0 * to0 + d1 * to1 + d2 * to2) * (gate + out * (1 - gate));
        first += down * x[2 * i];
        second += down * x[2 * i + 1];
        bias += down;
      }
      gradient[w2 + j] += from0 * scale;
      gradient[w2 + h + j] += from1 * scale;
      gradient[w2 + 2 * h + j] += from2 * scale;
      gradient[at + 2 * j] += first * scale;
      gradient[at + 2 * j + 1] += second * scale;
      gradient[b1 + j] += bias * scale;
    }
  }
}

// Probabilities [N, 3] of one chain at points x [N, 2], and with `into` no new array.
export function probabilities(student, theta, at, scale, x, into = new Float64Array((x.length / 2) * 3)) {
  student.forward(theta, at, scale, x, into);
  for (let i = 0; i < into.length; i += 3) {
    const highest = Math.max(into[i], into[i + 1], into[i + 2]);
    const a = exp(into[i] - highest);
    const b = exp(into[i + 1] - highest);
    const c = exp(into[i + 2] - highest);
    const total = a + b + c;
    into[i] = a / total;
    into[i + 1] = b / total;
    into[i + 2] = c / total;
  }
  return into;
}

// Logits [C] of a dense student of layers (F, ..., C) for one input [F]; its parameters are theta from `at` on.
export function logits(sizes, theta, at, x) {
  let units = x;
  for (let layer = 1; layer < sizes.length; layer++) {
    const [inputs, outputs] = [sizes[layer - 1], sizes[layer]];
    const next = new Float64Array(outputs);
    for (let j = 0; j < outputs; j++) {
      const weights = at + j * inputs;
      let unit = theta[at + inputs * outputs + j];
      for (let i = 0; i < inputs; i++) unit += theta[weights + i] * units[i];
      next[j] = layer < sizes.length - 1 ? unit / (1 + exp(-unit)) : unit;
    }
    at += (inputs + 1) * outputs;
    units = next;
  }
  return units;
}

// Probabilities of logits.
export function softmax(values) {
  const highest = values.reduce((most, value) => Math.max(most, value), -Infinity);
  const raised = values.map((value) => exp(value - highest));
  const total = raised.reduce((sum, value) => sum + value, 0);
  return raised.map((value) => value / total);
}
