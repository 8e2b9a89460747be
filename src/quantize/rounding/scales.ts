// The scale of one row of weights, before or without error feedback.
import { type Levels, nearestLevel } from "./levels.ts";

/** How the scale is chosen: the largest weight, the least squared error, or that error weighted by the diagonal of H. */
export type ScaleSearch = "max" | "mse" | "weighted";

/** Scales that the search tries: shares of the one that reaches the largest weight. */
const SEARCH = { steps: 64, smallest: 0.2 };
/** Clipping more than half of the largest weight costs more than finer steps gain, where there are many already. */
const SEARCH_MANY = { steps: 24, smallest: 0.5 };
const MANY_LEVELS = 64;

/** The scale with which the codes reach every weight of a row; 0 for zeros. The sign is the better one of the levels. */
export function maxScale(row: Float64Array, { lowest, highest }: Levels, sign = 1): number {
  let scale = 0;
  for (const weight of row) {
    const end = sign * weight < 0 ? -lowest : highest;
    scale = Math.max(scale, Math.abs(weight) / end);
  }
  return scale;
}

/**
 * The signed scale with the least sum of d_k (w_k - s q_k)^2 over the codes q nearest to w / s; d is 1 where no weights
 * are given. s is refitted to its codes: sum(d w q) / sum(d q^2). Negative only for levels that may be mirrored.
 */
export function searchScale(row: Float64Array, levels: Levels, importance?: Float64Array): number {
  const { steps, smallest } = levels.highest - levels.lowest > MANY_LEVELS ? SEARCH_MANY : SEARCH;
  let best = maxScale(row, levels);
  let least = Infinity;
  for (const sign of levels.mirrored ? [1, -1] : [1]) {
    const full = maxScale(row, levels, sign);
    for (let step = 0; step <= steps && full > 0; step++) {
      const scale = sign * full * (1 - ((1 - smallest) * step) / steps);
      const fit = refit(row, levels, scale, importance);
      if (fit.error < least) {
        best = fit.scale;
        least = fit.error;
      }
    }
  }
  return best;
}

function refit(row: Float64Array, levels: Levels, scale: number, importance: Float64Array | undefined) {
  let [cross, power, plain] = [0, 0, 0];
  for (let k = 0; k < row.length; k++) {
    const d = importance === undefined ? 1 : importance[k]!;
    const weight = row[k]!;
    const code = nearestLevel(weight / scale, levels);
    cross += d * weight * code;
    power += d * code * code;
    plain += d * (weight - scale * code) * (weight - scale * code);
  }
  // A refitted scale is taken only where it keeps the sign and gains: a grid that fits exactly stays exact.
  const gain = power > 0 ? (cross - scale * power) ** 2 / power : 0;
  const fitted = gain > 1e-12 * plain ? cross / power : scale;
  return Math.sign(fitted) === Math.sign(scale)
    ? { scale: fitted, error: plain - gain }
    : { scale, error: plain };
}

/** One scale a row of `target`. */
export function searchScales(
  target: Float64Array,
  taps: number,
  levels: Levels,
  search: ScaleSearch,
  importance?: Float64Array,
): Float64Array {
  return Float64Array.from({ length: target.length / taps }, (_, row) => {
    const own = target.subarray(row * taps, (row + 1) * taps);
    if (search === "max") return maxScale(own, levels);
    return searchScale(own, levels, search === "weighted" ? importance : undefined);
  });
}
