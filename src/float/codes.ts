// Codes of activations in calibrator.wasm: they take the place of reals there, and reals theirs.
import { type ActivationBits, activationRange, type Codes } from "../numerics/pack.ts";
import type { Affine } from "../numerics/range.ts";
import type { CalibratorExports } from "./calibrator.ts";

/** Codes, and what they stand for by equation (1). */
export interface Coded {
  readonly codes: Codes;
  readonly affine: Affine;
}

/** Values of a network's input. */
export type FloatInput = Float32Array | Coded;

/** Fills reals, a view of the module's memory, with what codes stand for; scales are float32. */
export function decodeInto(
  wasm: CalibratorExports,
  reals: Float32Array,
  { codes, affine: { scale, zeroPoint } }: Coded,
): void {
  const { buffer, byteOffset, byteLength, length } = reals;
  const end = byteOffset + byteLength;
  const wide = codes instanceof Int16Array;
  const room = wide
    ? new Int16Array(buffer, end - 2 * length, length)
    : new Int8Array(buffer, end - length, length);
  room.set(codes);
  wasm.decode(byteOffset, length, Number(wide), scale, zeroPoint);
}

/** The codes nearest to reals, a view of the module's memory, which does not hold them any more. */
export function encodeFrom(
  wasm: CalibratorExports,
  { buffer, byteOffset, length }: Float32Array,
  { scale, zeroPoint }: Affine,
  bits: ActivationBits,
): Codes {
  const [lowest, highest] = activationRange(bits);
  const wide = bits === 16;
  const offset = zeroPoint + 0.5 - lowest;
  wasm.encode(byteOffset, length, Number(wide), 1 / scale, offset, highest - lowest, lowest);
  return wide
    ? new Int16Array(buffer, byteOffset, length).slice()
    : new Int8Array(buffer, byteOffset, length).slice();
}
