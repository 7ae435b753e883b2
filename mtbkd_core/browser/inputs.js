// What a student sees of one raw input: standardised, or fixed features of it.
//
// As mtbkd_core/tasks/inputs.py and mtbkd_core/students/features.py have them; the tensors come by their names there.

// Features in standard deviations of the reference, cut at `furthest` of them; `reach` may be null.
export function standardised(raw, { mean, scale, reach, furthest }) {
  return Float64Array.from(raw, (value, i) => {
    const scaled = Math.fround((value - mean[i]) * scale[i]);
    return Math.min(furthest, Math.max(-furthest, scaled)) * (reach ? reach[i] : 1);
  });
}

// [F'] of a picture [height * width].
export function patchFeatures(picture, features) {
  const { patch, stride, zones, offset, components, scale } = features;
  const [height, width] = features.shape;
  const [rows, columns] = [height, width].map((side) => Math.floor((side - patch) / stride) + 1);
  const kinds = features.centres.length / (patch * patch);
  const active = Array.from({ length: rows * columns }, (_, place) => {
    const [top, left] = [Math.floor(place / columns) * stride, (place % columns) * stride];
    return activations(whitened(cut(picture, width, top, left, patch), features), features.centres);
  });
  const found = new Float64Array(components.length / offset.length);
  // each zone's mean over its places, which overlap where they do not divide the side
  const span = (zone, count) => [Math.floor((zone * count) / zones), Math.ceil(((zone + 1) * count) / zones)];
  for (let kind = 0; kind < kinds; kind++) {
    for (let zone = 0; zone < zones * zones; zone++) {
      const [from, to] = span(Math.floor(zone / zones), rows);
      const [first, last] = span(zone % zones, columns);
      let sum = 0;
      for (let row = from; row < to; row++) {
        for (let column = first; column < last; column++) sum += active[row * columns + column][kind];
      }
      const at = kind * zones * zones + zone;
      const value = sum / ((to - from) * (last - first)) - offset[at];
      for (let f = 0; f < found.length; f++) found[f] += value * components[at * found.length + f];
    }
  }
  return found.map((value) => value / scale[0]);
}

function cut(picture, width, top, left, side) {
  const found = new Float64Array(side * side);
  for (let i = 0; i < found.length; i++) found[i] = picture[(top + Math.floor(i / side)) * width + left + (i % side)];
  return found;
}

// A patch [P], contrast-normalised and whitened.
function whitened(patch, { mean, whitening, contrast }) {
  const size = patch.length;
  const middle = patch.reduce((sum, value) => sum + value, 0) / size;
  const variance = patch.reduce((sum, value) => sum + (value - middle) ** 2, 0) / size;
  const normal = patch.map((value, i) => (value - middle) / Math.sqrt(variance + contrast) - mean[i]);
  return Float64Array.from({ length: size }, (_, j) =>
    normal.reduce((sum, value, i) => sum + value * whitening[i * size + j], 0),
  );
}

// How much nearer each centre is than the mean one, or 0.
function activations(patch, centres) {
  const distances = Float64Array.from({ length: centres.length / patch.length }, (_, k) =>
    Math.sqrt(squaredDistance(patch, centres, k * patch.length)),
  );
  const mean = distances.reduce((sum, value) => sum + value, 0) / distances.length;
  return distances.map((value) => Math.max(0, mean - value));
}

function squaredDistance(x, points, at) {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += (x[i] - points[at + i]) ** 2;
  return sum;
}

// [F'] of an input [F]: Nystroem features of the Gaussian kernel.
export function kernelFeatures(x, { landmarks, normalisation, offset }) {
  const count = landmarks.length / x.length;
  const kept = offset.length;
  const found = Float64Array.from(offset, (value) => -value);
  for (let l = 0; l < count; l++) {
    const value = Math.exp(-squaredDistance(x, landmarks, l * x.length) / x.length);
    for (let f = 0; f < kept; f++) found[f] += value * normalisation[l * kept + f];
  }
  return found;
}
