import type { Tensor } from "../../graph/graph.ts";
import { quantizeValue } from "../../numerics/affine.ts";

/** Reals of the codes that values are rounded to. */
export function onGrid(values: Float32Array, { quantization }: Tensor): Float32Array {
  const { scale, zeroPoint } = quantization!;
  return values.map((value, i) => {
    const zero = zeroPoint[i % zeroPoint.length]!;
    const [low, high] = zeroPoint.length > 1 ? [0, 255] : [-128, 127];
    return scale[0]! * (quantizeValue(value, scale[0]!, zero, low, high) - zero);
  });
}
