// Functions that JavaScript does not have, or has slowly.

// log Gamma(x) for x > 0: recurrence up to 10, then Stirling's series; relative error below 1e-13 away from its zeros.
export function logGamma(x) {
  let shift = 0;
  while (x < 10) {
    shift += Math.log(x);
    x += 1;
  }
  const inverse = 1 / x;
  const square = inverse * inverse;
  const series =
    inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square * (1 / 1188)))));
  return (x - 0.5) * Math.log(x) - x + 0.918938533204672741780329736406 + series - shift;
}

const PARTS = 64;
const FRACTIONS = Float64Array.from({ length: PARTS }, (_, i) => 2 ** (i / PARTS));
const LOWEST = 1020;
const POWERS = Float64Array.from({ length: 2 * LOWEST + 1 }, (_, i) => 2 ** (i - LOWEST));

// exp(x), several times as fast as Math.exp; relative error below 1e-12; flat below exp(-700) and above exp(700).
export function exp(x) {
  if (!(x > -700)) x = -700;
  else if (x > 700) x = 700;
  const parts = x * (PARTS / Math.LN2);
  const whole = (parts + (parts < 0 ? -0.5 : 0.5)) | 0;
  const rest = x - whole * (Math.LN2 / PARTS);
  const power = POWERS[(whole >> 6) + LOWEST] * FRACTIONS[whole & 63];
  return power * (1 + rest * (1 + rest * (0.5 + rest * (1 / 6 + rest * (1 / 24)))));
}

const STEPS = 64;
const REACH = 40;
const GATES = Float64Array.from({ length: 2 * REACH * STEPS + 1 }, (_, i) => 1 / (1 + Math.exp(REACH - i / STEPS)));

// 1 / (1 + exp(-x)), twice as fast as by `exp`: its Taylor series from the nearest of 64 places a unit; error below 3e-11;
// flat beyond 40.
export function sigmoid(x) {
  if (!(x > -REACH)) x = -REACH;
  else if (x > REACH) x = REACH;
  const place = ((x + REACH) * STEPS + 0.5) | 0;
  const rest = x + REACH - place / STEPS;
  const gate = GATES[place];
  const slope = gate * (1 - gate);
  return gate + rest * slope * (1 + rest * (0.5 - gate + rest * (1 / 6 - slope)));
}
