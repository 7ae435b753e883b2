// Points by mouse and keyboard: a click adds one, a drag moves it, a click on it changes its class, Delete removes it.

import { MOST_POINTS } from './state.js';

const NEAR = 10; // pixels
const STEP = 0.1;

// Coordinates in hundredths, as links hold them: what is shared is what was seen.
const kept = ([x, y, label]) => [Math.round(100 * x) / 100, Math.round(100 * y) / 100, label];

// What `editable` asks of a Playground.
export function editor(view) {
  const state = () => view.state;
  const drawn = (key) => typeof key === 'number';
  const done = () => view.changed();
  const room = (many) => {
    const free = many < MOST_POINTS;
    view.notice(free ? '' : `No more than ${MOST_POINTS} points can be added, and as many changed.`);
    return free;
  };
  const edit = (key, point) => {
    if (!(key in state().edits) && !room(Object.keys(state().edits).length)) return;
    state().edits[key] = point;
  };
  return {
    points: () => view.points,
    chosen: () => view.chosen,
    label: () => view.label,
    fixed: () => view.fixed,
    choose: (place, key) => view.choose(place, key),
    // the new point's key, undefined where there is no room
    add(point) {
      if (!room(state().added.length)) return undefined;
      state().added.push(kept(point));
      done();
      return `+${state().added.length - 1}`;
    },
    put(key, point) {
      if (drawn(key)) edit(key, kept(point));
      else state().added[Number(key.slice(1))] = kept(point);
      done();
    },
    remove(key) {
      if (drawn(key)) edit(key, null);
      else state().added.splice(Number(key.slice(1)), 1);
      view.selected = undefined;
      done();
    },
  };
}

// plane: the PlaneCanvas; app: {points(), put(key, point), add(point), remove(key), choose(place), chosen(), label(), fixed()}.
// Where points are fixed, a click or an arrow key only chooses a place.
export function editable(plane, app) {
  const { canvas } = plane;
  let held; // {key, moved}
  canvas.tabIndex = 0;
  canvas.setAttribute('role', 'application');
  canvas.setAttribute('aria-roledescription', 'map of points');
  canvas.setAttribute(
    'aria-label',
    'Points of the student. Arrow keys move the cross, Enter adds a point there or changes the class of the one under it, Shift and arrow keys move it, Delete removes it.',
  );

  function nearest([x, y]) {
    const scale = plane.size / (2 * plane.bound);
    let [best, least] = [undefined, NEAR];
    for (const point of app.points()) {
      const far = Math.hypot(point.x - x, point.y - y) * scale;
      if (far < least) [best, least] = [point, far];
    }
    return best;
  }

  canvas.addEventListener('pointerdown', (event) => {
    if (event.button !== 0 || app.fixed()) return;
    canvas.focus({ preventScroll: true });
    const place = plane.pointOf(event);
    const point = nearest(place);
    held = point
      ? { key: point.key, moved: false, start: place }
      : { key: app.add([...place, app.label()]), moved: true };
    app.choose(point ? [point.x, point.y] : place, held.key);
    if (held.key === undefined) held = undefined;
    canvas.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  canvas.addEventListener('pointermove', (event) => {
    const place = plane.pointOf(event);
    if (!held) {
      canvas.style.cursor = nearest(place) && !app.fixed() ? 'grab' : 'crosshair';
      return;
    }
    const scale = plane.size / (2 * plane.bound);
    if (!held.moved && Math.hypot(place[0] - held.start[0], place[1] - held.start[1]) * scale < 4) return;
    held.moved = true;
    move(held.key, place);
  });
  canvas.addEventListener('pointerup', () => {
    if (held && !held.moved) relabel(held.key);
    held = undefined;
  });
  canvas.addEventListener('pointercancel', () => (held = undefined));

  function move(key, [x, y]) {
    const point = app.points().find((each) => each.key === key);
    app.put(key, [x, y, point.label]);
    app.choose([x, y], key);
  }

  function relabel(key) {
    const point = app.points().find((each) => each.key === key);
    app.put(key, [point.x, point.y, (point.label + 1) % 3]);
  }

  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  canvas.addEventListener('keydown', (event) => {
    const under = app.fixed() ? undefined : nearest(app.chosen());
    const arrow = ARROWS[event.key];
    if (arrow) {
      const inside = (value) => Math.min(plane.bound, Math.max(-plane.bound, value));
      const place = app.chosen().map((value, axis) => inside(value + STEP * arrow[axis]));
      if (event.shiftKey && under) move(under.key, place);
      else app.choose(place);
    } else if (app.fixed()) return;
    else if (event.key === 'Enter' || event.key === ' ') {
      if (under) relabel(under.key);
      else app.choose(app.chosen(), app.add([...app.chosen(), app.label()]));
    } else if ((event.key === 'Delete' || event.key === 'Backspace') && under) app.remove(under.key);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

// A map on which, wherever `only` holds, a click or drag only chooses a point.
export function choosable(plane, choose, only = () => true) {
  const { canvas } = plane;
  let down = false;
  canvas.style.cursor = 'crosshair';
  canvas.addEventListener('pointerdown', (event) => {
    if (!only()) return;
    down = true;
    canvas.setPointerCapture(event.pointerId);
    choose(plane.pointOf(event));
  });
  canvas.addEventListener('pointermove', (event) => down && choose(plane.pointOf(event)));
  for (const end of ['pointerup', 'pointercancel']) canvas.addEventListener(end, () => (down = false));
}
