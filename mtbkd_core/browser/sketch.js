// A picture that a reader draws: ink on cells four times as fine as its pixels, of which each pixel is the mean.

import { element } from './controls.js';

const FINE = 4;
const SIZE = 224;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const move = (place, side) => Math.min(side - 0.5, Math.max(0.5, place));

// A picture [height * width] from 0 to 1 as dark ink on paper.
export function paint(canvas, [height, width], values) {
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext('2d');
  const image = context.createImageData(width, height);
  values.forEach((value, i) => {
    const grey = 255 * (1 - Math.min(1, Math.max(0, value)));
    image.data.set([grey, grey, grey, 255], 4 * i);
  });
  context.putImageData(image, 0, 0);
}

// Pixels on the screen for a picture's longer side.
export const shown = ([height, width]) => {
  const scale = SIZE / Math.max(height, width);
  return `width:${width * scale}px;height:${height * scale}px`;
};

export class Sketch {
  // `changed` is called with the picture [height * width] after every stroke.
  constructor(shape, changed) {
    Object.assign(this, { shape, changed, ink: 1, radius: 0.07 * Math.max(...shape) });
    this.fine = new Float32Array(shape[0] * shape[1] * FINE * FINE);
    this.canvas = element('canvas', {
      class: 'picture drawn',
      style: shown(shape),
      tabindex: 0,
      role: 'application',
      'aria-label': 'Draw here: arrow keys move the pen, the space bar draws a dot, shift and an arrow key a line',
      onkeydown: (event) => this.key(event),
      onblur: () => {
        this.pen = undefined;
        this.show();
      },
      onpointerdown: (event) => {
        this.canvas.setPointerCapture(event.pointerId);
        this.pen = undefined;
        this.last = this.place(event);
        this.stroke(this.place(event));
      },
      onpointermove: (event) => event.buttons && this.last && this.stroke(this.place(event)),
      onpointerup: () => (this.last = undefined),
    });
    this.show();
  }

  get picture() {
    const [height, width] = this.shape;
    const found = new Float32Array(height * width);
    this.fine.forEach((value, i) => {
      const [row, column] = [Math.floor(i / (width * FINE)), i % (width * FINE)];
      found[Math.floor(row / FINE) * width + Math.floor(column / FINE)] += value / (FINE * FINE);
    });
    return found;
  }

  show() {
    paint(this.canvas, this.shape, this.picture);
    if (!this.pen) return;
    const context = this.canvas.getContext('2d');
    context.fillStyle = '#b3372fb0';
    context.fillRect(Math.floor(this.pen[0]), Math.floor(this.pen[1]), 1, 1);
  }

  // The pen by keys: an arrow moves it by a pixel, with shift it draws on its way, the space bar draws where it is.
  key(event) {
    const [height, width] = this.shape;
    const way = ARROWS[event.key];
    if (!way && event.key !== ' ') return;
    event.preventDefault();
    this.pen ??= [Math.floor(width / 2) + 0.5, Math.floor(height / 2) + 0.5];
    this.last = [...this.pen];
    if (way) this.pen = [move(this.pen[0] + way[0], width), move(this.pen[1] + way[1], height)];
    if (!way || event.shiftKey) this.stroke(this.pen);
    else this.show();
    this.last = undefined;
  }

  // Start from a picture, or from blank paper.
  start(picture) {
    const width = this.shape[1];
    this.fine.forEach((_, i) => {
      const [row, column] = [Math.floor(i / (width * FINE)), i % (width * FINE)];
      this.fine[i] = picture ? picture[Math.floor(row / FINE) * width + Math.floor(column / FINE)] : 0;
    });
    this.show();
    this.changed(this.picture);
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [
      ((event.clientX - box.left) / box.width) * this.shape[1],
      ((event.clientY - box.top) / box.height) * this.shape[0],
    ];
  }

  // From where the pen was to a place.
  stroke(to) {
    const from = this.last;
    const steps = Math.max(1, Math.ceil((4 * Math.hypot(to[0] - from[0], to[1] - from[1])) / this.radius));
    const between = (share) => from.map((start, axis) => start + (to[axis] - start) * share);
    for (let step = 1; step <= steps; step++) this.dab(between(step / steps));
    this.last = to;
    this.show();
    this.changed(this.picture);
  }

  // A round dab of ink at a place in pixels.
  dab([x, y]) {
    const [height, width] = this.shape.map((side) => side * FINE);
    const reach = this.radius * FINE;
    const span = (centre, side) => [
      Math.max(0, Math.floor(centre * FINE - reach)),
      Math.min(side, Math.ceil(centre * FINE + reach)),
    ];
    const [left, right] = span(x, width);
    const [top, bottom] = span(y, height);
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++) {
        const near = Math.hypot(column + 0.5 - x * FINE, row + 0.5 - y * FINE) <= reach;
        if (near) this.fine[row * width + column] = this.ink;
      }
    }
  }
}
