import { DyadicError } from "../error.ts";
import { dequantizeValue } from "../numerics/affine.ts";
import type { Tensor } from "./graph.ts";

/**
 * The real values of a constant: floats as they are, codes by equation (1), per slice of `axis` where there is one.
 * Throws BAD_FILE for integers without a quantization, INTERNAL for a tensor that is no constant.
 */
export function realsOf({ name, data, shape, quantization }: Tensor): Float32Array {
  if (data === undefined) throw new DyadicError("INTERNAL", `"${name}" is not a constant`);
  if (data instanceof Float32Array) return data;
  if (quantization === undefined) {
    throw new DyadicError("BAD_FILE", `the constant "${name}" has integers, but no scale`);
  }
  const { scale, zeroPoint, axis } = quantization;
  const inner = shape.slice((axis ?? -1) + 1).reduce((product, size) => product * size, 1);
  return Float32Array.from(data, (code, i) => {
    const slice = axis === null ? 0 : Math.floor(i / inner) % shape[axis]!;
    return dequantizeValue(code, scale[slice]!, zeroPoint[slice]!);
  });
}
