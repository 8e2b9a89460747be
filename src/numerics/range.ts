import { type ActivationBits, activationRange } from "./pack.ts";

/** Reals that a tensor's codes are to cover. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** The range of every activation of a graph, by tensor index. */
export type Ranges = ReadonlyMap<number, Range>;

/** Equation (1) for one tensor: real = scale * (code - zeroPoint). */
export interface Affine {
  readonly scale: number;
  readonly zeroPoint: number;
}

/** "affine" covers the range; "symmetric" has zero point 0; "unsigned" starts at 0 and spends no codes below it. */
export type AffineForm = "affine" | "symmetric" | "unsigned";

/**
 * The affine map of a range: codes of `bits` bits, the scale a float32, real 0 exactly a code. The range is first
 * widened to hold 0. Codes of 16 bits are "symmetric" always; of the two codes of 1 bit, which have no middle,
 * "symmetric" is "affine".
 */
export function rangeAffine(
  { min, max }: Range,
  bits: ActivationBits = 8,
  form: AffineForm = "affine",
): Affine {
  const [lowest, highest] = activationRange(bits);
  if (bits === 16 || (form === "symmetric" && bits > 1)) {
    return { scale: positive(Math.max(Math.abs(min), Math.abs(max)) / highest), zeroPoint: 0 };
  }
  const low = form === "unsigned" ? 0 : Math.min(min, 0);
  const scale = positive((Math.max(max, 0) - low) / (highest - lowest));
  return { scale, zeroPoint: Math.min(highest, Math.floor(lowest - low / scale + 0.5)) };
}

/** A float32 scale; 1 for a tensor that is always 0. */
function positive(scale: number): number {
  const rounded = Math.fround(scale);
  return rounded > 0 ? rounded : 1;
}
