// Operators that pick and rearrange elements: Gather, Pad by other pixels, DepthToSpace, SpaceToDepth; and those over one axis, ArgMax
// and LpNormalization.
import { DyadicError } from "../../error.ts";
import type { Adapter, Builder, Value } from "./builder.ts";
import { channelsLast, held, type Order, plain } from "./layout.ts";
import { axisOf, type Operator } from "./operator.ts";
import { reducible } from "./reduce.ts";
import { emitSlice } from "./shaping.ts";

/** The elements of `x` at `indices` along an axis, which must be able to lie as height or width. */
export function emitGather(
  operator: Operator,
  builder: Builder,
  given: Value,
  axis: number,
  indices: readonly number[],
): Value {
  const x = builder.settle(given);
  const order = reducible(x, [axis]) ?? held(x.shape, plain(x.shape.length));
  const at = order.indexOf(axis);
  if (order.length !== 4 || (at !== 1 && at !== 2)) {
    throw new DyadicError("UNSUPPORTED_OP", "a gather along this dimension is not supported", {
      found: `axis ${axis} of [${x.shape.join(", ")}]`,
    });
  }
  const shape = x.shape.map((size, own) => (own === axis ? indices.length : size));
  const result = { shape, order, format: builder.format(x) };
  return builder.before(operator, "gather", [builder.arrange(x, order)], result, { axis: at, indices });
}

/** Gather by constant indices; evenly spaced ones are a slice. */
export const gather: Adapter = (operator, builder) => {
  const x = builder.settle(builder.value(operator));
  const list = builder.required(operator, 1);
  const axis = axisOf(operator.int("axis", 0), x.shape.length);
  const indices = Array.from(list.data, (index) => axisOf(index, x.shape[axis]!));
  const [first = 0, second = first + 1] = indices;
  const step = second - first;
  const even = indices.length > 0 && step !== 0 && indices.every((index, i) => index === first + i * step);
  let picked: Value;
  if (even) {
    const place = (otherwise: readonly number[], own: number) =>
      otherwise.map((value, i) => (i === axis ? own : value));
    const ones = x.shape.map(() => 1);
    emitSlice(operator, builder, x, {
      begin: place(
        x.shape.map(() => 0),
        first,
      ),
      size: place(x.shape, indices.length),
      strides: place(ones, step),
    });
    picked = builder.get(operator.outputs[0]!) as Value;
  } else picked = emitGather(operator, builder, x, axis, indices);
  const shape = [...x.shape.slice(0, axis), ...list.shape, ...x.shape.slice(axis + 1)];
  builder.set(operator.outputs[0]!, builder.reshaped(picked, shape));
};

/** Where the pixel at `index`, perhaps outside, takes its value from. */
const OUTSIDE: Readonly<Record<string, (index: number, size: number) => number>> = {
  edge: (index, size) => Math.min(size - 1, Math.max(0, index)),
  reflect: (index, size) => {
    const period = Math.max(1, 2 * (size - 1));
    const at = ((index % period) + period) % period;
    return at < size ? at : period - at;
  },
  wrap: (index, size) => ((index % size) + size) % size,
};

/** Pad that repeats the input's own pixels. Throws UNSUPPORTED_OP for an unknown mode. */
export function emitPixelPad(
  operator: Operator,
  builder: Builder,
  x: Value,
  mode: string,
  amount: (axis: number, side: 0 | 1) => number,
): void {
  const source = OUTSIDE[mode];
  if (source === undefined) {
    throw new DyadicError("UNSUPPORTED_OP", `padding of the mode "${mode}" is not supported`, {
      expected: `constant, ${Object.keys(OUTSIDE).join(", ")}`,
    });
  }
  let value = x;
  x.shape.forEach((size, axis) => {
    const [before, after] = [amount(axis, 0), amount(axis, 1)];
    if (before === 0 && after === 0) return;
    const count = size + before + after;
    builder.budget.claim(count);
    const indices = Array.from({ length: count }, (_, i) => source(i - before, size));
    value = emitGather(operator, builder, value, axis, indices);
  });
  builder.set(operator.outputs[0]!, value);
}

function block(operator: Operator, x: Value, channelsOnly: boolean): number {
  const size = operator.int("blocksize", 0);
  const [n, c = 0, h = 0, w = 0] = x.shape;
  const fits = channelsOnly ? c % (size * size) === 0 : h % size === 0 && w % size === 0;
  if (x.shape.length === 4 && n === 1 && size >= 1 && fits) return size;
  throw new DyadicError("UNSUPPORTED_OP", "the block does not fit the image", {
    expected: "an input (1, C, H, W) that the block divides",
    found: `block ${size} of [${x.shape.join(", ")}]`,
  });
}

/** DepthToSpace; in CRD order the channels are first brought into the order of DCR. */
export const depthToSpace: Adapter = (operator, builder) => {
  const x = builder.settle(builder.value(operator));
  const size = block(operator, x, true);
  const [, c = 0, h = 0, w = 0] = x.shape;
  const channels = c / size ** 2;
  let tensor = builder.image(x);
  if (operator.string("mode", "DCR") === "CRD") {
    const moved = builder.arrange(builder.reshaped(x, [1, channels, size ** 2, h * w]), [-1, 3, 2, 1]);
    const pixels = { tensor: moved, shape: [1, h * w, size ** 2, channels], order: plain(4) };
    tensor = builder.arrange(builder.reshaped(pixels, [1, h, w, c]), plain(4));
  }
  const result = {
    shape: [1, channels, h * size, w * size],
    order: channelsLast(4),
    format: builder.format(x),
  };
  builder.emit(operator, "depthToSpace", [tensor], result, { block: size });
};

export const spaceToDepth: Adapter = (operator, builder) => {
  const x = builder.settle(builder.value(operator));
  const size = block(operator, x, false);
  const mode = operator.string("mode", "DCR");
  if (mode !== "DCR") throw new DyadicError("UNSUPPORTED_OP", `SpaceToDepth of the mode ${mode}`);
  const [, c = 0, h = 0, w = 0] = x.shape;
  const shape = [1, c * size ** 2, h / size, w / size];
  const result = { shape, order: channelsLast(4), format: builder.format(x) };
  builder.emit(operator, "spaceToDepth", [builder.image(x)], result, { block: size });
};

/** An order with an axis behind all others. */
function innermost(x: Value, axis: number): Order {
  const others = plain(x.shape.length).filter((other) => other !== axis);
  return x.order.at(-1) === axis ? x.order : held(x.shape, [...others, axis], axis);
}

/** LpNormalization with p = 2. */
export const lpNormalization: Adapter = (operator, builder) => {
  const x = builder.settle(builder.value(operator));
  if (operator.int("p", 2) !== 2) {
    throw new DyadicError("UNSUPPORTED_OP", "only the L2 norm is supported", {
      found: `p = ${operator.int("p", 2)}`,
    });
  }
  const order = innermost(x, axisOf(operator.int("axis", -1), x.shape.length));
  builder.emit(operator, "l2Normalization", [builder.arrange(x, order)], { shape: x.shape, order }, {});
};

/** ArgMax; of equal ones the first. The index stays a real here, and is a code of its own in 8 bits. */
export const argMax: Adapter = (operator, builder) => {
  const x = builder.settle(builder.value(operator));
  const rank = x.shape.length;
  if (operator.int("select_last_index", 0) !== 0) {
    throw new DyadicError("UNSUPPORTED_OP", "ArgMax of the last of equal elements is not supported");
  }
  const axis = axisOf(operator.int("axis", 0), rank);
  const order = innermost(x, axis);
  const shape = x.shape.map((size, own) => (own === axis ? 1 : size));
  const found = builder.emit(operator, "argMax", [builder.arrange(x, order)], { shape, order }, {});
  if (operator.int("keepdims", 1) === 1) return;
  builder.set(operator.outputs[0]!, builder.reshaped(found, shape.toSpliced(axis, 1)));
};
