// Real functions from +, -, *, /, square roots and powers of two alone: the same bits on every host.
import { exponential } from "./exponential.ts";
import { logarithm } from "./logarithm.ts";

export function sigmoid(x: number): number {
  const e = exponential(-Math.abs(x));
  return x >= 0 ? 1 / (1 + e) : e / (1 + e);
}

export function tanh(x: number): number {
  const e = exponential(-2 * Math.abs(x));
  return (Math.sign(x) * (1 - e)) / (1 + e);
}

const TWO_OVER_ROOT_PI = 1.1283791670955126;

/** Series of positive terms: 2/sqrt(pi) e^(-x^2) (x + 2x^3/3 + 4x^5/15 + ...); 1 beyond 6, where it is in float64. */
export function errorFunction(x: number): number {
  const a = Math.abs(x);
  if (a >= 6) return Math.sign(x);
  let sum = 0;
  let term = a;
  for (let n = 0; sum + term > sum; n++) {
    sum += term;
    term *= (2 * a * a) / (2 * n + 3);
  }
  return Math.sign(x) * TWO_OVER_ROOT_PI * exponential(-a * a) * sum;
}

/** ln(1 + e^x), without overflow. */
export function softplus(x: number): number {
  return Math.max(x, 0) + logarithm(1 + exponential(-Math.abs(x)));
}

/** Largest whole exponent that is multiplied out. */
const MOST_FACTORS = 64;

/** x^y; NaN where it is not real. */
export function power(x: number, y: number): number {
  if (Number.isInteger(y) && Math.abs(y) <= MOST_FACTORS) {
    let product = 1;
    for (let n = Math.abs(y); n > 0; n--) product *= x;
    return y < 0 ? 1 / product : product;
  }
  if (x < 0) return Number.NaN;
  if (x === 0) return y > 0 ? 0 : Infinity;
  const e = y * logarithm(x);
  return e <= 0 ? exponential(e) : 1 / exponential(-e);
}

/** The nearest whole number, of two the even one. */
export function roundHalfEven(x: number): number {
  const nearest = Math.floor(x + 0.5);
  return nearest - x === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest;
}
