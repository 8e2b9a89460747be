// Twin of src/numerics/normalize.ts.
import { clamp } from "./requantize";

/** floor(sqrt(value)) for value < 2^48. */
export function squareRoot(value: u64): i32 {
  let root: u64 = 0;
  for (let bit: u64 = 1 << 23; bit > 0; bit >>= 1) {
    const next = root | bit;
    if (next * next <= value) root = next;
  }
  return <i32>root;
}

/**
 * Equation (11): z + floor((value * 2^15 + floor(root / 2)) / root), clamped; root = floor(2^8 * sqrt(sum of squares)),
 * output scale 1/128. Zero where all values are.
 */
// @ts-ignore: decorator
@inline
export function normalizedCode(value: i32, root: i32, z: i32): i32 {
  if (root == 0) return z;
  const scaled = (value << 15) + (root >> 1);
  const quotient = scaled >= 0 ? scaled / root : -((root - 1 - scaled) / root);
  return clamp(<i64>(quotient + z), -128, 127);
}
