// All that a visitor can change, its limits, and its way into the address bar and back.
//
// Only what differs from the start is written: parts joined by "_", a letter and a value each; a teacher's numbers are
// joined by "*"; points are five characters each, two of base 36 for a coordinate in hundredths and one for the class. "x" is
// the chosen point, and parts behind a "v" are of the state that is pinned.

// name -> letter, limits; `whole` numbers, `choices` or `flag`.
export const FIELDS = {
  labels: { letter: 's', low: 0, high: 100 },
  concentration: { letter: 'c', low: 1, high: 60 },
  temperature: { letter: 'T', low: 0.5, high: 5 },
  rule: { letter: 'r', choices: ['inverse_entropy', 'softmin', 'fixed'] },
  softmin: { letter: 'b', low: 0.02, high: 5 },
  calibrated: { letter: 'k', flag: true },
  count: { letter: 'n', low: 0, high: 400, whole: true },
  seed: { letter: 'd', low: 0, high: 9999, whole: true },
  hidden: { letter: 'h', low: 2, high: 48, whole: true },
  scale: { letter: 'w', low: 0.2, high: 3 },
};

// A teacher's numbers: those of all, and those of its kind.
export const TEACHER_FIELDS = {
  on: { flag: true },
  base: { low: 0, high: 3 },
  tau: { low: 0.2, high: 5 },
  angle: { low: 0, high: 360, whole: true },
  reach: { low: -1, high: 3 },
  amount: { low: 0, high: 3 },
  sharpness: { low: 0.2, high: 5 },
};
const OF_KIND = { expert: ['angle', 'reach'], noisy: ['amount'], wrong: ['sharpness'] };
export const fieldsOf = (teacher) => ['on', 'base', 'tau', ...OF_KIND[teacher.kind]];

export const CHOSEN = [0, 0.9]; // the point that is chosen at the start
export const MOST_POINTS = 300; // added, and changed
const SHIFT = 260; // hundredths
const FEWEST = 4; // points of a run on the engine

export function copy(state) {
  return {
    ...state,
    teachers: state.teachers.map((teacher) => ({ ...teacher })),
    edits: Object.fromEntries(Object.entries(state.edits).map(([index, point]) => [index, point && [...point]])),
    added: state.added.map((point) => [...point]),
  };
}

const written = (value) => (typeof value === 'boolean' ? Number(value) : String(value));
const packPlace = (place) => place.map((value) => Math.round(100 * value + SHIFT).toString(36).padStart(2, '0')).join('');
const pack = ([x, y, label]) => packPlace([x, y]) + label;
const packEdit = ([at, point]) => Number(at).toString(36).padStart(2, '0') + (point ? pack(point) : '-----');

// A state as text; with what the page shows beside it: the chosen point, and the pinned state.
export function encode(state, start, { chosen = CHOSEN, pinned } = {}) {
  const shown = packPlace(chosen) === packPlace(CHOSEN) ? [] : ['x' + packPlace(chosen)];
  return [...partsOf(state, start), ...shown, ...(pinned ? ['v', ...partsOf(pinned, start)] : [])].join('_');
}

function partsOf(state, start) {
  const parts = [];
  for (const [name, { letter, choices }] of Object.entries(FIELDS)) {
    if (state[name] === start[name]) continue;
    parts.push(letter + (choices ? choices.indexOf(state[name]) : written(state[name])));
  }
  state.teachers.forEach((teacher, k) => {
    const names = fieldsOf(teacher);
    if (names.every((name) => teacher[name] === start.teachers[k][name])) return;
    parts.push(`t${k}*${names.map((name) => written(teacher[name])).join('*')}`);
  });
  const edits = Object.entries(state.edits);
  if (edits.length) parts.push('e' + edits.map(packEdit).join(''));
  if (state.added.length) parts.push('p' + state.added.map(pack).join(''));
  return parts;
}

// A value within its limits, or undefined where the text is none.
function read(text, { choices, flag, whole, low, high }) {
  if (choices) return choices[Number(text)];
  if (flag) return text === '1' ? true : text === '0' ? false : undefined;
  const value = Number(text);
  if (text === '' || !Number.isFinite(value)) return undefined;
  const inside = Math.min(high, Math.max(low, value));
  return whole ? Math.round(inside) : inside;
}

const isBeyond = (text, { low = -Infinity, high = Infinity }) => Number(text) < low || Number(text) > high;

function unpack(text, bound) {
  const [x, y] = [text.slice(0, 2), text.slice(2, 4)].map((pair) => (parseInt(pair, 36) - SHIFT) / 100);
  const right = /^[0-9a-z]{4}[012]$/.test(text) && Math.abs(x) <= bound && Math.abs(y) <= bound;
  return right ? [x, y, Number(text[4])] : undefined;
}

const LETTERS = Object.fromEntries(Object.entries(FIELDS).map(([name, field]) => [field.letter, name]));

// What a text describes: the state, the pinned one and the chosen point, where it names them; the parts of it that could not
// be read (`wrong`), and those with a value beyond its limit (`beyond`: the part, and what it became).
export function decode(text, start, bound) {
  const found = { state: copy(start), pinned: undefined, chosen: undefined, wrong: [], beyond: [] };
  for (const part of text.split('_').filter(Boolean)) {
    if (part === 'v' && !found.pinned) found.pinned = copy(start);
    else if (!readPart(part, found, bound)) found.wrong.push(part.slice(0, 20));
  }
  return found;
}

function readPart(part, found, bound) {
  const [letter, rest] = [part[0], part.slice(1)];
  const state = found.pinned ?? found.state;
  const name = LETTERS[letter];
  if (letter === 'x') return Boolean((found.chosen = unpack(rest + '0', bound)?.slice(0, 2)));
  if (letter === 't') return readTeacher(rest, state, found.beyond);
  if (letter === 'p' || letter === 'e') return readPoints(letter, rest, state, bound);
  const value = name && read(rest, FIELDS[name]);
  if (value === undefined) return false;
  state[name] = value;
  if (isBeyond(rest, FIELDS[name])) found.beyond.push([part.slice(0, 20), value]);
  return true;
}

function readTeacher(text, state, beyond) {
  const [index, ...values] = text.split('*');
  const teacher = /^\d+$/.test(index) && state.teachers[index];
  if (!teacher) return false;
  const names = fieldsOf(teacher);
  const found = names.map((name, at) => read(values[at] ?? '', TEACHER_FIELDS[name]));
  if (found.includes(undefined)) return false;
  names.forEach((name, at) => {
    teacher[name] = found[at];
    if (isBeyond(values[at], TEACHER_FIELDS[name])) beyond.push([`${teacher.title}: ${values[at].slice(0, 12)}`, found[at]]);
  });
  return true;
}

function readPoints(letter, text, state, bound) {
  const width = letter === 'p' ? 5 : 7;
  const pieces = text.match(new RegExp(`.{${width}}`, 'g')) ?? [];
  if (pieces.length * width !== text.length || pieces.length > MOST_POINTS) return false;
  for (const piece of pieces) {
    const point = unpack(piece.slice(width - 5), bound);
    const gone = piece.slice(2) === '-----' && letter === 'e';
    if (!point && !gone) return false;
    if (letter === 'p') state.added.push(point);
    else if (/^[0-9a-z]{2}/.test(piece)) state.edits[parseInt(piece.slice(0, 2), 36)] = gone ? null : point;
    else return false;
  }
  return true;
}

// The points that the student learns from: those drawn, as they were changed, and those added. Each has the key by
// which it is found again: a number for a drawn one, "+" and a number for an added one.
export function pointsOf(state, drawn) {
  const found = [];
  for (let i = 0; i < state.count; i++) {
    const edit = state.edits[i];
    if (edit === null) continue;
    const [x, y, label] = edit ?? [drawn.x[2 * i], drawn.x[2 * i + 1], drawn.labels[i]];
    found.push({ key: i, x, y, label });
  }
  state.added.forEach(([x, y, label], at) => found.push({ key: `+${at}`, x, y, label }));
  return found;
}

// Strength alpha from strength in labels: alpha lambda / T^2 is the number of labels.
export const strengthOf = (state) => (state.labels * state.temperature ** 2) / state.concentration;

// What the worker is asked for. Teachers speak at points alone.
export function asked(state, points) {
  const heard = state.labels > 0 && points.length > 0 ? state.teachers.filter((teacher) => teacher.on && teacher.base > 0) : [];
  return {
    teachers: heard,
    hidden: state.hidden,
    scale: state.scale,
    seed: state.seed,
    x: Float64Array.from(points.flatMap(({ x, y }) => [Math.fround(x), Math.fround(y)])), // as the engine keeps them
    labels: Int32Array.from(points, ({ label }) => label),
    setting: {
      rule: state.rule,
      softmin: state.softmin,
      calibrated: state.calibrated,
      base: heard.map((teacher) => teacher.base),
      temperatures: heard.map((teacher) => teacher.tau),
      concentration: state.concentration,
      temperature: state.temperature,
      strength: strengthOf(state),
    },
  };
}

// What was changed by hand, as the engine's task reads it (mtbkd_core/tasks/plane_changes.py); it draws at least 4 points.
function changesOf(state, start) {
  const edits = Object.entries(state.edits).filter(([at]) => at < state.count);
  for (let at = state.count; at < FEWEST; at++) edits.push([at, null]);
  const parts = [];
  if (state.added.length) parts.push('p' + state.added.map(pack).join(''));
  if (edits.length) parts.push('e' + edits.map(packEdit).join(''));
  state.teachers.forEach((teacher, k) => {
    const names = OF_KIND[teacher.kind];
    if (names.every((name) => teacher[name] === start.teachers[k][name])) return;
    parts.push(`t${k}*${names.map((name) => teacher[name]).join('*')}`);
  });
  return parts.join('_');
}

// The same setting as parameters of the engine's page; undefined with fewer points than a run needs.
export function engineSetting(state, start) {
  const gone = Object.entries(state.edits).filter(([at, point]) => at < state.count && point === null).length;
  if (state.count - gone + state.added.length < FEWEST) return undefined;
  const on = state.teachers.filter((teacher) => teacher.on && teacher.base > 0);
  const heard = on.length ? on : state.teachers.slice(0, 1);
  const changes = changesOf(state, start);
  // a setting of every teacher is named where it says something
  const some = (name, texts, usual) => (texts.every((text) => text === usual) ? {} : { [name]: texts.join(',') });
  const weights = heard.map((teacher) => teacher.base || 1);
  const temperatures = heard.map((teacher) => teacher.tau);
  return {
    task: 'synthetic',
    teachers: heard.map((teacher) => teacher.name).join(','),
    split_seed: state.seed,
    'data.n_labelled': Math.max(FEWEST, state.count),
    ...(changes && { 'data.changes': changes }),
    'prior.rule': state.rule,
    ...some('prior.base_weights', weights, weights[0]),
    ...some('prior.entropy_temperatures', temperatures, 1),
    'prior.calibrated_teachers': state.calibrated,
    'prior.softmin_temperature': state.softmin,
    'prior.concentration': state.concentration,
    'prior.temperature': state.temperature,
    'prior.strength': on.length ? Number(strengthOf(state).toPrecision(12)) : 0,
    'student.hidden': state.hidden,
    'student.weight_scale': state.scale,
  };
}
