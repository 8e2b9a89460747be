// Which codes a weight of each width can take.
import { clamp } from "../../numerics/requantize.ts";

/** Widths of weights (DESIGN section 3): bits, or -1, 0 and 1. */
export type WeightWidth = 8 | 7 | 6 | 5 | 4 | 3 | 2 | "ternary" | 1;

/** The codes lowest, lowest + step, ..., highest. */
export interface Levels {
  readonly lowest: number;
  readonly highest: number;
  readonly step: number;
  /** Whether a channel may use the negatives of the codes instead: 2 bits are -2..1 or -1..2. */
  readonly mirrored: boolean;
}

/** Codes of a width: 8 and 7 bits symmetric, 6 to 2 bits two's complement, ternary {-1, 0, 1}, binary {-1, 1}. */
export function levelsOf(width: WeightWidth): Levels {
  if (width === "ternary") return { lowest: -1, highest: 1, step: 1, mirrored: false };
  if (width === 1) return { lowest: -1, highest: 1, step: 2, mirrored: false };
  const half = 2 ** (width - 1);
  return { lowest: width >= 7 ? 1 - half : -half, highest: half - 1, step: 1, mirrored: width === 2 };
}

/** Bits that a code of a width takes: ternary codes are 2-bit ones. */
export function bitsOf(width: WeightWidth): number {
  return width === "ternary" ? 2 : width;
}

/** The code nearest to a value, halves up. */
export function nearestLevel(value: number, { lowest, highest, step }: Levels): number {
  return clamp(lowest + step * Math.floor((value - lowest) / step + 0.5), lowest, highest);
}
