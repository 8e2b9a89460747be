// What conv, depthwise and dense share: affine parameters, accumulator proof, packing, the step record.
import {
  CHANNEL_BLOCK,
  CONV_BIAS_AT,
  CONV_DILATION_H,
  CONV_DILATION_W,
  CONV_KERNEL_H,
  CONV_KERNEL_W,
  CONV_MAX,
  CONV_MIN,
  CONV_MULTIPLIER_AT,
  CONV_PAD_LEFT,
  CONV_PAD_TOP,
  CONV_SHIFT,
  CONV_STRIDE_H,
  CONV_STRIDE_W,
  CONV_WEIGHTS_AT,
  QUAD,
} from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import type { Tensor } from "../graph/graph.ts";
import { type Dyadic, toDyadic } from "../numerics/dyadic.ts";
import { requantize } from "../numerics/requantize.ts";
import { type Activation, activate, activationCodes } from "./activation.ts";
import type { FloatValue, Lowering, StepEncoder } from "./op.ts";
import type { Window } from "./window.ts";

/** Integer parameters of conv, depthwise and dense. Weights are signed codes, one row of `rowLength` a channel. */
export interface ConvolutionParameters extends Window {
  readonly channels: number;
  readonly rowLength: number;
  readonly weights: Int8Array;
  /** beta of equation (3): the model's bias minus the input's zero point times the sum of the channel's weights. */
  readonly bias: Int32Array;
  readonly requantization: Dyadic;
  readonly zeroPoint: number;
  readonly min: number;
  readonly max: number;
}

/** The scale and zero point of a per-tensor quantized activation; throws where there is none. */
export function affineOf(tensor: Tensor, role: string): { scale: number; zeroPoint: number } {
  const q = tensor.quantization;
  if (tensor.dtype !== "int8" || q === undefined || q.scale.length !== 1) {
    throw new DyadicError(
      "UNSUPPORTED_OP",
      `${role} "${tensor.name}" is not an 8-bit tensor with one scale`,
      {
        found: q ? `${tensor.dtype} with ${q.scale.length} scales` : `${tensor.dtype} without quantization`,
        hint: "float models must be calibrated and quantized first",
      },
    );
  }
  return { scale: q.scale[0]!, zeroPoint: q.zeroPoint[0]! };
}

/**
 * Makes the integer parameters of an op that multiplies by constant weights. `row(channel)` gives the positions in
 * the weight tensor of that output channel's taps, in packing order.
 * Throws OVERFLOW where the accumulator proof fails: sum|w| * max|a - z| + |bias| must stay below 2^31.
 */
export function lowerConvolution(
  lowering: Lowering<{ activation: Activation }>,
  window: Window,
  channels: number,
  row: (channel: number) => Int32Array,
): ConvolutionParameters {
  const [input, weightTensor, biasTensor] = lowering.inputs;
  const from = affineOf(input!, "the input");
  const to = affineOf(lowering.output, "the output");
  const codes = weightCodes(weightTensor!);
  const scales = weightScales(weightTensor!, channels);
  checkBias(biasTensor, channels);
  const rows = Array.from({ length: channels }, (_, channel) => row(channel));
  const rowLength = rows[0]!.length;
  const weights = new Int8Array(channels * rowLength);
  const bias = new Int32Array(channels);
  const bounds = new Float64Array(channels);
  const reach = Math.max(127 - from.zeroPoint, from.zeroPoint + 128);
  for (let channel = 0; channel < channels; channel++) {
    let sum = 0;
    let magnitude = 0;
    rows[channel]!.forEach((at, k) => {
      const code = codes[at]!;
      weights[channel * rowLength + k] = code;
      sum += code;
      magnitude += Math.abs(code);
    });
    const ownBias = biasTensor ? Number(biasTensor.data![channel]) : 0;
    bounds[channel] = magnitude * reach + Math.abs(ownBias);
    if (bounds[channel]! >= 2 ** 31) throw overflow(channel, bounds[channel]!);
    bias[channel] = ownBias - from.zeroPoint * sum;
  }
  const [min, max] = activationCodes(lowering.node.attributes.activation, to.scale, to.zeroPoint);
  const requantization = toDyadic(
    scales.map((scale) => (from.scale * scale) / to.scale),
    bounds,
  );
  return { ...window, channels, rowLength, weights, bias, requantization, zeroPoint: to.zeroPoint, min, max };
}

function overflow(channel: number, bound: number): DyadicError {
  return new DyadicError("OVERFLOW", `the accumulator of output channel ${channel} can overflow 32 bits`, {
    expected: "sum|w| * max|a - z| + |bias| below 2^31",
    found: `${bound}`,
    hint: "a bias of this size comes from a scale that is far too small: calibrate again, or drop the dead channel",
  });
}

function weightCodes(tensor: Tensor): Int8Array {
  if (!(tensor.data instanceof Int8Array)) {
    throw new DyadicError("UNSUPPORTED_OP", `the weights "${tensor.name}" are not constant 8-bit codes`, {
      found: tensor.data ? tensor.dtype : "computed at run time",
    });
  }
  if (tensor.quantization?.zeroPoint.some((z) => z !== 0)) {
    throw new DyadicError("UNSUPPORTED_OP", `the weights "${tensor.name}" have a zero point other than 0`, {
      hint: "legacy uint8 models are not supported yet; use the int8 version of the model",
    });
  }
  return tensor.data;
}

function weightScales(tensor: Tensor, channels: number): number[] {
  const scale = tensor.quantization?.scale ?? [];
  if (scale.length !== 1 && scale.length !== channels) {
    throw new DyadicError("BAD_FILE", `the weights "${tensor.name}" have the wrong number of scales`, {
      expected: `1 or ${channels}`,
      found: `${scale.length}`,
    });
  }
  return Array.from({ length: channels }, (_, channel) => scale[scale.length === 1 ? 0 : channel]!);
}

function checkBias(tensor: Tensor | undefined, channels: number): void {
  if (tensor === undefined || (tensor.data instanceof Int32Array && tensor.data.length === channels)) return;
  throw new DyadicError("BAD_FILE", `the bias "${tensor.name}" does not fit the weights`, {
    expected: `int32 [${channels}]`,
    found: `${tensor.dtype} [${tensor.shape.join(", ")}]`,
  });
}

/** Writes the record shared by conv, depthwise and dense; `packed` are the weights in their packed order. */
export function encodeConvolution(
  parameters: ConvolutionParameters,
  packed: Int8Array,
  step: StepEncoder,
): void {
  const { requantization, kernel, stride, dilation, padding } = parameters;
  step.set(CONV_WEIGHTS_AT, step.constant(packed));
  step.set(CONV_BIAS_AT, step.constant(padChannels(parameters.bias)));
  step.set(CONV_MULTIPLIER_AT, step.constant(padChannels(requantization.multiplier)));
  step.set(CONV_SHIFT, requantization.shift);
  step.set(CONV_MIN, parameters.min);
  step.set(CONV_MAX, parameters.max);
  step.set(CONV_KERNEL_H, kernel[0]);
  step.set(CONV_KERNEL_W, kernel[1]);
  step.set(CONV_STRIDE_H, stride[0]);
  step.set(CONV_STRIDE_W, stride[1]);
  step.set(CONV_DILATION_H, dilation[0]);
  step.set(CONV_DILATION_W, dilation[1]);
  step.set(CONV_PAD_TOP, padding[0]);
  step.set(CONV_PAD_LEFT, padding[1]);
}

function padChannels(values: Int32Array): Int32Array {
  const padded = new Int32Array(roundUp(values.length, CHANNEL_BLOCK));
  padded.set(values);
  return padded;
}

export function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

/**
 * The canonical order [N/8][K/4][8][4]: blocks of 8 channels, quads of 4 taps. A channel's row is cut into
 * segments of `segment` taps (what lies contiguous in the activations), each padded with zeros to a whole quad.
 */
export function packBlocks(parameters: ConvolutionParameters, segment: number): Int8Array {
  const { channels, rowLength, weights } = parameters;
  const padded = roundUp(segment, QUAD);
  const quads = ((rowLength / segment) * padded) / QUAD;
  const packed = new Int8Array(roundUp(channels, CHANNEL_BLOCK) * quads * QUAD);
  for (let channel = 0; channel < channels; channel++) {
    const block = Math.floor(channel / CHANNEL_BLOCK);
    for (let k = 0; k < rowLength; k++) {
      const position = Math.floor(k / segment) * padded + (k % segment);
      const quad = Math.floor(position / QUAD);
      const at =
        ((block * quads + quad) * CHANNEL_BLOCK + (channel % CHANNEL_BLOCK)) * QUAD + (position % QUAD);
      packed[at] = weights[channel * rowLength + k]!;
    }
  }
  return packed;
}

/** Macs of `pixels` outputs, and the flash that the packed weights, biases and multipliers take. */
export function convolutionCost(parameters: ConvolutionParameters, pixels: number, segment: number) {
  const { channels, rowLength } = parameters;
  const row = (rowLength / segment) * roundUp(segment, QUAD);
  return {
    macs: pixels * channels * rowLength,
    weightBytes: roundUp(channels, CHANNEL_BLOCK) * (row + 8),
  };
}

/** The accumulator of a window that lies wholly in the padding, where every tap reads the input's zero point. */
export function paddedAccumulators(parameters: ConvolutionParameters, inputZero: number): Int32Array {
  return parameters.bias.map((bias, channel) => {
    const at = channel * parameters.rowLength;
    const row = parameters.weights.subarray(at, at + parameters.rowLength);
    return row.reduce((sum, weight) => sum + inputZero * weight, bias);
  });
}

/** Equation (4) on accumulators whose innermost dimension is the output channel. */
export function requantizeChannels(accumulators: Int32Array, parameters: ConvolutionParameters): Int8Array {
  const { channels, zeroPoint, min, max } = parameters;
  const { multiplier, shift } = parameters.requantization;
  const codes = new Int8Array(accumulators.length);
  for (let i = 0; i < codes.length; i++) {
    codes[i] = requantize(accumulators[i]!, multiplier[i % channels]!, shift, zeroPoint, min, max);
  }
  return codes;
}

/** Adds the bias and applies the activation, in place. */
export function finish(
  data: Float32Array,
  shape: readonly number[],
  bias: FloatValue | undefined,
  activation: Activation,
): FloatValue {
  const channels = shape.at(-1)!;
  data.forEach((value, i) => {
    data[i] = activate(value + (bias?.data[i % channels] ?? 0), activation);
  });
  return { shape, data };
}
