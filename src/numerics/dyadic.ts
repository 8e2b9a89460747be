import {
  MAX_SHIFT,
  MAX_SMALL_MULTIPLIER,
  MAX_SMALL_SHIFT,
  MAX_WIDE_MULTIPLIER,
  MAX_WIDE_SHIFT,
  MIN_WIDE_SHIFT,
} from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import type { ActivationBits } from "./pack.ts";

/** Scales as dyadic numbers b / 2^c: one b per channel, one c for all. */
export interface Dyadic {
  readonly multiplier: Int32Array;
  readonly shift: number;
  /** Largest output error in units of one output code that the rounding of the scales can cause. */
  readonly errorBound: number;
}

/** Above this output error (in output codes) the epilogue without a shift, c = 32, is not taken. */
const SHIFT_FREE_BOUND = 2 ** -7;

/**
 * Equations (9) and (10): b = round(s * 2^c), c the largest with which every b stays below 2^31; c = 32 where for
 * every channel the largest reachable accumulator times |b / 2^32 - s| stays below 2^-7, because kernels then need
 * no shift. A dead channel (scale 0 or below 2^-63) gets b = 0: its output is the zero point.
 *
 * @param scales one real scale per channel, finite and not negative
 * @param accumulatorBounds largest |accumulator| each channel can reach
 */
export function toDyadic(scales: ArrayLike<number>, accumulatorBounds: ArrayLike<number>): Dyadic {
  const shiftFree = dyadicAt(32, scales, accumulatorBounds);
  if (shiftFree !== null && shiftFree.errorBound < SHIFT_FREE_BOUND) return shiftFree;
  for (let c = MAX_SHIFT; c >= 1; c--) {
    const dyadic = dyadicAt(c, scales, accumulatorBounds);
    if (dyadic !== null) return dyadic;
  }
  throw tooLarge(scales);
}

/** Equation (9) for add, requantize and concat: as their sums take 32 bits or, where a tensor has 16, 64. */
export function toSumDyadic(scales: readonly number[], bits: readonly ActivationBits[]): Dyadic {
  return bits.includes(16) ? toWideDyadic(scales) : toSmallDyadic(scales);
}

/** Equation (9) for sums in 32 bits: every b at most 2^21 and c at most 30. */
export function toSmallDyadic(scales: readonly number[]): Dyadic {
  return largestShift(scales, [1, MAX_SMALL_SHIFT], MAX_SMALL_MULTIPLIER, 255);
}

/** Equation (9) for sums of codes of 16 bits: every b at most 2^30 and c from 16 to 46. */
function toWideDyadic(scales: readonly number[]): Dyadic {
  return largestShift(scales, [MIN_WIDE_SHIFT, MAX_WIDE_SHIFT], MAX_WIDE_MULTIPLIER, 2 ** 15);
}

/** The largest c of a range with which no b is above `most`; differences of codes reach up to `reach`. */
function largestShift(
  scales: readonly number[],
  [least, largest]: readonly [number, number],
  most: number,
  reach: number,
): Dyadic {
  const bounds = scales.map(() => reach);
  for (let c = largest; c >= least; c--) {
    const dyadic = dyadicAt(c, scales, bounds);
    if (dyadic?.multiplier.every((b) => b <= most)) return dyadic;
  }
  throw tooLarge(scales);
}

function dyadicAt(c: number, scales: ArrayLike<number>, bounds: ArrayLike<number>): Dyadic | null {
  const multiplier = new Int32Array(scales.length);
  let errorBound = 0;
  for (let i = 0; i < scales.length; i++) {
    const scale = scales[i]!;
    if (!(scale >= 0 && scale < Infinity)) {
      throw new DyadicError("BAD_FILE", "a scale is not a finite, non-negative number", {
        found: `${scale}`,
      });
    }
    const b = Math.floor(scale * 2 ** c + 0.5); // exact: multiplying by 2^c only moves the exponent
    if (b >= 2 ** 31) return null;
    multiplier[i] = b;
    errorBound = Math.max(errorBound, bounds[i]! * Math.abs(b / 2 ** c - scale));
  }
  return { multiplier, shift: c, errorBound };
}

function tooLarge(scales: ArrayLike<number>): DyadicError {
  return new DyadicError("OVERFLOW", "a requantization scale is too large for the engine", {
    expected: "input scale * weight scale / output scale below 2^30 (below 2^20 for add, 2^14 with 16 bits)",
    found: `${Math.max(...Array.from(scales))}`,
    hint: "the output's range was calibrated far too narrow; calibrate again",
  });
}
