import type { Tensor } from "../graph/graph.ts";
import type { Layer } from "./layer.ts";
import type { Moments } from "./moments.ts";
import { bitsOf, levelsOf, type RoundingName, roundingNamed, type WeightWidth } from "./rounding/index.ts";
import { nearestLevel } from "./rounding/levels.ts";

/** Codes of a bias are kept below this, which leaves as much of an int32 accumulator to the products. */
const LARGEST_BIAS = 2 ** 30;

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

export interface RoundingChoice {
  readonly width: WeightWidth;
  readonly method: RoundingName;
  readonly damping: number;
  readonly shrinkage: number;
}

/** Rounds a layer, group by group, and chooses the bias with which its outputs have the wanted means. */
export function roundLayer(
  { groups, rows, taps, weights }: Layer,
  moments: readonly Moments[],
  { width, method, ...damping }: RoundingChoice,
  inputScale: number,
): LayerWeights {
  const levels = levelsOf(width);
  const codes = new Int8Array(weights.length);
  const scales = new Float64Array(groups * rows);
  moments.forEach(({ second, cross }, group) => {
    const own = weights.subarray(group * rows * taps, (group + 1) * rows * taps);
    const problem = { rows, taps, weights: own, second, cross, levels, ...damping };
    const rounding = roundingNamed(method)(problem);
    codes.set(rounding.codes, group * rows * taps);
    scales.set(rounding.scales, group * rows);
  });
  // Any scale is right for a channel of zeros (near 0 for binary, which has no code 0): one like its neighbours' spoils
  // no common shift.
  const idle = scales.reduce((least, scale) => (scale > 0 && scale < least ? scale : least), 1);
  const bias = new Int32Array(scales.length);
  const kept = Array.from(scales, (scale, n) => {
    const { inputMean, outputMean } = moments[Math.floor(n / rows)]!;
    const own = codes.subarray(n * taps, (n + 1) * taps);
    const wanted = outputMean[n % rows]!;
    const least = Math.abs(wanted) / (inputScale * LARGEST_BIAS);
    const final = Math.fround(Math.max(scale || (width === 1 ? idle / 4096 : idle), least));
    if (scale > 0 && final > 2 * scale)
      own.set(own.map((code) => nearestLevel((code * scale) / final, levels)));
    const mean = own.reduce((sum, code, k) => sum + final * code * inputMean[k]!, 0);
    bias[n] = Math.floor((wanted - mean) / (inputScale * final) + 0.5);
    return final;
  });
  return { width, codes, scales: kept, bias };
}

/** The layer's weights and bias as tensors of a quantized graph, like the ones they replace. */
export function layerConstants(
  { at, taps }: Layer,
  { width, codes, scales, bias }: LayerWeights,
  input: Tensor,
  like: Tensor,
): { weights: Tensor; bias: Tensor } {
  const data = new Int8Array(codes.length);
  codes.forEach((code, i) => {
    data[at(Math.floor(i / taps), i % taps)] = code;
  });
  const axis = like.quantization!.axis;
  const zeroPoint = scales.map(() => 0);
  const quantization = { scale: scales, zeroPoint, axis, ...(width !== 8 && { bits: bitsOf(width) }) };
  const from = input.quantization!.scale[0]!;
  return {
    weights: { name: like.name, dtype: "int8", shape: like.shape, quantization, data },
    bias: {
      name: `${like.name}.bias`,
      dtype: "int32",
      shape: [scales.length],
      quantization: { scale: scales.map((scale) => scale * from), zeroPoint, axis: 0 },
      data: bias,
    },
  };
}
