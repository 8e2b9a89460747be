import { CONTRACT_A8W8, CONV_STEP_BYTES, OP_DEPTHWISE, QUAD } from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import type { ConvAttributes } from "./conv.ts";
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
import { panelScratch, unpackedBytes } from "./convolution-scratch.ts";
import { channelSums } from "./gradient.ts";
import type { Op } from "./op.ts";
import { windowScratch } from "./packed.ts";
import { visitWindows, type Window, windowHalo, windowOutput, windowRows } from "./window.ts";

function windowOf(attributes: ConvAttributes, weights: readonly number[]): Window {
  return { ...attributes, kernel: [weights[1]!, weights[2]!] };
}

/** Depthwise 2D convolution, weights [1, kernelHeight, kernelWidth, channels], optional bias [channels]. */
export const depthwise: Op<ConvAttributes, ConvolutionParameters> = {
  name: "depthwise",
  opcode: OP_DEPTHWISE,
  contract: CONTRACT_A8W8,
  contractOf: weightContract,
  kernels: ["depthwise_a8w8"],
  stepBytes: CONV_STEP_BYTES,
  activations: 1,
  inPlace: [],
  weightAxis: 3,

  shape([x, weights], attributes) {
    if (x!.length !== 4 || weights!.length !== 4 || weights![3] !== x![3]) {
      throw new DyadicError("BAD_FILE", "input and weights do not fit together", {
        expected: "input [1, h, w, c] and weights [1, kh, kw, c]",
        found: `[${x}] and [${weights}]`,
        hint: "a depth multiplier above 1 is a conv with as many groups as input channels",
      });
    }
    const [height, width] = windowOutput(windowOf(attributes, weights!), x![1]!, x![2]!);
    return [1, height, width, x![3]!];
  },

  float([x, weights, bias], attributes) {
    const window = windowOf(attributes, weights!.shape);
    const [, height, width, channels] = this.shape([x!.shape, weights!.shape], attributes) as number[];
    const data = new Float32Array(height! * width! * channels!);
    visitWindows(window, [height!, width!], [x!.shape[1]!, x!.shape[2]!], (pixel, source, tap) => {
      for (let c = 0; c < channels!; c++) {
        data[pixel * channels! + c]! +=
          x!.data[source * channels! + c]! * weights!.data[tap * channels! + c]!;
      }
    });
    return finish(data, [1, height!, width!, channels!], bias, attributes.activation);
  },

  gradient(gradient, [x, weights, bias], { shape }, attributes) {
    const window = windowOf(attributes, weights!.shape);
    const [, height, width, channels] = shape as [number, number, number, number];
    const [inInput, inWeights] = [x!, weights!].map(({ data }) => new Float64Array(data.length));
    visitWindows(window, [height, width], [x!.shape[1]!, x!.shape[2]!], (pixel, source, tap) => {
      for (let c = 0; c < channels; c++) {
        const [own, from, at] = [gradient[pixel * channels + c]!, source * channels + c, tap * channels + c];
        inInput![from]! += own * weights!.data[at]!;
        inWeights![at]! += own * x!.data[from]!;
      }
    });
    const biases = bias && channelSums(gradient, channels);
    return [Float32Array.from(inInput!), Float32Array.from(inWeights!), biases];
  },

  lower(lowering) {
    const [, height, width, channels] = lowering.inputs[1]!.shape as number[];
    const length = height! * width!;
    return lowerConvolution(
      lowering,
      windowOf(lowering.node.attributes, lowering.inputs[1]!.shape),
      channels!,
      (channel) => Int32Array.from({ length }, (_, tap) => tap * channels! + channel),
    );
  },

  integer([x], parameters, { inputs, output }) {
    const { channels, rowLength, weights } = parameters;
    const [inputHeight, inputWidth] = inputs[0]!.shape;
    const [height, width] = output.shape;
    const inputZero = inputs[0]!.zeroPoint;
    const padded = paddedAccumulators(parameters, [inputZero]);
    const accumulators = new Int32Array(height * width * channels).map((_, i) => padded[i % channels]!);
    visitWindows(parameters, [height, width], [inputHeight, inputWidth], (pixel, source, tap) => {
      for (let c = 0; c < channels; c++) {
        accumulators[pixel * channels + c]! +=
          (x![source * channels + c]! - inputZero) * weights[c * rowLength + tap]!;
      }
    });
    return requantizeChannels(accumulators, parameters, output);
  },

  halo: (parameters, { inputs, output }) => windowHalo(parameters, inputs[0]!.shape, output.shape),
  rowWindow: windowRows,
  // Byte offsets of the taps, for the builds that walk them in pairs.
  packed: true,
  wide: "output",
  scratchBytes(parameters, shapes) {
    const row = roundUp(parameters.rowLength, QUAD);
    return windowScratch(parameters, shapes, false) + unpackedBytes(parameters, row) + 4 * row;
  },
  spareScratchBytes(parameters, shapes) {
    return panelScratch(
      parameters,
      roundUp(parameters.rowLength, QUAD),
      this.scratchBytes!(parameters, shapes),
    );
  },
  cost: (parameters, { output }) =>
    convolutionCost(parameters, output.shape[0] * output.shape[1], parameters.rowLength),
  encode: (parameters, step) =>
    encodeConvolution(parameters, packBlocks(parameters, parameters.rowLength), step),
};
