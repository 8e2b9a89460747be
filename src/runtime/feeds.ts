// Values across the border of a model: what callers give becomes codes, codes become Tensors.
import { DyadicError } from "../error.ts";
import type { IoTensor } from "../model/io.ts";
import { quantizeValue } from "../numerics/affine.ts";
import type { EngineExports } from "./engine.ts";
import { type ImageSource, pixelBytes } from "./image.ts";
import { Tensor, type TensorArray, type TensorType } from "./tensor.ts";

/** What a model takes or gives under one name. */
export interface ValueMetadata {
  readonly name: string;
  readonly type: TensorType;
  /** Of the data, channels last: a model that declares NCHW takes and gives [1, H, W, C]. */
  readonly shape: readonly number[];
  /** As the model's author declared it, in `layout`. */
  readonly declaredShape: readonly number[];
  readonly layout: "flat" | "NHWC" | "NCHW";
  readonly scale: number;
  readonly zeroPoint: number;
  readonly labels?: readonly string[];
}

/**
 * A value for an input: a Tensor, or a bare array (floats are quantized, integers are codes), channels last;
 * or a picture, cut to the input's proportions and scaled to its size, whose bytes are the codes.
 */
export type Feed = Tensor | TensorArray | ImageSource;

/** Values by the names of the model's inputs. */
export type Feeds = Readonly<Record<string, Feed>>;

export function metadataOf(io: IoTensor): ValueMetadata {
  const { name, layout, scale, zeroPoint, labels } = io;
  return {
    name,
    type: io.dtype as TensorType,
    shape: dataShape(io),
    declaredShape: io.shape,
    layout,
    scale,
    zeroPoint,
    ...(labels === undefined ? {} : { labels }),
  };
}

function dataShape({ layout, shape, canonicalShape }: IoTensor): readonly number[] {
  return layout === "NCHW" ? [1, ...canonicalShape] : shape;
}

/** One output of the last run, in its own dtype. */
export function readOutput(engine: EngineExports, io: IoTensor, index: number): Tensor {
  const codes = new Int8Array(engine.memory.buffer, engine.output_ptr(index) >>> 0, io.bytes);
  const bytes = io.dtype === "uint8" ? Uint8Array.from(codes, (code) => code + 128) : codes.slice();
  const data = io.dtype === "int32" ? new Int32Array(bytes.buffer) : bytes;
  return new Tensor(io.dtype as TensorType, data, dataShape(io), io);
}

/** Writes a value as bytes of the input's own type. Throws BAD_INPUT without a file. */
export function encodeInput(value: Feed | undefined, io: IoTensor, target: Int8Array): void {
  const data = dataOf(value, io);
  if (data.length !== io.bytes) {
    throw badInput(`input "${io.name}" has the wrong size`, `${data.length} elements`);
  }
  const unsigned = io.dtype === "uint8";
  if (data instanceof Float32Array) {
    quantize(data, io, unsigned ? 0 : -128, target);
  } else if ((data instanceof Uint8Array || data instanceof Uint8ClampedArray) === unsigned) {
    target.set(data);
  } else {
    throw badInput(`input "${io.name}" has the wrong type`, data.constructor.name);
  }
}

/**
 * Inputs that lie in the engine as bytes of their own types become the int8 codes that it takes. By the engine: the
 * host interprets the loops of a first run.
 */
export function turnInputs(engine: EngineExports, io: readonly IoTensor[]): void {
  io.forEach(({ role, dtype, bytes }, index) => {
    if (role === "input" && dtype === "uint8") engine.turn_signs(engine.input_ptr(index), bytes);
  });
}

function dataOf(value: Feed | undefined, io: IoTensor): TensorArray {
  if (value === undefined) throw badInput(`input "${io.name}" is missing`, "nothing");
  if (value instanceof Tensor) return value.data;
  if (ArrayBuffer.isView(value)) return value;
  const bytes = pixelBytes(value, io);
  return io.dtype === "uint8" ? bytes : Int8Array.from(bytes, (byte) => byte - 128);
}

/** Equation (2). Throws BAD_INPUT for inputs that have mean and deviation folded in: their codes are bytes. */
function quantize(data: Float32Array, io: IoTensor, min: number, target: Int8Array): void {
  const { scale, zeroPoint } = io;
  if (io.zeroPoints !== undefined) {
    throw new DyadicError(
      "BAD_INPUT",
      `input "${io.name}" takes bytes: its mean and deviation are folded in`,
      {
        found: "Float32Array",
        hint: "give the bytes of the picture; or compile without --mean and --std, and prepare the numbers yourself",
      },
    );
  }
  for (let i = 0; i < data.length; i++) {
    target[i] = quantizeValue(data[i]!, scale, zeroPoint, min, min + 255);
  }
}

function badInput(problem: string, found: string): DyadicError {
  return new DyadicError("BAD_INPUT", problem, { found });
}
