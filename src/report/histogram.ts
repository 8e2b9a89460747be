import type { Statistics } from "../calibrate/statistics.ts";

/** How many bars a picture of a tensor has at most. */
const BARS = 48;

/** What a layer wrote, and what its codes can say. */
export interface Histogram {
  readonly min: number;
  readonly max: number;
  /** Reals of the smallest and the largest code. */
  readonly low: number;
  readonly high: number;
  /** Share of the values more than a code outside [low, high], as far as bins of the calibration tell. */
  readonly clipped: number;
  /** Left edge of the first bar, and the width of each. */
  readonly first: number;
  readonly width: number;
  readonly counts: readonly number[];
}

/**
 * The calibration's histogram in fewer bars; edges are multiples of a power of two, so that 0 is one.
 *
 * @param code the scale: what one code is worth
 */
export function histogramOf(seen: Statistics, low: number, high: number, code: number): Histogram {
  const bins = seen.bins();
  const [from, to] = [bins[0]!.index, bins.at(-1)!.index + 1];
  let perBar = 1;
  while (Math.ceil(to / perBar) - Math.floor(from / perBar) > BARS) perBar *= 2;
  const start = Math.floor(from / perBar);
  const counts = Array<number>(Math.ceil(to / perBar) - start).fill(0);
  let [total, outside] = [0, 0];
  for (const { index, count } of bins) {
    counts[Math.floor(index / perBar) - start]! += count;
    total += count;
    const isBelow = (index + 1) * seen.binWidth < low - code;
    if (isBelow || index * seen.binWidth > high + code) outside += count;
  }
  const width = perBar * seen.binWidth;
  return {
    min: seen.min,
    max: seen.max,
    low,
    high,
    clipped: outside / total,
    first: start * width,
    width,
    counts,
  };
}
