import { CONTRACT_A8, L2_NORMALIZE_STEP_BYTES, OP_L2_NORMALIZE } from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import { normalizedCode, squareRoot } from "../numerics/normalize.ts";
import { affineOf } from "./affine.ts";
import type { Op } from "./op.ts";

/** Calls `visit` with every row of `channels`, and where it starts. */
function rows<T extends Int8Array | Float32Array>(
  data: T,
  channels: number,
  visit: (row: T, at: number) => void,
): void {
  for (let at = 0; at < data.length; at += channels) visit(data.subarray(at, at + channels) as T, at);
}

/** Every pixel divided by its length over the channels, equation (11): output scale 1/128. */
export const l2Normalization: Op<Record<string, never>, Record<string, never>> = {
  name: "l2Normalization",
  opcode: OP_L2_NORMALIZE,
  contract: CONTRACT_A8,
  kernels: ["channels_a8"],
  stepBytes: L2_NORMALIZE_STEP_BYTES,
  activations: 1,
  outputAffine: { scale: 1 / 128, zeroPoint: 0 },
  inPlace: [],
  shape: ([x]) => x!,

  float([x]) {
    const data = new Float32Array(x!.data.length);
    rows(x!.data, x!.shape.at(-1)!, (row, at) => {
      const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
      data.set(
        row.map((value) => (length > 0 ? value / length : 0)),
        at,
      );
    });
    return { shape: x!.shape, data };
  },

  gradient(gradient, [x], output) {
    const channels = x!.shape.at(-1)!;
    const result = new Float32Array(gradient.length);
    rows(x!.data, channels, (row, at) => {
      const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
      const y = output.data.subarray(at, at + channels);
      const along = y.reduce((sum, value, c) => sum + value * gradient[at + c]!, 0);
      y.forEach((value, c) => {
        result[at + c] = length > 0 ? (gradient[at + c]! - along * value) / length : 0;
      });
    });
    return [result];
  },

  lower({ inputs, output }) {
    affineOf(inputs[0]!, "the input");
    const { scale } = affineOf(output, "the output");
    if (scale === 1 / 128) return {};
    throw new DyadicError("UNSUPPORTED_OP", "the output of the normalization has an unusual scale", {
      expected: "scale 1/128",
      found: `${scale}`,
    });
  },

  integer([x]: readonly Int8Array[], _, { inputs, output }) {
    const { zeroPoint } = inputs[0]!;
    const codes = new Int8Array(x!.length);
    rows(x!, output.shape[2], (row, at) => {
      const root = squareRoot(row.reduce((sum, code) => sum + (code - zeroPoint) ** 2, 0) * 2 ** 16);
      row.forEach((code, c) => {
        codes[at + c] = normalizedCode(code - zeroPoint, root, output.zeroPoint);
      });
    });
    return codes;
  },

  cost: () => ({ macs: 0, weightBytes: 0 }),
  encode: () => {},
};
