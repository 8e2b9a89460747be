import { ARG_MAX_STEP_BYTES, CONTRACT_A8, MAX_ARG_MAX_CHANNELS, OP_ARG_MAX } from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import { affineOf } from "./convolution.ts";
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

/** Index of the first largest channel, as an 8-bit code: scale 1, zero point -128, so at most 256 channels. */
export const argMax: Op<Record<string, never>, Record<string, never>> = {
  name: "argMax",
  opcode: OP_ARG_MAX,
  contract: CONTRACT_A8,
  kernels: ["channels_a8"],
  stepBytes: ARG_MAX_STEP_BYTES,
  activations: 1,
  outputAffine: { scale: 1, zeroPoint: -128 },
  inPlace: [],

  shape([x]) {
    if ((x!.at(-1) ?? 0) <= MAX_ARG_MAX_CHANNELS) return [...x!.slice(0, -1), 1];
    throw new DyadicError("UNSUPPORTED_OP", "an index does not fit 8 bits", {
      expected: `at most ${MAX_ARG_MAX_CHANNELS} channels`,
      found: `[${x}]`,
      hint: "take the largest of the outputs outside the model",
    });
  },

  float([x], attributes) {
    const data = Float32Array.from(largest(x!.data, x!.shape.at(-1)!));
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

  integer: ([x]: readonly Int8Array[], _, { inputs }) =>
    Int8Array.from(largest(x!, inputs[0]!.shape[2]), (index) => index - 128),
  cost: () => ({ macs: 0, weightBytes: 0 }),
  encode: () => {},
};
