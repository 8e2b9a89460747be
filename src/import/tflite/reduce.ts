import { DyadicError } from "../../error.ts";
import { elements } from "../../graph/graph.ts";
import { indexBytes } from "../../ops/arg-max.ts";
import { type Adapter, type Builder, dimension } from "./builder.ts";

/** How many elements stand before, along and behind the dimensions from `first` to `last`. */
function split(shape: readonly number[], first: number, last: number): [number, number, number] {
  const along = shape.slice(first, last + 1);
  return [elements(shape.slice(0, first)), elements(along), elements(shape.slice(last + 1))];
}

/** Dimensions that a reduction runs over, in order. Throws BAD_FILE where there are none. */
function reducedAxes(found: readonly number[], rank: number): readonly number[] {
  if (found.length === 0)
    throw new DyadicError("BAD_FILE", "the axes do not fit the input", { found: "none" });
  return [...new Set(found.map((axis) => dimension(axis, rank)))].sort((a, b) => a - b);
}

/**
 * MEAN, SUM, REDUCE_MAX over constant axes. Over other axes than height and width the input is seen as one row of
 * pixels for everything before them, so that they are the width.
 */
export function reduce(op: "mean" | "sum" | "maxPool"): Adapter {
  return (operator, builder) => {
    const { x } = builder.sameFormat(operator);
    const [source = -1, axesAt = -1] = operator.inputs;
    const axes = reducedAxes(builder.tensors.integers(axesAt), x.shape.length);
    const attributes = (over: readonly number[], shape: readonly number[]) => {
      const kernel = [1, 2].map((axis) => (over.includes(axis) ? shape[axis]! : 1));
      const window = { kernel, stride: kernel, padding: [0, 0, 0, 0], activation: "none" };
      return op === "maxPool" ? window : { axes: over };
    };
    const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
    if (x.shape.length === 4 && axes.every((axis) => axis === 1 || axis === 2)) {
      builder.emitAs(kept, operator.name, op, [source], operator.output, attributes(axes, x.shape));
      return;
    }
    const [first, last] = [axes[0]!, axes.at(-1)!];
    if (last - first + 1 !== axes.length) {
      throw new DyadicError("UNSUPPORTED_OP", "a reduction over dimensions that do not touch", {
        expected: "dimensions next to each other, or height and width",
        found: `[${axes.join(", ")}] of [${x.shape.join(", ")}]`,
      });
    }
    const [outer, along, inner] = split(x.shape, first, last);
    const flat = [1, outer, along, inner];
    const input = builder.reshape(source, flat, `${operator.name}/rows`);
    const over = attributes([2], flat);
    builder.emitAs([1, outer, 1, inner], operator.name, op, [input], operator.output, over);
  };
}

/** -x under its own codes: the lowest becomes the highest. */
function negated(source: number, name: string, builder: Builder): number {
  const x = builder.value(source);
  const zeroPoint = (x.quantization?.zeroPoint ?? []).map((zero) => -1 - zero);
  const quantization = x.quantization && { ...x.quantization, zeroPoint };
  const output = builder.tensors.add({ ...x, name, ...(quantization && { quantization }) });
  builder.emit(name, "unary", [source], output, { function: "neg" });
  return output;
}

/** REDUCE_MIN: the largest of -x, negated. */
export const reduceMin: Adapter = (operator, builder) => {
  const source = negated(operator.inputs[0]!, `${operator.name}/negative`, builder);
  const { shape } = builder.sameFormat(operator).y;
  const largest = builder.reshaped(source, shape, `${operator.name}/largest`);
  const inner = { ...operator, inputs: [source, ...operator.inputs.slice(1)], output: largest };
  reduce("maxPool")({ ...inner, name: `${operator.name}/largest` }, builder);
  builder.emit(operator.name, "unary", [largest], operator.output, { function: "neg" });
};

/** ARG_MIN: the index of the largest -x. */
export const argMin: Adapter = (operator, builder) => {
  const source = negated(operator.inputs[0]!, `${operator.name}/negative`, builder);
  argMax({ ...operator, inputs: [source, ...operator.inputs.slice(1)] }, builder);
};

/** ARG_MAX over the channels. Up to 256 of them the index comes out as uint8, else as int32, whatever the file declares. */
export const argMax: Adapter = (operator, builder) => {
  const [source = -1, axisAt = -1] = operator.inputs;
  const { shape } = builder.value(source);
  const [axis = -1] = builder.tensors.integers(axisAt);
  if (dimension(axis, shape.length) !== shape.length - 1) {
    throw new DyadicError("UNSUPPORTED_OP", "arg-max over another dimension than the last", {
      expected: `axis ${shape.length - 1}`,
      found: `${axis}`,
    });
  }
  if (indexBytes(shape.at(-1)!) > 1) {
    const quantization = { scale: [1], zeroPoint: [-128], axis: null };
    const bytes = [...shape.slice(0, -1), indexBytes(shape.at(-1)!)];
    const output = builder.tensors.add({ name: operator.name, dtype: "int8", shape: bytes, quantization });
    builder.indices.set(operator.output, output);
    builder.emit(operator.name, "argMax", [source], output, {});
    return;
  }
  builder.tensors.asIndices(operator.output);
  builder.emitAs([...shape.slice(0, -1), 1], operator.name, "argMax", [source], operator.output, {});
};
