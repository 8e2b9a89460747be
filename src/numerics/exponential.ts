const LN2_HIGH = 0.6931471803691238; // the first 32 bits of ln 2, so that k * LN2_HIGH is exact for |k| < 2^20
const LN2_LOW = 1.9082149292705877e-10; // ln 2 - LN2_HIGH

/**
 * e^x for x <= 0 from +, -, *, / and powers of two alone: the same bits on every host, which Math.exp does not
 * promise. Relative error below 1e-15. Argument reduction x = k ln 2 + r with |r| <= ln(2)/2, then the Taylor series.
 */
export function exponential(x: number): number {
  if (x < -700) return 0;
  const k = Math.floor(x / (LN2_HIGH + LN2_LOW) + 0.5);
  const r = x - k * LN2_HIGH - k * LN2_LOW;
  let sum = 1;
  for (let n = 18; n >= 1; n--) sum = 1 + (r / n) * sum;
  return sum * 2 ** k;
}
