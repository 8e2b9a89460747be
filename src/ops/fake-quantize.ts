import { DyadicError } from "../error.ts";
import type { Op } from "./op.ts";

export interface FakeQuantizeAttributes {
  readonly scale: number;
  /** Codes less their zero point. */
  readonly lowest: number;
  readonly highest: number;
}

/**
 * The reals of the codes that an activation is rounded to, in float graphs alone: what a quantized network computes, with
 * a derivative. That is the one of the clamp, straight through the rounding (Bengio 2013).
 */
export const fakeQuantize: Op<FakeQuantizeAttributes, never> = {
  name: "fakeQuantize",
  // No step ever carries it: `lower` refuses.
  opcode: 0,
  contract: 0,
  kernels: [],
  stepBytes: 0,
  activations: 1,
  inPlace: [],

  shape: ([x]) => x!,

  float([x], { scale, lowest, highest }) {
    // In the kernel's own precision: a value near a half would else get another code.
    const inverse = Math.fround(1 / scale);
    const data = x!.data.map((value) => {
      const code = Math.floor(Math.fround(Math.fround(value * inverse) + 0.5));
      return Math.fround(scale) * Math.min(Math.max(code, lowest), highest);
    });
    return { shape: x!.shape, data };
  },

  gradient(gradient, [x], _, attributes) {
    const [low, high] = passingRange(attributes);
    return [gradient.map((value, i) => (x!.data[i]! > low && x!.data[i]! < high ? value : 0))];
  },

  lower() {
    throw new DyadicError("UNSUPPORTED_OP", "a fake quantization has no integer form", {
      hint: "lower the quantized graph that it simulates",
    });
  },
  integer: () => new Int8Array(0),
  cost: () => ({ macs: 0, weightBytes: 0 }),
  encode: () => {},
};

/** The values that are rounded to a code and not clamped to one. */
export function passingRange({
  scale,
  lowest,
  highest,
}: FakeQuantizeAttributes): [low: number, high: number] {
  return [scale * (lowest - 0.5), scale * (highest + 0.5)];
}
