// A lesson on top of the playground: its steps one by one, a guess before an answer, and the stage for a projector.

import { element } from './controls.js';
import { Guess } from './guess.js';
import { asked, decode, encode, pointsOf } from './state.js';
import { drawPoints } from './teachers.js';

const GUESSES = ['shares', 'reliability'];

export class Lesson {
  // view: the Playground; lesson: {title, steps: [{text, play, show, pin, guess}], after: {href, title}, where there is
  // one; address: {step: {read, write}, present: {read, write}}
  constructor(view, lesson, address) {
    Object.assign(this, { view, lesson, address });
    const button = (name, label, help, onclick) =>
      element('button', { type: 'button', class: name, title: help, onclick }, label);
    this.count = element('span', { class: 'count' });
    this.text = element('p', { class: 'step', role: 'status' });
    this.form = element('div', {});
    this.buttons = {
      back: button('back', '← Back', 'The step before (left arrow).', () => this.go(-1)),
      next: button('next', 'Next →', 'The next step (right arrow).', () => this.go(1)),
      present: button('present', 'Present', 'One large picture a step, for a projector.', () => this.present(!this.presenting)),
      link: button('copy', 'Copy link', 'The address of this step.', () => view.copyLink()),
    };
    const { back, next, present, link } = this.buttons;
    this.after = lesson.after && element('a', { class: 'after button', target: '_self' }, `${lesson.after.title} →`);
    this.node = element(
      'section',
      { class: 'lesson', 'aria-label': lesson.title },
      element('div', { class: 'bar' }, back, this.count, next, ...(this.after ? [this.after] : []), present, link),
      this.text,
      this.form,
    );
    view.board.node.prepend(this.node);
    if (document.activeElement === document.body) next.focus({ preventScroll: true }); // a page that was just opened
    this.keys = (event) => this.pressed(event);
    document.addEventListener('keydown', this.keys);
    this.present(address.present.read() === '1');
    this.show((parseInt(address.step.read(), 10) || 1) - 1, { kept: true });
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

  // One step on or back; `shown`, where there is one, is how the page scrolls along.
  go(by) {
    this.show(this.at + by);
    if (this.shown) this.shown(this.at);
    else if (!this.presenting) this.scroll();
  }

  // Bring the first picture of the step into view, below its words, which stay.
  scroll() {
    const { board, calm } = this.view;
    const names = this.step.show.filter((name) => name !== this.step.guess);
    const node = names.map((name) => board.pictures[name]).find((picture) => picture.checkVisibility());
    if (!node) return;
    const { position, top } = getComputedStyle(this.node);
    node.style.scrollMarginTop = position === 'sticky' ? `${this.node.offsetHeight + parseFloat(top)}px` : '';
    node.scrollIntoView({ block: 'nearest', behavior: calm.matches ? 'auto' : 'smooth' });
  }

  // Show a step; `kept`: the address may hold a state that the visitor has changed.
  show(index, { kept = false } = {}) {
    const last = this.lesson.steps.length - 1;
    this.at = Math.min(last, Math.max(0, index));
    const { view, step, at } = this;
    const held = this.node.contains(this.focused);
    this.address.step.write(at ? String(at + 1) : '');
    this.buttons.back.disabled = at === 0;
    this.buttons.next.disabled = at === last;
    this.buttons.next.hidden = Boolean(this.after) && at === last;
    if (this.after) this.after.hidden = at < last;
    this.count.textContent = `${at + 1} of ${last + 1}`;
    this.text.textContent = step.text;
    this.ask(step.guess);
    if (held) this.keepFocus();
    const before = step.pin ? this.before : undefined;
    const stays = before && view.pinned?.step === encode(before, view.data.start);
    if (view.pinned && !stays) view.pin(false);
    this.stage();
    if (kept && view.places.address.read()) return;
    if (before && !stays) this.compare(before);
    view.take(this.stateOf(at));
  }

  get focused() {
    return this.node.getRootNode().activeElement;
  }

  // The keyboard stays in the lesson where what it was on has gone or is of no use.
  keepFocus() {
    const usable = (node) => node && !node.disabled && !node.hidden;
    const { next, back } = this.buttons;
    if (!this.node.contains(this.focused) || !usable(this.focused)) [next, this.after, back].find(usable)?.focus({ preventScroll: true });
  }

  // The state that a step is compared with: that of the last step before it which has another one.
  get before() {
    const { steps } = this.lesson;
    const other = steps.slice(0, this.at).findLastIndex(({ play }) => play !== this.step.play);
    return other < 0 ? undefined : this.stateOf(other);
  }

  // Keep a state as "before": as it is where the chains stand there, else the worker samples it first.
  compare(before) {
    const { view } = this;
    const name = encode(before, view.data.start);
    const there = view.found && !view.stale && !view.found.moving && encode(view.state, view.data.start) === name;
    if (there) view.pin(true);
    else view.sampleBefore(asked(before, pointsOf(before, drawPoints(400, view.data.plane, before.seed))));
    if (view.pinned) view.pinned.step = name;
  }

  pressed(event) {
    const inside = event.composedPath()[0];
    const turn = { PageDown: 'next', PageUp: 'back' }[event.key]; // as a presenter's remote control sends
    if (turn && this.presenting) {
      event.preventDefault();
      if (!this.buttons[turn].disabled) this.go(turn === 'next' ? 1 : -1);
      return;
    }
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
    if (this.after) this.after.href = this.view.places.page(this.lesson.after.href, on ? { present: '1' } : {});
    if (this.at !== undefined) this.stage();
  }

  // Which pictures stand on the stage; cards stand beside a single map.
  stage() {
    const { board } = this.view;
    for (const [name, node] of Object.entries(board.pictures)) node.classList.toggle('staged', this.step.show.includes(name));
    this.view.size = undefined;
    this.view.layout();
  }

  // The columns of the stage, undefined where all maps are shown.
  get columns() {
    if (!this.presenting || this.at === undefined) return undefined;
    return this.maps && this.view.pinned ? 3 : Math.max(1, this.maps);
  }

  get maps() {
    return this.step.show.filter((name) => name in this.view.board.maps).length;
  }

  // What the stage holds beside and below its maps; cards and numbers stand beside a single one.
  beyondMaps() {
    const { stage, grid, node, cards } = this.view.board;
    const beside = cards.some((card) => card.classList.contains('staged'));
    const sideways = this.maps > 0 && this.columns === 1 && beside;
    node.classList.toggle('sideways', sideways);
    node.classList.toggle('mapless', !this.maps);
    if (!sideways || getComputedStyle(stage).gridTemplateColumns.split(' ').length < 2)
      return { under: stage.scrollHeight - grid.offsetHeight, beside: 0 };
    return { under: 0, beside: 0.5 };
  }

  // --- guess first ---

  ask(kind) {
    const { node } = this.view.board;
    const on = this.stateOf(this.at).teachers.filter((teacher) => teacher.on && teacher.base > 0);
    const guessing = (asks) => GUESSES.forEach((name) => node.classList.toggle(`guessing-${name}`, asks && kind === name));
    GUESSES.forEach((name) => node.classList.toggle(`guess-${name}`, kind === name));
    guessing(true);
    this.guess = kind && new Guess(kind, on, () => {
      guessing(false);
      this.draw();
      this.keepFocus();
    });
    this.form.replaceChildren(...(kind ? [this.guess.node] : []));
  }

  draw() {
    if (this.view.found) this.guess?.draw(this.view.found, this.view.drawnHeard);
  }
}
