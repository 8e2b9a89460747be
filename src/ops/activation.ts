import { type ActivationBits, activationRange } from "../numerics/pack.ts";
import { clamp } from "../numerics/requantize.ts";

/** A function fused into the op in front of it: in integers it is only a clamp of the output codes. */
export type Activation = "none" | "relu" | "relu6" | "reluN1To1";

const BOUNDS: Record<Activation, readonly [min: number, max: number]> = {
  none: [-Infinity, Infinity],
  relu: [0, Infinity],
  relu6: [0, 6],
  reluN1To1: [-1, 1],
};

/** The interval that the activation clamps to; infinite ends where it does not. */
export function activationBounds(activation: Activation): readonly [min: number, max: number] | undefined {
  return BOUNDS[activation];
}

export function activate(value: number, activation: Activation): number {
  const [min, max] = BOUNDS[activation];
  return clamp(value, min, max);
}

/** The activation's bounds as codes of the output: clamp(round(bound / scale) + z). */
export function activationCodes(
  activation: Activation,
  scale: number,
  zeroPoint: number,
  bits: ActivationBits = 8,
): readonly [min: number, max: number] {
  const range = activationRange(bits);
  const code = (real: number) => clamp(Math.floor(real / scale + 0.5) + zeroPoint, ...range);
  const [min, max] = BOUNDS[activation];
  return [code(min), code(max)];
}
