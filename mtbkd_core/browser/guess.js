// Guess first: sliders for what a step asks, and the answer with the guess laid over it.

import { reliabilityChart, sharesChart } from './charts.js';
import { element } from './controls.js';

const CONFIDENCES = [50, 60, 70, 80, 90];

const QUESTIONS = {
  shares: 'Guess first: what share has each teacher? Where one share rises, the others fall, so that they sum to 100 %.',
  reliability: 'Guess first: of the answers with this confidence, how many are right?',
};
const ANSWERS = {
  shares: 'Bar: the answer. Wide grey mark: your guess. Thin mark: the weight before learning.',
  reliability: 'Solid: the answer. Dashed: your guess. On the diagonal, confidence is right.',
};

// Whole numbers like `values` that sum to `total`; even where all are 0.
export function apportioned(values, total) {
  const sum = values.reduce((a, b) => a + b, 0);
  const exact = values.map((value) => (sum > 0 ? (total * value) / sum : total / values.length));
  const found = exact.map(Math.floor);
  const order = exact.map((_, at) => at).sort((a, b) => exact[b] - found[b] - (exact[a] - found[a]));
  const left = total - found.reduce((a, b) => a + b, 0);
  for (const at of order.slice(0, left)) found[at] += 1;
  return found;
}

export class Guess {
  // kind: "shares" or "reliability"; teachers: [{name, title}] of the step; `revealed` is called once there is a guess.
  constructor(kind, teachers, revealed) {
    const shares = kind === 'shares';
    Object.assign(this, { kind, revealed });
    this.names = shares ? teachers.map(({ name }) => name) : CONFIDENCES;
    const titles = shares ? teachers.map(({ title }) => title) : CONFIDENCES.map((value) => `${value} % sure: right in`);
    this.values = shares ? apportioned(teachers.map(() => 1), 100) : CONFIDENCES.map(() => 50);
    this.rows = titles.map((title, at) => this.row(title, at));
    this.heading = element('b', { role: 'status' }); // read out once it has words
    this.button = element('button', { type: 'button', class: 'reveal', disabled: true, title: 'Move a slider first.', onclick: () => this.reveal() }, 'Show the answer');
    this.node = element(
      'div',
      { class: 'guess' },
      element('b', {}, QUESTIONS[kind]),
      element('p', { class: 'line' }, 'Pictures and numbers that give it away come with the answer.'),
      ...this.rows.map(({ node }) => node),
      this.button,
      this.heading,
    );
    this.refresh();
  }

  row(title, at) {
    const output = element('output', {});
    const input = element('input', { type: 'range', min: 0, max: 100, 'aria-label': title, oninput: () => this.set(at, Number(input.value)) });
    return { input, output, node: element('label', { class: 'row' }, element('span', {}, title), output, input) };
  }

  set(at, value) {
    this.button.disabled = false;
    this.button.title = '';
    if (this.kind === 'shares') {
      const others = this.values.filter((_, other) => other !== at);
      const rest = apportioned(others, 100 - value);
      this.values = this.values.map((_, other) => (other === at ? value : rest[other < at ? other : other - 1]));
    } else this.values[at] = value;
    this.refresh();
  }

  refresh() {
    this.rows.forEach(({ input, output }, at) => {
      input.value = this.values[at];
      output.textContent = `${this.values[at]} %`;
    });
  }

  // The answer in place of the question.
  reveal() {
    this.answer = element('div', { class: `answer ${this.kind}` });
    for (const child of [...this.node.children]) if (child !== this.heading) child.remove();
    this.heading.textContent = ANSWERS[this.kind];
    this.node.append(this.answer);
    this.revealed();
  }

  // Drawn anew with the charts; `teachers` are those that `found` is of.
  draw(found, teachers) {
    if (!this.answer) return;
    const shares = this.values.map((value) => value / 100);
    this.answer.innerHTML =
      this.kind === 'shares'
        ? sharesChart(teachers, found.shares, found.weights, Object.fromEntries(this.names.map((name, at) => [name, shares[at]])))
        : reliabilityChart(found.bins, this.names.map((sure, at) => ({ confidence: sure / 100, right: shares[at], count: 1 })));
  }
}
