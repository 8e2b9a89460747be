import { AVERAGE_POOL_STEP_BYTES, CONTRACT_A8, OP_AVERAGE_POOL } from "../../assembly/abi.ts";
import { canonicalShape } from "../graph/graph.ts";
import { type AveragePoolParameters, averageCodes, encodeAverage, lowerAverage } from "./average-pool.ts";
import { spreadWindows } from "./gradient.ts";
import { type ReduceAttributes, reducedShape, sums, wholeWindow } from "./mean.ts";
import type { Op } from "./op.ts";
import { poolScratch } from "./packed.ts";

/** Sum over height, width or both, which stay as 1: an average pool that does not divide. */
export const sum: Op<ReduceAttributes, AveragePoolParameters> = {
  name: "sum",
  opcode: OP_AVERAGE_POOL,
  contract: CONTRACT_A8,
  kernels: ["pool_a8"],
  stepBytes: AVERAGE_POOL_STEP_BYTES,
  activations: 1,
  inPlace: [],

  shape: ([x], attributes) => reducedShape(x!, attributes),
  float: ([x], attributes) => ({
    shape: reducedShape(x!.shape, attributes),
    data: sums(x!, wholeWindow(attributes.axes, x!.shape).kernel),
  }),

  gradient(gradient, [x], output, { axes }) {
    const window = wholeWindow(axes, x!.shape);
    return [spreadWindows(gradient, window, x!.shape, output.shape, () => 1)];
  },

  lower({ node, inputs, output }) {
    const window = wholeWindow(node.attributes.axes, inputs[0]!.shape);
    const shape = canonicalShape(inputs[0]!.shape, inputs[0]!.name);
    const attributes = { activation: "none", rounding: "halfUp" } as const;
    return lowerAverage(window, shape, inputs[0]!, output, attributes, "sum");
  },

  integer: ([x], parameters, shapes) => averageCodes(x!, parameters, shapes),
  packed: true,
  wide: "everywhere",
  scratchBytes: poolScratch,
  cost: () => ({ macs: 0, weightBytes: 0 }),
  encode: encodeAverage,
};
