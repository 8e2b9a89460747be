const words = new BigUint64Array(1);
const reals = new Float64Array(words.buffer);

/**
 * ln x for a positive, normal, finite x from +, -, *, / alone: the same bits on every host, which Math.log does not
 * promise. x = m * 2^k with m in [sqrt 1/2, sqrt 2), then ln m = 2 artanh((m - 1) / (m + 1)). Absolute error below 1e-15
 * near 1, relative error below 1e-15 elsewhere.
 */
export function logarithm(x: number): number {
  reals[0] = x;
  let k = Number((words[0]! >> 52n) & 0x7ffn) - 1023;
  words[0] = (words[0]! & 0xfffffffffffffn) | (1023n << 52n);
  let m = reals[0]!;
  if (m > Math.SQRT2) {
    m /= 2;
    k++;
  }
  const s = (m - 1) / (m + 1);
  let sum = 0;
  for (let n = 23; n >= 1; n -= 2) sum = 1 / n + sum * s * s;
  return k * Math.LN2 + 2 * s * sum;
}
