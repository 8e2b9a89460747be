// Twin of assembly/numerics/normalize.ts.
import { clamp } from "./requantize.ts";

/** floor(sqrt(value)) for an integer below 2^48: the correctly rounded square root is on the right side there. */
export function squareRoot(value: number): number {
  return Math.floor(Math.sqrt(value));
}

/**
 * Equation (11): z + floor((value * 2^15 + floor(root / 2)) / root), clamped; root = floor(2^8 * sqrt(sum of squares)),
 * output scale 1/128. Zero where all values are.
 */
export function normalizedCode(value: number, root: number, z: number): number {
  if (root === 0) return z;
  return clamp(z + Math.floor((value * 2 ** 15 + Math.floor(root / 2)) / root), -128, 127);
}
