// What conv, depthwise and dense share: affine parameters, accumulator proof, packing, the step record.
import {
  CHANNEL_BLOCK,
  CONTRACT_A8W8,
  CONV_BIAS_AT,
  CONV_DILATION_H,
  CONV_DILATION_W,
  CONV_GROUPS,
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
  CONV_WEIGHT_ZERO,
  CONV_WEIGHTS_AT,
  QUAD,
} from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import type { Tensor } from "../graph/graph.ts";
import { bitsOf, type IntegerTensor } from "../graph/integer.ts";
import { type Dyadic, toDyadic } from "../numerics/dyadic.ts";
import {
  activationRange,
  type Codes,
  codesOf,
  packedBytes,
  packPlanes,
  type WeightBits,
  weightRange,
} from "../numerics/pack.ts";
import { requantize } from "../numerics/requantize.ts";
import { type Activation, activate, activationCodes } from "./activation.ts";
import { affineByChannel, affineOf } from "./affine.ts";
import type { FloatValue, Lowering, OpShapes, StepEncoder } from "./op.ts";
import { windowScratch } from "./packed.ts";
import type { Window } from "./window.ts";

/** Integer parameters of conv, depthwise and dense. */
export interface ConvolutionParameters extends Window {
  readonly channels: number;
  /** Runs of output channels of which each sees its own run of input channels. */
  readonly groups: number;
  readonly rowLength: number;
  /** One row of `rowLength` a channel: signed codes, less their zero point (which takes a ninth bit). */
  readonly weights: Int8Array | Int16Array;
  readonly weightBits: WeightBits;
  /** What the stored codes are above `weights`: 0 but in legacy models. */
  readonly weightZero: number;
  /** beta of equation (3): the model's bias minus the input's zero point times the sum of the channel's weights. */
  readonly bias: Int32Array;
  readonly requantization: Dyadic;
  readonly zeroPoint: number;
  readonly min: number;
  readonly max: number;
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
  groups = 1,
): ConvolutionParameters {
  const [input, weightTensor, biasTensor] = lowering.inputs;
  const from = inputAffine(lowering.node, input!, groups);
  const to = affineOf(lowering.output, "the output");
  const codes = weightCodes(weightTensor!);
  const weightZero = weightZeroPoint(weightTensor!);
  const bits = weightBits(weightTensor!, weightZero);
  const scales = weightScales(weightTensor!, channels);
  checkBias(biasTensor, channels);
  const rows = Array.from({ length: channels }, (_, channel) => row(channel));
  const rowLength = rows[0]!.length;
  const signs = rows.map((row) => signOf(row, codes, weightTensor!, bits));
  const weights = new (weightZero === 0 ? Int8Array : Int16Array)(channels * rowLength);
  const bias = new Int32Array(channels);
  const bounds = new Float64Array(channels);
  const [lowest, highest] = activationRange(from.bits);
  const zeros = from.zeroPoints;
  const reach = zeros.map((zero) => Math.max(highest - zero, zero - lowest));
  for (let channel = 0; channel < channels; channel++) {
    let zero = 0;
    let bound = 0;
    const sign = signs[channel]!;
    rows[channel]!.forEach((at, k) => {
      const code = sign * (codes[at]! - weightZero);
      weights[channel * rowLength + k] = code;
      zero += zeros[k % zeros.length]! * code;
      bound += reach[k % zeros.length]! * Math.abs(code);
    });
    const ownBias = biasTensor ? sign * Number(biasTensor.data![channel]) : 0;
    bounds[channel] = bound + Math.abs(ownBias);
    if (bounds[channel]! >= 2 ** 31) throw overflow(channel, bounds[channel]!, bound >= 2 ** 31);
    bias[channel] = ownBias - zero;
  }
  const [min, max] = activationCodes(lowering.node.attributes.activation, to.scale, to.zeroPoint, to.bits);
  const requantization = toDyadic(
    scales.map((scale) => (from.scale * scale) / to.scale),
    bounds,
  );
  return {
    ...window,
    channels,
    groups,
    rowLength,
    weights,
    weightBits: bits,
    weightZero,
    bias,
    requantization: {
      ...requantization,
      multiplier: requantization.multiplier.map((b, channel) => signs[channel]! * b),
    },
    zeroPoint: to.zeroPoint,
    min,
    max,
  };
}

/** Of taps in packing order, channel after channel: only those of a convolution can have a zero point each. */
function inputAffine(node: { readonly op: string }, input: Tensor, groups: number) {
  if (node.op === "conv" && groups === 1) return affineByChannel(input, "the input");
  const { scale, zeroPoint, bits } = affineOf(input, "the input");
  return { scale, zeroPoints: [zeroPoint], bits };
}

function overflow(channel: number, bound: number, ofWeights: boolean): DyadicError {
  return new DyadicError("OVERFLOW", `the accumulator of output channel ${channel} can overflow 32 bits`, {
    expected: "sum|w| * max|a - z| + |bias| below 2^31",
    found: `${bound}`,
    hint: ofWeights
      ? "the sum is too long for weights of this width: give this layer fewer weightBits in the policy"
      : "a bias of this size comes from a scale that is far too small: calibrate again, or drop the dead channel",
  });
}

function weightCodes(tensor: Tensor): Int8Array {
  if (!(tensor.data instanceof Int8Array)) {
    throw new DyadicError("UNSUPPORTED_OP", `the weights "${tensor.name}" are not constant 8-bit codes`, {
      found: tensor.data ? tensor.dtype : "computed at run time",
    });
  }
  return tensor.data;
}

function weightZeroPoint(tensor: Tensor): number {
  const [first = 0, ...others] = tensor.quantization?.zeroPoint ?? [];
  if (others.some((zero) => zero !== first)) {
    throw new DyadicError("UNSUPPORTED_OP", `the weights "${tensor.name}" have a zero point per channel`, {
      expected: "one zero point for the whole tensor",
      hint: "export the weights symmetric (zero points 0)",
    });
  }
  return first;
}

/** The width that the weights are stored in; their codes fit it. */
function weightBits(tensor: Tensor, zeroPoint: number): WeightBits {
  const bits = tensor.quantization?.bits ?? 8;
  const place = { found: `${bits} bits, zero point ${zeroPoint}` };
  if (!isWeightBits(bits) || (bits < 8 && zeroPoint !== 0)) {
    const expected = "8 to 1 bits, and zero point 0 below 8";
    throw new DyadicError("UNSUPPORTED_OP", `the weights "${tensor.name}" have no such width`, {
      ...place,
      expected,
    });
  }
  const [min, most] = weightRange(bits);
  const max = bits === 2 ? 2 : most; // channels that reach it are mirrored
  const wrong = weightCodes(tensor).find((code) => code < min || code > max || (bits === 1 && code === 0));
  if (wrong === undefined) return bits;
  throw notFitting(tensor, bits, bits === 1 ? "-1 or 1" : `${min} to ${most}`, wrong);
}

function notFitting({ name }: Tensor, bits: WeightBits, expected: string, found: number): DyadicError {
  return new DyadicError("BAD_FILE", `the weights "${name}" do not fit ${bits} bits`, {
    expected,
    found: `${found}`,
  });
}

/**
 * -1 where a channel of 2-bit codes is -1..2 instead of -2..1: its negatives are stored, under a negative multiplier,
 * which is the same product and so the same rounding.
 */
function signOf(row: Int32Array, codes: Int8Array, tensor: Tensor, bits: WeightBits): 1 | -1 {
  if (bits !== 2 || !row.some((at) => codes[at] === 2)) return 1;
  if (row.some((at) => codes[at] === -2))
    throw notFitting(tensor, bits, "-2 to 1, or -1 to 2, in a channel", 2);
  return -1;
}

function isWeightBits(bits: number): bits is WeightBits {
  return Number.isInteger(bits) && bits >= 1 && bits <= 8;
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

/** The contract of a width: 8 bits first. */
export function weightContract({ weightBits }: ConvolutionParameters): number {
  return CONTRACT_A8W8 + 8 - weightBits;
}

/** Whether kernels multiply bits by bits: both sides of 1 bit, channels that fill bytes. Not for depthwise. */
function isBinaryProduct({ weightBits, groups }: ConvolutionParameters, { inputs }: OpShapes): boolean {
  const [input] = inputs;
  return weightBits === 1 && bitsOf(input!) === 1 && groups === 1 && input!.shape[2] % 8 === 0;
}

/** Scratch of a block's codes as bytes, for planes; `row` is a channel's padded row. */
export function unpackedBytes({ weightBits }: ConvolutionParameters, row: number): number {
  return weightBits < 7 ? CHANNEL_BLOCK * row : 0;
}

/** Scratch of conv and dense: widened rows, a block of planes as bytes, four windows of 16 bits. */
export function convolutionScratch(parameters: ConvolutionParameters, shapes: OpShapes, row: number): number {
  const asBits = isBinaryProduct(parameters, shapes);
  const block = asBits ? 0 : unpackedBytes(parameters, row);
  return windowScratch(parameters, shapes, asBits) + block + 4 * 2 * row;
}

/** Blocks of weights that a step unpacks at once where it has the scratch: a whole strip of a tile's sums, or less. */
const PANELS = [8, 3];

/** Sizes of scratch with which a step unpacks several blocks of weights at a time; `needed` has room for one. */
export function panelScratch(
  parameters: ConvolutionParameters,
  row: number,
  needed: number,
): readonly number[] {
  const block = unpackedBytes(parameters, row);
  if (block === 0) return [];
  const blocks = packedChannels(parameters) / CHANNEL_BLOCK / parameters.groups;
  const sizes = PANELS.map((count) => needed + (Math.min(count, blocks) - 1) * block);
  return [...new Set(sizes)];
}

/** As panelScratch, of conv and dense. */
export function spareConvolutionScratch(
  parameters: ConvolutionParameters,
  shapes: OpShapes,
  row: number,
): readonly number[] {
  if (isBinaryProduct(parameters, shapes)) return [];
  return panelScratch(parameters, row, convolutionScratch(parameters, shapes, row));
}

/** Writes the record shared by conv, depthwise and dense; `packed` are the weights in their packed order. */
export function encodeConvolution(
  parameters: ConvolutionParameters,
  packed: Int8Array,
  step: StepEncoder,
): void {
  const { requantization, kernel, stride, dilation, padding } = parameters;
  step.set(CONV_WEIGHTS_AT, step.constant(packed));
  step.set(CONV_BIAS_AT, step.constant(packChannels(parameters, parameters.bias)));
  step.set(CONV_MULTIPLIER_AT, step.constant(packChannels(parameters, requantization.multiplier)));
  step.set(CONV_SHIFT, requantization.shift);
  step.set(CONV_WEIGHT_ZERO, parameters.weightZero);
  step.set(CONV_GROUPS, parameters.groups);
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

/** Where an output channel stands among the packed ones: every group starts a block. */
function packedChannel({ channels, groups }: ConvolutionParameters, channel: number): number {
  const own = channels / groups;
  return Math.floor(channel / own) * roundUp(own, CHANNEL_BLOCK) + (channel % own);
}

function packedChannels({ channels, groups }: ConvolutionParameters): number {
  return groups * roundUp(channels / groups, CHANNEL_BLOCK);
}

function packChannels(parameters: ConvolutionParameters, values: Int32Array): Int32Array {
  const packed = new Int32Array(packedChannels(parameters));
  values.forEach((value, channel) => {
    packed[packedChannel(parameters, channel)] = value;
  });
  return packed;
}

export function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

/**
 * The packed order [N/8][K/4][8][4], planes of each block below 7 bits: blocks of 8 channels, quads of 4 taps. A channel's row is cut into
 * segments of `segment` taps (what lies contiguous in the activations), each padded with real 0 to a whole quad.
 */
export function packBlocks(parameters: ConvolutionParameters, segment: number): Int8Array {
  const { channels, rowLength, weights, weightBits, weightZero } = parameters;
  const padded = roundUp(segment, QUAD);
  const quads = ((rowLength / segment) * padded) / QUAD;
  const packed = new Int8Array(packedChannels(parameters) * quads * QUAD).fill(weightZero);
  for (let channel = 0; channel < channels; channel++) {
    const place = packedChannel(parameters, channel);
    const block = Math.floor(place / CHANNEL_BLOCK);
    for (let k = 0; k < rowLength; k++) {
      const position = Math.floor(k / segment) * padded + (k % segment);
      const quad = Math.floor(position / QUAD);
      const at =
        ((block * quads + quad) * CHANNEL_BLOCK + (place % CHANNEL_BLOCK)) * QUAD + (position % QUAD);
      packed[at] = weights[channel * rowLength + k]! + weightZero;
    }
  }
  return packPlanes(packed, quads * QUAD * CHANNEL_BLOCK, weightBits);
}

/** Macs of `pixels` outputs, and the flash that the packed weights, biases and multipliers take. */
export function convolutionCost(parameters: ConvolutionParameters, pixels: number, segment: number) {
  const { channels, rowLength, weightBits } = parameters;
  const row = (rowLength / segment) * roundUp(segment, QUAD);
  const blocks = packedChannels(parameters) / CHANNEL_BLOCK;
  return {
    macs: pixels * channels * rowLength,
    weightBytes: blocks * (packedBytes(row * CHANNEL_BLOCK, weightBits) + CHANNEL_BLOCK * 8),
  };
}

/** The accumulator of a window that lies wholly in the padding, where every tap reads its zero point. */
export function paddedAccumulators(parameters: ConvolutionParameters, zeros: ArrayLike<number>): Int32Array {
  return parameters.bias.map((bias, channel) => {
    const at = channel * parameters.rowLength;
    let sum = bias;
    for (let k = 0; k < parameters.rowLength; k++)
      sum += zeros[k % zeros.length]! * parameters.weights[at + k]!;
    return sum;
  });
}

/** Equation (4) on accumulators whose innermost dimension is the output channel. */
export function requantizeChannels(
  accumulators: Int32Array,
  parameters: ConvolutionParameters,
  output: IntegerTensor,
): Codes {
  const { channels, zeroPoint, min, max } = parameters;
  const { multiplier, shift } = parameters.requantization;
  const codes = codesOf(accumulators.length, bitsOf(output));
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
