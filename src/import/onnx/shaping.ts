import { DyadicError } from "../../error.ts";
import { elements } from "../../graph/graph.ts";
import type { Adapter, Builder, Format, Value } from "./builder.ts";
import { isConstant } from "./builder.ts";
import type { Constant } from "./constant.ts";
import { concatenatedShape, unsqueezedShape } from "./fold.ts";
import { channelsLast, held, movedAxes, type Order, plain } from "./layout.ts";
import { axesOf, axisOf, type Operator, resolveShape, resolveSlice } from "./operator.ts";

export const identity: Adapter = (operator, builder) => {
  builder.set(operator.outputs[0]!, builder.value(operator));
};

/** Dropout does nothing at inference. */
export const dropout: Adapter = (operator, builder) => {
  if ((builder.constant(operator, 2)?.data[0] ?? 0) !== 0) {
    throw new DyadicError("UNSUPPORTED_OP", "dropout in training mode", {
      hint: "export the model in inference mode (model.eval() in PyTorch)",
    });
  }
  identity(operator, builder);
};

export const reshape: Adapter = (operator, builder) => {
  const x = builder.value(operator);
  const wanted = builder.list(operator, "shape", 1) ?? [];
  const shape = resolveShape(wanted, x.shape, operator.int("allowzero", 0) === 1);
  builder.set(operator.outputs[0]!, builder.reshaped(x, shape));
};

export const flatten: Adapter = (operator, builder) => {
  const x = builder.value(operator);
  const axis = operator.int("axis", 1);
  const split = axis === x.shape.length ? axis : axisOf(axis, x.shape.length);
  const shape = [elements(x.shape.slice(0, split)), elements(x.shape.slice(split))];
  builder.set(operator.outputs[0]!, builder.reshaped(x, shape));
};

export const squeeze: Adapter = (operator, builder) => {
  const x = builder.value(operator);
  const given = builder.list(operator, "axes", 1);
  const axes = given === undefined ? undefined : axesOf(given, x.shape.length);
  const shape = x.shape.filter((size, axis) => (axes === undefined ? size !== 1 : !axes.includes(axis)));
  if (elements(shape) !== elements(x.shape)) throw new DyadicError("BAD_FILE", "a squeezed size is not 1");
  builder.set(operator.outputs[0]!, builder.reshaped(x, shape));
};

export const unsqueeze: Adapter = (operator, builder) => {
  const x = builder.value(operator);
  const axes = builder.list(operator, "axes", 1) ?? [];
  builder.set(operator.outputs[0]!, builder.reshaped(x, unsqueezedShape(x.shape, axes)));
};

/** Transpose: another order of the same tensor; elements move only where somebody needs them to. */
export const transpose: Adapter = (operator, builder) => {
  const x = builder.settle(builder.value(operator));
  const rank = x.shape.length;
  const perm = operator.ints("perm") ?? plain(rank).toReversed();
  if (perm.length !== rank || axesOf(perm, rank).length !== rank) {
    throw new DyadicError("BAD_FILE", "perm is not a permutation", { found: `[${perm.join(", ")}]` });
  }
  builder.set(operator.outputs[0]!, {
    tensor: x.tensor,
    shape: perm.map((axis) => x.shape[axis]!),
    order: x.order.map((axis) => perm.indexOf(axis)),
  });
};

export const concat: Adapter = (operator, builder) =>
  emitConcat(
    operator,
    builder,
    operator.inputs.map((name) => builder.get(name)),
  );

/** Several tensors one behind the other, in the order of the first that is an activation. */
export function emitConcat(
  operator: Operator,
  builder: Builder,
  given: readonly (Value | Constant)[],
  format?: Format,
): void {
  const operands = given.map((operand) => (isConstant(operand) ? operand : builder.settle(operand)));
  const lead = operands.find((operand): operand is Value => !isConstant(operand));
  if (lead === undefined) throw new DyadicError("BAD_FILE", "nothing to concatenate");
  const axis = axisOf(operator.int("axis", 0), lead.shape.length);
  const shape = concatenatedShape(
    operands.map((operand) => operand.shape),
    axis,
  );
  const order = lead.order.includes(axis) ? lead.order : held(shape, plain(shape.length), axis);
  const inputs = operands.map((operand) =>
    isConstant(operand) ? builder.store(operand, order) : builder.arrange(operand, order),
  );
  const result = { shape, order, format: format ?? builder.format(lead) };
  builder.emit(operator, "concat", inputs, result, { axis: order.indexOf(axis) });
}

/** `slice` of the value's tensor: begin, size (of the result) and strides along the tensor's axes. */
function emitSlice(
  operator: Operator,
  builder: Builder,
  x: Value,
  { begin, size, strides }: { begin: readonly number[]; size: readonly number[]; strides: readonly number[] },
  output = 0,
): void {
  const moved = (values: readonly number[], otherwise: number) =>
    x.order.map((axis) => (axis === -1 ? otherwise : values[axis]!));
  if (size.every((length, axis) => length === x.shape[axis]) && strides.every((step) => step > 0)) {
    builder.set(operator.outputs[output]!, x);
    return;
  }
  builder.emit(
    operator,
    "slice",
    [x.tensor],
    { shape: size, order: x.order, format: builder.format(x) },
    { begin: moved(begin, 0), size: moved(size, 1), strides: moved(strides, 1) },
    output,
  );
}

export const slice: Adapter = (operator, builder) => {
  const x = builder.settle(builder.value(operator));
  const starts = builder.list(operator, "starts", 1) ?? [];
  const ends = builder.list(operator, "ends", 2) ?? [];
  const axes = builder.list(operator, "axes", 3) ?? starts.map((_, axis) => axis);
  const steps = builder.list(operator, "steps", 4) ?? starts.map(() => 1);
  emitSlice(operator, builder, x, resolveSlice(x.shape, starts, ends, axes, steps));
};

/** Split: a slice for every part. */
export const split: Adapter = (operator, builder) => {
  const x = builder.settle(builder.value(operator));
  const axis = axisOf(operator.int("axis", 0), x.shape.length);
  const length = x.shape[axis]!;
  const parts = operator.outputs.length;
  const even = Math.ceil(length / parts);
  const given =
    builder.list(operator, "split", 1) ??
    operator.outputs.map((_, i) => Math.min(even, Math.max(0, length - i * even)));
  if (given.length !== parts || given.reduce((a, b) => a + b, 0) !== length || given.some((n) => !(n >= 1))) {
    throw new DyadicError("BAD_FILE", "the parts do not make up the whole", {
      expected: `${parts} sizes that sum to ${length}`,
      found: `[${given.join(", ")}]`,
    });
  }
  let start = 0;
  given.forEach((count, output) => {
    const begin = x.shape.map((_, i) => (i === axis ? start : 0));
    const size = x.shape.map((full, i) => (i === axis ? count : full));
    start += count;
    if (operator.outputs[output] !== "") {
      emitSlice(operator, builder, x, { begin, size, strides: x.shape.map(() => 1) }, output);
    }
  });
};

/** Pad with real 0 in height, width and channels; negative amounts are not supported. */
export const pad: Adapter = (operator, builder) => {
  const x = builder.settle(builder.value(operator));
  const rank = x.shape.length;
  const mode = operator.string("mode", "constant") || "constant";
  const fill = builder.constant(operator, 2)?.data[0] ?? operator.float("value", 0);
  const codes = builder.format(x).dtype !== "float32";
  if (mode !== "constant" || (fill !== 0 && !codes)) {
    throw new DyadicError("UNSUPPORTED_OP", "only padding with zeros is supported", {
      found: mode === "constant" ? `${fill}` : mode,
    });
  }
  const pads = builder.list(operator, "pads", 1) ?? [];
  const axes = builder.constant(operator, 3);
  const padded = axes === undefined ? plain(rank) : Array.from(axes.data, (axis) => axisOf(axis, rank));
  if (pads.length !== 2 * padded.length || !pads.every((size) => size >= 0 && size < 2 ** 31)) {
    throw new DyadicError("UNSUPPORTED_OP", "the paddings do not fit the input", {
      expected: `two amounts, not negative, for each of ${padded.length} dimensions`,
      found: `[${pads.join(", ")}]`,
    });
  }
  const amount = (axis: number, side: 0 | 1) => {
    const at = padded.indexOf(axis);
    return at === -1 ? 0 : pads[at + side * padded.length]!;
  };
  emitPad(operator, builder, x, amount);
};

function emitPad(
  operator: Operator,
  builder: Builder,
  x: Value,
  amount: (axis: number, side: 0 | 1) => number,
): void {
  const rank = x.shape.length;
  const shape = x.shape.map((size, axis) => size + amount(axis, 0) + amount(axis, 1));
  const grown = plain(rank).filter((axis) => shape[axis] !== x.shape[axis]);
  const order = paddable(x, grown);
  const [n, h, w, c] = order.map((axis) => (axis === -1 ? [0, 0] : [amount(axis, 0), amount(axis, 1)]));
  if (n![0] !== 0 || n![1] !== 0) {
    throw new DyadicError("UNSUPPORTED_OP", "padding of the batch is not supported");
  }
  if (shape.join() === x.shape.join()) {
    builder.set(operator.outputs[0]!, x);
    return;
  }
  const attributes = { padding: [h![0], w![0], h![1], w![1]], channels: c };
  const result = { shape, order, format: builder.format(x) };
  builder.emit(operator, "pad", [builder.arrange(x, order)], result, attributes);
}

/** An order of four axes, the first a batch of 1, that has all of `axes`. */
function paddable(x: Value, axes: readonly number[]): Order {
  const rank = x.shape.length;
  const fits = (order: Order) =>
    order.length === 4 &&
    (order[0] === -1 || x.shape[order[0]!] === 1) &&
    axes.every((axis) => order.indexOf(axis) > 0) &&
    movedAxes(x.shape, plain(rank)).every((axis) => order.includes(axis));
  const front = [...Array(Math.max(0, 4 - rank)).fill(-1), ...plain(rank)];
  const order = [x.order, channelsLast(rank), front, held(x.shape, plain(rank))].find(fits);
  if (order !== undefined) return order;
  throw new DyadicError("UNSUPPORTED_OP", "padding of these dimensions is not supported", {
    expected: "at most three dimensions besides a batch of 1",
    found: `axes ${axes.join(", ")} of [${x.shape.join(", ")}]`,
  });
}

/** An order of four axes: the value's own where it has four, the one given, or the file's with ones in front. */
export function imageOrder(x: Value, otherwise: Order): Order {
  if (x.order.length === 4 && x.shape.every((size, axis) => size === 1 || x.order.includes(axis)))
    return x.order;
  if (otherwise.length === 4) return otherwise;
  return [...Array(Math.max(0, 4 - x.shape.length)).fill(-1), ...plain(x.shape.length)];
}
