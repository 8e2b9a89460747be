// Real functions from +, -, *, /, square roots and powers of two alone: the same bits on every host.
import { exponential } from "./exponential.ts";

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
