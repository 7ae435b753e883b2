// The log joint of all chains and its exact gradient, in whitened coordinates u = theta / sigma.
//
// log joint = sum_i [log p_i[y_i] + alpha log m_i] - ||u - anchor||^2 / 2; see mtbkd_core/posterior.py.

import { exp } from './special.js';

export class LogPosterior {
  // x [N, 2], labels [N] (-1: none), mixture: a MixturePrior of the same N examples, or null; scale: sigma.
  constructor(student, x, labels, mixture, scale) {
    Object.assign(this, { student, x, labels, mixture, scale });
    const n = labels.length;
    this.logits = new Float64Array(3 * n);
    this.units = new Float64Array(student.hidden * n);
    this.gates = new Float64Array(student.hidden * n);
    this.teachers = mixture ? mixture.count : 0;
    this.share = new Float64Array(this.teachers);
    this.logQ = new Float64Array(3);
    this.q = new Float64Array(3);
    this.pull = new Float64Array(3);
  }

  // For positions [S, P]: writes gradient [S, P], log joint [S] and each teacher's mean responsibility [S, K].
  // `anchor` [S, P] is the Gaussian prior's centre; without it, zero.
  evaluate(position, gradient, logJoint, shares, anchor) {
    const p = this.student.parameters;
    gradient.fill(0);
    shares?.fill(0);
    for (let s = 0; s < logJoint.length; s++) {
      const at = s * p;
      this.student.forward(position, at, this.scale, this.x, this.logits, this.units, this.gates);
      let value = this.onLogits(shares, s * this.teachers);
      this.student.pullback(position, at, this.scale, this.x, this.units, this.gates, this.logits, gradient);
      for (let j = at; j < at + p; j++) {
        const offset = position[j] - (anchor ? anchor[j] : 0);
        value -= 0.5 * offset * offset;
        gradient[j] -= offset;
      }
      logJoint[s] = value;
    }
  }

  // The data's part of one chain's log joint; replaces the logits by the gradient on them.
  onLogits(shares, sharesAt) {
    const { logits, labels, mixture, logQ, q, pull, share } = this;
    const n = labels.length;
    let value = 0;
    for (let i = 0; i < n; i++) {
      const at = 3 * i;
      const highest = Math.max(logits[at], logits[at + 1], logits[at + 2]);
      const f0 = logits[at] - highest;
      const f1 = logits[at + 1] - highest;
      const f2 = logits[at + 2] - highest;
      pull.fill(0);
      if (labels[i] >= 0) {
        const e0 = exp(f0);
        const e1 = exp(f1);
        const e2 = exp(f2);
        const total = e0 + e1 + e2;
        value += (labels[i] === 0 ? f0 : labels[i] === 1 ? f1 : f2) - Math.log(total);
        pull[0] = -e0 / total;
        pull[1] = -e1 / total;
        pull[2] = -e2 / total;
        pull[labels[i]] += 1;
      }
      if (mixture) {
        const t = mixture.temperature;
        const e0 = exp(f0 / t);
        const e1 = exp(f1 / t);
        const e2 = exp(f2 / t);
        const total = e0 + e1 + e2;
        const log = Math.log(total);
        logQ[0] = f0 / t - log;
        logQ[1] = f1 / t - log;
        logQ[2] = f2 / t - log;
        q[0] = e0 / total;
        q[1] = e1 / total;
        q[2] = e2 / total;
        value += mixture.strength * mixture.at(i, logQ, share);
        mixture.addPulls(i, q, share, pull);
        if (shares) for (let k = 0; k < this.teachers; k++) shares[sharesAt + k] += share[k] / n;
      }
      logits[at] = pull[0];
      logits[at + 1] = pull[1];
      logits[at + 2] = pull[2];
    }
    return value;
  }
}
