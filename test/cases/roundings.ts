import type { RoundingProblem, WeightWidth } from "../../src/quantize/rounding/index.ts";
import { levelsOf } from "../../src/quantize/rounding/index.ts";
import { leastSquaresQuadratic } from "../../src/quantize/rounding/problem.ts";
import { Random } from "./random.ts";

export const WIDTHS: readonly WeightWidth[] = [8, 7, 6, 5, 4, 3, 2, "ternary", 1];

/** Correlated inputs x, spoilt inputs x', and the moments that they have. */
export function randomProblem(seed: number, rows: number, taps: number, width: WeightWidth): RoundingProblem {
  const random = new Random(seed);
  const bell = () => random.between(-1, 1) + random.between(-1, 1) + random.between(-1, 1);
  const weights = Float64Array.from({ length: rows * taps }, bell);
  const second = new Float64Array(taps * taps);
  const cross = new Float64Array(rows * taps);
  const count = 8 * taps;
  for (let i = 0; i < count; i++) {
    const shared = bell();
    const x = Array.from({ length: taps }, () => shared + bell());
    const spoilt = x.map((value) => value + 0.2 * bell());
    for (let a = 0; a < taps; a++) {
      for (let b = 0; b < taps; b++) second[a * taps + b]! += (spoilt[a]! * spoilt[b]!) / count;
    }
    for (let n = 0; n < rows; n++) {
      const y = x.reduce((sum, value, k) => sum + value * weights[n * taps + k]!, 0);
      for (let k = 0; k < taps; k++) cross[n * taps + k]! += (y * spoilt[k]!) / count;
    }
  }
  return { rows, taps, weights, second, cross, levels: levelsOf(width), damping: 0.01, shrinkage: 0.01 };
}

/** Value of the least-squares quadratic of row n for real weights. */
export function quadraticLoss(problem: RoundingProblem, n: number, reals: ArrayLike<number>): number {
  const { taps } = problem;
  const { matrix, target } = leastSquaresQuadratic(problem);
  let loss = 0;
  for (let i = 0; i < taps; i++) {
    for (let j = 0; j < taps; j++) {
      const [a, b] = [reals[i]! - target[n * taps + i]!, reals[j]! - target[n * taps + j]!];
      loss += a * b * matrix[i * taps + j]!;
    }
  }
  return loss;
}
