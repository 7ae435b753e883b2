// Canvases of the plane: probabilities in three hues, a quantity, differences, lines and points.

export const parse = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
const blend = (from, to, share) => from.map((value, c) => value + (to[c] - value) * share);

// A square canvas that knows the plane: sizes in CSS pixels, drawn as sharp as the screen allows.
export class PlaneCanvas {
  constructor(canvas, bound) {
    this.canvas = canvas;
    this.bound = bound;
    this.context = canvas.getContext('2d');
    this.image = document.createElement('canvas');
  }

  resize(size) {
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    this.size = size;
    this.canvas.style.width = this.canvas.style.height = `${size}px`;
    this.canvas.width = this.canvas.height = Math.round(size * ratio);
    this.context.setTransform(this.canvas.width / size, 0, 0, this.canvas.width / size, 0, 0);
  }

  toPixel(x, y) {
    return [((x + this.bound) / (2 * this.bound)) * this.size, ((this.bound - y) / (2 * this.bound)) * this.size];
  }

  // The point of the plane under a pointer event.
  pointOf(event) {
    const box = this.canvas.getBoundingClientRect();
    const place = (value, from, extent) => Math.min(1, Math.max(0, (value - from) / extent)) * 2 - 1;
    return [
      this.bound * place(event.clientX, box.left, box.width),
      -this.bound * place(event.clientY, box.top, box.height),
    ];
  }

  // Fill with colours of a grid [side, side]; `colour(cell, into, at)` writes red, green and blue.
  fill(side, colour) {
    if (this.image.width !== side) this.image.width = this.image.height = side;
    const context = this.image.getContext('2d');
    const pixels = context.createImageData(side, side);
    for (let cell = 0; cell < side * side; cell++) {
      colour(cell, pixels.data, 4 * cell);
      pixels.data[4 * cell + 3] = 255;
    }
    context.putImageData(pixels, 0, 0);
    const width = this.size / (side - 1); // the grid's points lie on the square's edge
    this.context.imageSmoothingEnabled = true;
    this.context.imageSmoothingQuality = 'high';
    this.context.drawImage(this.image, -width / 2, -width / 2, width * side, width * side);
  }

  // Hues by class, paler where the prediction is less sure; probabilities [cells, 3].
  probabilities(p, side, look) {
    const { hues, ground } = look;
    this.fill(side, (cell, into, at) => {
      const [a, b, c] = [p[3 * cell], p[3 * cell + 1], p[3 * cell + 2]];
      const [u, v, w] = [a * a, b * b, c * c];
      const total = u + v + w;
      const sure = 0.1 + 0.62 * Math.max(0, (Math.max(a, b, c) - 1 / 3) * 1.5);
      for (let k = 0; k < 3; k++) {
        const hue = (u * hues[0][k] + v * hues[1][k] + w * hues[2][k]) / total;
        into[at + k] = ground[k] + (hue - ground[k]) * sure;
      }
    });
  }

  // A quantity from 0 to `most` on the sequential scale.
  quantity(values, side, most, look) {
    const last = look.scale.length - 1;
    this.fill(side, (cell, into, at) => {
      const place = Math.min(1, Math.max(0, values[cell] / most)) * last;
      const low = Math.min(last - 1, Math.floor(place));
      const colour = blend(look.scale[low], look.scale[low + 1], place - low);
      for (let k = 0; k < 3; k++) into[at + k] = colour[k];
    });
  }

  // A signed quantity from -most to most, with the ground's colour at 0.
  signed(values, side, most, look) {
    this.fill(side, (cell, into, at) => {
      const share = Math.min(1, Math.abs(values[cell]) / most);
      const colour = blend(look.ground, values[cell] > 0 ? look.more : look.less, share);
      for (let k = 0; k < 3; k++) into[at + k] = colour[k];
    });
  }

  clear(look) {
    this.context.fillStyle = look.groundText;
    this.context.fillRect(0, 0, this.size, this.size);
  }

  // Segments x1, y1, x2, y2 in cells of a grid.
  lines(segments, from, to, side, style) {
    const scale = this.size / (side - 1);
    const { context } = this;
    Object.assign(context, { lineCap: 'round', ...style });
    context.beginPath();
    for (let i = from; i + 3 < to; i += 4) {
      context.moveTo(segments[i] * scale, segments[i + 1] * scale);
      context.lineTo(segments[i + 2] * scale, segments[i + 3] * scale);
    }
    context.stroke();
    context.globalAlpha = 1;
  }

  points(points, look, { radius = 3.4, selected } = {}) {
    const { context } = this;
    for (const point of points) {
      const [x, y] = this.toPixel(point.x, point.y);
      const chosen = point.key === selected;
      mark(context, point.label, x, y, chosen ? radius + 2 : radius);
      context.fillStyle = look.hueText[point.label];
      context.fill();
      context.lineWidth = chosen ? 2.5 : 1;
      context.strokeStyle = chosen ? look.ink : look.groundText;
      context.stroke();
    }
  }

  crosshair([x, y], look) {
    const { context } = this;
    const [a, b] = this.toPixel(x, y);
    for (const [width, style] of [
      [4, look.groundText],
      [1.75, look.ink],
    ]) {
      context.lineWidth = width;
      context.strokeStyle = style;
      context.beginPath();
      context.arc(a, b, 7, 0, 2 * Math.PI);
      for (const [dx, dy] of [
        [1, 0],
        [-1, 0],
        [0, 1],
        [0, -1],
      ]) {
        context.moveTo(a + 4 * dx, b + 4 * dy);
        context.lineTo(a + 11 * dx, b + 11 * dy);
      }
      context.stroke();
    }
  }

  // A class's letter where it rules: near the centre of its region.
  letters(p, side, names, look) {
    const { context } = this;
    context.font = `700 ${Math.round(this.size / 11)}px ${look.font}`;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    names.forEach((name, c) => {
      const [x, y, p_here] = innermost(p, side, c);
      if (p_here < 0.4) return;
      const scale = this.size / (side - 1);
      context.lineWidth = 4;
      context.strokeStyle = look.groundText;
      context.globalAlpha = 0.75;
      context.strokeText(name, x * scale, y * scale);
      context.globalAlpha = 1;
      context.fillStyle = look.ink;
      context.fillText(name, x * scale, y * scale);
    });
  }
}

// The mean of a class's sure cells near the centre, and the probability there.
function innermost(p, side, c) {
  let [weight, x, y] = [0, 0, 0];
  const middle = (side - 1) / 2;
  for (let cell = 0; cell < side * side; cell++) {
    const [column, row] = [cell % side, Math.floor(cell / side)];
    const far = Math.hypot(column - middle, row - middle) / middle;
    const w = p[3 * cell + c] ** 6 * Math.exp(-8 * (far - 0.45) ** 2);
    weight += w;
    x += w * column;
    y += w * row;
  }
  [x, y] = [x / weight, y / weight];
  return [x, y, p[3 * (Math.round(y) * side + Math.round(x)) + c] || 0];
}

// Classes are told by shape, too: circle, square, triangle.
export function mark(context, label, x, y, radius) {
  context.beginPath();
  if (label === 0) context.arc(x, y, radius, 0, 2 * Math.PI);
  else if (label === 1) context.rect(x - 0.9 * radius, y - 0.9 * radius, 1.8 * radius, 1.8 * radius);
  else {
    context.moveTo(x, y - 1.2 * radius);
    context.lineTo(x + 1.15 * radius, y + 0.9 * radius);
    context.lineTo(x - 1.15 * radius, y + 0.9 * radius);
    context.closePath();
  }
}
