import type { Layer } from "./layer.ts";
import type { Moments } from "./moments.ts";
import { multiplySymmetric } from "./rounding/linear.ts";
import { leastSquaresTarget } from "./rounding/problem.ts";

/** Where the windows of a calibration set are so many a tap, the moments are what they will be on other data. */
const AMPLE = 100;
/** The damping then, and the least that is tried otherwise. */
const LEAST = 0.01;
const TRIED = [LEAST, 0.1, 1, 10];
/** Rows that a choice looks at. */
const ROWS = 64;

/** What rounding adds to the second moments of so many windows, as a share of their mean diagonal (GPTQ's 0.01). */
export function dampingFor({ taps }: Layer, windows: number): number {
  return LEAST * Math.max(1, (AMPLE * taps) / windows);
}

/** Whether so many windows fit a target that serves other data as well. */
export function isAmple({ taps, groups }: Layer, windows: number): boolean {
  return groups > 1 || windows >= AMPLE * taps;
}

/**
 * The shrinkage with which the least-squares target of one half of the samples serves the other half best. With few
 * samples for many taps (60 for 1,280 in a classifier) the target fits their noise, and only this pulls it back to the
 * weights. Two-fold cross-validation of ridge regression (Hastie et al., The Elements of Statistical Learning, 7.10).
 */
export function chooseShrinkage(layer: Layer, halves: readonly [Moments, Moments]): number {
  const { rows, taps } = layer;
  const count = Math.min(rows, ROWS);
  const chosen = Array.from({ length: count }, (_, i) => Math.floor((i * rows) / count));
  const pick = (values: Float64Array) => {
    const picked = new Float64Array(count * taps);
    chosen.forEach((row, i) => {
      picked.set(values.subarray(row * taps, (row + 1) * taps), i * taps);
    });
    return picked;
  };
  const weights = pick(layer.weights);
  const folds = halves.map(({ second, cross }) => ({ second, cross: pick(cross) })) as [Fold, Fold];
  let best = TRIED.at(-1)!;
  let least = 0; // what the weights themselves lose more than the weights themselves
  for (const shrinkage of TRIED.toReversed()) {
    const loss =
      heldOut(weights, taps, folds[0], folds[1], shrinkage) +
      heldOut(weights, taps, folds[1], folds[0], shrinkage);
    if (loss >= least) break;
    best = shrinkage;
    least = loss;
  }
  return best;
}

interface Fold {
  readonly second: Float64Array;
  readonly cross: Float64Array;
}

/** What the target fitted to one fold loses on the other, less what the weights themselves lose there. */
function heldOut(weights: Float64Array, taps: number, fit: Fold, test: Fold, shrinkage: number): number {
  const rows = weights.length / taps;
  const target = leastSquaresTarget({ rows, taps, weights, ...fit, shrinkage });
  let loss = 0;
  for (let row = 0; row < rows; row++) {
    const own = weights.subarray(row * taps, (row + 1) * taps);
    const change = target.subarray(row * taps, (row + 1) * taps).map((value, k) => value - own[k]!);
    const middle = own.map((value, k) => value + change[k]! / 2);
    // (w + d) H (w + d) - 2 (w + d) c, less the same for w, is 2 d (H (w + d / 2) - c).
    multiplySymmetric(test.second, middle).forEach((value, k) => {
      loss += 2 * change[k]! * (value - test.cross[row * taps + k]!);
    });
  }
  return loss;
}
