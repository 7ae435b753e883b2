// What single modules promise; run by test_modules.py, or by hand: node --test tests/playground/
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const browser = new URL('../../mtbkd_core/browser/', import.meta.url);
const load = (name) => import(new URL(name, browser));
const { logits, probabilities, softmax, Student } = await load('student.js');
const { exp, logGamma, sigmoid } = await load('special.js');
const { Random } = await load('random.js');
const { addBorders } = await load('borders.js');
const { agreement, countBelow, coverage, interval, jackknife, reliability, splitRHat } = await load('scores.js');
const { staged } = await load('layout.js');
const { Session, square } = await load('session.js');
const { asked, copy, decode, encode, engineSetting, pointsOf } = await load('state.js');
const { drawPoints } = await load('teachers.js');
const { Window } = await load('window.js');
const { chainMaps, clearness, mapErrors } = await load('errors.js');
const { changed, misread, sentence, shownNumber, silence, status, statusHelp } = await load('words.js');

const { plane, start } = JSON.parse(readFileSync(process.env.GIVEN, 'utf8'));
const near = (found, wanted, tolerance) =>
  assert.ok(Math.abs(found - wanted) <= tolerance, `${found} is not ${wanted}`);
const wantedOf = (state) => asked(state, pointsOf(state, drawPoints(400, plane, state.seed)));

test('the fast exponential is the exponential', () => {
  for (let x = -690; x < 690; x += 0.37) near(exp(x) / Math.exp(x), 1, 2e-12);
});

test('the fast sigmoid is the sigmoid', () => {
  for (let x = -39; x < 39; x += 0.0137) near(sigmoid(x), 1 / (1 + Math.exp(-x)), 3e-11);
});

test('log gamma at whole numbers is the log of a factorial', () => {
  let factorial = 1;
  for (let n = 1; n < 20; n++) {
    near(logGamma(n), Math.log(factorial), 1e-12 * Math.max(1, Math.log(factorial)));
    factorial *= n;
  }
});

test('normal numbers have the moments of a standard normal', () => {
  const random = new Random(3);
  const numbers = Array.from({ length: 100_000 }, () => random.normal());
  const moment = (power) => numbers.reduce((sum, value) => sum + value ** power, 0) / numbers.length;
  [0, 1, 0, 3].forEach((wanted, index) => near(moment(index + 1), wanted, 0.08));
});

test('seeds give streams of their own, and the same seed the same', () => {
  const first = (seed) => new Random(seed).uniform();
  assert.equal(first(1), first(1));
  assert.notEqual(first(1), first(2));
});

test('a border between two halves is one line of their middle', () => {
  const side = 5;
  const values = Float64Array.from(
    { length: 75 },
    (_, i) => [((i % 15) / 3) | 0, 3.9 - (((i % 15) / 3) | 0), -9][i % 3],
  );
  const lines = [];
  addBorders(values, side, lines);
  assert.equal(lines.length, 4 * (side - 1));
  lines.forEach((value, i) => i % 2 === 0 && near(value, 1.95, 1e-9));
});

test('the unrolled forward pass is the general one', () => {
  const random = new Random(3);
  const student = new Student(7);
  const theta = Float64Array.from({ length: 2 * student.parameters }, () => random.normal());
  const x = Float64Array.of(0.3, -1.2);
  const found = probabilities(student, theta, student.parameters, 1, x);
  softmax(logits([2, 7, 3], theta, student.parameters, x)).forEach((value, c) => near(value, found[c], 1e-10));
});

test('a dense student of several layers is worked out as by hand', () => {
  const silu = (value) => value / (1 + Math.exp(-value));
  // layers 1, 1, 1, 2: weight, bias each
  const theta = [9, 2, 1, -3, 0.5, 1, -1, 0.25, 0.75];
  const unit = silu(-3 * silu(2 * 0.4 + 1) + 0.5);
  const [first, second] = logits([1, 1, 1, 2], theta, 1, [0.4]);
  near(first, unit + 0.25, 1e-12);
  near(second, -unit + 0.75, 1e-12);
});

test('an interval holds its share of numbers', () => {
  const [low, high] = interval(Float64Array.from({ length: 1001 }, (_, i) => i));
  near(low, 24.05, 1e-9);
  near(high, 975.95, 1e-9);
});

test('draws around the truth cover it, draws beside it do not', () => {
  const around = Array.from({ length: 101 }, (_, i) => Float64Array.of(i / 100, i / 100, i / 100));
  const covered = (truth) => coverage(countBelow(around, truth), around.length);
  assert.equal(covered([0.5, 0.4, 0.1]), 1);
  assert.equal(covered([1.5, -1, 0.1]), 1 / 3);
});

test('the jackknife of a mean is its standard error', () => {
  const random = new Random(8);
  const values = Array.from({ length: 16 }, () => random.normal());
  const mean = values.reduce((a, b) => a + b, 0) / 16;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const others = values.map((value) => (16 * mean - value) / 15);
  near(jackknife(others), Math.sqrt(squares / 15 / 16), 1e-12);
});

test('a change within its Monte Carlo errors is not clear, and says so', () => {
  const [before, after] = [0.1, 0.2].map((calibration) => ({ calibration, errors: { calibration: 0.02 } }));
  assert.deepEqual(changed('calibration', after, before), { text: '+10.0 points since the pin', clear: true });
  after.errors.calibration = 0.06;
  assert.deepEqual(changed('calibration', after, before), {
    text: '+10.0 points since the pin, within its error',
    clear: false,
  });
  before.calibration = after.calibration + 0.0004;
  assert.deepEqual(changed('calibration', after, before), { text: 'no change since the pin', clear: false });
});

test('a number has as many digits as its error needs', () => {
  const scores = { log: -0.45128, best: -0.44321, calibration: 0.0151, coverage: 1 };
  const shown = (errors) => Object.values(shownNumber).map((make) => make({ ...scores, errors }).slice(0, 2).join(' '));
  assert.deepEqual(shown({ log: 0.012, calibration: 0.004, coverage: 0.02 }), ['−0.451 ± 0.012', '1.5 % ± 0.4 %', '100.0 % ± 2.0 %']);
  assert.deepEqual(shown({ log: 0.0004, calibration: 0.0004, coverage: 0 }), ['−0.4513 ± 0.0004', '1.51 % ± 0.04 %', '100.0 % ± 0 %']);
});

test('settled without more is said only where chains agree in their log joint, too', () => {
  const found = { moving: false, split: false, restarted: false, draws: 160, agreement: 1.01, change: 0, gradients: 9 };
  assert.deepEqual(status({ ...found, rHat: 1.04 }, {}), ['settled', 'Settled · 160 draws']);
  assert.deepEqual(status({ ...found, rHat: 1.66 }, {}), ['partly', 'Predictions settled · R-hat 1.7']);
  assert.equal(status({ ...found, rHat: 1.06 }, { resting: true })[1], 'Predictions settled, at rest · R-hat 1.1');
  assert.match(statusHelp({ ...found, rHat: 1.66 }), /log joint 1.66 \(the chains still lie apart there/);
});

test('on the stage three maps stand in a row where it is wide, in two rows where that makes them larger', () => {
  const place = { maps: 3, top: 200, under: 0, beside: 0 };
  assert.equal(staged({ ...place, wide: 1232, height: 720 }).columns, 3);
  const phone = staged({ ...place, wide: 352, height: 800 });
  assert.deepEqual(phone, { columns: 2, size: 170 });
});

test('a map of the stage leaves room for what stands below it', () => {
  const place = { maps: 1, wide: 1232, top: 200, beside: 0, height: 720 };
  assert.equal(staged({ ...place, under: 0 }).size - staged({ ...place, under: 100 }).size, 100);
});

test('predictions that are the truth have no calibration error', () => {
  const p = [0.7, 0.2, 0.1, 0.1, 0.5, 0.4];
  near(reliability(p, p).error, 0, 1e-12);
  near(reliability([0.7, 0.2, 0.1], [0.5, 0.4, 0.1]).error, 0.2, 1e-12);
});

test('R-hat is near 1 for chains of one distribution and large for others', () => {
  const random = new Random(5);
  const chains = (shift) =>
    Array.from({ length: 4 }, (_, s) => Array.from({ length: 200 }, () => random.normal() + shift * s));
  near(splitRHat(chains(0)), 1, 0.02);
  assert.ok(splitRHat(chains(2)) > 1.5);
});

test('a state comes back from the address as it was', () => {
  const state = copy(start);
  Object.assign(state, { labels: 17, temperature: 2.5, rule: 'softmin', calibrated: true, count: 60, seed: 12 });
  Object.assign(state.teachers[4], { on: true, sharpness: 3.1 });
  Object.assign(state.teachers[0], { angle: 45, reach: -0.25 });
  state.edits = { 3: [0.5, -1.25, 2], 17: null };
  state.added = [
    [-2.6, 2.6, 0],
    [0, 0.01, 1],
  ];
  const text = encode(state, start);
  const read = decode(text, start, plane.bound);
  assert.deepEqual([read.state, read.wrong, read.beyond, read.pinned], [state, [], [], undefined]);
  assert.equal(new URLSearchParams({ play: text }).toString(), `play=${text}`);
});

test('the pinned state and the chosen point come back from the address', () => {
  const pinned = { ...copy(start), labels: 17, added: [[1, 1, 2]] };
  for (const state of [copy(start), { ...copy(start), count: 20 }])
    for (const before of [pinned, copy(start)]) {
      const text = encode(state, start, { pinned: before, chosen: [-2.6, 1.234] });
      const read = decode(text, start, plane.bound);
      assert.deepEqual([read.state, read.pinned, read.chosen, read.wrong], [state, before, [-2.6, 1.23], []]);
      assert.match(text, /^[\w.*+-]*$/);
    }
});

test('the start needs nothing in the address', () => assert.equal(encode(copy(start), start), ''));

test('what cannot be read in an address is named, and so are values that are kept within their limits', () => {
  const text = 's1e9_zz_cNaN_t9*1_tlength*1*1*1_p123_e!!1e1e0_n-4_d3_x9_t1*1*7*1*210*0.3';
  const read = decode(text, start, plane.bound);
  const { state, wrong, beyond } = read;
  assert.deepEqual(wrong, ['zz', 'cNaN', 't9*1', 'tlength*1*1*1', 'p123', 'e!!1e1e0', 'x9']);
  assert.deepEqual(beyond, [['s1e9', 100], ['n-4', 0], ['South-west expert: 7', 3]]);
  assert.match(misread(read), /read in full: zz, .*limits in the address: s1e9 \(now 100\), n-4 \(now 0\)/);
  assert.equal(misread(decode('n40', start, plane.bound)), '');
  assert.deepEqual([state.labels, state.count, state.seed, state.concentration], [100, 0, 3, start.concentration]);
});

test('points are those drawn, as they were changed, and those added', () => {
  const state = { ...copy(start), count: 3, edits: { 0: null, 1: [1, 1, 2] }, added: [[0, 0, 1]] };
  const points = pointsOf(state, drawPoints(3, plane, 0));
  assert.deepEqual(
    points.map(({ key }) => key),
    [1, 2, '+0'],
  );
  assert.deepEqual([points[0].x, points[0].label, points[2].label], [1, 2, 1]);
});

test('the engine is not asked for fewer points than a run needs', () => {
  assert.equal(engineSetting({ ...copy(start), count: 3 }, start), undefined);
  const few = { ...copy(start), count: 2, added: [[0, 0, 1], [1, 0, 2]] };
  assert.equal(engineSetting(few, start)['data.n_labelled'], 4);
});

test('a window keeps the last half since a change, within bounds', () => {
  const window = new Window();
  for (let i = 0; i < 5000; i++) window.offer(() => ({ number: i }));
  assert.ok(window.entries.length <= 96);
  assert.ok(window.current[0].number > 1500);
  window.changed();
  assert.equal(window.fresh, 0);
  assert.equal(window.current.length, 6);
});

test('chains settle after a change, and the pictures are finite', () => {
  const session = new Session(plane, { side: 12 });
  const state = { ...copy(start), count: 20, hidden: 4 };
  session.configure(wantedOf(state));
  let found;
  for (let i = 0; i < 100; i++) found = session.tick(Infinity, { gradients: 20 });
  assert.equal(found.moving, false);
  state.labels = 30;
  session.configure(wantedOf(state));
  found = session.tick(Infinity, { gradients: 5 });
  assert.equal(found.moving, true);
  for (const array of [found.mean, found.epistemic, found.lines, found.point.draws])
    assert.ok(array.every(Number.isFinite));
});

test('chains that go over to a liar one by one are not called settled', () => {
  for (const seed of [1, 2]) {
    const session = new Session(plane, { side: 8, seed });
    const state = copy(start);
    session.configure(wantedOf(state));
    for (let i = 0; i < 40; i++) session.tick(Infinity, { gradients: 10, numbers: false });
    Object.assign(state, { rule: 'softmin', softmin: 0.1 });
    state.teachers[4].on = true;
    session.configure(wantedOf(state));
    const seen = Array.from({ length: 80 }, () => session.tick(Infinity, { gradients: 10 }));
    assert.ok(seen[79].shares[3] > seen[20].shares[3] + 0.05, 'the liar gains');
    assert.ok(seen.every((found) => found.moving));
    assert.ok(seen.some((found) => found.split));
  }
});

test('chains that have settled are called moving again once their predictions change', () => {
  const session = new Session(plane, { side: 8 });
  session.configure(wantedOf({ ...copy(start), count: 20, hidden: 4 }));
  let found;
  for (let i = 0; i < 100; i++) found = session.tick(Infinity, { gradients: 20, numbers: false });
  assert.equal(found.moving, false);
  const { entries } = session.window;
  for (const { mean } of entries.slice(-entries.length >> 2)) mean.set([1, 0, 0, 1, 0, 0], 0), mean.fill(0.9, 6);
  assert.equal(session.tick(Infinity, { gradients: 1, numbers: false }).moving, true);
});

test('R-hat of predictions is 1 where chains say the same, and large where each stays with its own', () => {
  const random = new Random(5);
  const draws = (own) =>
    Array.from({ length: 200 }, () => Array.from({ length: 8 }, (_, s) => [own * s + random.normal(), random.normal()]));
  near(agreement(draws(0)).rHat, 1, 0.02);
  assert.ok(agreement(draws(2)).rHat > 2);
});

test('no teacher, no points and one teacher are settings like any other', () => {
  const session = new Session(plane, { side: 8 });
  for (const change of [{ labels: 0 }, { count: 0 }, { hidden: 2 }]) {
    const state = { ...copy(start), count: 10, hidden: 4, ...change };
    session.configure(wantedOf(state));
    const found = session.tick(Infinity, { gradients: 10 });
    assert.ok(Number.isFinite(found.scores.log));
    for (const error of Object.values(found.scores.errors)) assert.ok(error >= 0 && error < 0.5);
    assert.ok(found.scores.errors.log > 0);
    assert.equal(found.shares.length, session.posterior.teachers);
  }
});

test('a teacher that has just joined has its share before any chain has moved', () => {
  const session = new Session(plane, { side: 8 });
  const state = { ...copy(start), count: 10, hidden: 4 };
  session.configure(wantedOf(state));
  session.tick(Infinity, { gradients: 40 });
  state.teachers[4].on = true;
  session.configure(wantedOf(state));
  assert.equal(session.tick(Infinity, { gradients: 1 }).shares.length, 4);
});

test('a pinned state keeps its draws while the chains move on', () => {
  const session = new Session(plane, { side: 8 });
  const state = { ...copy(start), count: 10, hidden: 4 };
  session.configure(wantedOf(state));
  const before = session.tick(Infinity, { gradients: 40 });
  session.pin(true);
  session.configure(wantedOf({ ...state, hidden: 6, labels: 50 }));
  const after = session.tick(Infinity, { gradients: 40 });
  assert.deepEqual(after.pointBefore.mean, before.point.mean);
  session.pin(false);
  assert.equal(session.tick(Infinity, { gradients: 1 }).pointBefore, undefined);
});

const said = (change, errors = {}, more = {}) => {
  const none = { coverage: 0, misled: 0, gap: 0, calibration: 0, log: 0, astray: 0 };
  const usual = { coverage: 0.97, misled: 0, gap: 0.01, calibration: 0.02, log: -0.45, best: -0.44, astray: 0.01 };
  const scores = { ...usual, ...change };
  const bins = [{ count: 3, confidence: 0.75 + scores.gap, right: 0.75 }];
  return sentence({ scores: { ...scores, errors: { ...none, ...errors } }, bins, points: 9, ...more });
};

test('the sentence names what is wrong first, and the closeness to the truth where nothing is', () => {
  assert.match(said({ misled: 0.1, coverage: 0.5 }), /^Sure and wrong at 10 %/);
  assert.match(said({ coverage: 0.5, gap: -0.15 }), /^The intervals are too narrow: only 50 %/);
  assert.match(said({ gap: -0.15 }), /^The student is not sure enough: its mean confidence is 60 %/);
  assert.match(said({ gap: 0.15 }), /^The student is too sure: its mean confidence is 90 %/);
  assert.match(said({}), /close to the truth: confidence near .* −0.450, at best −0.440/);
});

test('a student that is not close to the truth is told why', () => {
  assert.match(said({ best: -0.3, astray: 0.12 }), /^The truth favours another class at 12 % of the test points/);
  assert.match(said({ best: -0.3, astray: 0.12 }, { astray: 0.05 }), /^Nearly always the right class/);
  assert.match(said({ best: -0.3, calibration: 0.083 }), /^Confidence lies 8.3 % from the truth/);
});

test('confidence is called near the truth only where the calibration error is small, and far only beyond its error', () => {
  assert.doesNotMatch(said({ calibration: 0.083 }, { log: 0.1 }), /near the truth/);
  assert.doesNotMatch(said({ calibration: 0.102 }, { calibration: 0.127 }), /10.2|near the truth/);
});

test('without points nothing is said of what was learned', () => {
  assert.match(said({ best: -0.3 }, {}, { points: 0 }), /^There is no point to learn from/);
});

test('the sentence names no fault and no distance that is within its Monte Carlo error', () => {
  assert.doesNotMatch(said({ misled: 0.1 }, { misled: 0.05 }), /Sure and wrong/);
  assert.doesNotMatch(said({ coverage: 0.8 }, { coverage: 0.05 }), /too narrow/);
  assert.doesNotMatch(said({ gap: 0.15, best: -0.3 }, { gap: 0.08 }), /sure/);
  assert.match(said({}, { log: 0.006 }), /^No clear difference from the truth: .*−0.450, at best −0.440/);
});

test('where no teacher has a share, it is said why', () => {
  const none = { ...copy(start), teachers: start.teachers.map((teacher) => ({ ...teacher, on: false })) };
  assert.match(silence(start, []), /^Without points there are no shares/);
  assert.match(silence(none, [1]), /^No teacher is on/);
  assert.match(silence({ ...copy(start), labels: 0 }, [1]), /^At strength 0 no teacher counts/);
  assert.equal(silence(start, [1]), '');
  assert.deepEqual(asked(start, []).teachers, []);
});

test('other data alone change no score of a state: both are scored on the same test points', () => {
  const session = new Session(plane, { side: 8 });
  const state = { ...copy(start), count: 10, hidden: 4 };
  session.configure(wantedOf(state));
  session.tick(Infinity, { gradients: 40 });
  session.pin(true);
  const own = session.tick(Infinity, { gradients: 1 }).worthBefore.scores;
  session.configure(wantedOf({ ...state, seed: 1 }));
  const found = session.tick(Infinity, { gradients: 1 });
  assert.equal(found.worthBefore.scores.best, found.scores.best);
  assert.notEqual(found.worthBefore.scores.best, own.best);
  session.configure(wantedOf(state));
  near(session.tick(Infinity, { gradients: 1 }).worthBefore.scores.log, own.log, 1e-6);
});

const mapOfRun = (state, seed, side = 12) => {
  const session = new Session(plane, { side, seed });
  session.configure(wantedOf(state));
  for (let i = 0; i < 30; i++) session.tick(Infinity, { gradients: 10, numbers: false });
  return { ...session.pictures(), errors: session.errors(session.window.current) };
};
const clearCells = (a, b, side = 12) => {
  const change = (cell, c) => a.mean[3 * cell + c] - b.mean[3 * cell + c];
  const unsure = (cell) => a.epistemic[cell] - b.epistemic[cell];
  const errors = [a.errors, b.errors];
  const shares = [clearness(side, change, errors, [0, 1, 2]), clearness(side, unsure, errors, [3])];
  return shares.map((each) => each.filter((share) => share > 0).length);
};

test('maps of one state from two runs do not differ clearly anywhere, those of two states do', () => {
  const state = { ...copy(start), count: 20, hidden: 4 };
  const [first, second] = [1, 2].map((seed) => mapOfRun(state, seed));
  assert.deepEqual(clearCells(first, second), [0, 0]);
  const alone = mapOfRun({ ...state, labels: 0 }, 3);
  assert.ok(clearCells(first, alone).every((count) => count > 20));
});

test('the error of a map is the standard error over chains, that of its epistemic part the jackknife over them', () => {
  const random = new Random(2);
  const side = 2;
  const chains = Array.from({ length: 16 }, () => softmax(Array.from({ length: 3 }, () => random.normal())));
  const errors = mapErrors(chainMaps(chains.map((p) => Float32Array.from([...p, ...p, ...p, ...p])), side), 16);
  const first = chains.map(([p]) => p);
  const mean = first.reduce((a, b) => a + b, 0) / 16;
  near(errors[0], Math.sqrt(first.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 15 / 16), 1e-6);
  const entropy = (p) => p.reduce((sum, value) => sum - value * Math.log(value), 0);
  const epistemic = chains.map((_, without) => {
    const rest = chains.filter((_, s) => s !== without);
    const average = [0, 1, 2].map((c) => rest.reduce((sum, p) => sum + p[c] / 15, 0));
    return entropy(average) - rest.reduce((sum, p) => sum + entropy(p) / 15, 0);
  });
  near(errors[3], jackknife(epistemic), 1e-5);
});
