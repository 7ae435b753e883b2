// Numbers that a page holds as text: little-endian bytes in base 64.

const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

// A number of half precision from its 16 bits (IEEE 754).
function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const READERS = {
  uint8: (raw) => raw,
  float16: (raw) => Float32Array.from(new Uint16Array(raw.buffer), half),
  float32: (raw) => new Float32Array(raw.buffer),
  float64: (raw) => new Float64Array(raw.buffer),
};

// The numbers of {type, data}; null stays null.
export const numbers = (packed) => (packed ? READERS[packed.type](bytes(packed.data)) : null);
