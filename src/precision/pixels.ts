// The input of a float model that is fed with bytes: x = (u8 / scale - mean) / std.
import { DyadicError } from "../error.ts";
import { canonicalShape, type Graph } from "../graph/graph.ts";
import type { Range } from "../numerics/range.ts";

/** How bytes become the numbers that a model was trained on. */
export interface Pixels {
  /** Divisor of the bytes; left out, it is 255 when mean or std is given, else 1. */
  readonly scale?: number;
  /** One for all channels, or one per channel. */
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
}

/** How an input is quantized for bytes. */
export interface PixelInput {
  readonly range: Range;
  /** Whether the bytes themselves are the codes: one mean and std, and a whole zero point. */
  readonly exact: boolean;
}

/** How far from a whole number a zero point may be: float32 means and deviations are no further. */
const WHOLE = 1e-4;

/**
 * The range of a model's input over all bytes. Where one affine map of uint8 codes gives the model's numbers exactly,
 * bytes are codes; otherwise codes are those of the prepared numbers, and who runs the model prepares them.
 * Throws BAD_ARGUMENT for impossible numbers and for models of several inputs.
 */
export function pixelInput(graph: Graph, pixels: Pixels): PixelInput {
  const [input] = graph.inputs;
  if (input === undefined || graph.inputs.length !== 1) {
    throw new DyadicError("BAD_ARGUMENT", "bytes can be prepared for models of one input only", {
      found: `${graph.inputs.length} inputs`,
      hint: "give float32 samples",
    });
  }
  const [, , channels] = canonicalShape(graph.tensors[input.tensor]!.shape, input.name);
  const { scale = pixels.mean || pixels.std ? 255 : 1 } = pixels;
  const mean = perChannel("mean", pixels.mean ?? [0], channels);
  const std = perChannel("std", pixels.std ?? [1], channels);
  if (!(scale > 0 && scale < Infinity)) throw wrong("scale", "a positive number", [scale]);
  if (!std.every((value) => value > 0)) throw wrong("std", "positive numbers", std);
  const low = Math.min(...mean.map((value, c) => -value / std[c]!));
  const high = Math.max(...mean.map((value, c) => (255 / scale - value) / std[c]!));
  const zero = mean[0]! * scale;
  const uniform = [mean, std].every((values) => values.every((value) => value === values[0]));
  const whole = Math.abs(zero - Math.floor(zero + 0.5)) < WHOLE && zero > -0.5 && zero < 255.5;
  return { range: { min: low, max: high }, exact: uniform && whole };
}

function perChannel(option: string, values: readonly number[], channels: number): readonly number[] {
  if (![1, channels].includes(values.length) || !values.every(Number.isFinite)) {
    throw wrong(option, channels === 1 ? "1 number" : `1 or ${channels} numbers`, values);
  }
  return values.length === 1 ? Array.from({ length: channels }, () => values[0]!) : values;
}

function wrong(option: string, expected: string, found: readonly number[]): DyadicError {
  return new DyadicError("BAD_ARGUMENT", `the option ${option} is wrong`, {
    expected,
    found: found.join(", "),
  });
}
