import type { Tensor } from "../../graph/graph.ts";
import { quantizeValue } from "../../numerics/affine.ts";

/** Reals of the bytes that values are rounded to. */
export function onGrid(values: Float32Array, { quantization }: Tensor): Float32Array {
  const { scale, zeroPoint } = quantization!;
  return values.map((value, i) => {
    const zero = zeroPoint[i % zeroPoint.length]!;
    return scale[0]! * (quantizeValue(value, scale[0]!, zero, -128, 127) - zero);
  });
}
