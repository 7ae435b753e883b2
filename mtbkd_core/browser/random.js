// A seeded source of random numbers for the chains: sfc32, and normal numbers by Marsaglia's polar method.

export class Random {
  // `seed` is a whole number; two different seeds give independent streams for all that we do with them.
  constructor(seed) {
    this.a = 0x9e3779b9;
    this.b = 0x243f6a88;
    this.c = seed >>> 0;
    this.counter = 1;
    this.spare = NaN;
    for (let i = 0; i < 16; i++) this.word();
  }

  // 32 random bits.
  word() {
    const sum = (((this.a + this.b) | 0) + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = ((this.c << 21) | (this.c >>> 11)) + sum;
    this.c |= 0;
    return sum >>> 0;
  }

  // In [0, 1), 53 bits.
  uniform() {
    return ((this.word() >>> 5) * 67108864 + (this.word() >>> 6)) / 9007199254740992;
  }

  // A standard normal number.
  normal() {
    if (this.spare === this.spare) {
      const kept = this.spare;
      this.spare = NaN;
      return kept;
    }
    for (;;) {
      const u = 2 * this.uniform() - 1;
      const v = 2 * this.uniform() - 1;
      const square = u * u + v * v;
      if (square > 0 && square < 1) {
        const scale = Math.sqrt((-2 * Math.log(square)) / square);
        this.spare = v * scale;
        return u * scale;
      }
    }
  }
}
