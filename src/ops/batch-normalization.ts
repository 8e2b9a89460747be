import { DyadicError } from "../error.ts";
import { channelSums } from "./gradient.ts";
import type { Op } from "./op.ts";

export interface BatchNormalizationAttributes {
  readonly epsilon: number;
}

/** gamma * (x - mean) / sqrt(variance + epsilon) as x * scale + offset, per channel, in float64. */
export function normalization(
  [gamma, beta, mean, variance]: readonly ArrayLike<number>[],
  epsilon: number,
): { scale: Float64Array; offset: Float64Array } {
  const scale = Float64Array.from(gamma!, (g, c) => g / Math.sqrt(variance![c]! + epsilon));
  return { scale, offset: scale.map((s, c) => beta![c]! - mean![c]! * s) };
}

/** Inputs [x, gamma, beta, mean, variance] over the innermost dimension. It exists in float graphs alone. */
export const batchNormalization: Op<BatchNormalizationAttributes, never> = {
  name: "batchNormalization",
  // No step ever carries it: `lower` refuses.
  opcode: 0,
  contract: 0,
  kernels: [],
  stepBytes: 0,
  activations: 1,
  inPlace: [],

  shape([x, ...constants]) {
    const channels = x!.at(-1);
    if (constants.length === 4 && constants.every((shape) => shape.join() === `${channels}`)) return x!;
    throw new DyadicError("BAD_FILE", "the statistics do not fit the input", {
      expected: `four constants [${channels}]`,
      found: constants.map((shape) => `[${shape}]`).join(" "),
    });
  },

  float([x, ...constants], { epsilon }) {
    const { scale, offset } = normalization(
      constants.map((constant) => constant!.data),
      epsilon,
    );
    const channels = scale.length;
    const data = x!.data.map((value, i) => value * scale[i % channels]! + offset[i % channels]!);
    return { shape: x!.shape, data };
  },

  /** The statistics are constants here, as they are when the network runs. */
  gradient(gradient, [x, gamma, , mean, variance], _, { epsilon }) {
    const channels = gamma!.data.length;
    const deviation = variance!.data.map((value) => Math.sqrt(value + epsilon));
    const normal = x!.data.map((value, i) => (value - mean!.data[i % channels]!) / deviation[i % channels]!);
    return [
      gradient.map((value, i) => (value * gamma!.data[i % channels]!) / deviation[i % channels]!),
      channelSums(
        gradient.map((value, i) => value * normal[i]!),
        channels,
      ),
      channelSums(gradient, channels),
    ];
  },

  lower() {
    throw new DyadicError("UNSUPPORTED_OP", "a batch normalization has no integer form", {
      hint: "simplify the graph first: it folds into the layer in front",
    });
  },
  integer: () => new Int8Array(0),
  cost: () => ({ macs: 0, weightBytes: 0 }),
  encode: () => {},
};
