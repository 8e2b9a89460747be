// From what was seen of a tensor to the range that its codes shall cover. Only +, -, *, / and our own logarithm: the
// same range on every host.
import { logarithm } from "../numerics/logarithm.ts";
import { type ActivationBits, activationRange } from "../numerics/pack.ts";
import { type Range, rangeAffine } from "../numerics/range.ts";
import { clamp } from "../numerics/requantize.ts";
import type { Statistics } from "./statistics.ts";

/** How a range is chosen. */
export type RangeMethod = "minmax" | "percentile" | "movingAverage" | "entropy" | "mse";

export interface RangeOptions {
  /** Default "mse": the range with the least squared error of the codes. */
  readonly method?: RangeMethod;
  /** Share of the values that "percentile" keeps below the upper and above the lower end. */
  readonly percentile?: number;
  /** Width of the codes, which "entropy" and "mse" optimise for. */
  readonly bits?: ActivationBits;
}

const METHODS: Record<RangeMethod, (seen: Statistics, options: Required<RangeOptions>) => Range> = {
  minmax: ({ min, max }) => ({ min, max }),
  percentile,
  movingAverage,
  entropy,
  mse,
};

/** The range of one tensor, no wider than what was seen of it and 0. */
export function chooseRange(seen: Statistics, options: RangeOptions = {}): Range {
  const all = { method: "mse", percentile: 0.9999, bits: 8, ...options } as const;
  return METHODS[all.method](seen, all);
}

/** The ends behind which at most 1 - p of the values lie, as edges of bins. */
function percentile(seen: Statistics, { percentile: p }: Required<RangeOptions>): Range {
  const bins = seen.bins();
  const most = (1 - p) * bins.reduce((total, { count }) => total + count, 0);
  const end = (order: typeof bins) => {
    let beyond = 0;
    return order.find(({ count }) => {
      beyond += count;
      return beyond > most;
    })!.index;
  };
  return {
    min: Math.max(seen.min, end(bins) * seen.binWidth),
    max: Math.min(seen.max, (end(bins.toReversed()) + 1) * seen.binWidth),
  };
}

/** The mean of every sample's extremes: what a moving average tends to, without its dependence on the order. */
function movingAverage(seen: Statistics): Range {
  const [min, max] = seen.meanExtremes;
  return { min, max };
}

/** Shares of the full range that the searches try. */
const STEPS = 80;

/** The clip of either end with the least squared error between values and their codes, one end after the other. */
function mse(seen: Statistics, { bits }: Required<RangeOptions>): Range {
  const bins = seen.bins();
  const points = {
    values: Float64Array.from(bins, ({ index }) => (index + 0.5) * seen.binWidth),
    counts: Float64Array.from(bins, ({ count }) => count),
  };
  const full = { min: Math.min(seen.min, 0), max: Math.max(seen.max, 0) };
  let best = full;
  let least = squaredError(points, best, bits);
  for (const end of ["max", "min", "max", "min"] as const) {
    for (let step = 1; step < STEPS && full[end] !== 0; step++) {
      const range = { ...best, [end]: full[end] * (step / STEPS) };
      const error = squaredError(points, range, bits);
      if (error < least) {
        best = range;
        least = error;
      }
    }
  }
  return best;
}

/** Values, and how often each was seen. */
interface Points {
  readonly values: Float64Array;
  readonly counts: Float64Array;
}

function squaredError({ values, counts }: Points, range: Range, bits: ActivationBits): number {
  const { scale, zeroPoint } = rangeAffine(range, bits);
  const [lowest, highest] = activationRange(bits).map((code) => code - zeroPoint) as [number, number];
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    const code = Math.floor(value / scale + 0.5);
    const error = value - scale * clamp(code, lowest, highest);
    sum += counts[i]! * error * error;
  }
  return sum;
}

/** The clip to [-t, t] whose codes keep most of the distribution, by Kullback-Leibler divergence. */
function entropy(seen: Statistics, { bits }: Required<RangeOptions>): Range {
  const { min, max, binWidth } = seen;
  const first = Math.floor(Math.min(min, 0) / binWidth);
  const counts = new Float64Array(Math.floor(Math.max(max, 0) / binWidth) + 1 - first);
  // Bin 0 is left out: 0 is a code of its own under every range, and the zeros behind a ReLU would drown the rest.
  for (const { index, count } of seen.bins()) if (index !== 0) counts[index - first] = count;
  const reach = Math.max(-first, counts.length + first);
  let best = reach;
  let least = Infinity; // and stays so for a tensor of zeros
  for (let step = STEPS; step >= STEPS / 8; step--) {
    const clip = Math.ceil((reach * step) / STEPS);
    const low = Math.max(0, -clip - first);
    const high = Math.min(counts.length, clip - first);
    const divergence = divergenceOf(counts, low, high, 2 ** bits);
    if (divergence < least) {
      best = clip;
      least = divergence;
    }
  }
  return { min: Math.max(min, -best * binWidth), max: Math.min(max, best * binWidth) };
}

/** Mass of a bin that the codes give nothing to, so that the divergence stays finite; a share of all values. */
const NOTHING = 2 ** -20;

/** KL(P || Q): P is the counts clipped to bins [low, high), Q the same bins merged to `levels` codes and spread again. */
function divergenceOf(counts: Float64Array, low: number, high: number, levels: number): number {
  const size = high - low;
  const sums = new Float64Array(levels);
  const filled = new Float64Array(levels);
  const level = (bin: number) => Math.floor((bin * levels) / size);
  let [below, above, total] = [0, 0, 0];
  counts.forEach((count, bin) => {
    total += count;
    if (bin < low) below += count;
    else if (bin >= high) above += count;
    else if (count > 0) {
      sums[level(bin - low)]! += count;
      filled[level(bin - low)]!++;
    }
  });
  const kept = total - below - above;
  if (kept === 0) return Infinity;
  let divergence = 0;
  for (let bin = 0; bin < size; bin++) {
    const own = counts[low + bin]!;
    const p = (own + (bin === 0 ? below : 0) + (bin === size - 1 ? above : 0)) / total;
    if (p === 0) continue;
    const q = own === 0 ? NOTHING : sums[level(bin)]! / filled[level(bin)]! / kept;
    divergence += p * logarithm(p / q);
  }
  return divergence;
}
