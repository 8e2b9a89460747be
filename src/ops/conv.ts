import { CONTRACT_A8W8, CONV_STEP_BYTES, OP_CONV, QUAD } from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import { bitsOf } from "../graph/integer.ts";
import type { Activation } from "./activation.ts";
import {
  type ConvolutionParameters,
  convolutionCost,
  encodeConvolution,
  finish,
  lowerConvolution,
  packBlocks,
  paddedAccumulators,
  requantizeChannels,
  roundUp,
  weightContract,
} from "./convolution.ts";
import { convolutionScratch, spareConvolutionScratch, unpackedBytes } from "./convolution-scratch.ts";
import { channelSums } from "./gradient.ts";
import type { Op, OpShapes } from "./op.ts";
import { visitWindows, type Window, windowHalo, windowOutput, windowRows } from "./window.ts";

export interface ConvAttributes extends Omit<Window, "kernel"> {
  readonly activation: Activation;
  /** Runs of channels on both sides that see only each other; 1 when absent. */
  readonly groups?: number;
}

/** Taps that lie contiguous in NHWC activations: a kernel row, or a single pixel where dilation or groups leave gaps. */
function segmentOf({ kernel, dilation, groups, rowLength }: ConvolutionParameters): number {
  const [height, width] = kernel;
  return rowLength / (dilation[1] === 1 && groups === 1 ? height : height * width);
}

/** Taps of a channel, every segment padded to whole quads. */
function paddedRow(parameters: ConvolutionParameters): number {
  const segment = segmentOf(parameters);
  return (parameters.rowLength / segment) * roundUp(segment, QUAD);
}

/**
 * Scratch of Winograd's F(2x2, 3x3), 16-bit: weights of one block of 8 channels (of planes also as bytes), windows of
 * 4 tiles, their 32-bit sums. 0 where the layer is none for it.
 */
function winogradScratch(parameters: ConvolutionParameters, { inputs, output }: OpShapes): number {
  const { kernel, stride, dilation } = parameters;
  const depth = inputs[0]!.shape[2];
  const fits =
    [...kernel].join() === "3,3" &&
    [...stride, ...dilation].every((size) => size === 1) &&
    parameters.groups === 1 &&
    parameters.weightZero === 0 &&
    bitsOf(inputs[0]!) === 8 &&
    bitsOf(output) >= 8 &&
    depth % 8 === 0 &&
    output.shape[0] % 2 === 0 &&
    output.shape[1] % 2 === 0;
  const own = depth * 16 * 2 * (8 + 4) + 16 * 4 * 8 * 4;
  return fits ? unpackedBytes(parameters, paddedRow(parameters)) + own : 0;
}

function windowOf(attributes: ConvAttributes, weights: readonly number[]): Window {
  return { ...attributes, kernel: [weights[1]!, weights[2]!] };
}

/** 2D convolution, weights [output, kernelHeight, kernelWidth, input / groups], optional bias [output]. */
export const conv: Op<ConvAttributes, ConvolutionParameters> = {
  name: "conv",
  opcode: OP_CONV,
  contract: CONTRACT_A8W8,
  contractOf: weightContract,
  kernels: ["conv_a8w8", "conv_a1w1"],
  stepBytes: CONV_STEP_BYTES,
  activations: 1,
  inPlace: [],
  weightAxis: 0,

  shape([x, weights], attributes) {
    const { groups = 1 } = attributes;
    const fits = x!.length === 4 && weights!.length === 4 && weights![3]! * groups === x![3];
    if (!fits || !Number.isInteger(groups) || weights![0]! % groups !== 0) {
      throw new DyadicError("BAD_FILE", "input and weights do not fit together", {
        expected: "input [1, h, w, c] and weights [o, kh, kw, c / groups], o a multiple of groups",
        found: `[${x}] and [${weights}], ${groups} groups`,
      });
    }
    const [height, width] = windowOutput(windowOf(attributes, weights!), x![1]!, x![2]!);
    return [1, height, width, weights![0]!];
  },

  float([x, weights, bias], attributes) {
    const window = windowOf(attributes, weights!.shape);
    const [, height, width, channels] = this.shape([x!.shape, weights!.shape], attributes) as number[];
    const [inputs, depth] = [x!.shape[3]!, weights!.shape[3]!];
    const perGroup = channels! / (inputs / depth);
    const data = new Float32Array(height! * width! * channels!);
    visitWindows(window, [height!, width!], [x!.shape[1]!, x!.shape[2]!], (pixel, source, tap) => {
      for (let o = 0; o < channels!; o++) {
        let sum = data[pixel * channels! + o]!;
        const at = (o * window.kernel[0] * window.kernel[1] + tap) * depth;
        const from = source * inputs + Math.floor(o / perGroup) * depth;
        for (let c = 0; c < depth; c++) sum += x!.data[from + c]! * weights!.data[at + c]!;
        data[pixel * channels! + o] = sum;
      }
    });
    return finish(data, [1, height!, width!, channels!], bias, attributes.activation);
  },

  gradient(gradient, [x, weights, bias], { shape }, attributes) {
    const window = windowOf(attributes, weights!.shape);
    const [, height, width, channels] = shape as [number, number, number, number];
    const [inputs, depth] = [x!.shape[3]!, weights!.shape[3]!];
    const perGroup = channels / (inputs / depth);
    const [inInput, inWeights] = [x!, weights!].map(({ data }) => new Float64Array(data.length));
    visitWindows(window, [height, width], [x!.shape[1]!, x!.shape[2]!], (pixel, source, tap) => {
      for (let o = 0; o < channels; o++) {
        const own = gradient[pixel * channels + o]!;
        const at = (o * window.kernel[0] * window.kernel[1] + tap) * depth;
        const from = source * inputs + Math.floor(o / perGroup) * depth;
        for (let c = 0; c < depth; c++) {
          inInput![from + c]! += own * weights!.data[at + c]!;
          inWeights![at + c]! += own * x!.data[from + c]!;
        }
      }
    });
    const biases = bias && channelSums(gradient, channels);
    return [Float32Array.from(inInput!), Float32Array.from(inWeights!), biases];
  },

  lower(lowering) {
    const [channels, height, width, depth] = lowering.inputs[1]!.shape as number[];
    const length = height! * width! * depth!;
    return lowerConvolution(
      lowering,
      windowOf(lowering.node.attributes, lowering.inputs[1]!.shape),
      channels!,
      (channel) => Int32Array.from({ length }, (_, k) => channel * length + k),
      lowering.node.attributes.groups,
    );
  },

  integer([x], parameters, { inputs, output }) {
    const { channels, groups, rowLength, weights } = parameters;
    const [inputHeight, inputWidth, inputDepth] = inputs[0]!.shape;
    const [depth, perGroup] = [inputDepth / groups, channels / groups];
    const [height, width] = output.shape;
    const zeros = inputs[0]!.zeroPoints ?? new Int8Array(inputDepth).fill(inputs[0]!.zeroPoint);
    const padded = paddedAccumulators(parameters, zeros);
    const accumulators = new Int32Array(height * width * channels).map((_, i) => padded[i % channels]!);
    visitWindows(parameters, [height, width], [inputHeight, inputWidth], (pixel, source, tap) => {
      for (let o = 0; o < channels; o++) {
        let sum = accumulators[pixel * channels + o]!;
        const at = o * rowLength + tap * depth;
        const from = source * inputDepth + Math.floor(o / perGroup) * depth;
        for (let c = 0; c < depth; c++)
          sum += (x![from + c]! - zeros[(from + c) % inputDepth]!) * weights[at + c]!;
        accumulators[pixel * channels + o] = sum;
      }
    });
    return requantizeChannels(accumulators, parameters, output);
  },

  halo: (parameters, { inputs, output }) => windowHalo(parameters, inputs[0]!.shape, output.shape),
  rowWindow: windowRows,
  packed: true,
  wide: "output",
  scratchBytes(parameters, shapes) {
    return convolutionScratch(parameters, shapes, paddedRow(parameters));
  },
  spareScratchBytes(parameters, shapes) {
    const row = paddedRow(parameters);
    const panels = spareConvolutionScratch(parameters, shapes, row);
    return [winogradScratch(parameters, shapes), ...panels].sort((a, b) => b - a);
  },
  cost: (parameters, { output }) =>
    convolutionCost(parameters, output.shape[0] * output.shape[1], segmentOf(parameters)),
  encode: (parameters, step) =>
    encodeConvolution(parameters, packBlocks(parameters, segmentOf(parameters)), step),
};
