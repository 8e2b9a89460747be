import { diagonalOf, Feedback } from "./error-feedback.ts";
import { type Levels, nearestLevel } from "./levels.ts";
import { dot, multiplySymmetric } from "./linear.ts";
import {
  emptyRounding,
  leastSquaresQuadratic,
  type Rounding,
  type RoundingProblem,
  storeRow,
} from "./problem.ts";
import { searchScale } from "./scales.ts";

export interface DescentOptions {
  /** Rounds over all codes of a row, each followed by a refit of its scale. Default 6. */
  readonly passes?: number;
  /** Starting scales, as multiples of the searched one; the row keeps the best result. */
  readonly starts?: readonly number[];
}

/** Multiples of the searched scale worth a start: feedback pushes codes outwards, so larger scales more than smaller. */
const STARTS = [0.85, 0.925, 1, 1.075, 1.15];
/** Above 4 bits the searched scale alone is as good. */
const MANY_LEVELS = 16;

/**
 * Coordinate descent over codes and scale on the least-squares quadratic, from error feedback under several scales.
 * Each code moves to its exact minimum with all others fixed (Behdin 2023, QuantEase, eq. 6), each scale to its own:
 * s = q H t / q H q.
 */
export function coordinateDescent(problem: RoundingProblem, options: DescentOptions = {}): Rounding {
  const { rows, taps, levels } = problem;
  const many = levels.highest - levels.lowest > MANY_LEVELS;
  const { passes = 6, starts = many ? [1] : STARTS } = options;
  const { matrix, target } = leastSquaresQuadratic(problem);
  const feedback = new Feedback(matrix, taps);
  const importance = diagonalOf(matrix, taps);
  const rounding = emptyRounding(problem);
  for (let row = 0; row < rows; row++) {
    const own = target.subarray(row * taps, (row + 1) * taps);
    const pull = multiplySymmetric(matrix, own);
    const middle = searchScale(own, levels, importance);
    let best: Descent | undefined;
    for (const start of starts) {
      const scale = start * middle;
      const descent = new Descent(matrix, importance, pull, scale, feedback.round(own, scale, levels));
      descent.run(levels, passes);
      if (best === undefined || descent.loss < best.loss) best = descent;
    }
    storeRow(rounding, row, best!.scale, best!.codes);
  }
  return rounding;
}

/** One row on its way down. */
export class Descent {
  readonly codes: Float64Array;
  scale: number;
  private readonly matrix: Float64Array;
  private readonly diagonal: Float64Array;
  /** H t */
  private readonly pull: Float64Array;
  /** H q */
  private readonly push: Float64Array;

  constructor(
    matrix: Float64Array,
    diagonal: Float64Array,
    pull: Float64Array,
    scale: number,
    codes: Float64Array,
  ) {
    this.matrix = matrix;
    this.diagonal = diagonal;
    this.pull = pull;
    this.scale = scale;
    this.codes = codes;
    this.push = multiplySymmetric(matrix, codes);
  }

  /** The quadratic, less its constant t H t. */
  get loss(): number {
    const { scale, codes, push, pull } = this;
    return scale * (scale * this.along(push, codes) - 2 * this.along(pull, codes));
  }

  /** @param refits whether the scale is the row's own */
  run(levels: Levels, passes: number, refits = true): void {
    if (this.scale === 0) return;
    for (let pass = 0; pass < passes; pass++) {
      if (refits) this.refitScale();
      if (this.moveCodes(levels) === 0) break;
    }
    if (refits) this.refitScale();
  }

  private along(a: Float64Array, b: Float64Array): number {
    return dot(a, 0, b, 0, a.length);
  }

  private refitScale(): void {
    const power = this.along(this.push, this.codes);
    const scale = power > 0 ? this.along(this.pull, this.codes) / power : 0;
    if (scale !== 0) this.scale = scale;
  }

  /** Returns how many codes moved. */
  private moveCodes(levels: Levels): number {
    const { matrix, diagonal, pull, push, codes, scale } = this;
    const taps = codes.length;
    let moved = 0;
    for (let k = 0; k < taps; k++) {
      const code = codes[k]!;
      const best = nearestLevel(code + (pull[k]! / scale - push[k]!) / diagonal[k]!, levels);
      if (best === code) continue;
      const delta = best - code;
      codes[k] = best;
      moved++;
      for (let j = 0, at = k * taps; j < taps; j++) push[j]! += delta * matrix[at + j]!;
    }
    return moved;
  }
}
