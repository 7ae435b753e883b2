// The part of a report that still thinks: a threshold that moves, and the student's answers to examples and drawings.

import { numbers } from './bytes.js';
import { element, slider } from './controls.js';
import { Draws } from './draws.js';
import { Example } from './example.js';
import { answered, frequencies } from './shares.js';

const percent = (share) => `${(100 * share).toFixed(1)} %`;

export class Thinking {
  constructor(host, given) {
    Object.assign(this, { given, draws: new Draws(given) });
    this.tested = { deviance: numbers(given.tested.deviance), wrong: numbers(given.tested.wrong) };
    this.sorted = Float32Array.from(this.tested.deviance).sort();
    this.example = new Example(given, this.draws);
    host.replaceChildren(...this.thresholdPart(), ...this.example.parts);
    this.move(given.tested.threshold);
  }

  // What every example's answer is, for tests.
  answers() {
    return this.given.examples.labels.map((_, example) => this.example.said(example));
  }

  // Answer cases of a deviance up to the threshold; null: none.
  move(threshold) {
    const found = answered(this.tested, threshold);
    Object.assign(this, { threshold, share: found.count / found.of });
    this.says.textContent = frequencies(found);
    const wrong = found.wrong / found.of;
    const parts = { right: this.share - wrong, wrong, person: 1 - this.share };
    for (const [name, share] of Object.entries(parts)) this.bar[name].style.width = `${100 * share}%`;
    this.control.refresh();
    this.back.hidden = threshold === this.given.tested.threshold;
    this.example.decide(threshold);
  }

  thresholdPart() {
    const { tested } = this.given;
    this.control = slider({
      title: 'Share of cases that it answers by itself',
      scale: { to: (place) => place, from: (value) => value },
      bind: { get: () => this.share ?? 0, set: (share) => (this.asked = share) },
      shown: (share) =>
        this.threshold == null ? 'none' : `${percent(share)}: deviance up to ${this.threshold.toPrecision(3)}`,
      help: 'The surest cases are answered first. Further to the right more cases are answered, and more of them wrong.',
      changed: () => {
        const count = Math.round(this.asked * this.sorted.length);
        this.move(count ? this.sorted[count - 1] : null);
      },
    });
    this.says = element('p', { class: 'says', 'aria-live': 'polite' });
    const back = () => this.move(tested.threshold);
    this.back = element('button', { type: 'button', onclick: back }, "Back to the verdict's threshold");
    this.bar = Object.fromEntries(['right', 'wrong', 'person'].map((name) => [name, element('span', { class: name })]));
    const names = { right: 'answered, right', wrong: 'answered, wrong', person: 'to a person' };
    const mark = ([name, title]) => element('span', {}, element('i', { class: name }), title);
    const legend = Object.entries(names).map(mark);
    return [
      element('h3', {}, 'Which cases does it answer by itself?'),
      this.control.row,
      element('div', { class: 'thousand', 'aria-hidden': 'true' }, ...Object.values(this.bar)),
      element('p', { class: 'legend' }, ...legend),
      this.says,
      this.back,
      element('p', { class: 'note' }, tested.note),
    ];
  }
}
