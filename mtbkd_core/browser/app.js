// The playground's page: state, worker, and the loop that draws what the worker finds.

import { board, linkEngine, newPointChoice } from './board.js';
import { addBorders } from './borders.js';
import { controls } from './controls.js';
import { choosable, editable, editor } from './editing.js';
import { Grips } from './grips.js';
import { columnsOf, focusedSize, mapSize, staged } from './layout.js';
import { lookOf } from './look.js';
import { Lesson } from './lesson.js';
import { PlaneCanvas } from './maps.js';
import { drawCharts, drawGiven, drawMaps, drawWords, SIDE, withShares } from './painting.js';
import { square } from './session.js';
import { asked, CHOSEN, copy, decode, encode, engineSetting, pointsOf } from './state.js';
import { drawPoints, softmaxRows, truthLogits } from './teachers.js';
import { markAll, marking } from './terms.js';
import { misread, silence } from './words.js';

const MOST_DRAWN = 400;
const SAMPLING_MS = 24;
const RELAXING_MS = 48; // where nothing has been touched for a moment, and the chains still move
const MOMENT_MS = 100;
const REST_AFTER_MS = 120_000;
const CALM_MS = 800; // between two pictures where motion is not wanted
const CHARTS_EVERY = 4;

export class Playground {
  // data: {plane, start, palette}; places: {worker(), address: {read(), write(text)}, engine, offline}.
  constructor(host, data, places) {
    Object.assign(this, { host, data, places });
    const held = decode(places.address.read(), data.start, data.plane.bound);
    this.state = held.state;
    this.chosen = held.chosen ?? CHOSEN;
    this.label = 0;
    this.frames = 0;
    this.asks = 0;
    this.history = { log: [], calibration: [], coverage: [] };
    this.chainsShown = false;
    this.calm = window.matchMedia('(prefers-reduced-motion: reduce)');
    this.controls = controls(
      () => this.state,
      () => this.changed(),
    );
    this.board = board(this.controls.node, this.actions(), { offline: places.offline });
    this.board.legend.append(...newPointChoice(data, (label) => (this.label = label)));
    this.mark = marking(data.glossary);
    markAll(this.mark, this.board.node.querySelectorAll('.card > .line, .map .line'));
    host.append(this.board.node);
    this.notice(misread(held));
    this.planes = Object.fromEntries(
      Object.entries(this.board.maps).map(([name, { canvas }]) => [name, new PlaneCanvas(canvas, data.plane.bound)]),
    );
    editable(this.planes.prediction, editor(this));
    this.grips = new Grips(this.planes.prediction, this.gripped());
    for (const [name, plane] of Object.entries(this.planes))
      choosable(plane, (place) => this.choose(place), () => name !== 'prediction' || this.fixed);
    this.truth = Float32Array.from(softmaxRows(truthLogits(square(SIDE, data.plane.bound), data.plane)));
    addBorders(this.truth, SIDE, (this.truthLines = []));
    this.place();
    this.watch();
    this.begin();
    if (data.lesson) this.lesson = new Lesson(this, data.lesson, places.steps);
    else if (held.pinned) this.sampleBefore(held.pinned);
    this.layout();
    this.wake();
  }

  begin() {
    this.worker = this.places.worker();
    this.worker.onmessage = ({ data }) => this.receive(data);
    this.worker.onerror = (event) =>
      this.notice(`The chains stopped: ${event.message ?? 'the worker could not be started'}.`);
    this.worker.postMessage({ begin: { plane: this.data.plane, side: SIDE }, choose: this.chosen });
    this.stale = true;
  }

  end() {
    this.ended = true;
    this.places.address.keep?.(this.written); // what has not been written yet; the address is another page's by now
    this.lesson?.end();
    this.worker.terminate();
    this.sizes.disconnect();
    cancelAnimationFrame(this.frame);
    clearTimeout(this.writing);
    clearTimeout(this.next);
    this.host.replaceChildren();
  }

  watch() {
    this.sizes = new ResizeObserver(() => this.layout());
    this.sizes.observe(this.board.node);
    this.layout();
  }

  layout() {
    const { grid, stage } = this.board;
    const { lesson, pinned } = this;
    const wide = stage.clientWidth || grid.parentElement.clientWidth; // in narrow places the stage has no box of its own
    const top = grid.getBoundingClientRect().top + window.scrollY;
    const place = { columns: columnsOf(lesson?.alone ? lesson.columns : pinned ? 3 : 2, wide), wide, top, height: window.innerHeight };
    const { size, columns } = lesson?.onStage
      ? staged({ ...place, ...lesson.beyondMaps() })
      : { ...place, size: lesson?.alone ? focusedSize({ ...place, ...lesson.room() }) : mapSize({ ...place, numbers: !pinned }) };
    if (size === this.size && columns === this.columns) return;
    [this.size, this.columns] = [size, columns];
    grid.style.gridTemplateColumns = `repeat(${columns}, ${size}px)`;
    for (const plane of Object.values(this.planes)) plane.resize(size);
    this.grips.refresh();
    this.look = lookOf(this.board.node, this.data.palette);
    if (this.found) this.draw();
    else drawGiven(this);
  }

  // --- what the visitor does ---

  actions() {
    return {
      pin: () => this.pin(!this.pinned),
      fresh: () => this.renew(),
      pause: () => this.pause(!this.paused),
      reset: () => this.take(copy(this.data.start)),
      copy: () => this.copyLink(),
      chains: (shown) => this.showChains(shown),
    };
  }

  gripped() {
    return {
      teachers: () => this.state.teachers,
      changed: () => {
        this.controls.refresh();
        this.changed();
      },
      looked: () => this.found && this.draw(),
    };
  }

  // Whether points are only looked at: in a lesson, where the step does not say otherwise.
  get fixed() {
    return Boolean(this.lesson && !this.lesson.step.edit);
  }

  choose(place, key) {
    this.chosen = place;
    this.selected = key;
    this.worker.postMessage({ choose: place });
    this.curious = true;
    this.wake();
    this.writeSoon();
  }

  take(state) {
    this.state = state;
    this.controls.refresh();
    this.changed();
  }

  renew() {
    this.state.seed = (this.state.seed + 1) % 10_000;
    this.state.edits = {};
    this.changed();
  }

  pause(paused) {
    this.paused = paused;
    const { pause } = this.board.buttons;
    pause.textContent = paused ? 'Go on' : 'Pause';
    pause.setAttribute('aria-pressed', String(paused));
    if (this.found) drawWords(this);
    this.curious = true;
    this.wake();
  }

  pin(kept) {
    if (kept && !this.found) return;
    this.pinned = kept ? { ...withShares(this.found, this.drawnHeard), state: this.configured } : undefined;
    this.worker.postMessage({ pin: kept });
    this.showPinned(kept);
    this.writeSoon();
    this.curious = true;
    this.wake();
  }

  showPinned(kept) {
    this.spoken = undefined; // words on the change stand at once
    this.board.buttons.pin.textContent = kept ? 'Let go of before' : 'Pin as before';
    this.board.buttons.pin.setAttribute('aria-pressed', String(kept));
    this.board.grid.classList.toggle('pinned', kept);
    this.board.node.classList.toggle('compared', kept);
    this.layout();
  }

  // Whether each chain's border lies over the maps before and after.
  showChains(shown) {
    this.chainsShown = this.board.chains.checked = shown;
    this.curious = true;
    this.wake();
  }

  // Keep a state as "before" that is not the present one: the worker samples it, and draws the present one after it.
  sampleBefore(state) {
    const before = asked(state, pointsOf(state, drawPoints(MOST_DRAWN, this.data.plane, state.seed)));
    this.worker.postMessage({ before });
    this.pinned = { heard: before.teachers, state };
    this.showPinned(true);
  }

  async copyLink() {
    const { copy: button } = this.board.buttons;
    this.write();
    try {
      await navigator.clipboard.writeText(window.location.href);
      button.textContent = 'Copied';
    } catch {
      button.textContent = 'Copy it from the address bar';
    }
    setTimeout(() => (button.textContent = 'Copy link'), 2000);
  }

  // --- what follows from it ---

  changed() {
    this.stale = true;
    this.grips.refresh();
    this.place(); // at once: the next click asks what is under it
    this.wake();
    this.writeSoon();
  }

  writeSoon() {
    clearTimeout(this.writing);
    this.writing = setTimeout(() => this.write(), 400);
  }

  write() {
    this.places.address.write(this.written);
  }

  // What the address is to hold. A lesson's step says itself what it pins.
  get written() {
    const { state, lesson, chosen, pinned } = this;
    const { start } = this.data;
    if (lesson) return lesson.begins(state) ? '' : encode(state, start);
    return encode(state, start, { chosen, pinned: pinned?.state });
  }

  // The points of the present state.
  place() {
    const { state, data } = this;
    if (this.drawnSeed !== state.seed) {
      this.drawn = drawPoints(MOST_DRAWN, data.plane, state.seed);
      this.drawnSeed = state.seed;
    }
    this.points = pointsOf(state, this.drawn);
  }

  configure() {
    this.place();
    const wanted = asked(this.state, this.points);
    this.heard = wanted.teachers;
    this.configured = copy(this.state);
    this.silence = silence(this.state, this.points);
    this.worker.postMessage({ configure: wanted });
    this.stale = false;
    linkEngine(this.board.engine, this.places.engine, engineSetting(this.state, this.data.start));
  }

  // --- the loop: ask the worker for a tick, draw its answer ---

  ask() {
    if (this.asking || this.ended || (this.paused && !this.stale && !this.woken)) return;
    if (this.stale) this.configure();
    this.asking = true;
    this.woken = false;
    const numbers = this.curious || this.paused || this.asks % CHARTS_EVERY === 0;
    this.asks += 1;
    this.curious = false;
    const relaxing = this.found?.moving && performance.now() - this.touched > MOMENT_MS;
    this.worker.postMessage({ tick: this.paused ? 0 : relaxing ? RELAXING_MS : SAMPLING_MS, numbers });
  }

  wake() {
    this.touched = performance.now();
    this.woken = true;
    this.ask();
  }

  get resting() {
    const { moving = true, split } = this.found ?? {};
    const long = performance.now() - this.touched > REST_AFTER_MS;
    return (!moving && (this.calm.matches || long)) || (split && long);
  }

  receive(found) {
    if (this.ended) return;
    if (found.before) {
      if (this.pinned) Object.assign(this.pinned, withShares(found.before, this.pinned.heard));
      return;
    }
    this.asking = false;
    this.found = { ...this.found, ...found };
    if (found.scores) {
      [this.drawnHeard, this.drawnSilence] = [this.heard, this.silence];
      this.news = true;
    }
    this.curious ||= this.resting && !found.scores; // what stays in view is whole
    if ((!this.resting || this.curious) && !document.hidden) this.ask();
    else if (document.hidden) this.next = setTimeout(() => this.ask(), 1000);
    const wait = this.calm.matches && found.moving && performance.now() - (this.drawnAt ?? 0) < CALM_MS;
    if (wait || this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = undefined;
      this.drawnAt = performance.now();
      this.draw();
    });
  }

  draw() {
    if (this.frames % 30 === 0) this.look = lookOf(this.board.node, this.data.palette);
    drawMaps(this);
    const first = this.news && !this.shown;
    if (this.news) {
      drawCharts(this);
      this.lesson?.draw();
      drawWords(this);
      this.news = false;
    }
    if (first) this.lesson?.opened();
    this.shown ||= first;
    this.frames += 1;
  }

  notice(text) {
    this.board.notice.textContent = text;
    this.board.notice.hidden = !text;
  }
}
