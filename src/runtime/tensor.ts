import { DyadicError } from "../error.ts";
import { dequantizeValue } from "../numerics/affine.ts";

export type TensorType = "int8" | "uint8" | "int32" | "float32";
export type TensorArray = Int8Array | Uint8Array | Int32Array | Float32Array;

/** What a session knows of an output besides its data. */
export interface TensorDetails {
  readonly name?: string;
  readonly scale?: number;
  readonly zeroPoint?: number;
  readonly labels?: readonly string[] | undefined;
}

/** A model's input or output: a typed array with a shape. Codes carry the scale and zero point of their reals. */
export class Tensor {
  readonly name: string;
  readonly type: TensorType;
  readonly data: TensorArray;
  readonly dims: readonly number[];
  readonly scale: number;
  readonly zeroPoint: number;
  /** Class names, where the model has them. */
  readonly labels: readonly string[] | undefined;

  /** @param dims shape in the model's own layout; the product is the length of `data` */
  constructor(type: TensorType, data: TensorArray, dims: readonly number[], details: TensorDetails = {}) {
    const size = dims.reduce((product, dim) => product * dim, 1);
    if (size !== data.length) {
      throw new DyadicError("BAD_INPUT", "the tensor's data does not fill its shape", {
        expected: `${size} elements for [${dims.join(", ")}]`,
        found: `${data.length}`,
      });
    }
    this.type = type;
    this.data = data;
    this.dims = dims;
    this.name = details.name ?? "";
    this.scale = details.scale ?? 1;
    this.zeroPoint = details.zeroPoint ?? 0;
    this.labels = details.labels;
  }

  /** The reals: scale * (code - zeroPoint); float data as it is. */
  dequantize(): Float32Array {
    if (this.data instanceof Float32Array) return this.data;
    return Float32Array.from(this.data, (code) => dequantizeValue(code, this.scale, this.zeroPoint));
  }
}
