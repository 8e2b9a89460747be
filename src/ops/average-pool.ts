import {
  AVERAGE_IN_ZERO,
  AVERAGE_MULTIPLIER_COUNT,
  AVERAGE_MULTIPLIERS_AT,
  AVERAGE_OUT_ZERO,
  AVERAGE_POOL_STEP_BYTES,
  AVERAGE_ROUNDING,
  AVERAGE_SHIFT,
  CONTRACT_A8,
  OP_AVERAGE_POOL,
  ROUND_HALF_AWAY,
  ROUND_HALF_UP,
} from "../../assembly/abi.ts";
import type { Shape, Tensor } from "../graph/graph.ts";
import { bitsOf } from "../graph/integer.ts";
import { toDyadic } from "../numerics/dyadic.ts";
import { type Codes, codesOf } from "../numerics/pack.ts";
import { requantizeMean } from "../numerics/requantize.ts";
import { activate, activationCodes } from "./activation.ts";
import { affineOf } from "./affine.ts";
import { spreadWindows } from "./gradient.ts";
import type { Op, OpShapes, StepEncoder } from "./op.ts";
import { poolScratch } from "./packed.ts";
import { encodePool, type PoolAttributes, type PoolParameters, poolShape, poolWindow } from "./pool.ts";
import { unpaddedRows, visitWindows, type Window, windowOutput } from "./window.ts";

export interface AveragePoolAttributes extends PoolAttributes {
  /** How exact halves round: up (equation 7), or away from code 0 as TensorFlow Lite's integer kernel does. */
  readonly rounding: "halfUp" | "halfAway";
}

export interface AveragePoolParameters extends PoolParameters {
  /** The distinct numbers of pixels that windows average over (fewer at the borders), and b of each. */
  readonly counts: readonly number[];
  readonly multipliers: readonly number[];
  readonly shift: number;
  readonly away: boolean;
  readonly inZero: number;
  readonly outZero: number;
}

/** How many input pixels each window covers, in the order of the output pixels. */
function windowCounts(window: Window, height: number, width: number): Int32Array {
  const output = windowOutput(window, height, width);
  const counts = new Int32Array(output[0] * output[1]);
  visitWindows(window, output, [height, width], (pixel) => {
    counts[pixel]!++;
  });
  return counts;
}

/** Parameters of a mean or a sum over windows; shared by average pool, mean and sum. */
export function lowerAverage(
  window: Window,
  shape: Shape,
  from: Tensor,
  to: Tensor,
  attributes: Pick<AveragePoolAttributes, "activation" | "rounding">,
  reduction: "mean" | "sum" = "mean",
): AveragePoolParameters {
  const input = affineOf(from, "the input");
  const output = affineOf(to, "the output");
  const counts = [...new Set(windowCounts(window, shape[0], shape[1]))].sort((a, b) => b - a);
  const scales = counts.map((count) => input.scale / output.scale / (reduction === "mean" ? count : 1));
  const { multiplier, shift } = toDyadic(
    scales,
    counts.map((count) => count * (input.bits === 16 ? 2 ** 15 : 255)),
  );
  const away = attributes.rounding === "halfAway";
  // A mean commutes with the affine map: with one scale and zero point, codes are averaged as they are.
  const affine = input.scale === output.scale && input.zeroPoint === output.zeroPoint;
  const same = affine && reduction === "mean";
  const [min, max] = activationCodes(attributes.activation, output.scale, output.zeroPoint, output.bits);
  return {
    ...window,
    min,
    max,
    counts,
    // Rounded up, an exact half stays at or beyond the half, so that "away" is decided the same for every count.
    multipliers: away
      ? scales.map((scale) => Math.min(Math.ceil(scale * 2 ** shift), 2 ** 31 - 1))
      : [...multiplier],
    shift,
    away,
    inZero: same ? 0 : input.zeroPoint,
    outZero: same ? 0 : output.zeroPoint,
  };
}

export function averageCodes(
  x: Codes,
  parameters: AveragePoolParameters,
  { inputs, output }: OpShapes,
): Codes {
  const { counts, multipliers, shift, away, inZero, outZero, min, max } = parameters;
  const [inputHeight, inputWidth, channels] = inputs[0]!.shape;
  const pixels = windowOutput(parameters, inputHeight, inputWidth);
  const sums = new Int32Array(output.shape[0] * output.shape[1] * output.shape[2]);
  visitWindows(parameters, pixels, [inputHeight, inputWidth], (pixel, source) => {
    for (let c = 0; c < channels; c++) sums[pixel * channels + c]! += x[source * channels + c]! - inZero;
  });
  const windows = windowCounts(parameters, inputHeight, inputWidth);
  const codes = codesOf(sums.length, bitsOf(output));
  sums.forEach((sum, i) => {
    const b = multipliers[counts.indexOf(windows[Math.floor(i / channels)]!)]!;
    codes[i] = requantizeMean(sum, b, shift, away, outZero, min, max);
  });
  return codes;
}

export function encodeAverage(parameters: AveragePoolParameters, step: StepEncoder): void {
  encodePool(parameters, step);
  const table = parameters.counts.flatMap((count, i) => [count, parameters.multipliers[i]!]);
  step.set(AVERAGE_MULTIPLIERS_AT, step.constant(Int32Array.from(table)));
  step.set(AVERAGE_MULTIPLIER_COUNT, parameters.counts.length);
  step.set(AVERAGE_SHIFT, parameters.shift);
  step.set(AVERAGE_ROUNDING, parameters.away ? ROUND_HALF_AWAY : ROUND_HALF_UP);
  step.set(AVERAGE_IN_ZERO, parameters.inZero);
  step.set(AVERAGE_OUT_ZERO, parameters.outZero);
}

/** Mean of each window over the pixels inside the input, equation (7). */
export const averagePool: Op<AveragePoolAttributes, AveragePoolParameters> = {
  name: "averagePool",
  opcode: OP_AVERAGE_POOL,
  contract: CONTRACT_A8,
  kernels: ["pool_a8"],
  stepBytes: AVERAGE_POOL_STEP_BYTES,
  activations: 1,
  rowWindow: unpaddedRows,
  inPlace: [],

  shape: ([x], attributes) => poolShape(x!, attributes),

  float([x], attributes) {
    const shape = poolShape(x!.shape, attributes);
    const [, height, width, channels] = shape as [number, number, number, number];
    const window = poolWindow(attributes);
    const counts = windowCounts(window, x!.shape[1]!, x!.shape[2]!);
    const data = new Float32Array(height * width * channels);
    visitWindows(window, [height, width], [x!.shape[1]!, x!.shape[2]!], (pixel, source) => {
      for (let c = 0; c < channels; c++) data[pixel * channels + c]! += x!.data[source * channels + c]!;
    });
    return {
      shape,
      data: data.map((sum, i) => activate(sum / counts[Math.floor(i / channels)]!, attributes.activation)),
    };
  },

  gradient(gradient, [x], { shape }, attributes) {
    return [spreadWindows(gradient, poolWindow(attributes), x!.shape, shape, (count) => 1 / count)];
  },

  lower({ node, inputs, output }) {
    const [, height, width, channels] = inputs[0]!.shape as [number, number, number, number];
    const shape: Shape = [height, width, channels];
    return lowerAverage(poolWindow(node.attributes), shape, inputs[0]!, output, node.attributes);
  },

  integer: ([x], parameters, shapes) => averageCodes(x!, parameters, shapes),
  packed: true,
  wide: "everywhere",
  scratchBytes: poolScratch,
  cost: () => ({ macs: 0, weightBytes: 0 }),
  encode: encodeAverage,
};
