// The numeric contract once more, in exact arithmetic of any size: what the twins are measured against.

function clampBig(value: bigint, min: number, max: number): number {
  return value < BigInt(min) ? min : value > BigInt(max) ? max : Number(value);
}

/** Equation (4) before the zero point: the exact quotient, rounded half up. BigInt shifts are floors. */
export function exactRoundShift(acc: number, b: number, c: number): bigint {
  return (BigInt(acc) * BigInt(b) + (1n << BigInt(c - 1))) >> BigInt(c);
}

/** Equation (4). */
export function exactRequantize(
  acc: number,
  b: number,
  c: number,
  z: number,
  min: number,
  max: number,
): number {
  return clampBig(BigInt(z) + exactRoundShift(acc, b, c), min, max);
}

/** numerator / 2^c to the nearest integer; exact halves up, or away from zero. */
function nearest(numerator: bigint, c: number, away: boolean): bigint {
  const unit = 1n << BigInt(c);
  const magnitude = numerator < 0n ? -numerator : numerator;
  const whole = magnitude / unit;
  const twice = 2n * (magnitude % unit);
  const up = twice > unit || (twice === unit && (away || numerator > 0n));
  const rounded = up ? whole + 1n : whole;
  return numerator < 0n ? -rounded : rounded;
}

/** Equation (7), by the rule that it is meant to be: the nearest integer, ties by name. */
export function exactMean(
  acc: number,
  b: number,
  c: number,
  away: boolean,
  z: number,
  min: number,
  max: number,
): number {
  return clampBig(BigInt(z) + nearest(BigInt(acc) * BigInt(b), c, away), min, max);
}

/** Equation (6): branches of multiplier times centred code, summed exactly and rounded once, half up. */
export function exactSum(
  branches: readonly (readonly [b: number, centred: number])[],
  c: number,
  z: number,
  min: number,
  max: number,
): number {
  const sum = branches.reduce((total, [b, centred]) => total + BigInt(b) * BigInt(centred), 0n);
  return clampBig(BigInt(z) + nearest(sum, c, false), min, max);
}

/** Equation (8), the code of an exponent. */
export function exactSoftmaxCode(e: number, sum: bigint): number {
  return clampBig((BigInt(e) * 256n + sum / 2n) / sum - 128n, -128, 127);
}

/** Bits behind the binary point of the fixed-point numbers below; e^-700 still has 180 of them. */
const POINT = 1200n;
const HALVINGS = 12n;

/** A double as fixed point, exactly where it has no bit below 2^-1200. */
export function fixed(value: number): bigint {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, Math.abs(value));
  const word = bits.getBigUint64(0);
  const exponent = word >> 52n;
  const mantissa = exponent === 0n ? word : (word & 0xfffffffffffffn) | (1n << 52n);
  const shift = POINT + (exponent === 0n ? 1n : exponent) - 1075n;
  const magnitude = shift >= 0n ? mantissa << shift : mantissa >> -shift;
  return value < 0 ? -magnitude : magnitude;
}

/** e^x as fixed point, by halving x twelve times, the Taylor series, and squaring twelve times. */
export function exactExponential(x: number): bigint {
  const y = fixed(x) >> HALVINGS;
  let term = 1n << POINT;
  let sum = term;
  for (let n = 1n; term !== 0n && n < 200n; n++) {
    term = ((term * y) >> POINT) / n;
    sum += term;
  }
  for (let i = 0n; i < HALVINGS; i++) sum = (sum * sum) >> POINT;
  return sum;
}

/** |value - exact| / exact of a double against fixed point. */
export function relativeError(value: number, exact: bigint): number {
  const difference = fixed(value) - exact;
  const magnitude = difference < 0n ? -difference : difference;
  return Number((magnitude << 80n) / exact) / 2 ** 80;
}
