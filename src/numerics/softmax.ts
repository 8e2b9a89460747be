// Twin of assembly/numerics/softmax.ts.
import { exponential } from "./exponential.ts";

/** Q23: e^0 is 2^23, so that 2^8 * e stays in 32 bits and 2^16 channels of it in 64. */
const ONE = 2 ** 23;

/** Equation (8), the table: t[d] = round(2^23 * e^(-d * beta * scale)) for the distance d below the maximum. */
export function softmaxTable(beta: number, scale: number): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, d) => Math.floor(ONE * exponential(-d * beta * scale) + 0.5));
}

/** Equation (8): out = min(127, floor((e * 256 + floor(sum / 2)) / sum) - 128); output scale 1/256, zero point -128. */
export function softmaxCode(e: number, sum: number): number {
  return Math.min(127, Math.floor((e * 256 + Math.floor(sum / 2)) / sum) - 128);
}
