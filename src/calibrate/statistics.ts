import { plainScan, type Scan } from "./scan.ts";

/**
 * Bins on either side of 0. Their width is the smallest power of two with which all values seen fit, so it depends on
 * the set of values alone, and halving the resolution (bin i to floor(i / 2)) is exact: states merge to the same
 * counts in any order and any sharding.
 */
export const BINS = 4096;
/** Exponent of the bin width where all values are 0. */
const FINEST = -140;
/** 1 / 2^-149, the smallest positive float32: in this unit every float32 is an integer. */
const FIXED = 2 ** 149;

/** What one calibration saw of one tensor: extremes, exact sums of every sample's extremes, a histogram. */
export class Statistics {
  min = Infinity;
  max = -Infinity;
  samples = 0;
  /** Sums over samples of their smallest and largest value, exact in units of 2^-149. */
  private sumMin = 0n;
  private sumMax = 0n;
  /** Values are counted in bins [i, i + 1) * 2^exponent for i from -BINS to BINS - 1. */
  private exponent = FINEST;
  private counts = new Float64Array(0);

  /** Takes in one sample's values. Where one is NaN or infinite, takes in nothing and returns its index; else -1. */
  observe(values: Float32Array, scan: Scan = plainScan): number {
    const [min, max, check] = scan.extremes(values);
    if (check !== 0) return values.findIndex((value) => !Number.isFinite(value));
    this.include(min, max, 1, fixed(min), fixed(max));
    scan.count(values, 2 ** -this.exponent, this.counts);
    return -1;
  }

  /** Takes in what another state saw; the order of merges does not matter. */
  merge(other: Statistics): void {
    if (other.samples === 0) return;
    this.include(other.min, other.max, other.samples, other.sumMin, other.sumMax);
    const shift = this.exponent - other.exponent;
    other.counts.forEach((count, at) => {
      if (count > 0) this.counts[coarser(at, shift)]! += count;
    });
  }

  /** Means over samples of their smallest and of their largest value. */
  get meanExtremes(): readonly [min: number, max: number] {
    return [Number(this.sumMin) / FIXED / this.samples, Number(this.sumMax) / FIXED / this.samples];
  }

  /** Width of a bin; a power of two. */
  get binWidth(): number {
    return 2 ** this.exponent;
  }

  /** The bins that hold anything, ascending: bin i counts values in [i, i + 1) * binWidth. */
  bins(): { readonly index: number; readonly count: number }[] {
    const bins: { index: number; count: number }[] = [];
    this.counts.forEach((count, at) => {
      if (count > 0) bins.push({ index: at - BINS, count });
    });
    return bins;
  }

  toJSON(): StatisticsJson {
    const { min, max, samples, sumMin, sumMax, exponent } = this;
    const bins = this.bins();
    const first = bins[0]?.index ?? 0;
    const last = bins.at(-1)?.index ?? -1;
    const counts = Array.from(this.counts.subarray(first + BINS, last + BINS + 1));
    return { min, max, samples, sumMin: `${sumMin}`, sumMax: `${sumMax}`, exponent, first, counts };
  }

  /** The inverse of toJSON; undefined where the object is no such state. */
  static fromJSON(json: Partial<StatisticsJson>): Statistics | undefined {
    const { min, max, samples, sumMin, sumMax, exponent, first, counts } = json;
    const integers = [samples, exponent, first];
    const sums = [sumMin, sumMax].every((sum) => typeof sum === "string" && /^-?\d{1,120}$/.test(sum));
    if (!integers.every(Number.isSafeInteger) || !sums || !Array.isArray(counts)) return undefined;
    if (!(min! > -Infinity && max! < Infinity && min! <= max! && samples! > 0)) return undefined;
    if (first! < -BINS || first! + counts.length > BINS) return undefined;
    if (!counts.every((count) => Number.isSafeInteger(count) && count >= 0)) return undefined;
    const state = new Statistics();
    state.include(min!, max!, samples!, BigInt(sumMin!), BigInt(sumMax!));
    if (state.exponent !== exponent) return undefined;
    state.counts.set(counts, first! + BINS);
    return state;
  }

  private include(min: number, max: number, samples: number, sumMin: bigint, sumMax: bigint): void {
    this.min = Math.min(this.min, min) + 0; // + 0 turns -0 into 0, as JSON does
    this.max = Math.max(this.max, max) + 0;
    this.samples += samples;
    this.sumMin += sumMin;
    this.sumMax += sumMax;
    if (this.counts.length === 0) this.counts = new Float64Array(2 * BINS);
    let shift = 0;
    while (!fits(this.min, this.max, 2 ** -(this.exponent + shift))) shift++;
    if (shift > 0) this.coarsen(shift);
  }

  private coarsen(shift: number): void {
    const counts = new Float64Array(2 * BINS);
    this.counts.forEach((count, at) => {
      if (count > 0) counts[coarser(at, shift)]! += count;
    });
    this.counts = counts;
    this.exponent += shift;
  }
}

export interface StatisticsJson {
  readonly min: number;
  readonly max: number;
  readonly samples: number;
  /** Decimal integers, in units of 2^-149. */
  readonly sumMin: string;
  readonly sumMax: string;
  readonly exponent: number;
  /** Index of the first bin in `counts`. */
  readonly first: number;
  readonly counts: readonly number[];
}

function fixed(value: number): bigint {
  return BigInt(value * FIXED);
}

function fits(min: number, max: number, inverse: number): boolean {
  return Math.floor(min * inverse) >= -BINS && Math.floor(max * inverse) < BINS;
}

/** Place of a bin after its width has doubled `shift` times. */
function coarser(at: number, shift: number): number {
  return Math.floor((at - BINS) / 2 ** shift) + BINS;
}
