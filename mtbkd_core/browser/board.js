// The page's fixed parts: buttons, status, maps and charts, as elements that others fill.

import { element } from './controls.js';

// name -> title, what to look for, and what can be done
const MAPS = {
  prediction: ['The student predicts', 'Faded: less sure.', 'A click adds a point.'],
  unsure: ['What it does not know', 'Where the chains disagree.'],
  truth: ['The truth', 'Labels are drawn from it.'],
  borders: ["Each chain's border", 'One line a student; broad: the truth.'],
};
export const NAMES = Object.keys(MAPS);

// The darkest shades: nats, total variation, nats.
export const MOST = { epistemic: 0.35, moved: 0.6, more: 0.2 };

const UNSURE = ['shades', '0', `${MOST.epistemic} nats`];
// map -> the kind of its scale, and what its ends say
const SCALES = {
  unsure: UNSURE,
  unsureBefore: UNSURE,
  moved: ['shades', '0', `${100 * MOST.moved} points`],
  unsureMoved: ['signed', `−${MOST.more}`, `+${MOST.more} nats`],
};

const NUMBERS = {
  log: ['Log score, in nats', 'The mean log probability that the student gives to a label of the truth, by natural logarithms: nats. Larger is better; 0 below the best is perfect.'],
  calibration: ['Calibration error', 'ECE, the expected calibration error: mean distance of confidence and true probability. Smaller is better.'],
  coverage: ['Coverage', 'Share of true probabilities at 200 test points inside the 95 % intervals. 95 % or more is wanted.'],
};

function figure(name, title, line, hint = '') {
  const canvas = element('canvas', { class: `map-${name}`, role: 'img', 'aria-label': title });
  return {
    canvas,
    node: element(
      'figure',
      { class: `map of-${name}` },
      element('figcaption', {}, element('b', {}, title), element('span', { class: 'line' }, line, ' ', element('span', { class: 'hint' }, hint))),
      element('div', { class: 'field' }, canvas, ...(name in SCALES ? [scaleOf(...SCALES[name])] : [])),
    ),
  };
}

const scaleOf = (kind, low, high) => element('span', { class: 'scale' }, low, element('i', { class: kind }), high);

// `before`: what a pinned state looks like on it.
function card(name, title, line, before, ...children) {
  return element(
    'section',
    { class: `card ${name}`, 'data-name': name },
    element('h2', {}, title),
    element('p', { class: 'line' }, line, element('span', { class: 'then' }, ` ${before}`)),
    ...children,
  );
}

function numberBox(name) {
  const [title, help] = NUMBERS[name];
  const value = element('strong', {});
  const error = element('span', { class: 'error', title: 'Its Monte Carlo standard error, by the jackknife over the 16 chains.' });
  const change = element('span', { class: 'change', title: 'Both states on the same test points, those of the present data.' });
  const history = element('div', {});
  return {
    node: element(
      'div',
      { class: 'number', title: help },
      element('span', { class: 'title' }, title),
      element('span', { class: 'value' }, value, error),
      change,
      history,
    ),
    value,
    error,
    change,
    history,
  };
}

// `actions`: name -> function; `links`: {file} where the offline file can be had.
export function board(controls, actions, { offline }) {
  const button = (name, label, help, extra = {}) =>
    element('button', { type: 'button', class: name, title: help, onclick: actions[name], ...extra }, label);
  const status = element('span', { class: 'status', role: 'status' });
  const buttons = {
    pin: button('pin', 'Pin as before', 'Keep the present state, and show before, after and difference side by side.', {
      'aria-pressed': 'false',
    }),
    fresh: button('fresh', 'New data', 'Draw other points and labels with the same settings.'),
    pause: button('pause', 'Pause', 'Stop the chains, or let them go on.', { 'aria-pressed': 'false' }),
    reset: button('reset', 'Start over', 'All settings and points as at the beginning.'),
    copy: button('copy', 'Copy link', 'The address holds all of it, added points included.'),
  };
  const engine = element('a', { class: 'engine button', target: '_self' }, 'Run this on the engine');
  const file = element(
    'a',
    {
      class: 'file button',
      download: 'mtbkd-playground.html',
      href: offline,
      title: 'The playground as one file that works without a network.',
    },
    'Save as a file',
  );
  const chains = chainsChoice(actions.chains);
  const lead = element('p', { class: 'lead' });
  const maps = Object.fromEntries(NAMES.map((name) => [name, figure(name, ...MAPS[name])]));
  for (const [name, texts] of Object.entries(PINNED)) maps[name] = figure(name, ...texts);
  maps.before.node.querySelector('b').append(chains.node);
  const numbers = Object.fromEntries(Object.keys(NUMBERS).map((name) => [name, numberBox(name)]));
  const legend = element('div', { class: 'legend' });
  const notice = element('p', { class: 'notice', role: 'alert', hidden: true });
  const charts = Object.fromEntries(['reliability', 'intervals', 'here', 'shares'].map((name) => [name, element('div', { class: name })]));
  const simplex = element('canvas', { class: 'simplex', role: 'img', 'aria-label': 'The chosen point on the simplex' });
  const grid = element('div', { class: 'maps' }, ...Object.values(maps).map(({ node }) => node));
  const pointTitle = element('span', {});
  const numbersNode = element('div', { class: 'numbers' }, ...Object.values(numbers).map((box) => box.node), legend);
  const cards = [
    card(
      'reliability',
      'Reliability',
      'On the diagonal, confidence is the true probability. Below it, the student is too sure; above it, too unsure.',
      'Dashed: before.',
      charts.reliability,
    ),
    card(
      'point',
      'The chosen point',
      'Dots: draws. Circle: their mean. Cross: the truth. Diamonds: teachers. A click on another map chooses a point.',
      'Grey dots and pale bars: before.',
      pointTitle,
      simplex,
      charts.intervals,
      element('span', { class: 'of-here' }, 'Bar: share of each teacher here; thin mark: its weight before learning.'),
      charts.here,
    ),
    card(
      'shares',
      'Share of each teacher',
      'Bar: mean responsibility over the points. Thin mark: mean prior weight. A bar beyond its mark: the student agrees with that teacher more than with the others, drawn by labels or by teachers that say the same.',
      'Grey mark: before.',
      charts.shares,
    ),
  ];
  const below = element('div', { class: 'below' }, ...cards);
  const stage = element('div', { class: 'stage' }, element('div', { class: 'above' }, grid, numbersNode), below);
  const node = element(
    'div',
    { class: 'playground' },
    element('div', { class: 'bar' }, status, ...Object.values(buttons), ...(offline ? [file] : []), engine),
    lead,
    notice,
    element('div', { class: 'body' }, controls, stage),
  );
  const named = Object.entries(maps).map(([name, { node }]) => [name, node]);
  const pictures = { ...Object.fromEntries(named), numbers: numbersNode };
  for (const each of cards) pictures[each.dataset.name] = each;
  const parts = { below, chains: chains.check, status, buttons, engine, lead, notice, maps, numbers, legend, charts, simplex, grid, pointTitle };
  return { node, stage, pictures, cards, ...parts };
}

// The link to the engine: `page` is its address, none in a file; `parameters` none where a run has too few points.
export function linkEngine(engine, page, parameters) {
  engine.hidden = !page;
  if (!page) return;
  if (parameters) engine.href = `${page}?${new URLSearchParams(parameters)}`;
  else engine.removeAttribute('href');
  engine.setAttribute('aria-disabled', String(!parameters));
  engine.title = parameters
    ? 'The same teachers, points and settings as an ordinary run, with all results pages.'
    : 'A run on the engine needs at least 4 points.';
}

// Maps that stand in place of truth and borders while a state is pinned.
export const PINNED = {
  before: ['Before', 'Broad line: the true border.'],
  moved: ['Difference', 'Stronger: moved more. Blank: within its error.'],
  unsureBefore: ['Before', 'What it did not know.'],
  unsureMoved: ['Difference', 'Orange: knows less; blue: more. Blank: within its error.'],
};

// The chains' borders, which have a map of their own where nothing is pinned.
function chainsChoice(changed) {
  const check = element('input', { type: 'checkbox', onchange: () => changed(check.checked) });
  const help = 'Draw the border of each chain, a thin line each, on the maps before and after.';
  return { check, node: element('label', { class: 'chains', title: help }, check, "Each chain's border") };
}

// The class of points that the visitor adds.
export function newPointChoice({ plane, palette }, choose) {
  const pick = plane.classes.map((name, c) => {
    const input = element('input', { type: 'radio', name: 'pg-label', value: c, onchange: () => choose(c) });
    input.checked = c === 0;
    return element(
      'label',
      { class: 'pick' },
      input,
      element('i', { class: `mark mark-${c}`, style: `--hue:${palette.hues[c]}` }),
      name,
    );
  });
  return [
    element('span', { class: 'title' }, 'New points are'),
    element('div', { class: 'picks', role: 'radiogroup', 'aria-label': 'Class of new points' }, ...pick),
    element('span', { class: 'line' }, 'Drag a point to move it, click it to change its class, Delete removes it. Drag a ringed mark to change that teacher.'),
  ];
}
