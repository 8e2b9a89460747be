import { DyadicError } from "../../error.ts";
import { elements } from "../../graph/graph.ts";
import type { Adapter, Builder, Format, Value } from "./builder.ts";
import { isConstant } from "./builder.ts";
import { type Constant, typeName } from "./constant.ts";
import { concatenatedShape, unsqueezedShape } from "./fold.ts";
import { held, type Order, plain } from "./layout.ts";
import { axesOf, axisOf, type Operator, resolveShape, resolveSlice } from "./operator.ts";

export const identity: Adapter = (operator, builder) => {
  builder.set(operator.outputs[0]!, builder.value(operator));
};

const WHOLE = ["argMax"];

/** Cast of reals to reals, which all are float32 here, or of whole numbers to whole numbers. */
export const cast: Adapter = (operator, builder) => {
  const x = builder.value(operator);
  const to = typeName(operator.int("to", 0));
  const writer = builder.nodes.find(({ outputs }) => outputs.includes(x.tensor));
  const isReal = ["float", "double", "float16", "bfloat16"].includes(to);
  if (builder.format(x).dtype !== "float32" || (!isReal && !WHOLE.includes(writer?.op ?? ""))) {
    throw new DyadicError("UNSUPPORTED_OP", `a cast of an activation to ${to} is not supported`);
  }
  identity(operator, builder);
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
export function emitSlice(
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

/** An order of four axes: the value's own where it has four, the one given, or the file's with ones in front. */
export function imageOrder(x: Value, otherwise: Order): Order {
  if (x.order.length === 4 && x.shape.every((size, axis) => size === 1 || x.order.includes(axis)))
    return x.order;
  if (otherwise.length === 4) return otherwise;
  return [...Array(Math.max(0, 4 - x.shape.length)).fill(-1), ...plain(x.shape.length)];
}
