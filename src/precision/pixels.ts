// The input of a float model that is fed with bytes: x = (u8 / scale - mean) / std.
import { DyadicError } from "../error.ts";
import { canonicalShape, elements, type Graph, type Node } from "../graph/graph.ts";
import { realsOf } from "../graph/reals.ts";
import type { Range } from "../numerics/range.ts";

/** How bytes become the numbers that a model was trained on. */
export interface Pixels {
  /** Divisor of the bytes; left out, it is 255 when mean or std is given, else 1. */
  readonly scale?: number;
  /** One for all channels, or one per channel. */
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
}

/** A float graph that is to be fed with bytes. */
export interface PixelInput {
  readonly graph: Graph;
  /** Range of the input over all bytes. */
  readonly range: Range;
  /** uint8 where bytes are the codes themselves; int8 where who runs the model prepares numbers and quantizes them. */
  readonly border: "uint8" | "int8";
  /** Codes of real 0 by channel, where mean and deviation moved into the first convolution. */
  readonly zeroPoints?: readonly number[];
  /** A sample of the model's own input as one of `graph`. */
  sample(values: Float32Array): Float32Array;
}

/** How far from a whole number a zero point may be: float32 means and deviations are no further. */
const WHOLE = 1e-4;

interface Affines {
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * Makes bytes the codes of the input: by its scale and zero point where one mean and deviation with a whole zero point
 * are all channels'; else by moving them into the convolutions that read it. Where something else reads it, the codes
 * are those of the prepared numbers.
 * Throws BAD_ARGUMENT for impossible numbers and for models of several inputs.
 */
export function pixelInput(graph: Graph, pixels: Pixels): PixelInput {
  const affines = affinesOf(graph, pixels);
  const { scale, mean, std } = affines;
  const low = Math.min(...mean.map((value, c) => (0 - value) / std[c]!));
  const high = Math.max(...mean.map((value, c) => (255 / scale - value) / std[c]!));
  const zero = mean[0]! * scale;
  const uniform = [mean, std].every((values) => values.every((value) => value === values[0]));
  const whole = Math.abs(zero - Math.floor(zero + 0.5)) < WHOLE && zero > -0.5 && zero < 255.5;
  const asItIs = { graph, range: { min: low, max: high }, sample: (values: Float32Array) => values };
  if (uniform && whole) return { ...asItIs, border: "uint8" };
  return folded(graph, affines) ?? { ...asItIs, border: "int8" };
}

/**
 * The graph whose input is u8 - z for a whole z a channel, the byte nearest to real 0: weights take the deviation, the
 * bias what z is off the mean. Exact but where a window reaches over the edge, which reads z for a real 0 that lies
 * between two bytes. Undefined where not only convolutions read the input.
 */
function folded(graph: Graph, { scale, mean, std }: Affines): PixelInput | undefined {
  const input = graph.inputs[0]!.tensor;
  const readers = graph.nodes.filter(({ inputs }) => inputs.includes(input));
  const fits = ({ op, inputs, attributes }: Node) =>
    op === "conv" &&
    ((attributes as { groups?: number }).groups ?? 1) === 1 &&
    [inputs[1], inputs[2]].every((tensor = -1) => tensor < 0 || graph.tensors[tensor]!.data !== undefined);
  if (!readers.every(fits) || graph.outputs.some(({ tensor }) => tensor === input)) return undefined;
  const centre = mean.map((value) => value * scale);
  const zeros = centre.map((value) => Math.min(255, Math.max(0, Math.floor(value + 0.5))));
  const tensors = [...graph.tensors];
  const move = (node: Node): Node => {
    const weights = graph.tensors[node.inputs[1]!]!;
    const bias = graph.tensors[node.inputs[2] ?? -1];
    const [outputs, taps] = [weights.shape[0]!, elements(weights.shape) / weights.shape[0]!];
    const channels = centre.length;
    const scaled = realsOf(weights).map((weight, i) => weight / (scale * std[i % channels]!));
    const sums = Float32Array.from({ length: outputs }, (_, o) => {
      let sum = bias === undefined ? 0 : realsOf(bias)[o]!;
      for (let k = 0; k < taps; k++) {
        sum += scaled[o * taps + k]! * (zeros[k % channels]! - centre[k % channels]!);
      }
      return sum;
    });
    const constant = (name: string, shape: readonly number[], data: Float32Array) =>
      tensors.push({ name, dtype: "float32", shape, data }) - 1;
    return {
      ...node,
      inputs: [
        input,
        constant(weights.name, weights.shape, scaled),
        constant(bias?.name ?? `${node.name}/bias`, [outputs], sums),
      ],
    };
  };
  const nodes = graph.nodes.map((node) => (readers.includes(node) ? move(node) : node));
  const sample = (values: Float32Array) =>
    values.map((value, i) => {
      const c = i % centre.length;
      return value * std[c]! * scale + centre[c]! - zeros[c]!;
    });
  const zeroPoints = zeros.map((zero) => zero - 128);
  return {
    graph: { ...graph, tensors, nodes },
    range: { min: -128, max: 127 },
    border: "uint8",
    zeroPoints,
    sample,
  };
}

function affinesOf(graph: Graph, pixels: Pixels): Affines {
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
  return { scale, mean, std };
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
