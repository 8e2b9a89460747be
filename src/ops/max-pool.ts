import { CONTRACT_A8, MAX_POOL_STEP_BYTES, OP_MAX_POOL } from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import { bitsOf } from "../graph/integer.ts";
import { codesOf } from "../numerics/pack.ts";
import { activate, activationCodes } from "./activation.ts";
import { affineOf } from "./affine.ts";
import type { Op } from "./op.ts";
import { poolScratch } from "./packed.ts";
import { encodePool, type PoolAttributes, type PoolParameters, poolShape, poolWindow } from "./pool.ts";
import { unpaddedRows, visitWindows } from "./window.ts";

/** Largest value of each window; padding takes no part. Input and output share scale and zero point. */
export const maxPool: Op<PoolAttributes, PoolParameters> = {
  name: "maxPool",
  opcode: OP_MAX_POOL,
  contract: CONTRACT_A8,
  kernels: ["pool_a8"],
  stepBytes: MAX_POOL_STEP_BYTES,
  activations: 1,
  rowWindow: unpaddedRows,
  inPlace: [],
  keepsScale: true,

  shape: ([x], attributes) => poolShape(x!, attributes),

  float([x], attributes) {
    const shape = poolShape(x!.shape, attributes);
    const [, height, width, channels] = shape as [number, number, number, number];
    const data = new Float32Array(height * width * channels).fill(-Infinity);
    visitWindows(poolWindow(attributes), [height, width], [x!.shape[1]!, x!.shape[2]!], (pixel, source) => {
      for (let c = 0; c < channels; c++) {
        const at = pixel * channels + c;
        data[at] = Math.max(data[at]!, x!.data[source * channels + c]!);
      }
    });
    return { shape, data: data.map((value) => activate(value, attributes.activation)) };
  },

  /** All goes to the first of a window's largest pixels. */
  gradient(gradient, [x], { shape }, attributes) {
    const [, height, width, channels] = shape as [number, number, number, number];
    const result = new Float32Array(x!.data.length);
    const open = new Uint8Array(gradient.length).fill(1);
    const largest = this.float([x], { ...attributes, activation: "none" }).data;
    visitWindows(poolWindow(attributes), [height, width], [x!.shape[1]!, x!.shape[2]!], (pixel, source) => {
      for (let c = 0; c < channels; c++) {
        const [at, from] = [pixel * channels + c, source * channels + c];
        if (open[at] === 0 || x!.data[from] !== largest[at]) continue;
        open[at] = 0;
        result[from]! += gradient[at]!;
      }
    });
    return [result];
  },

  lower({ node, inputs, output }) {
    const from = affineOf(inputs[0]!, "the input");
    const to = affineOf(output, "the output");
    if (from.scale !== to.scale || from.zeroPoint !== to.zeroPoint || from.bits !== to.bits) {
      throw new DyadicError("UNSUPPORTED_OP", "max pool changes the scale", {
        expected: "one scale and zero point for input and output",
        found: `${from.scale}, ${from.zeroPoint} and ${to.scale}, ${to.zeroPoint}`,
      });
    }
    const [min, max] = activationCodes(node.attributes.activation, to.scale, to.zeroPoint, to.bits);
    return { ...poolWindow(node.attributes), min, max };
  },

  integer([x], parameters, { inputs, output }) {
    const [height, width, channels] = output.shape;
    const codes = codesOf(height * width * channels, bitsOf(output)).fill(parameters.min);
    const [inputHeight, inputWidth] = inputs[0]!.shape;
    visitWindows(parameters, [height, width], [inputHeight, inputWidth], (pixel, source) => {
      for (let c = 0; c < channels; c++) {
        const at = pixel * channels + c;
        codes[at] = Math.max(codes[at]!, x![source * channels + c]!);
      }
    });
    return codes.map((code) => Math.min(code, parameters.max));
  },

  packed: true,
  wide: "everywhere",
  scratchBytes: poolScratch,
  cost: () => ({ macs: 0, weightBytes: 0 }),
  encode: encodePool,
};
