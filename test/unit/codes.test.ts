import { expect, it } from "vitest";
import { instantiateCalibrator } from "../../src/float/calibrator.ts";
import { decodeInto, encodeFrom } from "../../src/float/codes.ts";
import { type ActivationBits, activationRange, codesOf } from "../../src/numerics/pack.ts";
import { calibratorBytes } from "../cases/floats.ts";
import { Random } from "../cases/random.ts";

const wasm = await instantiateCalibrator(await WebAssembly.compile(calibratorBytes()));
const WIDTHS: readonly ActivationBits[] = [16, 8, 4, 2, 1];

/** A view of the module's memory, with what lies behind it. */
function room(length: number): { reals: Float32Array; behind: Uint8Array } {
  wasm.reserve(wasm.heap_base() + 4 * length + 64);
  const { buffer } = wasm.memory;
  const reals = new Float32Array(buffer, wasm.heap_base(), length);
  const behind = new Uint8Array(buffer, reals.byteOffset + reals.byteLength, 16).fill(0xa5);
  return { reals, behind };
}

it.each(WIDTHS)("%i bits: codes of reals and back, as the formulas say, whatever the length", (bits) => {
  const random = new Random(bits);
  const [lowest, highest] = activationRange(bits);
  for (let length = 1; length < 40; length++) {
    const affine = {
      scale: Math.fround(random.between(0.001, 0.1)),
      zeroPoint: random.integer(lowest, highest),
    };
    const { reals, behind } = room(length);
    const span = affine.scale * (highest - lowest);
    const values = Float32Array.from(reals, () => random.between(-2 * span, 2 * span));
    values[0] = random.pick([NaN, Infinity, -Infinity, 0, affine.scale / 2]);
    const inverse = 1 / affine.scale;
    const code = (value: number) => {
      const shifted = value * inverse + (affine.zeroPoint + 0.5 - lowest);
      return (Math.min(highest - lowest, Math.max(0, shifted)) | 0) + lowest;
    };
    reals.set(values);
    const codes = encodeFrom(wasm, reals, affine, bits);
    expect(codes).toEqual(codesOf(length, bits).map((_, i) => code(values[i]!)));
    decodeInto(wasm, reals, { codes, affine });
    expect(reals).toEqual(Float32Array.from(codes, (own) => affine.scale * (own - affine.zeroPoint)));
    expect(behind.every((byte) => byte === 0xa5)).toBe(true);
  }
});
