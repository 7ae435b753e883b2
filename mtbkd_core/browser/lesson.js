// A lesson on top of the playground: its steps one by one, a guess before an answer, and the stage for a projector.

import { reliabilityChart, sharesChart } from './charts.js';
import { element } from './controls.js';
import { decode, encode } from './state.js';

const SETTLING_MS = 4000; // longest wait for the state that a step is compared with
const CONFIDENCES = [0.5, 0.6, 0.7, 0.8, 0.9];

export class Lesson {
  // view: the Playground; lesson: {title, steps: [{text, play, show, pin, guess}]}; address: {step: {read, write}, present: {read, write}}
  constructor(view, lesson, address) {
    Object.assign(this, { view, lesson, address });
    const button = (name, label, help, onclick) =>
      element('button', { type: 'button', class: name, title: help, onclick }, label);
    this.count = element('span', { class: 'count' });
    this.text = element('p', { class: 'step', role: 'status' });
    this.form = element('div', { class: 'guess', hidden: true });
    this.buttons = {
      back: button('back', '← Back', 'The step before (left arrow).', () => this.go(-1)),
      next: button('next', 'Next →', 'The next step (right arrow).', () => this.go(1)),
      present: button('present', 'Present', 'One large picture a step, for a projector.', () => this.present(!this.presenting)),
      link: button('copy', 'Copy link', 'The address of this step.', () => view.copyLink()),
    };
    this.node = element(
      'section',
      { class: 'lesson', 'aria-label': lesson.title },
      element('div', { class: 'bar' }, this.buttons.back, this.count, this.buttons.next, this.buttons.present, this.buttons.link),
      this.text,
      this.form,
    );
    view.board.node.prepend(this.node);
    this.keys = (event) => this.pressed(event);
    document.addEventListener('keydown', this.keys);
    this.present(address.present.read() === '1');
    this.show(Math.max(0, Number(address.step.read() || 1) - 1), { kept: true });
  }

  end() {
    document.removeEventListener('keydown', this.keys);
    document.body.classList.remove('mtbkd-stage');
  }

  get step() {
    return this.lesson.steps[this.at];
  }

  stateOf(index) {
    const { data } = this.view;
    return decode(this.lesson.steps[index].play, data.start, data.plane.bound).state;
  }

  // Whether a state is the one that the step begins with: it needs no place of its own in the address.
  begins(state) {
    return encode(state, this.view.data.start) === this.step.play;
  }

  // One step on or back; `shown` is where the page scrolls along.
  go(by) {
    this.show(this.at + by);
    this.shown?.(this.at);
  }

  // Show a step; `kept`: the address may hold a state that the visitor has changed.
  async show(index, { kept = false } = {}) {
    const last = this.lesson.steps.length - 1;
    const before = this.at;
    this.at = Math.min(last, Math.max(0, index));
    const { view, step, at } = this;
    this.address.step.write(at ? String(at + 1) : '');
    this.buttons.back.disabled = at === 0;
    this.buttons.next.disabled = at === last;
    this.count.textContent = `${at + 1} of ${last + 1}`;
    this.text.textContent = step.text;
    this.stage();
    this.ask(step.guess);
    if (view.pinned) view.pin(false);
    if (kept && view.places.address.read()) return;
    if (step.pin && at > 0) {
      if (before !== at - 1) view.take(this.stateOf(at - 1));
      await this.settled();
      if (this.at !== at || view.ended) return;
      view.pin(true);
    }
    view.take(this.stateOf(at));
  }

  // When the chains have settled, or have had their time.
  settled() {
    const { view } = this;
    const end = performance.now() + SETTLING_MS;
    return new Promise((done) => {
      const look = () => {
        const calm = view.found && !view.stale && !view.found.moving;
        if (view.ended || calm || performance.now() > end) done();
        else setTimeout(look, 50);
      };
      setTimeout(look, 50);
    });
  }

  pressed(event) {
    const inside = event.composedPath()[0];
    if (['INPUT', 'SELECT', 'TEXTAREA', 'CANVAS'].includes(inside.tagName) || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === 'ArrowRight' && !this.buttons.next.disabled) this.go(1);
    if (event.key === 'ArrowLeft' && !this.buttons.back.disabled) this.go(-1);
    if (event.key === 'Escape' && this.presenting) this.present(false);
  }

  // --- the stage ---

  present(on) {
    this.presenting = on;
    this.address.present.write(on ? '1' : '');
    document.body.classList.toggle('mtbkd-stage', on);
    this.view.board.node.classList.toggle('presenting', on);
    this.buttons.present.textContent = on ? 'Leave the stage' : 'Present';
    this.buttons.present.setAttribute('aria-pressed', String(on));
    if (this.at !== undefined) this.stage();
  }

  // Which pictures stand on the stage.
  stage() {
    const { board } = this.view;
    const shown = this.step.show;
    for (const [name, { node }] of Object.entries(board.maps)) node.classList.toggle('staged', shown.includes(name));
    for (const card of board.node.querySelectorAll('.card')) card.classList.toggle('staged', shown.some((name) => card.classList.contains(name)));
    this.view.size = undefined;
    this.view.layout();
  }

  // The columns of the stage, undefined where all maps are shown.
  get columns() {
    if (!this.presenting || this.at === undefined) return undefined;
    const maps = this.step.show.filter((name) => name in this.view.board.maps).length;
    return Math.max(1, this.view.pinned ? 3 : maps);
  }

  // --- guess first ---

  ask(kind) {
    const { board } = this.view;
    this.guess = undefined;
    this.answered = !kind;
    board.node.classList.toggle('guessing-shares', kind === 'shares');
    board.node.classList.toggle('guessing-reliability', kind === 'reliability');
    this.form.hidden = !kind;
    this.form.replaceChildren();
    if (!kind) return;
    const entries = kind === 'shares' ? this.teachers() : CONFIDENCES.map((value) => ({ name: String(value), title: `${100 * value} % sure: right in`, value }));
    const inputs = entries.map(({ name, title, value }) => {
      const output = element('output', {}, `${Math.round(100 * value)} %`);
      const input = element('input', { type: 'range', min: 0, max: 100, value: Math.round(100 * value), 'aria-label': title, oninput: () => (output.textContent = `${input.value} %`) });
      return { name, value, input, node: element('label', { class: 'row' }, element('span', {}, title), output, input) };
    });
    const question = kind === 'shares' ? 'Guess first: what share has each teacher?' : 'Guess first: of the answers with this confidence, how many are right?';
    const reveal = element('button', { type: 'button', class: 'reveal', onclick: () => this.reveal(kind, inputs) }, 'Show the answer');
    this.form.append(element('b', {}, question), ...inputs.map(({ node }) => node), reveal);
  }

  teachers() {
    const on = this.stateOf(this.at).teachers.filter((teacher) => teacher.on && teacher.base > 0);
    return on.map(({ name, title }) => ({ name, title, value: 1 / on.length }));
  }

  reveal(kind, inputs) {
    const values = inputs.map(({ input }) => Number(input.value) / 100);
    const total = values.reduce((a, b) => a + b, 0) || 1;
    this.guess =
      kind === 'shares'
        ? Object.fromEntries(inputs.map(({ name }, at) => [name, values[at] / total]))
        : inputs.map(({ value }, at) => ({ confidence: value, right: values[at], count: 1 }));
    this.answered = true;
    this.view.board.node.classList.remove('guessing-shares', 'guessing-reliability');
    this.answer = element('div', { class: `answer ${kind}` });
    this.form.replaceChildren(element('b', {}, kind === 'shares' ? 'Bars: the answer. Grey marks: your guess.' : 'Solid: the answer. Dashed: your guess.'), this.answer);
    this.draw();
  }

  // The answer with the guess laid over it, drawn anew with the charts.
  draw() {
    const { view, guess, answer } = this;
    if (!guess || !view.found) return;
    const { found } = view;
    answer.innerHTML = Array.isArray(guess)
      ? reliabilityChart(found.bins, guess)
      : sharesChart(view.drawnHeard, found.shares, found.weights, guess);
  }
}
