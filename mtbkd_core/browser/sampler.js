// Hamiltonian Monte Carlo on all chains at once: Metropolis-adjusted, and so exact in distribution at any step size.
//
// Source: Neal, "MCMC using Hamiltonian dynamics", Handbook of Markov Chain Monte Carlo, 2011. Each chain has a step size
// of its own, which follows its acceptance (Robbins and Monro) for some trajectories after a change of the target and
// is then fixed. One call of `step` is one gradient of all chains, so that the work can be stopped after any of them.

const WANTED_ACCEPTANCE = 0.8;
const FIRST_STEP = 0.05;
// Trajectories after a change in which step sizes adapt. The first few are short, so that a change is answered while a slider
// moves; longer ones relax sooner.
const ADAPTED = 12;
const FIRST = 3;
const SHORT = 6;
const LONG = 16;

export class Sampler {
  constructor(chains, random) {
    this.chains = chains;
    this.random = random;
    this.logStep = new Float64Array(chains).fill(Math.log(FIRST_STEP));
    this.logJoint = new Float64Array(chains);
    this.acceptance = new Float64Array(chains).fill(1);
    this.trajectories = 0;
  }

  // Start anew from positions [S, P].
  place(position) {
    this.position = position.slice();
    for (const name of ['gradient', 'trial', 'trialGradient', 'momentum'])
      this[name] = new Float64Array(position.length);
    this.trialJoint = new Float64Array(this.chains);
    this.energy = new Float64Array(this.chains);
    this.logStep.fill(Math.log(FIRST_STEP));
  }

  // Go on from where the chains are, under another log joint; what was under way of a trajectory is dropped.
  aim(posterior) {
    this.posterior = posterior;
    this.shares = new Float64Array(this.chains * posterior.teachers); // responsibilities, each teacher's mean
    this.trialShares = this.shares.slice();
    posterior.evaluate(this.position, this.gradient, this.logJoint, this.shares);
    this.left = 0;
    this.trajectories = 0;
    this.accepted = new Uint32Array(this.chains); // trajectories since then
  }

  // Move all positions towards or away from 0.
  rescale(factor) {
    for (let j = 0; j < this.position.length; j++) this.position[j] *= factor;
  }

  // Whether a chain has stood still since the change, which its step size could not mend.
  get stuck() {
    return this.trajectories >= ADAPTED && this.accepted.includes(0);
  }

  get adapting() {
    return this.trajectories < ADAPTED;
  }

  // One gradient of all chains; true where it ended a trajectory.
  step() {
    if (this.left === 0) this.begin();
    this.left -= 1;
    this.move();
    if (this.left > 0) return false;
    this.end();
    return true;
  }

  begin() {
    const p = this.position.length / this.chains;
    const length = this.trajectories < FIRST ? SHORT : LONG;
    this.left = 1 + Math.floor(this.random.uniform() * (2 * length - 1));
    this.jitter = 0.8 + 0.4 * this.random.uniform();
    this.trial.set(this.position);
    this.trialGradient.set(this.gradient);
    for (let s = 0; s < this.chains; s++) {
      let kinetic = 0;
      for (let j = s * p; j < (s + 1) * p; j++) {
        const momentum = this.random.normal();
        this.momentum[j] = momentum;
        kinetic += 0.5 * momentum * momentum;
      }
      this.energy[s] = kinetic - this.logJoint[s];
    }
    this.kick(0.5);
  }

  kick(share) {
    const p = this.position.length / this.chains;
    for (let s = 0; s < this.chains; s++) {
      const size = share * this.jitter * Math.exp(this.logStep[s]);
      for (let j = s * p; j < (s + 1) * p; j++) this.momentum[j] += size * this.trialGradient[j];
    }
  }

  move() {
    const p = this.position.length / this.chains;
    for (let s = 0; s < this.chains; s++) {
      const size = this.jitter * Math.exp(this.logStep[s]);
      for (let j = s * p; j < (s + 1) * p; j++) this.trial[j] += size * this.momentum[j];
    }
    this.posterior.evaluate(this.trial, this.trialGradient, this.trialJoint, this.trialShares);
    this.kick(this.left > 0 ? 1 : 0.5);
  }

  end() {
    const p = this.position.length / this.chains;
    const k = this.posterior.teachers;
    const gain = 1 / (1 + this.trajectories) ** 0.6;
    for (let s = 0; s < this.chains; s++) {
      const [from, to] = [s * p, (s + 1) * p];
      let kinetic = 0;
      for (let j = from; j < to; j++) kinetic += 0.5 * this.momentum[j] * this.momentum[j];
      const change = this.energy[s] - kinetic + this.trialJoint[s];
      const acceptance = change === change ? Math.exp(Math.min(0, change)) : 0;
      this.acceptance[s] = acceptance;
      if (this.adapting) this.logStep[s] += gain * (acceptance - WANTED_ACCEPTANCE);
      if (this.random.uniform() < acceptance) {
        this.position.set(this.trial.subarray(from, to), from);
        this.gradient.set(this.trialGradient.subarray(from, to), from);
        this.logJoint[s] = this.trialJoint[s];
        this.shares.set(this.trialShares.subarray(s * k, (s + 1) * k), s * k);
        this.accepted[s] += 1;
      }
    }
    this.trajectories += 1;
  }
}

// Anchored fits (a Gaussian prior centred on each chain's own draw) by Adam, as mtbkd_core/samplers/warm_start.py: where
// chains start from.
export function warmStart(posterior, chains, random, steps, rate = 0.2) {
  const size = chains * posterior.student.parameters;
  const anchor = Float64Array.from({ length: size }, () => random.normal());
  const position = anchor.slice();
  const gradient = new Float64Array(size);
  const logJoint = new Float64Array(chains);
  const mean = new Float64Array(size);
  const square = new Float64Array(size);
  for (let step = 1; step <= steps; step++) {
    posterior.evaluate(position, gradient, logJoint, undefined, anchor);
    const correction = Math.sqrt(1 - 0.99 ** step) / (1 - 0.9 ** step);
    const length = rate * (1 - (step - 1) / steps) * correction;
    for (let j = 0; j < size; j++) {
      mean[j] += 0.1 * (gradient[j] - mean[j]);
      square[j] += 0.01 * (gradient[j] * gradient[j] - square[j]);
      position[j] += (length * mean[j]) / (Math.sqrt(square[j]) + 1e-8);
    }
  }
  return position;
}
