// numpy.random.default_rng([seed, stream]): the same numbers, so that the browser's data are the engine's.
//
// Sources: numpy's SeedSequence and PCG64 (O'Neill, "PCG: a family of ... algorithms", 2014); normal numbers by the
// ziggurat of 256 layers (Marsaglia and Tsang, 2000), whose tables are worked out here from its edge and area.

const MASK_64 = (1n << 64n) - 1n;
const MASK_128 = (1n << 128n) - 1n;
const MULTIPLIER = (2549297995355413924n << 64n) | 4865540595714422341n;

const EDGE = 3.6541528853610088;
const AREA = 0.00492867323397465524494;
const TWO_52 = 4503599627370496;

function hasher(start, factor) {
  let constant = start;
  return (value) => {
    value = (value ^ constant) >>> 0;
    constant = Math.imul(constant, factor) >>> 0;
    value = Math.imul(value, constant) >>> 0;
    return (value ^ (value >>> 16)) >>> 0;
  };
}

function mix(x, y) {
  const found = (Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y)) >>> 0;
  return (found ^ (found >>> 16)) >>> 0;
}

// Four 64-bit words from up to four 32-bit numbers.
function seedWords(entropy) {
  const hash = hasher(0x43b0d7e5, 0x931e8875);
  const pool = [0, 1, 2, 3].map((i) => hash(entropy[i] ?? 0));
  for (let from = 0; from < 4; from++) {
    for (let to = 0; to < 4; to++) if (from !== to) pool[to] = mix(pool[to], hash(pool[from]));
  }
  const out = hasher(0x8b51f9dd, 0x58f38ded);
  const words = Array.from({ length: 8 }, (_, i) => BigInt(out(pool[i % 4])));
  return [0, 1, 2, 3].map((i) => words[2 * i] | (words[2 * i + 1] << 32n));
}

function layers() {
  const density = (x) => Math.exp(-0.5 * x * x);
  const edges = new Float64Array(256);
  edges[255] = EDGE;
  for (let i = 254; i >= 1; i--) edges[i] = Math.sqrt(-2 * Math.log(AREA / edges[i + 1] + density(edges[i + 1])));
  const width = edges.map((x) => x / TWO_52);
  const height = edges.map(density);
  const inside = new Float64Array(256);
  for (let i = 2; i < 256; i++) inside[i] = Math.floor((edges[i - 1] / edges[i]) * TWO_52);
  inside[0] = Math.floor(((EDGE * density(EDGE)) / AREA) * TWO_52);
  width[0] = AREA / density(EDGE) / TWO_52;
  height[0] = 1;
  return { width, height, inside };
}

const ZIGGURAT = layers();

export class NumpyRandom {
  // `entropy`: up to four whole numbers below 2^32.
  constructor(entropy) {
    const [a, b, c, d] = seedWords(entropy);
    this.increment = ((((c << 64n) | d) << 1n) | 1n) & MASK_128;
    this.state = 0n;
    this.step();
    this.state = (this.state + ((a << 64n) | b)) & MASK_128;
    this.step();
  }

  step() {
    this.state = (this.state * MULTIPLIER + this.increment) & MASK_128;
  }

  next64() {
    this.step();
    const value = ((this.state >> 64n) ^ this.state) & MASK_64;
    const turn = this.state >> 122n;
    return ((value >> turn) | (value << (64n - turn))) & MASK_64;
  }

  // In [0, 1): `Generator.random()`.
  uniform() {
    return Number(this.next64() >> 11n) / 9007199254740992;
  }

  // `Generator.standard_normal()`.
  normal() {
    for (;;) {
      const bits = this.next64();
      const layer = Number(bits & 255n);
      const sign = (bits >> 8n) & 1n;
      const size = Number((bits >> 9n) & 0xfffffffffffffn);
      const x = (sign ? -size : size) * ZIGGURAT.width[layer];
      if (size < ZIGGURAT.inside[layer]) return x;
      if (layer === 0) return this.tail(Math.floor(size / 256) % 2 === 1);
      const low = ZIGGURAT.height[layer];
      if ((ZIGGURAT.height[layer - 1] - low) * this.uniform() + low < Math.exp(-0.5 * x * x)) return x;
    }
  }

  tail(negative) {
    for (;;) {
      const beyond = -Math.log1p(-this.uniform()) / EDGE;
      const height = -Math.log1p(-this.uniform());
      if (2 * height > beyond * beyond) return negative ? -(EDGE + beyond) : EDGE + beyond;
    }
  }
}
