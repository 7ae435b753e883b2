// Entropy weights and the teacher-informed Dirichlet mixture prior; see mtbkd_core/prior.py for the formulas.
//
// Source: Fang et al., "Multi-Teacher Knowledge Distillation via Teacher-Informed Mixture Priors", arXiv 2605.27967.
// K teachers give K arrays of logits [N, C]; results are flat [K, N].

import { logGamma } from './special.js';

// Writes softmax(logits[at .. at + C] / temperature) to `into` at `to`.
function temperedSoftmax(logits, at, classes, temperature, into, to) {
  let highest = -Infinity;
  for (let c = 0; c < classes; c++) highest = Math.max(highest, logits[at + c] / temperature);
  let total = 0;
  for (let c = 0; c < classes; c++) total += into[to + c] = Math.exp(logits[at + c] / temperature - highest);
  for (let c = 0; c < classes; c++) into[to + c] /= total;
}

// Entropy in nats of each teacher's probabilities at each example, [K, N].
export function entropies(logits, classes, temperatures) {
  const n = logits[0].length / classes;
  const found = new Float64Array(logits.length * n);
  const p = new Float64Array(classes);
  logits.forEach((rows, k) => {
    for (let i = 0; i < n; i++) {
      temperedSoftmax(rows, i * classes, classes, temperatures[k], p, 0);
      let entropy = 0;
      for (let c = 0; c < classes; c++) if (p[c] > 0) entropy -= p[c] * Math.log(p[c]);
      found[k * n + i] = entropy;
    }
  });
  return found;
}

const RULES = {
  fixed: (entropy, rho) => rho.slice(),
  inverse_entropy(entropy, rho) {
    const total = entropy.reduce((sum, value) => sum + value, 0);
    return rho.map((base, k) => base * Math.max(0, 1 - (total > 0 ? entropy[k] / total : 0)));
  },
  softmin(entropy, rho, beta) {
    const least = Math.min(...entropy.filter((_, k) => rho[k] > 0));
    return rho.map((base, k) => (base > 0 ? base * Math.exp(-Math.max(0, entropy[k] - least) / beta) : 0));
  },
};

// The weight of each teacher at each example, [K, N], summing to 1 over K.
// setting: {rule, base [K], temperatures [K], softmin}.
export function entropyWeights(logits, classes, setting) {
  const entropy = entropies(logits, classes, setting.temperatures);
  const count = logits.length;
  const n = entropy.length / count;
  const sum = setting.base.reduce((total, value) => total + value, 0);
  const rho = setting.base.map((value) => value / sum);
  const weights = new Float64Array(count * n);
  for (let i = 0; i < n; i++) {
    const here = rho.map((_, k) => entropy[k * n + i]);
    const found = RULES[setting.rule](here, rho, setting.softmin);
    const total = found.reduce((a, b) => a + b, 0);
    for (let k = 0; k < count; k++) weights[k * n + i] = total > 0 ? found[k] / total : rho[k];
  }
  return weights;
}

// The mixture of N examples, with all that does not depend on the student worked out once.
export class MixturePrior {
  // setting: as `entropyWeights`, and {concentration, temperature, strength, calibrated}.
  constructor(logits, classes, setting) {
    this.count = logits.length;
    this.examples = logits[0].length / classes;
    this.classes = classes;
    this.concentration = setting.concentration;
    this.temperature = setting.temperature;
    this.strength = setting.strength;
    this.weights = entropyWeights(logits, classes, setting);
    this.targets = new Float64Array(this.count * this.examples * classes); // t_ki, [K, N, C]
    this.offsets = new Float64Array(this.count * this.examples); // log w_ki and the normalising constant, [K, N]
    const constant = logGamma(classes + this.concentration);
    for (let k = 0; k < this.count; k++) {
      const softening = this.temperature * (setting.calibrated ? setting.temperatures[k] : 1);
      for (let i = 0; i < this.examples; i++) {
        const at = k * this.examples + i;
        temperedSoftmax(logits[k], i * classes, classes, softening, this.targets, at * classes);
        let offset = Math.log(this.weights[at]) + constant;
        for (let c = 0; c < classes; c++) offset -= logGamma(1 + this.concentration * this.targets[at * classes + c]);
        this.offsets[at] = offset;
      }
    }
  }

  // At example i with log q_i [C]: writes responsibilities r_ki to `share` [K] and gives log m_i.
  at(i, logQ, share) {
    let highest = -Infinity;
    for (let k = 0; k < this.count; k++) {
      const row = k * this.examples + i;
      let cross = 0;
      for (let c = 0; c < this.classes; c++) cross += this.targets[row * this.classes + c] * logQ[c];
      share[k] = this.offsets[row] + this.concentration * cross;
      if (share[k] > highest) highest = share[k];
    }
    let total = 0;
    for (let k = 0; k < this.count; k++) total += share[k] = Math.exp(share[k] - highest);
    for (let k = 0; k < this.count; k++) share[k] /= total;
    return highest + Math.log(total);
  }

  // Each teacher's mean responsibility [K] at the only example, over draws of the student's probabilities there [D, C].
  sharesOf(draws) {
    const { count, classes, temperature } = this;
    const found = Array(count).fill(0);
    const share = new Float64Array(count);
    const q = new Float64Array(classes);
    for (let at = 0; at < draws.length; at += classes) {
      temperedSoftmax(draws.subarray(at, at + classes).map((p) => Math.log(Math.max(p, 1e-30))), 0, classes, temperature, q, 0);
      this.at(0, q.map(Math.log), share);
      for (let k = 0; k < count; k++) found[k] += (classes * share[k]) / draws.length;
    }
    return found;
  }

  // What a teacher's full disagreement weighs on the logits: alpha lambda / T.
  get pullScale() {
    return (this.strength * this.concentration) / this.temperature;
  }

  // Adds each teacher's pull alpha (lambda / T) r_ki (t_ki - q_i) at example i to `gradient` [C].
  addPulls(i, q, share, gradient) {
    const scale = this.pullScale;
    for (let k = 0; k < this.count; k++) {
      const row = (k * this.examples + i) * this.classes;
      const weight = scale * share[k];
      for (let c = 0; c < this.classes; c++) gradient[c] += weight * (this.targets[row + c] - q[c]);
    }
  }
}
