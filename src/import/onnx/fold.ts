import { DyadicError } from "../../error.ts";
import { elements } from "../../graph/graph.ts";
import type { Constant, ElementType, NumericArray } from "./constant.ts";
import { integersOf, isFloat, typeName } from "./constant.ts";
import { ARITHMETIC } from "./fold-arithmetic.ts";
import {
  denseStrides,
  type FoldBudget,
  type Folder,
  required,
  reshaped,
  strided,
  transposed,
} from "./folder.ts";
import { axesOf, axisOf, type Operator, resolveShape, resolveSlice } from "./operator.ts";

/** A list of integers that is an attribute in old operator sets and an input in new ones. */
function listOf(
  operator: Operator,
  attribute: string,
  input: Constant | undefined,
): readonly number[] | undefined {
  return input === undefined ? operator.ints(attribute) : integersOf(input);
}

const reshape: Folder = (operator, inputs) => {
  const x = required(inputs, 0);
  const shape = listOf(operator, "shape", inputs[1]) ?? [];
  return reshaped(x, resolveShape(shape, x.shape, operator.int("allowzero", 0) === 1));
};

const squeeze: Folder = (operator, inputs) => {
  const x = required(inputs, 0);
  const given = listOf(operator, "axes", inputs[1]);
  const axes = given === undefined ? undefined : axesOf(given, x.shape.length);
  const keep = (size: number, axis: number) => (axes === undefined ? size !== 1 : !axes.includes(axis));
  const shape = x.shape.filter(keep);
  if (elements(shape) !== x.data.length) throw new DyadicError("BAD_FILE", "a squeezed size is not 1");
  return reshaped(x, shape);
};

const unsqueeze: Folder = (operator, inputs) => {
  const x = required(inputs, 0);
  const given = listOf(operator, "axes", inputs[1]) ?? [];
  return reshaped(x, unsqueezedShape(x.shape, given));
};

/** The shape with ones put in, so that they stand at `axes` of the result. */
export function unsqueezedShape(shape: readonly number[], given: readonly number[]): number[] {
  const axes = axesOf(given, shape.length + given.length);
  const rest = [...shape];
  return Array.from({ length: shape.length + axes.length }, (_, axis) =>
    axes.includes(axis) ? 1 : rest.shift()!,
  );
}

const gather: Folder = (operator, inputs, budget) => {
  const [x, indices] = [required(inputs, 0), required(inputs, 1)];
  const axis = axisOf(operator.int("axis", 0), x.shape.length);
  const [length, inner] = [x.shape[axis]!, elements(x.shape.slice(axis + 1))];
  const outer = elements(x.shape.slice(0, axis));
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
  budget.claim(elements(shape));
  const data = new (x.data.constructor as new (length: number) => NumericArray)(elements(shape));
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (const index of indices.data) {
      const from = (o * length + axisOf(index, length)) * inner;
      data.set(x.data.subarray(from, from + inner), at);
      at += inner;
    }
  }
  return { name: x.name, type: x.type, shape, data };
};

const concat: Folder = (operator, inputs, budget) => {
  const parts = inputs.map((_, i) => required(inputs, i));
  const [first] = parts;
  if (first === undefined) throw new DyadicError("BAD_FILE", "nothing to concatenate");
  const axis = axisOf(operator.int("axis", 0), first.shape.length);
  const shape = concatenatedShape(
    parts.map((part) => part.shape),
    axis,
  );
  budget.claim(elements(shape));
  const data = new (first.data.constructor as new (length: number) => NumericArray)(elements(shape));
  const outer = elements(shape.slice(0, axis));
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (const part of parts) {
      const inner = part.data.length / outer;
      data.set(part.data.subarray(o * inner, (o + 1) * inner), at);
      at += inner;
    }
  }
  return { name: first.name, type: first.type, shape, data };
};

/** Throws BAD_FILE where the other sizes differ. */
export function concatenatedShape(shapes: readonly (readonly number[])[], axis: number): number[] {
  const [first = []] = shapes;
  const total = shapes.reduce((sum, shape) => sum + (shape[axis] ?? 0), 0);
  const others = (shape: readonly number[]) => shape.filter((_, i) => i !== axis).join();
  if (shapes.some((shape) => shape.length !== first.length || others(shape) !== others(first))) {
    throw new DyadicError("BAD_FILE", "the concatenated tensors do not fit together", {
      found: shapes.map((shape) => `[${shape.join(", ")}]`).join(" "),
    });
  }
  return first.map((size, i) => (i === axis ? total : size));
}

const slice: Folder = (operator, inputs, budget) => {
  const x = required(inputs, 0);
  const starts = listOf(operator, "starts", inputs[1]) ?? [];
  const ends = listOf(operator, "ends", inputs[2]) ?? [];
  const axes = listOf(operator, "axes", inputs[3]) ?? starts.map((_, axis) => axis);
  const steps = listOf(operator, "steps", inputs[4]) ?? starts.map(() => 1);
  const { begin, size, strides } = resolveSlice(x.shape, starts, ends, axes, steps);
  const dense = denseStrides(x.shape);
  const offset = begin.reduce((sum, index, axis) => sum + index * dense[axis]!, 0);
  return strided(
    x,
    size,
    offset,
    dense.map((stride, axis) => stride * strides[axis]!),
    budget,
  );
};

const transpose: Folder = (operator, inputs, budget) => {
  const x = required(inputs, 0);
  const order = operator.ints("perm") ?? x.shape.map((_, axis) => x.shape.length - 1 - axis);
  if (axesOf(order, x.shape.length).length !== x.shape.length || order.length !== x.shape.length) {
    throw new DyadicError("BAD_FILE", "perm is not a permutation", { found: `[${order.join(", ")}]` });
  }
  return transposed(x, order, budget);
};

const expand: Folder = (_, inputs, budget) => {
  const x = required(inputs, 0);
  return broadcastTo(x, integersOf(required(inputs, 1)), budget);
};

/** The constant repeated to the shape that it and `shape` broadcast to. */
export function broadcastTo(x: Constant, wanted: readonly number[], budget: FoldBudget): Constant {
  const rank = Math.max(wanted.length, x.shape.length);
  const own = [...Array(rank - x.shape.length).fill(1), ...x.shape];
  const full = [...Array(rank - wanted.length).fill(1), ...wanted];
  const shape = own.map((size, axis) => (size === 1 ? full[axis]! : size));
  if (shape.some((size, axis) => !(size >= 0) || (full[axis] !== 1 && full[axis] !== size))) {
    throw new DyadicError("BAD_FILE", "a constant does not broadcast to its use", {
      expected: `[${wanted.join(", ")}]`,
      found: `[${x.shape.join(", ")}]`,
    });
  }
  const strides = denseStrides(own).map((stride, axis) => (own[axis] === 1 ? 0 : stride));
  return strided(x, shape, 0, strides, budget);
}

const constantOfShape: Folder = (_operator, inputs, budget) => {
  const shape = integersOf(required(inputs, 0));
  const count = elements(shape);
  if (shape.some((size) => size < 0))
    throw new DyadicError("BAD_FILE", "an impossible shape", { found: `[${shape}]` });
  budget.claim(count);
  return { name: "", type: "float", shape, data: new Float32Array(count) };
};

const range: Folder = (_, inputs, budget) => {
  const [start = 0, limit = 0, delta = 1] = [0, 1, 2].map((i) => required(inputs, i).data[0]);
  const count = Math.max(0, Math.ceil((limit - start) / delta));
  if (!Number.isFinite(count)) throw new DyadicError("BAD_FILE", "a range without end");
  budget.claim(count);
  const data = Float64Array.from({ length: count }, (_, i) => start + i * delta);
  return { name: "", type: required(inputs, 0).type, shape: [count], data };
};

const CAST_TYPES: Readonly<Record<string, (data: NumericArray) => NumericArray>> = {
  float: (data) => Float32Array.from(data),
  int32: (data) => Int32Array.from(data),
  bool: (data) => Uint8Array.from(data, (value) => (value === 0 ? 0 : 1)),
  int8: (data) => Int8Array.from(data),
  uint8: (data) => Uint8Array.from(data),
};

const cast: Folder = (operator, inputs, budget) => {
  const x = required(inputs, 0);
  const to = typeName(operator.int("to", 0)) as ElementType;
  budget.claim(x.data.length);
  const convert = CAST_TYPES[isFloat(to) ? "float" : to];
  const truncated = isFloat(to) ? x.data : Float64Array.from(x.data, Math.trunc);
  return { name: x.name, type: to, shape: x.shape, data: convert?.(truncated) ?? truncated };
};

const identity: Folder = (_, inputs) => required(inputs, 0);

const size: Folder = (_, inputs) => {
  const x = required(inputs, 0);
  return { name: "", type: "int64", shape: [], data: Float64Array.of(x.data.length) };
};

/** The operators that are computed at import where all their inputs are constants. */
export const FOLDERS: Readonly<Record<string, Folder>> = {
  ...ARITHMETIC,
  Cast: cast,
  Concat: concat,
  ConstantOfShape: constantOfShape,
  Dropout: identity,
  Expand: expand,
  Flatten: (operator, inputs) => {
    const x = required(inputs, 0);
    const axis = operator.int("axis", 1);
    const split = axis < 0 ? axis + x.shape.length : axis;
    return reshaped(x, [elements(x.shape.slice(0, split)), elements(x.shape.slice(split))]);
  },
  Gather: gather,
  Identity: identity,
  Range: range,
  Reshape: reshape,
  Size: size,
  Slice: slice,
  Squeeze: squeeze,
  Transpose: transpose,
  Unsqueeze: unsqueeze,
};
