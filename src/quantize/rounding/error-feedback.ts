import { type Levels, nearestLevel } from "./levels.ts";
import { dot, reverseFactor } from "./linear.ts";
import {
  emptyRounding,
  type Quadratic,
  type Rounding,
  type RoundingProblem,
  storeRow,
  weightQuadratic,
} from "./problem.ts";
import { searchScales } from "./scales.ts";

/**
 * GPTQ (Frantar 2022, algorithm 1; OBQ, Frantar & Alistarh 2022, eq. 2): weights are rounded one after the other, and
 * the error of each is made up by those still to come. The inputs are the already quantized ones.
 */
export function errorFeedback(problem: RoundingProblem): Rounding {
  return feedBack(problem, weightQuadratic(problem));
}

/** Error feedback around any quadratic, scales by the diagonal-weighted search. */
export function feedBack(problem: RoundingProblem, quadratic: Quadratic): Rounding {
  const { rows, taps, levels } = problem;
  const feedback = new Feedback(quadratic.matrix, taps);
  const importance = diagonalOf(quadratic.matrix, taps);
  const scales = searchScales(quadratic.target, taps, levels, "weighted", importance);
  const rounding = emptyRounding(problem);
  for (let row = 0; row < rows; row++) {
    const target = quadratic.target.subarray(row * taps, (row + 1) * taps);
    storeRow(rounding, row, scales[row]!, feedback.round(target, scales[row]!, levels));
  }
  return rounding;
}

export function diagonalOf(matrix: Float64Array, taps: number): Float64Array {
  return Float64Array.from({ length: taps }, (_, k) => matrix[k * taps + k]!);
}

/**
 * The order of the taps and the factor that says what each error costs the next. Instead of the inverse's Cholesky
 * factor this takes matrix = L' D L, with which the optimal value of tap k is target_k minus the sum of L_kj times the
 * errors before it: the same numbers, without an inverse.
 */
export class Feedback {
  private readonly order: Int32Array;
  private readonly factor: Float64Array;
  private readonly taps: number;

  /** @param matrix damped H, [taps][taps]; taps with the most energy are rounded first, while all others can still help. */
  constructor(matrix: Float64Array, taps: number) {
    const energy = diagonalOf(matrix, taps);
    this.taps = taps;
    this.order = Int32Array.from(energy.keys()).sort((a, b) => energy[b]! - energy[a]! || a - b);
    const sorted = new Float64Array(taps * taps);
    this.order.forEach((from, i) => {
      for (let j = 0; j < taps; j++) sorted[i * taps + j] = matrix[from * taps + this.order[j]!]!;
    });
    this.factor = reverseFactor(sorted, taps);
  }

  /** Codes of one row under a signed scale. */
  round(target: Float64Array, scale: number, levels: Levels): Float64Array {
    const { order, factor, taps } = this;
    const codes = new Float64Array(taps);
    if (scale === 0) return codes.fill(nearestLevel(0, levels));
    const errors = new Float64Array(taps);
    for (let k = 0; k < taps; k++) {
      const tap = order[k]!;
      const wanted = target[tap]! - dot(factor, k * taps, errors, 0, k);
      const code = nearestLevel(wanted / scale, levels);
      codes[tap] = code;
      errors[k] = scale * code - target[tap]!;
    }
    return codes;
  }
}
