// onnxruntime-common's Tensor, as much of it as runs on a CPU.
import { DyadicError } from "../../error.ts";
import { type ImageSource, pixelBytes } from "../image.ts";

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const;

export type Type = keyof typeof ARRAYS;
export type Data =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;
type Values = Data | Uint8ClampedArray | readonly number[] | readonly bigint[] | readonly boolean[];

/** Options of `Tensor.fromImage`, as onnxruntime-web has them. */
export interface FromImageOptions {
  readonly resizedWidth?: number;
  readonly resizedHeight?: number;
  /** Default RGB. */
  readonly tensorFormat?: "RGB" | "BGR" | "RGBA";
  /** Default NCHW. */
  readonly tensorLayout?: "NCHW" | "NHWC";
  /** (byte + bias) / mean, for all channels or for each; default mean 255, bias 0. */
  readonly norm?: { readonly mean?: number | readonly number[]; readonly bias?: number | readonly number[] };
}

/** An array with a type and a shape, in the model's own layout. */
export class Tensor {
  readonly type: Type;
  readonly data: Data;
  readonly dims: readonly number[];
  readonly location = "cpu";

  /** `new Tensor(type, data, dims)`, or `new Tensor(data, dims)` of a typed array. Throws BAD_INPUT. */
  constructor(type: Type, data: Values, dims?: readonly number[]);
  constructor(data: Values, dims?: readonly number[]);
  constructor(first: Type | Values, second?: Values | readonly number[], third?: readonly number[]) {
    const named = typeof first === "string";
    const values = (named ? second : first) as Values;
    this.type = named ? first : typeOf(values);
    this.data = arrayOf(this.type, values);
    this.dims = (named ? third : (second as readonly number[] | undefined)) ?? [this.data.length];
    const size = this.dims.reduce((product, dim) => product * dim, 1);
    if (size !== this.data.length) {
      throw new DyadicError("BAD_INPUT", "the tensor's data does not fill its shape", {
        expected: `${size} elements for [${this.dims.join(", ")}]`,
        found: `${this.data.length}`,
      });
    }
  }

  get size(): number {
    return this.data.length;
  }

  async getData(): Promise<Data> {
    return this.data;
  }

  reshape(dims: readonly number[]): Tensor {
    return new Tensor(this.type, this.data, dims);
  }

  /** Does nothing: there is no memory here that the garbage collector does not see. */
  dispose(): void {}

  /** A picture as floats: cut to the proportions of the wanted size, scaled, normalized. Throws BAD_INPUT, UNSUPPORTED_HOST. */
  static async fromImage(image: ImageSource, options: FromImageOptions = {}): Promise<Tensor> {
    const { tensorFormat = "RGB", tensorLayout = "NCHW", norm = {} } = options;
    const channels = tensorFormat.length;
    const size = image as { readonly width: number; readonly height: number };
    const [height, width] = [options.resizedHeight ?? size.height, options.resizedWidth ?? size.width];
    const bytes = pixelBytes(image, { name: "image", canonicalShape: [height, width, channels] });
    const pick = (value: number | readonly number[] | undefined, channel: number, other: number) =>
      typeof value === "number" ? value : (value?.[channel] ?? other);
    const data = new Float32Array(bytes.length);
    const pixels = width * height;
    for (let i = 0; i < bytes.length; i++) {
      const channel = i % channels;
      const pixel = (i - channel) / channels;
      const source = tensorFormat === "BGR" ? i - channel + (2 - channel) : i;
      const to = tensorLayout === "NHWC" ? i : channel * pixels + pixel;
      data[to] = (bytes[source]! + pick(norm.bias, channel, 0)) / pick(norm.mean, channel, 255);
    }
    const dims = tensorLayout === "NHWC" ? [1, height, width, channels] : [1, channels, height, width];
    return new Tensor("float32", data, dims);
  }
}

function typeOf(values: Values): Type {
  if (values instanceof Uint8ClampedArray) return "uint8";
  const found = Object.entries(ARRAYS).find(([, array]) => values instanceof array);
  if (found !== undefined) return found[0] as Type;
  return typeof values[0] === "boolean" ? "bool" : typeof values[0] === "bigint" ? "int64" : "float32";
}

function arrayOf(type: Type, values: Values): Data {
  const array = ARRAYS[type] as { from(values: Values): Data } | undefined;
  if (array === undefined) {
    throw new DyadicError("BAD_INPUT", `tensors of type ${type} are not known here`, {
      expected: Object.keys(ARRAYS).join(", "),
    });
  }
  return values instanceof ARRAYS[type] ? values : array.from(values);
}
