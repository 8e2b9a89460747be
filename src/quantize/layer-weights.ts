import type { Node, Tensor } from "../graph/graph.ts";
import { opNamed } from "../ops/index.ts";
import type { Layer } from "./layer.ts";
import type { Means, Moments } from "./moments.ts";
import { bitsOf, levelsOf, type RoundingName, roundingNamed, type WeightWidth } from "./rounding/index.ts";
import { nearestLevel } from "./rounding/levels.ts";
import { roundAlike } from "./rounding/shared-scale.ts";

/** Codes of a bias are kept below this, which leaves as much of an int32 accumulator to the products. */
const LARGEST_BIAS = 2 ** 30;
/** As much of narrow weights', whose sums engines shift up by some bits where scales are large (assembly/arrange.ts). */
const LARGEST_NARROW_BIAS = 2 ** 24;

/** A layer's integers: what a run that was stopped needs to go on. */
export interface LayerWeights {
  readonly width: WeightWidth;
  /** [output channels][taps] */
  readonly codes: Int8Array;
  /** One a channel, float32. */
  readonly scales: readonly number[];
  /** At input scale times the channel's scale. */
  readonly bias: Int32Array;
}

/** How one layer is quantized. */
export interface LayerChoice {
  readonly width: WeightWidth;
  readonly method: RoundingName;
  /** What shares a scale. Default "channel". */
  readonly granularity?: "channel" | "tensor";
}

export interface RoundingChoice extends LayerChoice {
  readonly damping: number;
  readonly shrinkage: number;
}

/** Rounds a layer, group by group, and chooses the bias with which its outputs have the wanted means. */
export function roundLayer(
  layer: Layer,
  moments: readonly Moments[],
  { width, method, granularity, damping, shrinkage }: RoundingChoice,
  inputScale: number,
): LayerWeights {
  const { rows, taps, weights } = layer;
  const levels = levelsOf(width);
  const problems = moments.map(({ second, cross }, group) => {
    const own = weights.subarray(group * rows * taps, (group + 1) * rows * taps);
    return { rows, taps, weights: own, second, cross, levels, damping, shrinkage };
  });
  const roundings =
    granularity === "tensor" ? roundAlike(problems, method) : problems.map(roundingNamed(method));
  const codes = new Int8Array(weights.length);
  const scales = new Float64Array(weights.length / taps);
  roundings.forEach((rounding, group) => {
    codes.set(rounding.codes, group * rows * taps);
    scales.set(rounding.scales, group * rows);
  });
  return settleBiases(layer, moments, { width, codes, scales }, inputScale);
}

/**
 * Rounds a layer to nearest, for which the means of its inputs and outputs are enough; without them, having seen
 * nothing, the bias stays what it is.
 */
export function nearestLayer(
  layer: Layer,
  choice: LayerChoice,
  inputScale: number,
  means: readonly Means[] = unseenMeans(layer),
): LayerWeights {
  const none = new Float64Array(0);
  const moments = means.map((own) => ({ ...own, second: none, cross: none }));
  const nothing = { method: "nearest", damping: 0, shrinkage: 0 } as const;
  return roundLayer(layer, moments, { ...choice, ...nothing }, inputScale);
}

/** Means with which a bias comes out as it is: inputs of mean 0, so that an output's mean is its bias. */
export function unseenMeans({ groups, rows, taps, biases }: Layer): Means[] {
  return Array.from({ length: groups }, (_, group) => ({
    inputMean: new Float64Array(taps),
    outputMean: biases.subarray(group * rows, (group + 1) * rows),
  }));
}

/** The biases with which outputs have their wanted means, and scales of which they are representable multiples. */
function settleBiases(
  { rows, taps }: Layer,
  moments: readonly Moments[],
  { width, codes, scales }: { width: WeightWidth; codes: Int8Array; scales: Float64Array },
  inputScale: number,
): LayerWeights {
  const levels = levelsOf(width);
  // Any scale is right for a channel of zeros: the finest that holds its bias, or else one like its neighbours', which
  // spoils no common shift. Binary ones have no code for 0, and a scale near it.
  const idle = scales.reduce((least, scale) => (scale > 0 && scale < least ? scale : least), 1);
  const bias = new Int32Array(scales.length);
  const largest = bitsOf(width) < 7 ? LARGEST_NARROW_BIAS : LARGEST_BIAS;
  const kept = Array.from(scales, (scale, n) => {
    const { inputMean, outputMean } = moments[Math.floor(n / rows)]!;
    const own = codes.subarray(n * taps, (n + 1) * taps);
    const wanted = outputMean[n % rows]!;
    const least = Math.abs(wanted) / (inputScale * largest);
    const near = scale || (width === 1 ? idle / 4096 : 0);
    const final = Math.fround(Math.max(near, least) || idle);
    if (scale > 0 && least > scale) own.set(own.map((code) => nearestLevel((code * scale) / final, levels)));
    const mean = own.reduce((sum, code, k) => sum + final * code * inputMean[k]!, 0);
    bias[n] = Math.floor((wanted - mean) / (inputScale * final) + 0.5);
    return final;
  });
  return { width, codes, scales: kept, bias };
}

/** The node with its integer weights and bias, which are appended to the tensors: floats may be shared, codes are not. */
export function placeLayer(layer: Layer, weights: LayerWeights, input: Tensor, tensors: Tensor[]): Node {
  const { node } = layer;
  const own = tensors[node.inputs[1]!]!;
  const constants = layerConstants(layer, weights, input, own);
  const name = tensors[node.inputs[2] ?? -1]?.name ?? constants.bias.name;
  const inputs = [
    node.inputs[0]!,
    tensors.push(constants.weights) - 1,
    tensors.push({ ...constants.bias, name }) - 1,
  ];
  return { ...node, inputs };
}

/** The layer's weights and bias as tensors of a quantized graph. */
function layerConstants(
  { node, at, taps }: Layer,
  { width, codes, scales, bias }: LayerWeights,
  input: Tensor,
  { name, shape }: Tensor,
): { weights: Tensor; bias: Tensor } {
  const data = new Int8Array(codes.length);
  codes.forEach((code, i) => {
    data[at(Math.floor(i / taps), i % taps)] = code;
  });
  const axis = opNamed(node.op).weightAxis!;
  const zeroPoint = scales.map(() => 0);
  const quantization = { scale: scales, zeroPoint, axis, ...(width !== 8 && { bits: bitsOf(width) }) };
  const from = input.quantization!.scale[0]!;
  return {
    weights: { name, dtype: "int8", shape, quantization, data },
    bias: {
      name: `${name}.bias`,
      dtype: "int32",
      shape: [scales.length],
      quantization: { scale: scales.map((scale) => scale * from), zeroPoint, axis: 0 },
      data: bias,
    },
  };
}
