import { AVERAGE_POOL_STEP_BYTES, CONTRACT_A8, OP_AVERAGE_POOL } from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import { canonicalShape } from "../graph/graph.ts";
import { type AveragePoolParameters, averageCodes, encodeAverage, lowerAverage } from "./average-pool.ts";
import { spreadWindows } from "./gradient.ts";
import { type FloatValue, NO_HALO, type Op } from "./op.ts";
import { poolScratch } from "./packed.ts";
import type { Window } from "./window.ts";

export interface ReduceAttributes {
  /** Dimensions reduced: 1, 2 or both, of an input [1, h, w, c]. */
  readonly axes: readonly number[];
}

export function wholeWindow(axes: readonly number[], shape: readonly number[]): Window {
  const kernel = [axes.includes(1) ? shape[1]! : 1, axes.includes(2) ? shape[2]! : 1] as const;
  return { kernel, stride: kernel, padding: NO_HALO, dilation: [1, 1] };
}

export function reducedShape(x: readonly number[], { axes }: ReduceAttributes): readonly number[] {
  if (x.length !== 4 || axes.length === 0 || axes.some((axis) => axis !== 1 && axis !== 2)) {
    throw new DyadicError("UNSUPPORTED_OP", "a reduction over these dimensions is not supported", {
      expected: "height and width (axes 1 and 2) of an input of rank 4",
      found: `axes ${axes.join(", ")} of [${x}]`,
    });
  }
  return x.map((size, axis) => (axes.includes(axis) ? 1 : size));
}

/** Sums over blocks of `kernel` pixels. */
export function sums({ shape, data }: FloatValue, kernel: readonly [number, number]): Float32Array {
  const [, height, width, channels] = shape as [number, number, number, number];
  const [rows, columns] = [height / kernel[0], width / kernel[1]];
  const result = new Float32Array(rows * columns * channels);
  data.forEach((value, i) => {
    const [y, column] = [Math.floor(i / channels / width), Math.floor(i / channels) % width];
    const pixel = Math.floor(y / kernel[0]) * columns + Math.floor(column / kernel[1]);
    result[pixel * channels + (i % channels)]! += value;
  });
  return result;
}

/** Mean over height, width or both, which stay as 1: an average pool whose window is the whole extent. */
export const mean: Op<ReduceAttributes, AveragePoolParameters> = {
  name: "mean",
  opcode: OP_AVERAGE_POOL,
  contract: CONTRACT_A8,
  kernels: ["pool_a8"],
  stepBytes: AVERAGE_POOL_STEP_BYTES,
  activations: 1,
  inPlace: [],

  shape: ([x], attributes) => reducedShape(x!, attributes),

  float([x], attributes) {
    const { kernel } = wholeWindow(attributes.axes, x!.shape);
    const shape = reducedShape(x!.shape, attributes);
    return { shape, data: sums(x!, kernel).map((sum) => sum / (kernel[0] * kernel[1])) };
  },

  gradient(gradient, [x], output, { axes }) {
    const window = wholeWindow(axes, x!.shape);
    return [spreadWindows(gradient, window, x!.shape, output.shape, (count) => 1 / count)];
  },

  lower({ node, inputs, output }) {
    const window = wholeWindow(node.attributes.axes, inputs[0]!.shape);
    const shape = canonicalShape(inputs[0]!.shape, inputs[0]!.name);
    return lowerAverage(window, shape, inputs[0]!, output, { activation: "none", rounding: "halfUp" });
  },

  integer: ([x], parameters, shapes) => averageCodes(x!, parameters, shapes),
  packed: true,
  wide: "everywhere",
  scratchBytes: poolScratch,
  cost: () => ({ macs: 0, weightBytes: 0 }),
  encode: encodeAverage,
};
