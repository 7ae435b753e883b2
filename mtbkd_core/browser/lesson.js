// A lesson on top of the playground: its steps one by one, a guess before an answer, and the stage for a projector.

import { element } from './controls.js';
import { Guess } from './guess.js';
import { decode, encode } from './state.js';

const GUESSES = ['shares', 'reliability'];
const ROOM_FOR_NUMBERS = 1100; // CSS pixels of the stage from which numbers stand in a column beside the maps
const NUMBERS = 236;
const MARGIN = 34; // below the pictures of a step: the sentence above may grow by a line
// On the page: of the place from which a card stands beside a single map; heights of what stands above, of numbers and of a card.
const [WIDE, BARS, NUMBERS_HIGH, CARD] = [560, 130, 110, 230];

export class Lesson {
  // view: the Playground; lesson: {title, steps: [{text, play, show, pin, guess}], after: {href, title}, where there is
  // one; address: {step: {read, write}, present: {read, write}}
  constructor(view, lesson, address) {
    Object.assign(this, { view, lesson, address, guesses: new Map() });
    const button = (name, label, help, onclick) =>
      element('button', { type: 'button', class: name, title: help, onclick }, label);
    this.count = element('span', { class: 'count' });
    this.text = element('p', { class: 'step', role: 'status' });
    this.form = element('div', {});
    this.buttons = {
      back: button('back', '← Back', 'The step before (left arrow).', () => this.go(-1)),
      next: button('next', 'Next →', 'The next step (right arrow).', () => this.go(1)),
      all: button('all', 'All pictures', 'Show what the step does not speak of, too.', () => this.focus(!this.focused)),
      present: button('present', 'Present', 'One large picture a step, for a projector.', () => this.present(!this.presenting)),
      link: button('copy', 'Copy link', 'The address of this step.', () => view.copyLink()),
    };
    const { back, next, all, present, link } = this.buttons;
    this.after = lesson.after && element('a', { class: 'after button', target: '_self' }, `${lesson.after.title} →`);
    this.node = element(
      'section',
      { class: 'lesson', 'aria-label': lesson.title },
      element('div', { class: 'bar' }, back, this.count, next, ...(this.after ? [this.after] : []), all, present, link),
      this.text,
      view.board.lead,
      this.form,
    );
    view.board.node.prepend(this.node);
    if (document.activeElement === document.body) next.focus({ preventScroll: true }); // a page that was just opened
    this.keys = (event) => this.pressed(event);
    document.addEventListener('keydown', this.keys);
    this.focus(true);
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
    return this.read(index).state;
  }

  read(index) {
    const { data } = this.view;
    return decode(this.lesson.steps[index].play, data.start, data.plane.bound);
  }

  nameOf(index) {
    return encode(this.stateOf(index), this.view.data.start);
  }

  // Whether a state is the one that the step begins with: it needs no place of its own in the address.
  begins(state) {
    const { start } = this.view.data;
    return encode(state, start) === this.nameOf(this.at);
  }

  // One step on or back; `shown`, where there is one, is how the page scrolls along.
  go(by) {
    this.show(this.at + by);
    if (this.shown) this.shown(this.at);
    else if (!this.presenting) this.scroll();
  }

  // Bring the pictures of the step into view, below its words, which stay: all of them where there is room, else the first.
  scroll() {
    const { board, calm } = this.view;
    const shown = this.step.show.map((name) => board.pictures[name]).filter((picture) => picture.checkVisibility());
    const boxes = shown.map((picture) => picture.getBoundingClientRect());
    if (!boxes.length) return;
    const { position, top } = getComputedStyle(this.node);
    const head = position === 'sticky' ? this.node.offsetHeight + parseFloat(top) : 0;
    const first = Math.min(...boxes.map((box) => box.top));
    const high = Math.max(...boxes.map((box) => box.bottom)) - first;
    const node = shown[boxes.findIndex((box) => box.top === first)];
    node.style.scrollMarginTop = `${head}px`;
    node.style.scrollMarginBottom = `${Math.max(0, Math.min(high + MARGIN, window.innerHeight - head) - node.offsetHeight)}px`;
    node.scrollIntoView({ block: 'nearest', behavior: calm.matches ? 'auto' : 'smooth' });
  }

  // Whether the page shows the pictures of the step alone.
  focus(on) {
    this.focused = on;
    this.view.board.node.classList.toggle('focused', on);
    this.buttons.all.setAttribute('aria-pressed', String(!on));
    if (this.at !== undefined) this.stage();
  }

  // Show a step; `kept`: the address may hold a state that the visitor has changed.
  show(index, { kept = false } = {}) {
    const last = this.lesson.steps.length - 1;
    this.at = Math.min(last, Math.max(0, index));
    const { view, step, at } = this;
    const held = this.has(this.active);
    this.address.step.write(at ? String(at + 1) : '');
    this.buttons.back.disabled = at === 0;
    this.buttons.next.disabled = at === last;
    this.buttons.next.hidden = Boolean(this.after) && at === last;
    if (this.after) this.after.hidden = at < last;
    this.count.textContent = `${at + 1} of ${last + 1}`;
    this.text.textContent = step.text;
    this.ask();
    if (held) this.keepFocus();
    const before = step.pin ? this.before : undefined;
    const stays = before && view.pinned?.step === encode(before, view.data.start);
    if (view.pinned && !stays) view.pin(false);
    view.showChains(step.show.includes('borders'));
    view.board.node.classList.toggle('fixed', !step.edit);
    view.board.node.classList.toggle('of-teachers', /(^|_)t\d/.test(step.play));
    this.stage();
    if (kept && view.places.address.read()) return;
    if (before && !stays) this.compare(before);
    const { state, chosen } = this.read(at);
    if (chosen) view.choose(chosen);
    view.take(state);
  }

  get active() {
    return this.node.getRootNode().activeElement;
  }

  has(node) {
    return this.node.contains(node) || this.form.contains(node); // which stands beside the maps of the stage
  }

  // The keyboard stays in the lesson where what it was on has gone or is of no use.
  keepFocus() {
    const usable = (node) => node && !node.disabled && !node.hidden;
    const { next, back } = this.buttons;
    if (!this.has(this.active) || !usable(this.active)) [next, this.after, back].find(usable)?.focus({ preventScroll: true });
  }

  // The state that a step is compared with: that of the last step before it which has another one.
  get before() {
    const { steps } = this.lesson;
    const other = steps.slice(0, this.at).findLastIndex((_, index) => this.nameOf(index) !== this.nameOf(this.at));
    return other < 0 ? undefined : this.stateOf(other);
  }

  // Keep a state as "before": as it is where the chains stand there, else the worker samples it first.
  compare(before) {
    const { view } = this;
    const name = encode(before, view.data.start);
    const there = view.found && !view.stale && !view.found.moving && encode(view.state, view.data.start) === name;
    if (there) view.pin(true);
    else view.sampleBefore(before);
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

  // Which pictures stand on the stage, and first what the step names first; cards and a guess stand beside a single map.
  stage() {
    const { pictures, below } = this.view.board;
    const { show } = this.step;
    this.view.board.node.classList.remove('abreast');
    for (const [name, node] of Object.entries(pictures)) {
      node.classList.toggle('staged', show.includes(name));
      node.style.setProperty('--place', show.includes(name) ? show.indexOf(name) : show.length);
    }
    if (this.presenting && this.maps && this.guess) below.prepend(this.form);
    else this.node.append(this.form);
    this.view.size = undefined;
    this.view.layout();
  }

  // The page, with nothing but the step's pictures.
  get alone() {
    return this.focused && !this.presenting && this.at !== undefined;
  }

  // The first picture is there.
  opened() {
    const alert = document.querySelector('[data-testid="stAlert"]'); // what the app has to say above stays in sight
    const above = alert && alert.getBoundingClientRect().top < this.node.getBoundingClientRect().top;
    if (!this.presenting && !this.shown && !above) this.scroll();
  }

  get onStage() {
    return this.presenting && this.at !== undefined;
  }

  // The height that the page leaves to its row of maps, and the share of the width that it takes from a single map.
  room() {
    const { stage, node, cards } = this.view.board;
    const named = cards.filter((card) => card.classList.contains('staged')).length;
    const abreast = this.maps === 1 && named > 0 && stage.clientWidth > WIDE;
    node.classList.toggle('abreast', abreast);
    const numbers = !abreast && this.step.show.includes('numbers') ? NUMBERS_HIGH : 0;
    const left = window.innerHeight - this.node.offsetHeight - BARS - numbers;
    return { room: named && !abreast ? left - CARD : left, beside: abreast ? 0.5 : 0 };
  }

  // How many maps stand in a row of the page.
  get columns() {
    return Math.min(3, Math.max(1, this.maps));
  }

  // How many maps the step shows.
  get maps() {
    const own = this.step.show.filter((name) => name in this.view.board.maps).length;
    return own && this.view.pinned ? 3 : own;
  }

  // What the stage holds, and beside and below its maps; cards and numbers stand beside a single one.
  beyondMaps() {
    const { stage, grid, node, cards } = this.view.board;
    const beside = this.guess || cards.some((card) => card.classList.contains('staged'));
    const { maps } = this;
    const sideways = maps === 1 && beside;
    const wide = stage.clientWidth;
    const numbered = maps > 0 && !beside && this.step.show.includes('numbers') && wide >= ROOM_FOR_NUMBERS;
    node.classList.toggle('numbered', numbered);
    node.classList.toggle('sideways', sideways);
    node.classList.toggle('mapless', !maps);
    if (numbered) return { maps, under: 0, beside: NUMBERS / wide };
    if (!sideways || getComputedStyle(stage).gridTemplateColumns.split(' ').length < 2)
      return { maps, under: stage.scrollHeight - grid.offsetHeight, beside: 0 };
    return { maps, under: 0, beside: 0.5 };
  }

  // --- guess first ---

  // Ask what the step asks. A guess that was made stays, with its answer.
  ask() {
    const { at, guesses } = this;
    const kind = this.step.guess;
    if (kind && !guesses.has(at)) {
      const on = this.stateOf(at).teachers.filter((teacher) => teacher.on && teacher.base > 0);
      guesses.set(at, new Guess(kind, on, () => this.revealed()));
    }
    this.guess = guesses.get(at);
    this.form.replaceChildren(...(this.guess ? [this.guess.node] : []));
    this.cover();
  }

  revealed() {
    this.cover();
    this.stage();
    this.draw();
    this.keepFocus();
  }

  // Whether a step asks for a guess that has not been made.
  asks(index) {
    return Boolean(this.lesson.steps[index].guess) && !this.guesses.get(index)?.answer;
  }

  // Hide what gives an answer away: all but the step's own pictures while it asks, and what a later step on the same state
  // will ask for.
  cover() {
    const { node } = this.view.board;
    const { steps } = this.lesson;
    const open = steps.map((_, index) => index).filter((index) => index >= this.at && this.asks(index));
    const awaited = open.filter((index) => this.nameOf(index) === this.nameOf(this.at)).map((index) => steps[index]);
    node.classList.toggle('guessing', open[0] === this.at);
    for (const name of GUESSES) {
      node.classList.toggle(`guess-${name}`, this.step.guess === name);
      node.classList.toggle(`guessing-${name}`, awaited.some(({ guess }) => guess === name));
    }
    this.covered?.(open[0]);
  }

  draw() {
    if (this.view.found) this.guess?.draw(this.view.found, this.view.drawnHeard);
  }
}
