// One case in a report: an example of the test set, or an input of the reader's own, and what the student says of it.

import { numbers } from './bytes.js';
import { element } from './controls.js';
import { paint, shown, Sketch } from './sketch.js';

const MOST_CLASSES = 12;
// More values than these are no form to fill in.
const MOST_VALUES = 24;
const percent = (share, digits = 0) => `${(100 * share).toFixed(digits)} %`;

export class Example {
  constructor(given, draws) {
    Object.assign(this, { given, draws, threshold: null, chosen: 0, own: null });
    this.examples = given.examples;
    this.teachers = numbers(given.examples.teachers);
    this.shares = numbers(given.examples.shares);
    this.epistemic = numbers(given.epistemic);
    this.answers = new Map();
    this.shape = given.inputs?.shape ?? null;
    this.picture = element('canvas', { class: 'picture', style: this.shape ? shown(this.shape) : '', role: 'img' });
    this.answer = element('div', { class: 'answer' });
    this.back = element('button', { type: 'button', onclick: () => this.choose(this.chosen) }, 'Back to the test example');
    this.parts = [
      element('h3', {}, 'One case'),
      element(
        'div',
        { class: 'case' },
        element('div', { class: 'chosen' }, ...this.makeChoice()),
        this.answer,
        element('div', { class: 'own' }, ...this.makeOwn()),
      ),
    ];
  }

  makeChoice() {
    const filters = { all: 'All', wrong: 'Those that it has wrong', person: 'Those that go to a person' };
    this.filter = element(
      'select',
      { 'aria-label': 'Which examples', onchange: () => this.list() },
      ...Object.entries(filters).map(([value, title]) => element('option', { value }, title)),
    );
    const take = () => this.choose(Number(this.select.value));
    this.select = element('select', { 'aria-label': 'Example', onchange: take });
    const step = (by, title, sign) =>
      element('button', { type: 'button', 'aria-label': title, onclick: () => this.step(by) }, sign);
    this.count = element('p', { class: 'note' });
    const steps = [step(-1, 'Previous', '‹'), step(1, 'Next', '›')];
    const choice = element('div', { class: 'choice' }, this.filter, this.select, ...steps);
    return [choice, this.count, ...(this.shape ? [this.picture] : [])];
  }

  // What lets a reader ask about an input of their own: a sheet of paper, or fields for values.
  makeOwn() {
    if (!this.draws.student) return [];
    const { width, names } = this.given.inputs;
    if (this.shape) return this.makePaper();
    if (width > MOST_VALUES) return [];
    const field = () => element('input', { type: 'number', step: 'any', oninput: () => this.read() });
    this.fields = Array.from({ length: width }, field);
    const rows = this.fields.map((each, i) => element('label', {}, names?.[i] ?? `Input ${i + 1}`, each));
    const line = element('p', { class: 'note' }, 'Change a value, and the student answers anew.');
    return [line, element('div', { class: 'fields' }, ...rows)];
  }

  makePaper() {
    this.sketch = new Sketch(this.shape, (picture) => this.ask(picture, 'your drawing'));
    const button = (title, onclick) => element('button', { type: 'button', onclick }, title);
    const range = (label, [min, max, step, value], set) => {
      const input = element('input', { type: 'range', min, max, step, value, title: label, 'aria-label': label });
      input.addEventListener('input', () => set(Number(input.value)));
      return input;
    };
    const ink = range('Ink: 0 is a rubber', [0, 1, 0.1, 1], (value) => (this.sketch.ink = value));
    const side = Math.max(...this.shape);
    const pen = range('Thickness of the pen', [0.02, 0.2, 0.01, 0.07], (value) => (this.sketch.radius = value * side));
    const copy = () => this.sketch.start(this.draws.input(this.chosen));
    const line =
      'Draw with the mouse, a finger or keys, as large as the paper; the student answers while you draw. Arrow keys move ' +
      'the pen, the space bar draws a dot, shift with an arrow key a line.';
    return [
      element('h4', {}, 'One of your own'),
      element('p', { class: 'note' }, line),
      this.sketch.canvas,
      element('div', { class: 'choice' }, button('Blank paper', () => this.sketch.start()), button('Copy the example', copy)),
      element('label', { class: 'pen' }, 'Ink', ink),
      element('label', { class: 'pen' }, 'Pen', pen),
    ];
  }

  // The threshold has moved; at first, the list is made.
  decide(threshold) {
    this.threshold = threshold;
    this.list();
  }

  // What the student says of an example; worked out once.
  said(example) {
    if (!this.answers.has(example)) this.answers.set(example, this.draws.example(example));
    return this.answers.get(example);
  }

  goesToPerson(answer) {
    return this.threshold === null || answer.deviance > this.threshold;
  }

  list() {
    const filters = {
      all: () => true,
      wrong: (i) => best(this.said(i).mean) !== this.examples.labels[i],
      person: (i) => this.goesToPerson(this.said(i)),
    };
    this.listed = this.examples.rows.map((_, i) => i).filter(filters[this.filter.value]);
    const title = (i) => `Test example ${this.examples.rows[i]}: ${this.given.classes[this.examples.labels[i]]}`;
    this.select.replaceChildren(...this.listed.map((i) => element('option', { value: i }, title(i))));
    this.count.textContent = `${this.listed.length} of the ${this.examples.rows.length} test examples in this file.`;
    if (this.own) this.show();
    else if (this.listed.length) this.choose(this.listed.includes(this.chosen) ? this.chosen : this.listed[0]);
    else this.show();
  }

  step(by) {
    const place = this.listed.indexOf(this.chosen) + by;
    if (this.listed.length) this.choose(this.listed[(place + this.listed.length) % this.listed.length]);
  }

  choose(example) {
    Object.assign(this, { chosen: example, own: null });
    this.select.value = example;
    const input = this.draws.input(example);
    this.picture.setAttribute('aria-label', `Test example ${this.examples.rows[example]}`);
    if (this.shape && input) paint(this.picture, this.shape, input);
    if (this.fields) this.fields.forEach((field, i) => (field.value = Number(input[i].toPrecision(5))));
    this.show();
  }

  read() {
    const values = this.fields.map((field) => Number(field.value));
    if (values.every(Number.isFinite)) this.ask(Float32Array.from(values), 'your values');
  }

  // Ask about an input of the reader's own; once a frame, however fast the pen is.
  ask(input, name) {
    this.own = { input, name };
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = undefined;
      if (this.own) this.show();
    });
  }

  show() {
    const answer = this.own ? this.draws.answer(this.own.input) : this.said(this.chosen);
    this.shownAnswer = answer;
    const back = this.own ? [this.back] : [];
    this.answer.replaceChildren(...this.words(answer), this.bars(answer), this.legend(), ...back);
  }

  words(answer) {
    const { classes, examples } = this.given;
    const named = best(answer.mean);
    const label = this.own ? null : examples.labels[this.chosen];
    const truth = named === label ? 'That is right.' : `The truth is ${classes[label]}.`;
    const said = ` at ${percent(answer.mean[named])}${this.own ? `, for ${this.own.name}.` : `. ${truth}`}`;
    const inside = classes.filter((_, c) => answer.set[c]);
    const limit = this.threshold === null ? 'no case is answered' : `the threshold is ${this.threshold.toPrecision(3)}`;
    const decision = this.goesToPerson(answer) ? 'This case goes to a person' : 'It answers this case by itself';
    const epistemic = `(epistemic part ${answer.epistemic.toPrecision(2)} nats)`;
    const surer = this.epistemic.filter((value) => value < answer.epistemic).length / this.epistemic.length;
    return [
      element('p', { class: 'named' }, element('strong', {}, classes[named]), said),
      element('p', { class: 'decision' }, `${decision}: its deviance is ${answer.deviance.toPrecision(3)} nats, ${limit}.`),
      element('p', {}, `The 95 % set has ${inside.length} of ${classes.length} classes: ${listed(inside)}.`),
      element('p', {}, `Its draws disagree ${epistemic} more than on ${percent(surer)} of the test examples.`),
    ];
  }

  // A row for each of the likeliest classes, the true one among them: interval, mean, and what teachers say.
  bars(answer) {
    const { classes, teachers } = this.given;
    const label = this.own ? -1 : this.examples.labels[this.chosen];
    const order = answer.mean.map((_, c) => c);
    const likelier = (a, b) => (b === label) - (a === label) || answer.mean[b] - answer.mean[a];
    if (classes.length > MOST_CLASSES) order.sort(likelier);
    const at = (share) => `left:${Math.min(100, 100 * share)}%`;
    const rows = order.slice(0, MOST_CLASSES).map((c) => {
      const [low, high] = answer.intervals[c];
      const ticks = this.own
        ? []
        : teachers
            .map(({ colour }, k) => [this.teacherSays(k, c), colour])
            .filter(([share]) => Number.isFinite(share))
            .map(([share, colour]) => element('span', { class: 'teacher', style: `${at(share)};background:${colour}` }));
      const name = element('span', { class: `name${answer.set[c] ? ' inside' : ''}` }, `${classes[c]}${c === label ? ' (true)' : ''}`);
      const width = `width:${Math.max(0.5, 100 * (high - low))}%`;
      const band = element('span', { class: 'band', style: `${at(low)};${width}` });
      const mean = element('span', { class: 'mean', style: at(answer.mean[c]) });
      const value = element('span', { class: 'value' }, `${Math.round(100 * low)}–${percent(high)}`);
      return element('div', { class: 'share' }, name, element('span', { class: 'track' }, band, ...ticks, mean), value);
    });
    const rest = classes.length - rows.length;
    const more = element('p', { class: 'note' }, rest > 0 ? `and ${rest} classes that are less likely` : '');
    return element('div', { class: 'bars' }, ...rows, more);
  }

  teacherSays(k, c) {
    const { labels } = this.examples;
    const { classes } = this.given;
    return this.teachers[(k * labels.length + this.chosen) * classes.length + c];
  }

  legend() {
    const marks = [
      element('span', {}, element('i', { class: 'band' }), '95 % interval'),
      element('span', {}, element('i', { class: 'mean' }), 'mean'),
      element('span', {}, element('b', {}, 'Bold'), 'in the set'),
    ];
    const teachers = this.own
      ? []
      : this.given.teachers.map(({ title, colour }, k) => {
          const share = this.shares[k * this.examples.labels.length + this.chosen];
          const tick = element('i', { class: 'tick', style: `background:${colour}` });
          return element('span', {}, tick, `${title} (responsibility ${percent(share)})`);
        });
    return element('p', { class: 'legend' }, ...marks, ...teachers);
  }
}

const best = (mean) => mean.indexOf(Math.max(...mean));
const listed = (names) => names.slice(0, MOST_CLASSES).join(', ') + (names.length > MOST_CLASSES ? ' and more' : '');
