import { CONTRACT_A8W8, CONV_STEP_BYTES, OP_DENSE, QUAD } from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import type { Activation } from "./activation.ts";
import {
  type ConvolutionParameters,
  convolutionCost,
  convolutionScratch,
  encodeConvolution,
  finish,
  lowerConvolution,
  packBlocks,
  requantizeChannels,
  roundUp,
  spareConvolutionScratch,
  weightContract,
} from "./convolution.ts";
import { channelSums } from "./gradient.ts";
import { NO_HALO, type Op } from "./op.ts";

export interface DenseAttributes {
  readonly activation: Activation;
}

const POINT = { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], padding: NO_HALO } as const;

/** Fully connected: input [m, k], weights [n, k], optional bias [n], output [m, n]. */
export const dense: Op<DenseAttributes, ConvolutionParameters> = {
  name: "dense",
  opcode: OP_DENSE,
  contract: CONTRACT_A8W8,
  contractOf: weightContract,
  kernels: ["conv_a8w8", "conv_a1w1"],
  stepBytes: CONV_STEP_BYTES,
  activations: 1,
  inPlace: [],
  weightAxis: 0,

  shape([x, weights]) {
    if (x!.length !== 2 || weights!.length !== 2 || weights![1] !== x![1]) {
      throw new DyadicError("BAD_FILE", "input and weights do not fit together", {
        expected: "input [m, k] and weights [n, k]",
        found: `[${x}] and [${weights}]`,
      });
    }
    return [x![0]!, weights![0]!];
  },

  float([x, weights, bias], attributes) {
    const [rows, depth] = x!.shape as [number, number];
    const channels = weights!.shape[0]!;
    const data = new Float32Array(rows * channels);
    for (let i = 0; i < data.length; i++) {
      const [row, channel] = [Math.floor(i / channels), i % channels];
      for (let k = 0; k < depth; k++) {
        data[i]! += x!.data[row * depth + k]! * weights!.data[channel * depth + k]!;
      }
    }
    return finish(data, [rows, channels], bias, attributes.activation);
  },

  gradient(gradient, [x, weights, bias], { shape }) {
    const [channels, depth] = [shape[1]!, x!.shape[1]!];
    const [inInput, inWeights] = [x!, weights!].map(({ data }) => new Float64Array(data.length));
    gradient.forEach((own, i) => {
      const [from, at] = [Math.floor(i / channels) * depth, (i % channels) * depth];
      for (let k = 0; k < depth; k++) {
        inInput![from + k]! += own * weights!.data[at + k]!;
        inWeights![at + k]! += own * x!.data[from + k]!;
      }
    });
    const biases = bias && channelSums(gradient, channels);
    return [Float32Array.from(inInput!), Float32Array.from(inWeights!), biases];
  },

  lower(lowering) {
    const [channels, depth] = lowering.inputs[1]!.shape as [number, number];
    return lowerConvolution(lowering, POINT, channels, (channel) =>
      Int32Array.from({ length: depth }, (_, k) => channel * depth + k),
    );
  },

  integer([x], parameters, { output }) {
    const { channels, rowLength, weights, bias } = parameters;
    const accumulators = new Int32Array(output.shape[0] * output.shape[1] * channels);
    for (let i = 0; i < accumulators.length; i++) {
      const [row, channel] = [Math.floor(i / channels), i % channels];
      let sum = bias[channel]!;
      for (let k = 0; k < rowLength; k++) sum += x![row * rowLength + k]! * weights[channel * rowLength + k]!;
      accumulators[i] = sum;
    }
    return requantizeChannels(accumulators, parameters, output);
  },

  packed: true,
  wide: "output",
  scratchBytes: (parameters, shapes) =>
    convolutionScratch(parameters, shapes, roundUp(parameters.rowLength, QUAD)),
  spareScratchBytes: (parameters, shapes) =>
    spareConvolutionScratch(parameters, shapes, roundUp(parameters.rowLength, QUAD)),
  cost: (parameters, { output }) =>
    convolutionCost(parameters, output.shape[0] * output.shape[1], parameters.rowLength),
  encode: (parameters, step) =>
    encodeConvolution(parameters, packBlocks(parameters, parameters.rowLength), step),
};
