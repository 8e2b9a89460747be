import { DyadicError } from "../../error.ts";
import type { Tensor } from "../../graph/graph.ts";
import { type Adapter, activation, requiredOptions } from "./builder.ts";
import * as schema from "./schema.generated.ts";

/** Largest stride, dilation or window that is believed: keeps the arithmetic of hostile files exact. */
const MAX_STEP = 1 << 16;

type Pair = readonly [height: number, width: number];

interface Window {
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly dilation: Pair;
}

/** Throws BAD_FILE unless every size of the window is at least 1 (and believable). */
function checkWindow(window: Window): void {
  const sizes = [...window.kernel, ...window.stride, ...window.dilation];
  if (sizes.every((size) => size >= 1 && size <= MAX_STEP)) return;
  throw new DyadicError("BAD_FILE", "the window is impossible", {
    expected: `kernel, stride and dilation from 1 to ${MAX_STEP}`,
    found: `kernel ${window.kernel}, stride ${window.stride}, dilation ${window.dilation}`,
  });
}

/** SAME covers ceil(size / stride) positions; what has to be added is split, and the odd pixel goes behind. */
function padAxis(size: number, kernel: number, stride: number, dilation: number): Pair {
  const reach = (kernel - 1) * dilation + 1;
  const total = Math.max(0, (Math.ceil(size / stride) - 1) * stride + reach - size);
  const before = Math.floor(total / 2);
  return [before, total - before];
}

/** Explicit padding [top, left, bottom, right]. Throws BAD_FILE for an unknown scheme. */
function explicitPadding(scheme: number, x: Tensor, window: Window): readonly number[] {
  checkWindow(window);
  if (scheme === schema.Padding.VALID) return [0, 0, 0, 0];
  if (scheme !== schema.Padding.SAME) throw new DyadicError("BAD_FILE", `unknown padding scheme ${scheme}`);
  const axis = (i: 0 | 1) => padAxis(x.shape[i + 1]!, window.kernel[i], window.stride[i], window.dilation[i]);
  const [[top, bottom], [left, right]] = [axis(0), axis(1)];
  return [top, left, bottom, right];
}

interface ConvolutionOptions {
  padding(): number;
  strideH(): number;
  strideW(): number;
  dilationH(): number;
  dilationW(): number;
  fusedActivation(): number;
}

function convolutionAttributes(options: ConvolutionOptions, x: Tensor, weights: Tensor) {
  const stride: Pair = [options.strideH(), options.strideW()];
  const dilation: Pair = [options.dilationH(), options.dilationW()];
  const kernel: Pair = [weights.shape[1]!, weights.shape[2]!];
  const padding = explicitPadding(options.padding(), x, { kernel, stride, dilation });
  return { stride, dilation, padding, activation: activation(options.fusedActivation()) };
}

function withBias(inputs: readonly number[]): readonly number[] {
  return [inputs[0]!, inputs[1]!, inputs[2] ?? -1];
}

/** CONV_2D: weights [O, KH, KW, I]. */
export const conv: Adapter = (operator, builder) => {
  const { x } = builder.sameFormat(operator, 4);
  const weights = builder.weights(operator, x, 4, 0);
  const groups = x.shape[3]! / weights.shape[3]!;
  const options = requiredOptions(operator, schema.BuiltinOptions.Conv2DOptions, new schema.Conv2DOptions());
  const attributes = { ...convolutionAttributes(options, x, weights), ...(groups !== 1 && { groups }) };
  builder.emit(operator.name, "conv", withBias(operator.inputs), operator.output, attributes);
};

/** DEPTHWISE_CONV_2D: weights [1, KH, KW, C * multiplier]. With a multiplier it is a conv of C groups. */
export const depthwise: Adapter = (operator, builder) => {
  const { x } = builder.sameFormat(operator, 4);
  const weights = builder.weights(operator, x, 4, 3);
  if (weights.shape[0] !== 1 || weights.shape[3]! % x.shape[3]! !== 0) {
    throw new DyadicError("BAD_FILE", "the depthwise weights do not fit the input", {
      expected: `[1, height, width, a multiple of ${x.shape[3]}]`,
      found: `[${weights.shape.join(", ")}]`,
    });
  }
  const table = new schema.DepthwiseConv2DOptions();
  const options = requiredOptions(operator, schema.BuiltinOptions.DepthwiseConv2DOptions, table);
  const attributes = convolutionAttributes(options, x, weights);
  const [source, weight, bias] = withBias(operator.inputs) as [number, number, number];
  if (weights.shape[3] === x.shape[3]) {
    builder.emit(operator.name, "depthwise", [source, weight, bias], operator.output, attributes);
    return;
  }
  const regular = builder.tensors.add(channelsFirst(weights));
  const grouped = { ...attributes, groups: x.shape[3]! };
  builder.emit(operator.name, "conv", [source, regular, bias], operator.output, grouped);
};

/** Depthwise weights [1, KH, KW, O] as those of a grouped convolution, [O, KH, KW, 1]. */
function channelsFirst(weights: Tensor): Tensor {
  const [, height, width, channels] = weights.shape as [number, number, number, number];
  const taps = height * width;
  const source = weights.data!;
  const data = source.map((_, i) => source[(i % taps) * channels + Math.floor(i / taps)]!);
  const { quantization } = weights;
  return {
    ...weights,
    shape: [channels, height, width, 1],
    data,
    ...(quantization && { quantization: { ...quantization, axis: quantization.axis === null ? null : 0 } }),
  };
}

/** AVERAGE_POOL_2D and MAX_POOL_2D. */
function pool(op: "averagePool" | "maxPool"): Adapter {
  return (operator, builder) => {
    const { x } = builder.sameFormat(operator, 4);
    const options = requiredOptions(
      operator,
      schema.BuiltinOptions.Pool2DOptions,
      new schema.Pool2DOptions(),
    );
    const kernel: Pair = [options.filterH(), options.filterW()];
    const stride: Pair = [options.strideH(), options.strideW()];
    const padding = explicitPadding(options.padding(), x, { kernel, stride, dilation: [1, 1] });
    const attributes = { kernel, stride, padding, activation: activation(options.fusedActivation()) };
    // TFLite rounds the mean of the file's own codes half away from zero. uint8 codes are never negative,
    // so that is half up, and stays half up 128 lower.
    const rounding = builder.tensors.isUint8(operator.inputs[0]!) ? "halfUp" : "halfAway";
    const all = op === "averagePool" ? { ...attributes, rounding } : attributes;
    builder.emit(operator.name, op, [operator.inputs[0]!], operator.output, all);
  };
}

export const averagePool = pool("averagePool");
export const maxPool = pool("maxPool");

/**
 * TRANSPOSE_CONV, weights [O, KH, KW, I]: the input with zeros between its pixels, convolved with the kernel turned by
 * 180 degrees.
 */
export const transposeConv: Adapter = (operator, builder) => {
  const [, weightsAt = -1, source = -1, bias = -1] = operator.inputs;
  const x = builder.value(source, 4);
  const y = builder.value(operator.output, 4);
  const weights = builder.weights({ ...operator, inputs: [source, weightsAt, bias] }, x, 4, 0);
  const table = new schema.TransposeConvOptions();
  const options = requiredOptions(operator, schema.BuiltinOptions.TransposeConvOptions, table);
  const stride: Pair = [options.strideH(), options.strideW()];
  const kernel: Pair = [weights.shape[1]!, weights.shape[2]!];
  checkWindow({ kernel, stride, dilation: [1, 1] });
  const same = options.padding() === schema.Padding.SAME;
  const around = ([0, 1] as const).map((axis) => {
    const [size, reach] = [x.shape[axis + 1]!, kernel[axis] - 1];
    const spread = (size - 1) * stride[axis] + 1;
    const cut = same ? Math.max(0, Math.floor((spread + reach - y.shape[axis + 1]!) / 2)) : 0;
    const before = reach - cut;
    return [before, y.shape[axis + 1]! + reach - spread - before] as const;
  });
  const [[top, bottom], [left, right]] = around as [Pair, Pair];
  if (Math.min(top, bottom, left, right) < 0) {
    throw new DyadicError(
      "UNSUPPORTED_OP",
      "the output is smaller than the transposed convolution makes it",
      {
        found: `[${y.shape.join(", ")}] from [${x.shape.join(", ")}]`,
      },
    );
  }
  let input = source;
  if (stride[0] * stride[1] > 1) {
    const extent = (axis: 0 | 1) => (x.shape[axis + 1]! - 1) * stride[axis] + 1;
    input = builder.reshaped(source, [1, extent(0), extent(1), x.shape[3]!], `${operator.name}/spread`);
    const attributes = { padding: [0, 0, 0, 0], channels: [0, 0], stride };
    builder.emit(`${operator.name}/spread`, "pad", [source], input, attributes);
  }
  builder.emit(operator.name, "conv", [input, builder.tensors.add(turned(weights)), bias], operator.output, {
    stride: [1, 1],
    dilation: [1, 1],
    padding: [top, left, bottom, right],
    activation: activation(options.fusedActivation()),
  });
};

/** Weights [O, KH, KW, I] with both kernel axes reversed. */
function turned(weights: Tensor): Tensor {
  const [, height, width, depth] = weights.shape as [number, number, number, number];
  const taps = height * width;
  const source = weights.data!;
  const data = source.map((_, i) => {
    const [c, tap, o] = [i % depth, Math.floor(i / depth) % taps, Math.floor(i / depth / taps)];
    return source[(o * taps + taps - 1 - tap) * depth + c]!;
  });
  return { ...weights, data };
}
