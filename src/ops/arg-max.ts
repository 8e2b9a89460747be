import { ARG_MAX_STEP_BYTES, CONTRACT_A8, MAX_ARG_MAX_CHANNELS, OP_ARG_MAX } from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import { affineOf } from "./affine.ts";
import type { Op } from "./op.ts";

/** Index of the first largest of each row of `channels`. */
function largest(data: Int8Array | Float32Array, channels: number): number[] {
  return Array.from({ length: data.length / channels }, (_, pixel) => {
    let best = 0;
    for (let c = 1; c < channels; c++) {
      if (data[pixel * channels + c]! > data[pixel * channels + best]!) best = c;
    }
    return best;
  });
}

/** Bytes of an index: one up to 256 channels, else the four of an i32. */
export function indexBytes(channels: number): number {
  return channels <= MAX_ARG_MAX_CHANNELS ? 1 : 4;
}

/** One byte as code + 128; four as they are, the lowest first. */
function indexCodes(indices: readonly number[], channels: number): Int8Array {
  if (indexBytes(channels) === 1) return Int8Array.from(indices, (index) => index - 128);
  return new Int8Array(Int32Array.from(indices).buffer);
}

/** Index of the first largest channel: a code of scale 1 and zero point -128, or above 256 channels the bytes of an i32. */
export const argMax: Op<Record<string, never>, Record<string, never>> = {
  name: "argMax",
  opcode: OP_ARG_MAX,
  contract: CONTRACT_A8,
  kernels: ["channels_a8"],
  stepBytes: ARG_MAX_STEP_BYTES,
  activations: 1,
  outputAffine: { scale: 1, zeroPoint: -128 },
  inPlace: [],

  shape: ([x]) => [...x!.slice(0, -1), indexBytes(x!.at(-1)!)],

  float([x], attributes) {
    const channels = x!.shape.at(-1)!;
    const data = Float32Array.from(indexCodes(largest(x!.data, channels), channels), (code) => code + 128);
    return { shape: this.shape([x!.shape], attributes), data };
  },

  lower({ output }) {
    const { scale, zeroPoint } = affineOf(output, "the output");
    if (scale === 1 && zeroPoint === -128) return {};
    throw new DyadicError("UNSUPPORTED_OP", "the output of arg-max has an unusual scale", {
      expected: "scale 1, zero point -128",
      found: `scale ${scale}, zero point ${zeroPoint}`,
    });
  },

  integer([x]: readonly Int8Array[], _, { inputs }) {
    const [, , channels] = inputs[0]!.shape;
    return indexCodes(largest(x!, channels), channels);
  },
  cost: () => ({ macs: 0, weightBytes: 0 }),
  encode: () => {},
};
