import { DyadicError } from "../error.ts";
import { quantizeValue } from "../numerics/affine.ts";

/** How many numbers an input has, and in which order. */
export interface InputShape {
  readonly name: string;
  /** As the model's author declared it, in `layout`. */
  readonly shape: readonly number[];
  readonly layout: "flat" | "NHWC" | "NCHW";
  readonly canonicalShape: readonly [height: number, width: number, channels: number];
}

/** What reading an input needs to know of it; `IoTensor` of src/model has all of it. */
export interface InputMetadata extends InputShape {
  readonly dtype: string;
  readonly scale: number;
  readonly zeroPoint: number;
  /** One per channel, where the input has them. */
  readonly zeroPoints?: Int32Array;
}

/** One sample as the engine takes it: dense canonical codes of the input's dtype. */
export type Sample = Int8Array | Uint8Array;

/** Smallest and largest code of the input. Throws BAD_INPUT for inputs that are not 8 bits wide. */
export function codeRange(metadata: InputMetadata): readonly [min: number, max: number] {
  if (metadata.dtype === "int8") return [-128, 127];
  if (metadata.dtype === "uint8") return [0, 255];
  throw new DyadicError("BAD_INPUT", `the input "${metadata.name}" cannot be read from a file`, {
    expected: "an input of int8 or uint8",
    found: metadata.dtype,
  });
}

/** An empty sample of the input's dtype. */
export function emptySample(metadata: InputMetadata): Sample {
  const [height, width, channels] = metadata.canonicalShape;
  return codeRange(metadata)[0] === 0
    ? new Uint8Array(height * width * channels)
    : new Int8Array(height * width * channels);
}

/** Equation (2). */
export function codeOf(real: number, _at: number, metadata: InputMetadata): number {
  const [min, max] = codeRange(metadata);
  return quantizeValue(real, metadata.scale, metadata.zeroPoint, min, max);
}
