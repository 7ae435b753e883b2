// Teachers on the map: an expert's region is turned around the centre and drawn nearer or further, a noisy or wrong
// teacher is pulled outwards. Each grip is a slider of its own, for pointer and arrow keys.

import { element } from './controls.js';
import { TEACHER_FIELDS } from './state.js';

const radians = (degrees) => (degrees * Math.PI) / 180;
const onRay = (degrees, far) => [far * Math.cos(radians(degrees)), far * Math.sin(radians(degrees))];
const rounded = (value, step) => Number((Math.round(value / step) * step).toFixed(4));
const [NEAREST, FURTHEST] = [0.6, 2.4];

// A field's value at a distance from the centre between the nearest and the furthest, and back.
const spanOf = (name) => TEACHER_FIELDS[name].high - TEACHER_FIELDS[name].low;
const shareOf = (name, value) => (value - TEACHER_FIELDS[name].low) / spanOf(name);
const valueAt = (name, share, step) =>
  rounded(TEACHER_FIELDS[name].low + Math.min(1, Math.max(0, share)) * spanOf(name), step);
const farAt = (share) => NEAREST + share * (FURTHEST - NEAREST);
const shareAt = (far) => (far - NEAREST) / (FURTHEST - NEAREST);

// A grip on a ray from the centre: further out, the number is larger.
const along = (degrees, name, what, step, icon) => ({
  name,
  what,
  icon,
  place: (teacher) => onRay(degrees, farAt(shareOf(name, teacher[name]))),
  moved: (_, [x, y]) => {
    const [a, b] = onRay(degrees, 1);
    return { [name]: valueAt(name, shareAt(x * a + y * b), step) };
  },
  pressed: (teacher, [right, up]) => ({
    [name]: valueAt(name, shareOf(name, teacher[name]) + ((right + up) * step) / spanOf(name), step),
  }),
  said: (teacher) => String(teacher[name]),
});

const KINDS = {
  // nearer to the centre, its region reaches further beyond it
  expert: {
    name: 'angle',
    what: 'region',
    icon: 'M3 8h8M8 4.5 11.5 8 8 11.5',
    place: ({ angle, reach }) => onRay(angle, farAt(1 - shareOf('reach', reach))),
    moved: (_, [x, y]) => ({
      angle: (Math.round((Math.atan2(y, x) * 180) / Math.PI) + 360) % 360,
      reach: valueAt('reach', 1 - shareAt(Math.hypot(x, y)), 0.05),
    }),
    pressed: ({ angle, reach }, [right, up]) => ({
      angle: (angle - 5 * right + 360) % 360,
      reach: valueAt('reach', shareOf('reach', reach) + (0.1 * up) / spanOf('reach'), 0.05),
    }),
    said: ({ angle, reach }) => `direction ${angle} degrees, reach ${reach}`,
  },
  noisy: along(30, 'amount', 'noise', 0.05, 'M2.5 8q1.8-5 3.6 0t3.6 0 3.6 0'),
  wrong: along(270, 'sharpness', 'how sure it is', 0.1, 'M8 3.5v5M8 11.5v1'),
};
const HELP = {
  expert: 'Drag it around the centre to turn the region, outwards to make it smaller.',
  noisy: 'Drag it outwards for more noise.',
  wrong: 'Drag it outwards to make it surer.',
};
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

export class Grips {
  // plane: the PlaneCanvas in whose parent they stand; app: {teachers(), changed(), looked()}.
  constructor(plane, app) {
    Object.assign(this, { plane, app });
    this.grips = app.teachers().map((teacher, k) => this.make(teacher, k));
    plane.canvas.parentElement.append(...this.grips);
  }

  make({ kind, title, colour }, k) {
    const { name, what, icon } = KINDS[kind];
    const { low, high } = TEACHER_FIELDS[name];
    const grip = element('div', {
      class: 'grip',
      role: 'slider',
      tabindex: 0,
      title: `${title}: ${what}. ${HELP[kind]}`,
      'aria-label': `${title}: ${what}`,
      'aria-valuemin': low,
      'aria-valuemax': high,
      style: `--hue:${colour}`,
    });
    grip.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${icon}"/></svg>`;
    const put = (change) => {
      Object.assign(this.app.teachers()[k], change);
      this.app.changed();
    };
    const look = (on) => {
      this.shown = on ? k : undefined;
      this.app.looked();
    };
    grip.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      grip.setPointerCapture(event.pointerId);
      grip.focus({ preventScroll: true });
      event.preventDefault();
    });
    grip.addEventListener('pointermove', (event) => {
      if (grip.hasPointerCapture(event.pointerId))
        put(KINDS[kind].moved(this.app.teachers()[k], this.plane.pointOf(event)));
    });
    grip.addEventListener('keydown', (event) => {
      const arrow = ARROWS[event.key];
      if (!arrow) return;
      put(KINDS[kind].pressed(this.app.teachers()[k], arrow));
      event.preventDefault();
      event.stopPropagation();
    });
    for (const name of ['pointerenter', 'focus']) grip.addEventListener(name, () => look(true));
    for (const name of ['pointerleave', 'blur'])
      grip.addEventListener(name, () => grip.matches(':focus, :hover') || look(false));
    return grip;
  }

  // Where they stand and what they say, after any change; a teacher that is off has none.
  refresh() {
    this.app.teachers().forEach((teacher, k) => {
      const { name, place, said } = KINDS[teacher.kind];
      const [x, y] = this.plane.toPixel(...place(teacher));
      Object.assign(this.grips[k].style, { left: `${x}px`, top: `${y}px` });
      this.grips[k].hidden = !teacher.on;
      this.grips[k].setAttribute('aria-valuenow', teacher[name]);
      this.grips[k].setAttribute('aria-valuetext', said(teacher));
      const turn = teacher.kind === 'expert' ? -teacher.angle : 0;
      this.grips[k].firstChild.style.transform = `rotate(${turn}deg)`;
    });
  }

  // The region of the expert that is looked at: a line where its knowledge fades, and a wash over what it knows.
  draw() {
    const teacher = this.app.teachers()[this.shown];
    if (teacher?.kind !== 'expert' || !teacher.on) return;
    const { context, size, bound } = this.plane;
    const [a, b] = onRay(teacher.angle, 1);
    const wide = 3 * bound;
    const corner = (forwards, sideways) => this.plane.toPixel(forwards * a - sideways * b, forwards * b + sideways * a);
    const edge = [corner(-teacher.reach, -wide), corner(-teacher.reach, wide)];
    context.save();
    context.beginPath();
    context.rect(0, 0, size, size);
    context.clip();
    context.beginPath();
    for (const [x, y] of [...edge, corner(wide, wide), corner(wide, -wide)]) context.lineTo(x, y);
    context.globalAlpha = 0.16;
    context.fillStyle = context.strokeStyle = teacher.colour;
    context.fill();
    context.globalAlpha = 1;
    context.lineWidth = 2.5;
    context.beginPath();
    context.moveTo(...edge[0]);
    context.lineTo(...edge[1]);
    context.stroke();
    context.restore();
  }
}
