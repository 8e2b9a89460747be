import { DyadicError } from "../../error.ts";
import { elements } from "../../graph/graph.ts";
import type { Constant, NumericArray } from "./constant.ts";
import type { Operator } from "./operator.ts";

/** Elements that constant folding may still make; a small file could otherwise ask for any amount. */
export class FoldBudget {
  private left = 1 << 24;

  /** What was read may be worked on some times over. */
  grant(elements: number): void {
    this.left += 16 * elements;
  }

  /** Throws BAD_FILE. */
  claim(elements: number): void {
    // A negative size of a damaged file must not buy more.
    this.left -= elements >= 0 ? elements : Infinity;
    if (this.left >= 0) return;
    throw new DyadicError("BAD_FILE", "the model computes enormous constants", {
      hint: "fold them before export, for example with onnx-simplifier",
    });
  }
}

/** Computes a node whose inputs are all constants; an absent optional input is undefined. */
export type Folder = (
  operator: Operator,
  inputs: readonly (Constant | undefined)[],
  budget: FoldBudget,
) => Constant;

/** Elements at `offset + sum of index * stride`, as a new constant of `shape`; stride 0 repeats. */
export function strided(
  from: Constant,
  shape: readonly number[],
  offset: number,
  strides: readonly number[],
  budget: FoldBudget,
): Constant {
  const count = elements(shape);
  budget.claim(count);
  const data = new (from.data.constructor as new (length: number) => NumericArray)(count);
  const index = shape.map(() => 0);
  let at = offset;
  for (let i = 0; i < count; i++) {
    data[i] = from.data[at]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]!++;
      at += strides[axis]!;
      if (index[axis]! < shape[axis]!) break;
      at -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return { name: from.name, type: from.type, shape, data };
}

/** Distance in elements between neighbours along every axis of a dense tensor. */
export function denseStrides(shape: readonly number[]): number[] {
  return shape.map((_, axis) => elements(shape.slice(axis + 1)));
}

/** The constant with its axes in another order. */
export function transposed(from: Constant, order: readonly number[], budget: FoldBudget): Constant {
  const strides = denseStrides(from.shape);
  return strided(
    from,
    order.map((axis) => from.shape[axis]!),
    0,
    order.map((axis) => strides[axis]!),
    budget,
  );
}

export function required(inputs: readonly (Constant | undefined)[], index: number): Constant {
  const found = inputs[index];
  if (found === undefined) throw new DyadicError("BAD_FILE", `input ${index} is missing`);
  return found;
}

/** The same data under another shape. */
export function reshaped(from: Constant, shape: readonly number[]): Constant {
  return { ...from, shape };
}
