// Equation (12); twin of assembly/kernels/lstm.ts.
import { sigmoid } from "./functions.ts";
import { clamp } from "./requantize.ts";

/** Entries from -8 to 8 in steps of 2^-5. */
const ENTRIES = 513;
const STEP_BITS = 7; // of a gate's code, in units of 2^-12
let table: Int16Array | undefined;

/** The sigmoid from -8 to 8, Q15; at most 32757. */
export function sigmoidTable(): Int16Array {
  table ??= Int16Array.from({ length: ENTRIES }, (_, i) => Math.floor(sigmoid(i / 32 - 8) * 2 ** 15 + 0.5));
  return table;
}

/** Sigmoid of a 16-bit number in units of 2^-12: Q15, on the line between two entries. */
export function tableSigmoid(entries: Int16Array, x: number): number {
  const at = (x + 32768) >> STEP_BITS;
  const low = entries[at]!;
  return low + (((entries[at + 1]! - low) * (x & 127) + 64) >> STEP_BITS);
}

/** tanh(x) = 2 sigmoid(2x) - 1. */
export function tableTanh(entries: Int16Array, x: number): number {
  return 2 * tableSigmoid(entries, clamp(2 * x, -32768, 32767)) - 32768;
}

/** A gate before its function: two accumulators under their own b, summed exactly, rounded once. */
export function gateCode(x: number, bx: number, h: number, bh: number, shift: number): number {
  const sum = BigInt(x) * BigInt(bx) + BigInt(h) * BigInt(bh);
  return clamp(Number((sum + (1n << BigInt(shift - 1))) >> BigInt(shift)), -32768, 32767);
}

/** The new cell state, in units of 2^-bits; gates are Q15. */
export function cellState(i: number, f: number, g: number, old: number, bits: number, clip: number): number {
  const sum = f * old * 2 ** (15 - bits) + i * g;
  return clamp(Math.floor((sum + 2 ** (29 - bits)) / 2 ** (30 - bits)), -clip, clip);
}
