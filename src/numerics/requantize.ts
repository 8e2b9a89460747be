// Twin of assembly/numerics/requantize.ts: same names, same equation numbers (README.md beside this file).

export function clamp(value: number, min: number, max: number): number {
  return Math.min(Math.max(value, min), max);
}

/**
 * Equation (4) before the zero point: floor((acc * b + 2^(c-1)) / 2^c), exact.
 * acc and b are int32, 1 <= c <= 62. Results outside the int32 range are returned inexactly but on the right
 * side of it: every caller clamps to 8 or 16 bits.
 */
export function roundShift(acc: number, b: number, c: number): number {
  // acc * b = high * 2^16 + low with 0 <= low < 2^16; |high| < 2^47, so every step below is exact in float64.
  const partial = (acc & 0xffff) * b;
  const carry = Math.floor(partial / 65536);
  const high = (acc >> 16) * b + carry;
  const low = partial - carry * 65536;
  if (c >= 17) return Math.floor((high + 2 ** (c - 17)) / 2 ** (c - 16));
  return high * 2 ** (16 - c) + Math.floor((low + 2 ** (c - 1)) / 2 ** c);
}

/** Equation (4): y = clamp(z + floor((acc * b + 2^(c-1)) / 2^c), min, max). One rounding, half up. */
export function requantize(acc: number, b: number, c: number, z: number, min: number, max: number): number {
  return clamp(z + roundShift(acc, b, c), min, max);
}

/**
 * Equation (6), add and requantize: y = clamp(z + floor((sum + 2^(c-1)) / 2^c), min, max). `sum` is the sum over
 * branches of b_i * (q_i - z_i); with what is added it stays below 2^48, exact in float64.
 */
export function requantizeSum(sum: number, c: number, z: number, min: number, max: number): number {
  return clamp(z + Math.floor((sum + 2 ** (c - 1)) / 2 ** c), min, max);
}

/**
 * Equation (7), average pool: y = clamp(z + round(acc * b / 2^c), min, max); ties go up, or away from zero
 * where an imported model was trained against that rule.
 */
export function requantizeMean(
  acc: number,
  b: number,
  c: number,
  away: boolean,
  z: number,
  min: number,
  max: number,
): number {
  // Away from zero differs from up only for negative ties, where the exact quotient ends in .5.
  const rounded = away && acc < 0 ? -roundShift(-acc, b, c) : roundShift(acc, b, c);
  return clamp(z + rounded, min, max);
}
