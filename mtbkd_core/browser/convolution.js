// The forward pass of a convolutional student (mtbkd_core/students/cnn.py): filters with SiLU units, no pooling, and one
// linear layer on the last map. Parameters lie as for a dense student, filters flattened: channel, row, column.

import { exp } from './special.js';
import { logits } from './student.js';

// Logits [C] of one draw for a picture [height * width]; its parameters are theta from `at` on.
export function convolutionLogits({ shape, channels, kernels, classes }, theta, at, picture) {
  let map = { values: picture, channels: 1, height: shape[0], width: shape[1] };
  channels.forEach((count, layer) => {
    const [side, stride] = kernels[layer];
    const next = convolved(map, theta, at, count, side, stride);
    at += (map.channels * side * side + 1) * count;
    map = next;
  });
  return logits([map.values.length, classes], theta, at, map.values);
}

// A map's units: `count` odd filters of a side, padded by half of it, moved by a stride.
function convolved(map, theta, at, count, side, stride) {
  const [height, width] = [map.height, map.width].map((length) => Math.ceil(length / stride));
  const size = map.channels * side * side;
  const patch = new Float64Array(size);
  const values = new Float64Array(count * height * width);
  for (let place = 0; place < height * width; place++) {
    const top = Math.floor(place / width) * stride - (side - 1) / 2;
    cut(map, top, (place % width) * stride - (side - 1) / 2, side, patch);
    for (let filter = 0; filter < count; filter++) {
      const weights = at + filter * size;
      let unit = theta[at + count * size + filter];
      for (let i = 0; i < size; i++) unit += theta[weights + i] * patch[i];
      values[filter * height * width + place] = unit / (1 + exp(-unit));
    }
  }
  return { values, channels: count, height, width };
}

// What a filter sees at a place, 0 outside the map.
function cut({ values, channels, height, width }, top, left, side, patch) {
  for (let channel = 0, i = 0; channel < channels; channel++) {
    for (let row = top; row < top + side; row++) {
      for (let column = left; column < left + side; column++, i++) {
        const inside = row >= 0 && row < height && column >= 0 && column < width;
        patch[i] = inside ? values[(channel * height + row) * width + column] : 0;
      }
    }
  }
}
