import { DyadicError } from "../../error.ts";
import type { Adapter, Builder, Value } from "./builder.ts";
import { type Constant, dequantized } from "./constant.ts";
import { denseStrides, reshaped, strided } from "./folder.ts";
import { channelsLast } from "./layout.ts";
import type { Operator } from "./operator.ts";
import { checkBias, emitWindow, type Pair, pair, spatial } from "./window.ts";

/** What the attributes say along one axis of the image. */
interface Axis {
  readonly size: number;
  readonly stride: number;
  /** Pixels between the first and the last tap. */
  readonly reach: number;
  /** Cut from the front and the back of the full result; the back may grow. */
  readonly cut: Pair;
}

/**
 * ConvTranspose, weights [I, O / group, KH, KW]: the input with zeros between its pixels, convolved with the kernel
 * turned by 180 degrees.
 */
export const convTranspose: Adapter = (operator, builder) => {
  const x = builder.value(operator);
  const given = builder.required(operator, 1);
  const bias = builder.constant(operator, 2);
  const group = operator.int("group", 1);
  const dimensions = spatial(x);
  const [inputs = 0, perGroup = 0, ...kernelSizes] = given.shape;
  if (
    given.shape.length !== x.shape.length ||
    inputs !== x.shape[1] ||
    !(group >= 1) ||
    inputs % group !== 0
  ) {
    throw new DyadicError("BAD_FILE", "input and weights do not fit together", {
      expected: `weights [${x.shape[1]}, outputs / ${group}, ...], for [${x.shape.join(", ")}]`,
      found: `[${given.shape.join(", ")}]`,
    });
  }
  checkBias(perGroup * group, bias);
  const kernel = pair(kernelSizes, 1);
  const dilation = pair(operator.sizes("dilations", dimensions, 1, 1), 1);
  const [vertical, horizontal] = axesOf(operator, x, kernel, dilation);
  const margins = [vertical, horizontal].map(({ reach, cut }) => cut.map((pixels) => reach - pixels));
  const [[top, bottom], [left, right]] = margins as [[number, number], [number, number]];
  if (Math.min(top, bottom, left, right) < 0) {
    throw new DyadicError(
      "UNSUPPORTED_OP",
      "the padding of a transposed convolution is wider than its kernel",
    );
  }
  emitWindow(
    operator,
    builder,
    { x: spread(operator, builder, x, [vertical, horizontal]), weights: turned(given, group, builder), bias },
    { kernel, stride: [1, 1], dilation, padding: [top, left, bottom, right] },
    group,
  );
};

function axesOf(operator: Operator, x: Value, kernel: Pair, dilation: Pair): [Axis, Axis] {
  const dimensions = spatial(x);
  const stride = pair(operator.sizes("strides", dimensions, 1, 1), 1);
  const size = pair(x.shape.slice(2), 1);
  const scheme = operator.string("auto_pad", "NOTSET") || "NOTSET";
  const pads = operator.sizes("pads", 2 * dimensions, 0, 0);
  const more = pair(operator.sizes("output_padding", dimensions, 0, 0), 0);
  const wanted = operator.ints("output_shape")?.slice(-dimensions);
  const along = (axis: 0 | 1): Axis => {
    const reach = dilation[axis] * (kernel[axis] - 1);
    const own = { size: size[axis], stride: stride[axis], reach };
    const at = axis - (2 - dimensions);
    if (at < 0) return { ...own, cut: [0, 0] };
    const full = (size[axis] - 1) * stride[axis] + reach + 1 + more[axis];
    const same = scheme === "SAME_UPPER" || scheme === "SAME_LOWER";
    if (same || wanted !== undefined) {
      const total = full - (wanted?.[at] ?? size[axis] * stride[axis]);
      const less = Math.floor(Math.max(0, total) / 2);
      const rest = Math.max(0, total) - less;
      const before = scheme === "SAME_UPPER" ? less : rest;
      const after = total - before;
      return { ...own, cut: [before, after - more[axis]] };
    }
    const [before, after] = scheme === "VALID" ? [0, 0] : [pads[at]!, pads[at + dimensions]!];
    return { ...own, cut: [before, after - more[axis]] };
  };
  return [along(0), along(1)];
}

/** The image with zeros between its pixels. */
function spread(operator: Operator, builder: Builder, x: Value, axes: readonly [Axis, Axis]): Value {
  const stride = axes.map((axis) => axis.stride);
  if (stride.every((step) => step === 1)) return x;
  const extents = axes.map(({ size, stride: step }) => (size - 1) * step + 1);
  const shape = [...x.shape.slice(0, 2), ...extents.slice(2 - spatial(x))];
  const result = { shape, order: channelsLast(shape.length), format: builder.format(x) };
  const attributes = { padding: [0, 0, 0, 0], channels: [0, 0], stride };
  return builder.before(operator, "pad", [builder.image(x)], result, attributes);
}

/** Weights [I, O / group, ...kernel] as [O, I / group, ...kernel], the kernel turned by 180 degrees. */
function turned(given: Constant, group: number, builder: Builder): Constant {
  const { quantization } = given;
  const keeps = quantization === undefined || quantization.axis === null || group === 1;
  const weights = keeps ? given : dequantized(given);
  const [inputs = 0, perGroup = 0, ...kernel] = weights.shape;
  const perInput = inputs / group;
  const strides = denseStrides(weights.shape);
  const [input, output, ...taps] = strides as [number, number, ...number[]];
  const last = kernel.reduce((sum, size, axis) => sum + (size - 1) * taps[axis]!, 0);
  const shape = [group, perGroup, perInput, ...kernel];
  const moved = strided(
    weights,
    shape,
    last,
    [perInput * input, output, input, ...taps.map((step) => -step)],
    builder.budget,
  );
  const result = reshaped(moved, [group * perGroup, perInput, ...kernel]);
  if (!keeps || quantization === undefined) return result;
  const axis = quantization.axis === null ? null : quantization.axis === 1 ? 0 : 1;
  return { ...result, quantization: { ...quantization, axis } };
}
