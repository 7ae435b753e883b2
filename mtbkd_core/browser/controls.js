// The left column: plain inputs with labels. A control reads and writes one value, and calls `changed` while it moves.

import { FIELDS, fieldsOf, strengthOf, TEACHER_FIELDS } from './state.js';

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...children.filter((child) => child !== undefined));
  return made;
}

const rounded = (value, digits = 2) => Number(value.toPrecision(digits));
const STEPS = 200;

// Sliders on a scale of their own: from a place between 0 and 1 to a value, and back.
const SCALES = {
  linear: (low, high, step) => ({
    to: (place) => Math.round((low + place * (high - low)) / step) * step,
    from: (value) => (value - low) / (high - low),
  }),
  log: (low, high) => ({
    to: (place) => rounded(low * (high / low) ** place),
    from: (value) => Math.log(value / low) / Math.log(high / low),
  }),
  // 0, and then as `log` from `least` on
  zero: (least, high) => ({
    to: (place) => (place < 0.01 ? 0 : rounded(least * (high / least) ** ((place - 0.01) / 0.99))),
    from: (value) => (value <= 0 ? 0 : 0.01 + 0.99 * Math.max(0, Math.log(value / least) / Math.log(high / least))),
  }),
};

let numbered = 0;

// A labelled slider. `bind`: {get, set}; `shown`: text of the value; `help`: what happens when it goes up.
export function slider({ title, scale, bind, shown = String, help, changed }) {
  const id = `pg-${(numbered += 1)}`;
  const output = element('output', { for: id });
  const input = element('input', {
    id,
    type: 'range',
    min: 0,
    max: STEPS,
    step: 1,
    title: help,
    oninput: () => {
      bind.set(Number(scale.to(input.value / STEPS).toFixed(4)));
      show();
      changed();
    },
  });
  function show() {
    const text = shown(bind.get());
    output.textContent = text;
    input.setAttribute('aria-valuetext', text);
  }
  function refresh() {
    input.value = Math.round(scale.from(bind.get()) * STEPS);
    show();
  }
  refresh();
  const row = element('div', { class: 'row', title: help }, element('label', { for: id }, title), output, input);
  return { row, refresh, show };
}

const of = (holder, name) => ({ get: () => holder()[name], set: (value) => (holder()[name] = value) });

const TEACHER_SLIDERS = {
  base: ['Base weight', SCALES.linear(0, 3, 0.05), 'A teacher with a larger one counts more at every point.'],
  tau: [
    'Entropy temperature',
    SCALES.log(TEACHER_FIELDS.tau.low, TEACHER_FIELDS.tau.high),
    'A larger one makes the teacher look less certain, so that it counts less.',
  ],
  angle: ['Direction of its region', SCALES.linear(0, 360, 5), 'Counted from the right, against the clock.'],
  reach: ['Reach beyond the centre', SCALES.linear(-1, 3, 0.05), 'A larger one gives the expert a larger region.'],
  amount: ['Noise', SCALES.linear(0, 3, 0.05), 'A larger one moves its predictions further from the truth.'],
  sharpness: ['How sure it is', SCALES.linear(0.2, 5, 0.1), 'A larger one makes the wrong teacher surer.'],
};

const SHOWN = { base: (value) => `ρ ${value}`, tau: (value) => `τ ${value}`, angle: (value) => `${value}°` };

function teacherBox(teacher, state, changed) {
  const me = () => state().teachers.find((other) => other.name === teacher.name);
  const id = `pg-${(numbered += 1)}`;
  const check = element('input', {
    id,
    type: 'checkbox',
    onchange: () => {
      me().on = check.checked;
      refresh();
      changed();
    },
  });
  const sliders = fieldsOf(teacher)
    .slice(1)
    .map((name) => {
      const [title, scale, help] = TEACHER_SLIDERS[name];
      return slider({ title, scale, bind: of(me, name), shown: SHOWN[name], help, changed });
    });
  const [base, tau, ...others] = sliders;
  tau.row.classList.add('tau');
  const more = element(
    'details',
    {},
    element('summary', { 'aria-label': `More of ${teacher.title}` }, 'more'),
    ...others.map(({ row }) => row),
  );
  const head = element(
    'div',
    { class: 'teacher-head' },
    check,
    element(
      'label',
      { for: id, title: teacher.help },
      element('i', { style: `background:${teacher.colour}` }),
      teacher.title,
    ),
  );
  const box = element('div', { class: 'teacher' }, head, base.row, tau.row, more);
  // One that is off, has no weight or stands before strength 0 counts for nothing.
  function show() {
    box.classList.toggle('off', !me().on || me().base === 0 || state().labels === 0);
    tau.row.hidden = state().rule === 'fixed' && !state().calibrated; // where nothing depends on it
  }
  function refresh() {
    check.checked = me().on;
    show();
    sliders.forEach((each) => each.refresh());
  }
  refresh();
  return { row: box, refresh, show };
}

function choice({ title, options, bind, help, changed }) {
  const id = `pg-${(numbered += 1)}`;
  const select = element(
    'select',
    {
      id,
      onchange: () => {
        bind.set(select.value);
        changed();
      },
    },
    ...options.map(([value, text]) => element('option', { value }, text)),
  );
  const refresh = () => (select.value = bind.get());
  refresh();
  return { row: element('div', { class: 'row', title: help }, element('label', { for: id }, title), select), refresh };
}

function tick({ title, bind, help, changed }) {
  const id = `pg-${(numbered += 1)}`;
  const check = element('input', {
    id,
    type: 'checkbox',
    onchange: () => {
      bind.set(check.checked);
      changed();
    },
  });
  const refresh = () => (check.checked = bind.get());
  refresh();
  return {
    row: element('div', { class: 'row tick', title: help }, check, element('label', { for: id }, title)),
    refresh,
  };
}

const RULES = [
  ['inverse_entropy', "Inverse entropy (the paper's)"],
  ['softmin', 'Softmin of entropy'],
  ['fixed', 'Fixed: base weights'],
];

// What the symbols mean, which the sliders and links use.
const SYMBOLS = "Strength α: how much a teacher's statement counts; α λ / T² labels. Concentration λ: how sharp it is. T: how far it is softened.";

const OF_TEACHERS = 'ρ: base weight. τ: entropy temperature.';

// The whole column. `state` gives the present state; `changed` is called after every change.
export function controls(state, changed) {
  const strength = () => `α = ${rounded(strengthOf(state()), 3)}`;
  const log = (name) => SCALES.log(FIELDS[name].low, FIELDS[name].high);
  const all = [];
  const unheard = element('p', { class: 'line unheard' }, "At strength 0 no teacher counts, ticked or not.");
  const dependent = () => {
    all.forEach((each) => each.show?.());
    softmin.row.hidden = state().rule !== 'softmin';
    unheard.hidden = state().labels > 0;
  };
  const after = () => {
    dependent();
    changed();
  };
  const make = (kind, settings) => {
    const made = kind({ changed: after, bind: of(state, settings.name), ...settings });
    all.push(made);
    return made;
  };
  const labels = make(slider, {
    name: 'labels',
    title: "Teachers' strength",
    scale: SCALES.zero(0.02, 100),
    shown: (value) => `${value} ${value === 1 ? 'label' : 'labels'}, ${strength()}`,
    help: 'How many labels the teachers count for at each labelled point, all of them together: alpha lambda / T². 0: no teacher.',
  });
  const concentration = make(slider, {
    name: 'concentration',
    title: 'Concentration λ',
    scale: log('concentration'),
    help: "How sharply the prior gathers around each teacher's prediction.",
  });
  const temperature = make(slider, {
    name: 'temperature',
    title: 'Distillation temperature T',
    scale: log('temperature'),
    help: "Softens the student's and the teachers' predictions before they are compared.",
  });
  const rule = make(choice, {
    name: 'rule',
    title: 'Weight rule',
    options: RULES,
    help: "How the teachers' weights at a point follow from their entropies.",
  });
  const softmin = make(slider, {
    name: 'softmin',
    title: 'Softmin temperature β',
    scale: log('softmin'),
    help: 'Near 0, only the most certain teacher counts.',
  });
  const calibrated = make(tick, {
    name: 'calibrated',
    title: 'Calibrated: entropy temperatures soften predictions, too',
    help: "Divides each teacher's logits by its entropy temperature everywhere.",
  });
  const count = make(slider, {
    name: 'count',
    title: 'Labels',
    scale: SCALES.linear(0, 400, 5),
    help: 'Points with a label that the student learns from.',
  });
  const hidden = make(slider, {
    name: 'hidden',
    title: 'Hidden units',
    scale: SCALES.linear(2, 48, 2),
    help: 'A wider student draws more curved borders. The chains start anew.',
  });
  const scale = make(slider, {
    name: 'scale',
    title: 'Weight scale σ',
    scale: log('scale'),
    help: 'Prior standard deviation of every weight: a larger one allows steeper borders.',
  });
  const teachers = state().teachers.map((teacher) => {
    const box = teacherBox(teacher, state, after);
    all.push(box);
    return box;
  });
  const group = (title, ...rows) => element('fieldset', {}, element('legend', {}, title), ...rows.map((each) => each.row));
  const symbols = { row: element('p', { class: 'line' }, SYMBOLS) };
  dependent();
  return {
    node: element(
      'form',
      { class: 'controls', 'aria-label': 'Settings', onsubmit: (event) => event.preventDefault() },
      group('Prior', labels, concentration, temperature, symbols),
      group('Teachers', { row: unheard }, ...teachers, { row: element('p', { class: 'line' }, OF_TEACHERS) }),
      group('Teachers’ weights', rule, softmin, calibrated),
      group('Data and student', count, hidden, scale),
    ),
    refresh: () => {
      all.forEach((each) => each.refresh());
      dependent();
    },
  };
}
