// The rounding problem of one layer (or of one group of it), the same for every method.
import type { Levels } from "./levels.ts";
import { choleskyFactor, multiplySymmetric, solveCholesky } from "./linear.ts";

/**
 * Weights to be rounded, N rows (output channels) of K taps, and what the layer's inputs were. With x the float and
 * x' the already quantized input, both less their means, a row w' shall make w'x' match y = wx in the mean square:
 * w' H w' - 2 w' c + const, with the second moments H = E[x' x'] and the cross moments c = E[y x'], which is w G for
 * G = E[x x'] and takes N/K of its work.
 */
export interface RoundingProblem {
  readonly rows: number;
  readonly taps: number;
  /** [rows][taps] */
  readonly weights: Float64Array;
  /** H, [taps][taps], symmetric. */
  readonly second: Float64Array;
  /** E[y x'], [rows][taps]. */
  readonly cross: Float64Array;
  readonly levels: Levels;
  /** Share of the mean diagonal of H that is added to it where weights are rounded. */
  readonly damping: number;
  /** The same where the least-squares target is fitted: pulls it towards the weights. */
  readonly shrinkage: number;
}

/** Real weight = scale of its row times code. Scales are positive, or 0 for a row of zeros. */
export interface Rounding {
  /** [rows][taps] */
  readonly codes: Int8Array;
  readonly scales: Float64Array;
}

/** One way to round. Pure: the same problem gives the same codes on every host. */
export type RoundingMethod = (problem: RoundingProblem) => Rounding;

/** (w' - target) H (w' - target) per row: what every method but nearest minimises. */
export interface Quadratic {
  /** Damped H, [taps][taps]. */
  readonly matrix: Float64Array;
  /** [rows][taps] */
  readonly target: Float64Array;
}

/** H + lambda I, lambda = damping times the mean of its diagonal (GPTQ, Frantar 2022, section 3.3, step 3). */
export function dampedSecond(second: Float64Array, taps: number, damping: number): Float64Array {
  const matrix = second.slice();
  let trace = 0;
  for (let k = 0; k < taps; k++) trace += second[k * taps + k]!;
  const lambda = (damping * trace) / taps || 1;
  for (let k = 0; k < taps; k++) matrix[k * taps + k]! += lambda;
  return matrix;
}

/** The quadratic around the float weights themselves: GPTQ's. */
export function weightQuadratic(problem: RoundingProblem): Quadratic {
  const { second, taps, damping, weights } = problem;
  return { matrix: dampedSecond(second, taps, damping), target: weights };
}

/**
 * The quadratic around the weights that serve the quantized inputs best: argmin E(w'x' - y)^2 + lambda |w' - w|^2
 * = w + (c - w H)(H + lambda I)^-1. The errors of earlier layers are compensated here.
 */
export function leastSquaresQuadratic(problem: RoundingProblem): Quadratic {
  const { second, taps, damping } = problem;
  return { matrix: dampedSecond(second, taps, damping), target: leastSquaresTarget(problem) };
}

/** [rows][taps] */
export function leastSquaresTarget(problem: Omit<RoundingProblem, "levels" | "damping">): Float64Array {
  const { rows, taps, weights, cross, second, shrinkage } = problem;
  const factor = choleskyFactor(dampedSecond(second, taps, shrinkage), taps);
  const target = weights.slice();
  for (let row = 0; row < rows; row++) {
    const own = target.subarray(row * taps, (row + 1) * taps);
    const residual = multiplySymmetric(second, own).map((value, k) => cross[row * taps + k]! - value);
    solveCholesky(factor, taps, residual).forEach((step, k) => {
      own[k]! += step;
    });
  }
  return target;
}

/** Puts a signed scale and its codes into a rounding: a negative scale turns all codes of its row. */
export function storeRow(into: Rounding, row: number, scale: number, codes: Float64Array): void {
  const sign = scale < 0 ? -1 : 1;
  into.scales[row] = Math.abs(scale);
  codes.forEach((code, k) => {
    into.codes[row * codes.length + k] = sign * code;
  });
}

/** A rounding with nothing in it yet. */
export function emptyRounding({ rows, taps }: RoundingProblem): Rounding {
  return { codes: new Int8Array(rows * taps), scales: new Float64Array(rows) };
}
