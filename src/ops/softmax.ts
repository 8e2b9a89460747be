import { CONTRACT_A8, OP_SOFTMAX, SOFTMAX_STEP_BYTES, SOFTMAX_TABLE_AT } from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import { exponential } from "../numerics/exponential.ts";
import { softmaxCode, softmaxTable } from "../numerics/softmax.ts";
import { affineOf } from "./affine.ts";
import type { Op } from "./op.ts";
import { elementScratch } from "./packed.ts";

/** What equation (8) makes: shares of 256. */
const OUTPUT = { scale: 1 / 256, zeroPoint: -128 };

/** Softmax over the channels, equation (8): output scale 1/256, zero point -128. */
export const softmax: Op<{ readonly beta: number }, { readonly table: Uint32Array }> = {
  name: "softmax",
  opcode: OP_SOFTMAX,
  contract: CONTRACT_A8,
  kernels: ["softmax_a8"],
  stepBytes: SOFTMAX_STEP_BYTES,
  activations: 1,
  inPlace: [0],
  outputAffine: OUTPUT,

  shape: ([x]) => x!,

  float([x], { beta }) {
    const channels = x!.shape.at(-1)!;
    const data = new Float32Array(x!.data.length);
    for (let at = 0; at < data.length; at += channels) {
      const row = x!.data.subarray(at, at + channels);
      const top = row.reduce((a, b) => Math.max(a, b), -Infinity);
      const e = row.map((value) => exponential(beta * (value - top)));
      const sum = e.reduce((a, b) => a + b, 0);
      data.set(
        e.map((value) => value / sum),
        at,
      );
    }
    return { shape: x!.shape, data };
  },

  gradient(gradient, [x], output, { beta }) {
    const channels = x!.shape.at(-1)!;
    const result = new Float32Array(gradient.length);
    for (let at = 0; at < result.length; at += channels) {
      const y = output.data.subarray(at, at + channels);
      const along = y.reduce((sum, value, c) => sum + value * gradient[at + c]!, 0);
      y.forEach((value, c) => {
        result[at + c] = beta * value * (gradient[at + c]! - along);
      });
    }
    return [result];
  },

  lower({ node, inputs, output }) {
    const from = affineOf(inputs[0]!, "the input");
    const to = affineOf(output, "the output");
    if (to.scale !== OUTPUT.scale || to.zeroPoint !== OUTPUT.zeroPoint || to.bits !== 8) {
      throw new DyadicError("UNSUPPORTED_OP", "the output of softmax has an unusual scale", {
        expected: "8 bits, scale 1/256, zero point -128",
        found: `${to.bits} bits, scale ${to.scale}, zero point ${to.zeroPoint}`,
      });
    }
    return { table: softmaxTable(node.attributes.beta, from.scale) };
  },

  integer([x]: readonly Int8Array[], { table }, { output }) {
    const channels = output.shape[2];
    const codes = new Int8Array(x!.length);
    for (let at = 0; at < codes.length; at += channels) {
      const row = x!.subarray(at, at + channels);
      const top = row.reduce((a, b) => Math.max(a, b), -128);
      const sum = row.reduce((total, code) => total + table[top - code]!, 0);
      row.forEach((code, i) => {
        codes[at + i] = softmaxCode(table[top - code]!, sum);
      });
    }
    return codes;
  },

  packed: true,
  scratchBytes: (_, shapes) => elementScratch(shapes),
  cost: () => ({ macs: 0, weightBytes: 1024 }),
  encode: ({ table }, step) => step.set(SOFTMAX_TABLE_AT, step.constant(table)),
};
