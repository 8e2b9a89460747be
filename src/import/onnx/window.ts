import { DyadicError } from "../../error.ts";
import { NO_HALO } from "../../ops/index.ts";
import { type Window, windowOutput } from "../../ops/window.ts";
import type { Adapter, Builder, Format, Value } from "./builder.ts";
import type { Constant } from "./constant.ts";
import { reshaped } from "./folder.ts";
import { channelsLast } from "./layout.ts";
import type { Operator } from "./operator.ts";

export type Pair = readonly [height: number, width: number];

/** How many spatial dimensions a value (N, C, ...) has. Throws UNSUPPORTED_OP for others than 1 and 2. */
export function spatial(value: Value): 1 | 2 {
  const rank = value.shape.length;
  if (rank === 3 || rank === 4) return rank === 3 ? 1 : 2;
  throw new DyadicError("UNSUPPORTED_OP", "only one and two spatial dimensions are supported", {
    expected: "an input (N, C, L) or (N, C, H, W)",
    found: `[${value.shape.join(", ")}]`,
  });
}

export const pair = (sizes: readonly number[], first: number): Pair =>
  sizes.length === 1 ? [first, sizes[0]!] : [sizes[0]!, sizes[1]!];

/**
 * Explicit padding [top, left, bottom, right] for whatever scheme the node names; with `ceil_mode`, what the last
 * window needs on top of it behind.
 */
function paddingOf(operator: Operator, size: Pair, window: Omit<Window, "padding">, dimensions: 1 | 2) {
  const scheme = operator.string("auto_pad", "NOTSET") || "NOTSET";
  const given = operator.sizes("pads", 2 * dimensions, 0, 0);
  const explicit = dimensions === 1 ? [0, given[0]!, 0, given[1]!] : given;
  const along = (axis: 0 | 1): Pair => {
    const [kernel, stride] = [window.kernel[axis], window.stride[axis]];
    const reach = (kernel - 1) * window.dilation[axis] + 1;
    if (scheme === "SAME_UPPER" || scheme === "SAME_LOWER") {
      const total = Math.max(0, (Math.ceil(size[axis] / stride) - 1) * stride + reach - size[axis]);
      const less = Math.floor(total / 2);
      return scheme === "SAME_UPPER" ? [less, total - less] : [total - less, less];
    }
    if (scheme !== "NOTSET" && scheme !== "VALID") {
      throw new DyadicError("BAD_FILE", `unknown padding scheme "${scheme}"`);
    }
    const [before, after] = scheme === "VALID" ? [0, 0] : [explicit[axis]!, explicit[axis + 2]!];
    if (operator.int("ceil_mode", 0) !== 1) return [before, after];
    const room = size[axis] + before + after - reach;
    const steps = Math.ceil(room / stride);
    // A window that would start behind the padded input is left out.
    const last = steps * stride >= size[axis] + before ? steps - 1 : steps;
    return [before, Math.max(after, after + last * stride - room)];
  };
  const [[top, bottom], [left, right]] = [along(0), along(1)];
  return [top, left, bottom, right] as const;
}

function windowOf(operator: Operator, value: Value, kernelSizes: readonly number[]): Window {
  const dimensions = spatial(value);
  const kernel = pair(kernelSizes, 1);
  const stride = pair(operator.sizes("strides", dimensions, 1, 1), 1);
  const dilation = pair(operator.sizes("dilations", dimensions, 1, 1), 1);
  const size = pair(value.shape.slice(2), 1);
  return {
    kernel,
    stride,
    dilation,
    padding: paddingOf(operator, size, { kernel, stride, dilation }, dimensions),
  };
}

function outputShape(value: Value, window: Window, channels: number): number[] {
  const [height, width] = windowOutput(window, ...pair(value.shape.slice(2), 1));
  return spatial(value) === 1
    ? [value.shape[0]!, channels, width]
    : [value.shape[0]!, channels, height, width];
}

function checkWeights(operator: Operator, value: Value, weights: Constant, group: number): void {
  const rank = value.shape.length;
  const [outputs = 0, inputs = 0] = weights.shape;
  const kernel = weights.shape.slice(2);
  const declared = operator.ints("kernel_shape") ?? kernel;
  if (
    weights.shape.length === rank &&
    group >= 1 &&
    inputs * group === value.shape[1] &&
    outputs % group === 0 &&
    declared.join() === kernel.join()
  ) {
    return;
  }
  throw new DyadicError("BAD_FILE", "input and weights do not fit together", {
    expected: `weights [outputs, ${value.shape[1]} / ${group}, ${declared.join(", ")}]`,
    found: `[${weights.shape.join(", ")}]`,
  });
}

/** What a convolution computes with, whatever the number format. */
export interface Layer {
  readonly x: Value;
  readonly weights: Constant;
  readonly bias: Constant | undefined;
  readonly format?: Format | undefined;
}

/** A convolution: depthwise where every group has one input channel, grouped otherwise. */
export function emitConv(operator: Operator, builder: Builder, { x, weights, bias, format }: Layer): void {
  const group = operator.int("group", 1);
  checkWeights(operator, x, weights, group);
  checkBias(weights.shape[0]!, bias);
  const window = windowOf(operator, x, weights.shape.slice(2));
  emitWindow(operator, builder, { x, weights, bias, format }, window, group);
}

export function checkBias(outputs: number, bias: Constant | undefined): void {
  if (bias !== undefined && (bias.data.length !== outputs || bias.shape.length !== 1)) {
    throw new DyadicError("BAD_FILE", "the bias does not fit the weights", {
      expected: `[${outputs}]`,
      found: `[${bias.shape.join(", ")}]`,
    });
  }
}

/** A convolution whose weights [O, I / group, KH, KW] are known to fit. */
export function emitWindow(
  operator: Operator,
  builder: Builder,
  { x, weights, bias, format }: Layer,
  window: Window,
  group: number,
): void {
  const dimensions = spatial(x);
  const [outputs = 0, inputs] = weights.shape;
  const isDepthwise = group > 1 && inputs === 1 && outputs === group;
  const height = dimensions === 1 ? -1 : 2;
  const order = isDepthwise ? [1, height, dimensions + 1, 0] : [0, height, dimensions + 1, 1];
  const { kernel: _, ...steps } = window;
  const shape = outputShape(x, window, outputs);
  builder.emit(
    operator,
    isDepthwise ? "depthwise" : "conv",
    [builder.image(x), builder.store(weights, order), bias === undefined ? -1 : builder.store(bias)],
    { shape, order: channelsLast(shape.length), ...(format && { format }) },
    { ...steps, activation: "none", ...(!isDepthwise && group > 1 && { groups: group }) },
  );
}

/** Conv: weights [O, I / group, KH, KW] become [O, KH, KW, I / group], depthwise [1, KH, KW, O]. */
export const conv: Adapter = (operator, builder) =>
  emitConv(operator, builder, {
    x: builder.value(operator, 0),
    weights: builder.required(operator, 1),
    bias: builder.constant(operator, 2),
  });

/** MaxPool and AveragePool. */
export function pool(op: "maxPool" | "averagePool"): Adapter {
  return (operator, builder) => emitPool(operator, builder, op, builder.value(operator));
}

/** A pool; padding that counts in an average becomes a pad in front. */
export function emitPool(
  operator: Operator,
  builder: Builder,
  op: "maxPool" | "averagePool",
  x: Value,
  format: Format = builder.format(x),
): void {
  const window = windowOf(operator, x, operator.sizes("kernel_shape", spatial(x), 1, 1));
  if (window.dilation.some((size) => size !== 1) || operator.int("storage_order", 0) !== 0) {
    throw new DyadicError("UNSUPPORTED_OP", "a dilated or column-major pool is not supported");
  }
  const shape = outputShape(x, window, x.shape[1]!);
  const result = { shape, order: channelsLast(shape.length), format };
  const { kernel, stride } = window;
  let { padding } = window;
  let input = builder.image(x);
  const counted = op === "averagePool" && operator.int("count_include_pad", 0) === 1;
  if (counted && padding.some((size) => size > 0)) {
    if (operator.int("ceil_mode", 0) === 1) {
      throw new DyadicError("UNSUPPORTED_OP", "count_include_pad with ceil_mode is not supported");
    }
    input = padded(operator, builder, x, padding);
    padding = NO_HALO;
  }
  const rounding = op === "averagePool" ? { rounding: "halfUp" } : {};
  builder.emit(operator, op, [input], result, { kernel, stride, padding, activation: "none", ...rounding });
}

function padded(operator: Operator, builder: Builder, x: Value, padding: Window["padding"]): number {
  const [top, left, bottom, right] = padding;
  const [n = 1, c = 1, ...size] = x.shape;
  const [height, width] = pair(size, 1);
  const larger = spatial(x) === 1 ? [width + left + right] : [height + top + bottom, width + left + right];
  const shape = [n, c, ...larger];
  const result = { shape, order: channelsLast(shape.length), format: builder.format(x) };
  return builder.before(operator, "pad", [builder.image(x)], result, { padding, channels: [0, 0] }).tensor;
}

/** GlobalMaxPool: one window over everything. */
export const globalMaxPool: Adapter = (operator, builder) => {
  const x = builder.value(operator);
  const dimensions = spatial(x);
  const kernel = pair(x.shape.slice(2), 1);
  const shape = [...x.shape.slice(0, 2), ...Array(dimensions).fill(1)];
  builder.emit(
    operator,
    "maxPool",
    [builder.image(x)],
    { shape, order: channelsLast(shape.length), format: builder.format(x) },
    { kernel, stride: kernel, padding: NO_HALO, activation: "none" },
  );
};

/** BatchNormalization of trained models, over the channels. */
export const batchNormalization: Adapter = (operator, builder) => {
  if (operator.int("training_mode", 0) !== 0 || operator.outputs.slice(1).some((output) => output !== "")) {
    throw new DyadicError("UNSUPPORTED_OP", "batch normalization in training mode", {
      hint: "export the model in inference mode (model.eval() in PyTorch)",
    });
  }
  const x = builder.value(operator);
  const channels = x.shape[1];
  const constants = [1, 2, 3, 4].map((index) => {
    const constant = builder.required(operator, index);
    if (constant.data.length === channels) return builder.store(reshaped(constant, [channels]));
    throw new DyadicError("BAD_FILE", `input ${index} does not have one number per channel`, {
      expected: `[${channels}]`,
      found: `[${constant.shape.join(", ")}]`,
    });
  });
  const order = channelsLast(x.shape.length);
  const epsilon = operator.float("epsilon", Math.fround(1e-5));
  builder.emit(
    operator,
    "batchNormalization",
    [builder.image(x), ...constants],
    { shape: x.shape, order },
    { epsilon },
  );
};
