import { dequantizeValue } from "../numerics/affine.ts";

/** One class as a person reads it. */
export interface Ranked {
  readonly index: number;
  /** The model's own label, or the index. */
  readonly label: string;
  readonly code: number;
  /** The output's real value: a probability behind a softmax, a score otherwise. */
  readonly score: number;
}

/** The `k` classes with the largest codes, best first; of equals, the lowest index first. */
export function topK(
  codes: ArrayLike<number>,
  scale: number,
  zeroPoint: number,
  labels: readonly string[] | undefined,
  k: number,
): Ranked[] {
  return Array.from(codes, (code, index) => ({ code, index }))
    .sort((a, b) => b.code - a.code || a.index - b.index)
    .slice(0, k)
    .map(({ code, index }) => ({
      index,
      label: labels?.[index] ?? `${index}`,
      code,
      score: dequantizeValue(code, scale, zeroPoint),
    }));
}
