import { DyadicError } from "../error.ts";
import { codeOf, codeRange, emptySample, type InputMetadata, type Sample } from "./metadata.ts";
import type { Picture } from "./resize.ts";

/** How the bytes of a picture become the numbers that the model was trained on: (byte / scale - mean) / std. */
export interface Preparation {
  /** Divisor of the bytes; left out, it is 255 when mean or std is given, else 1. */
  readonly scale?: number;
  /** One for all channels, or one per channel. */
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  /** Dark ink on light paper for a model that wants light on dark. */
  readonly invert?: boolean;
}

/** Whether the caller says how bytes become numbers. */
export function isPrepared({ scale, mean, std }: Preparation): boolean {
  return [scale, mean, std].some((option) => option !== undefined);
}

/** Value ranges that models of pictures are trained on, with byte 0 at their low end and byte 255 at their high one. */
const PICTURE_RANGES = [
  [0, 255],
  [0, 1],
  [-1, 1],
  [-128, 127],
] as const;

/**
 * A picture of the input's size as codes. Without scale, mean and std, an input whose codes span one of
 * PICTURE_RANGES to within one code takes the bytes themselves (uint8: v, int8: v - 128), for that is what quantizing
 * v/255 and so on gives. So does, whatever the options say, an input with a zero point per channel: its mean and std
 * are folded in.
 */
export function pictureSample(picture: Picture, metadata: InputMetadata, options: Preparation): Sample {
  const sample = emptySample(metadata);
  const prepared = isPrepared(options);
  if (metadata.zeroPoints !== undefined || (!prepared && takesBytes(metadata))) {
    const [lowest] = codeRange(metadata);
    sample.forEach((_, at) => {
      sample[at] = picture.bytes[at]! + lowest;
    });
    return sample;
  }
  if (!prepared) refuseNarrow(metadata);
  const real = realOf(metadata.canonicalShape[2], options);
  sample.forEach((_, at) => {
    sample[at] = codeOf(real(picture.bytes[at]!, at), at, metadata);
  });
  return sample;
}

/** The number that a byte at canonical position `at` stands for. Throws BAD_ARGUMENT for impossible options. */
export function realOf(channels: number, options: Preparation): (byte: number, at: number) => number {
  const divisor = options.scale ?? (options.mean || options.std ? 255 : 1);
  if (!(divisor > 0 && divisor < Infinity)) throw badOption("scale", "a positive number", [divisor]);
  const mean = perChannel("mean", options.mean ?? [0], channels);
  const std = perChannel("std", options.std ?? [1], channels);
  if (std.includes(0)) throw badOption("std", "no zeros", std);
  return (byte, at) => (byte / divisor - mean[at % channels]!) / std[at % channels]!;
}

function realRange(metadata: InputMetadata): readonly [low: number, high: number] {
  const [min, max] = codeRange(metadata);
  return [metadata.scale * (min - metadata.zeroPoint), metadata.scale * (max - metadata.zeroPoint)];
}

function takesBytes(metadata: InputMetadata): boolean {
  const [low, high] = realRange(metadata);
  const tolerance = metadata.scale * 1.001;
  return PICTURE_RANGES.some(
    ([from, to]) => Math.abs(low - from) <= tolerance && Math.abs(high - to) <= tolerance,
  );
}

/** Bytes as they are would saturate an input that ends far below 255: refused rather than silently wrong. */
function refuseNarrow(metadata: InputMetadata): void {
  const [low, high] = realRange(metadata);
  if (high >= 128) return;
  throw new DyadicError("BAD_INPUT", `how a picture becomes the input "${metadata.name}" is not known`, {
    expected: "the scale, mean and std that the model was trained with",
    found: `an input of ${low.toPrecision(4)} to ${high.toPrecision(4)}`,
    hint: "give --mean and --std (of values of 0 to 1), or --scale",
  });
}

function perChannel(option: string, values: readonly number[], channels: number): readonly number[] {
  if ((values.length !== 1 && values.length !== channels) || !values.every(Number.isFinite)) {
    throw badOption(option, channels === 1 ? "1 number" : `1 or ${channels} numbers`, values);
  }
  return values.length === channels ? values : Array.from({ length: channels }, () => values[0]!);
}

function badOption(option: string, expected: string, found: readonly number[]): DyadicError {
  return new DyadicError("BAD_ARGUMENT", `the option ${option} is wrong`, {
    expected,
    found: found.join(", "),
  });
}
