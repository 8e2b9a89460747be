import { DyadicError } from "../../error.ts";
import type { NodeProto, TensorProto } from "./messages.ts";

/** One foreign node, as its adapter sees it: attributes by name with their defaults. */
export class Operator {
  readonly name: string;
  /** With the domain in front where it is not the standard one. */
  readonly type: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Version of the standard operator set that the model was written for. */
  readonly opset: number;
  private readonly node: NodeProto;

  constructor(node: NodeProto, opset: number) {
    this.node = node;
    this.opset = opset;
    this.type = operatorType(node);
    this.name = node.name || node.outputs.find((output) => output !== "") || `(${node.opType})`;
    this.inputs = node.inputs;
    this.outputs = node.outputs;
  }

  has(attribute: string): boolean {
    return this.node.attributes.has(attribute);
  }

  int(attribute: string, otherwise: number): number {
    return this.node.attributes.get(attribute)?.i ?? otherwise;
  }

  float(attribute: string, otherwise: number): number {
    return this.node.attributes.get(attribute)?.f ?? otherwise;
  }

  string(attribute: string, otherwise: string): string {
    const bytes = this.node.attributes.get(attribute)?.s;
    return bytes ? new TextDecoder().decode(bytes) : otherwise;
  }

  ints(attribute: string): readonly number[] | undefined {
    return this.node.attributes.get(attribute)?.ints;
  }

  floats(attribute: string): readonly number[] | undefined {
    return this.node.attributes.get(attribute)?.floats;
  }

  tensor(attribute: string): TensorProto | undefined {
    return this.node.attributes.get(attribute)?.t ?? undefined;
  }

  /** A list of exactly `length` sizes of at least `min`. Throws BAD_FILE. */
  sizes(attribute: string, length: number, otherwise: number, min: number): readonly number[] {
    const found = this.ints(attribute);
    if (found === undefined || found.length === 0) return Array(length).fill(otherwise);
    if (found.length !== length || !found.every((size) => size >= min && size <= MAX_SIZE)) {
      throw new DyadicError("BAD_FILE", `the attribute "${attribute}" does not fit the operator`, {
        expected: `${length} numbers from ${min} to ${MAX_SIZE}`,
        found: `[${found.slice(0, 8).join(", ")}]`,
      });
    }
    return found;
  }
}

/** Largest stride, dilation, window or padding that is believed: keeps the arithmetic of hostile files exact. */
const MAX_SIZE = 1 << 16;

/** Type of a node; the standard set has no prefix. */
export function operatorType({ domain, opType }: NodeProto): string {
  return domain === "" || domain === "ai.onnx" ? opType : `${domain}.${opType}`;
}

/** An axis counted from the front. Throws BAD_FILE for one that the tensor has not. */
export function axisOf(axis: number, rank: number): number {
  const found = axis < 0 ? axis + rank : axis;
  if (Number.isInteger(found) && found >= 0 && found < rank) return found;
  throw new DyadicError("BAD_FILE", "the axis does not exist", {
    expected: `from ${-rank} to ${rank - 1}`,
    found: `${axis}`,
  });
}

/** Several axes, each once, in their order. */
export function axesOf(axes: readonly number[], rank: number): readonly number[] {
  return [...new Set(axes.map((axis) => axisOf(axis, rank)))].sort((a, b) => a - b);
}

/** The shape that both broadcast to. Throws BAD_FILE. */
export function broadcast(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  const at = (shape: readonly number[], axis: number) => shape[axis - rank + shape.length] ?? 1;
  return Array.from({ length: rank }, (_, axis) => {
    const [x, y] = [at(a, axis), at(b, axis)];
    if (x === y || y === 1) return x;
    if (x === 1) return y;
    throw new DyadicError("BAD_FILE", "the shapes do not broadcast to each other", {
      found: `[${a.join(", ")}] and [${b.join(", ")}]`,
    });
  });
}

/** Resolves Reshape's 0 (copy) and -1 (the rest). Throws BAD_FILE. */
export function resolveShape(
  wanted: readonly number[],
  from: readonly number[],
  allowZero: boolean,
): readonly number[] {
  const shape = wanted.map((size, axis) => (size === 0 && !allowZero ? (from[axis] ?? 0) : size));
  const total = from.reduce((product, size) => product * size, 1);
  const known = shape.reduce((product, size) => (size === -1 ? product : product * size), 1);
  const open = shape.filter((size) => size === -1).length;
  const resolved = shape.map((size) => (size === -1 ? total / known : size));
  const product = resolved.reduce((a, b) => a * b, 1);
  if (open > 1 || product !== total || !resolved.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw new DyadicError("BAD_FILE", "the new shape does not hold the elements of the old", {
      expected: `${total} elements, as [${from.join(", ")}]`,
      found: `[${wanted.join(", ")}]`,
    });
  }
  return resolved;
}

/** Begin, step and size along every axis, as Slice (opset 10 and later) means them. Throws BAD_FILE. */
export function resolveSlice(
  shape: readonly number[],
  starts: readonly number[],
  ends: readonly number[],
  axes: readonly number[],
  steps: readonly number[],
): { begin: number[]; size: number[]; strides: number[] } {
  const begin = shape.map(() => 0);
  const size = [...shape];
  const strides = shape.map(() => 1);
  if (ends.length !== starts.length || axes.length !== starts.length || steps.length !== starts.length) {
    throw new DyadicError("BAD_FILE", "starts, ends, axes and steps differ in length");
  }
  axes.forEach((given, i) => {
    const axis = axisOf(given, shape.length);
    const length = shape[axis]!;
    const step = steps[i]!;
    if (!Number.isInteger(step) || step === 0) throw new DyadicError("BAD_FILE", `a slice with step ${step}`);
    const place = (index: number, low: number, high: number) =>
      Math.max(low, Math.min(high, index < 0 ? index + length : index));
    const from = place(starts[i]!, 0, step > 0 ? length : length - 1);
    const to = place(ends[i]!, step > 0 ? 0 : -1, step > 0 ? length : length - 1);
    begin[axis] = from;
    strides[axis] = step;
    size[axis] = Math.max(0, Math.ceil((to - from) / step));
  });
  return { begin, size, strides };
}
