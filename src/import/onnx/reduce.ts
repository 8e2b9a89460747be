import { DyadicError } from "../../error.ts";
import { elements } from "../../graph/graph.ts";
import { NO_HALO } from "../../ops/index.ts";
import type { Adapter, Builder, Format, Result, Value } from "./builder.ts";
import { channelsLast, held, type Order, plain } from "./layout.ts";
import { axesOf, axisOf, type Operator } from "./operator.ts";
import { imageOrder } from "./shaping.ts";

/** The ops that reduce height, width or both to 1. */
type Reduction = "mean" | "sum" | "maxPool";

const NEGATIVE = { function: "neg" };

/** An order of four axes in which `axes` are height and width; undefined where there is none. */
export function reducible(x: Value, axes: readonly number[]): Order | undefined {
  const rank = x.shape.length;
  const file = [...Array(Math.max(0, 4 - rank)).fill(-1), ...plain(rank)];
  const fits = (order: Order) =>
    order.length === 4 &&
    (order[0] === -1 || x.shape[order[0]!] === 1) &&
    axes.every((axis) => order.indexOf(axis) === 1 || order.indexOf(axis) === 2);
  const candidates = [
    imageOrder(x, channelsLast(rank)),
    channelsLast(rank),
    file,
    [0, -1, 1, 2].slice(0, rank + 1),
  ];
  return candidates.find(fits);
}

function emitReduction(
  operator: Operator,
  builder: Builder,
  op: Reduction,
  tensor: number,
  result: Result,
  axes: readonly number[],
): Value {
  if (op !== "maxPool") return builder.emit(operator, op, [tensor], result, { axes });
  const { shape } = builder.tensors[tensor]!;
  const kernel = [1, 2].map((axis) => (axes.includes(axis) ? shape[axis]! : 1));
  const attributes = { kernel, stride: kernel, padding: NO_HALO, activation: "none" };
  return builder.emit(operator, op, [tensor], result, attributes);
}

/** A reduction over `axes`, which stay as 1; where they cannot be height and width, as rows in front of the rest. */
export function emitReduce(
  operator: Operator,
  builder: Builder,
  op: Reduction,
  given: Value,
  axes: readonly number[],
  format: Format = builder.format(given),
): Value {
  const x = builder.settle(given);
  const order = reducible(x, axes);
  const shape = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  if (order !== undefined) {
    const own = axes.map((axis) => order.indexOf(axis)).sort((a, b) => a - b);
    const tensor = builder.arrange(x, order);
    return emitReduction(operator, builder, op, tensor, { shape, order, format }, own);
  }
  const rest = plain(x.shape.length).filter((axis) => !axes.includes(axis));
  const moved = builder.arrange(x, [...axes, ...rest]);
  const lying = { tensor: moved, shape: builder.tensors[moved]!.shape, order: plain(x.shape.length) };
  const joined = elements(shape);
  const rows = builder.arrange(builder.reshaped(lying, [1, elements(x.shape) / joined, 1, joined]), plain(4));
  const result = { shape: [1, 1, 1, joined], order: plain(4), format };
  const value = emitReduction(operator, builder, op, rows, result, [1]);
  const kept = builder.reshaped(value, shape);
  builder.set(operator.outputs[0]!, kept);
  return kept;
}

/** All dimensions behind the channels. */
export function spatialAxes(x: Value): number[] {
  return plain(x.shape.length).slice(2);
}

export const globalAveragePool: Adapter = (operator, builder) => {
  const x = builder.value(operator);
  emitReduce(operator, builder, "mean", x, spatialAxes(x));
};

/** The reduction of `x` that the operator's axes and keepdims describe. */
function reduced(operator: Operator, builder: Builder, op: Reduction, x: Value): Value {
  const given = builder.list(operator, "axes", 1);
  const none = given === undefined || given.length === 0;
  if (none && operator.int("noop_with_empty_axes", 0) === 1) return x;
  const axes = axesOf(none ? plain(x.shape.length) : given, x.shape.length);
  const real = axes.filter((axis) => x.shape[axis] !== 1);
  const kept = emitReduce(operator, builder, op, x, real.length > 0 ? real : axes);
  if (operator.int("keepdims", 1) === 1) return kept;
  const shape = x.shape.filter((_, axis) => !axes.includes(axis));
  return builder.reshaped(kept, shape);
}

/** ReduceMean, ReduceSum and ReduceMax. */
export function reduce(op: Reduction): Adapter {
  return (operator, builder) =>
    builder.set(operator.outputs[0]!, reduced(operator, builder, op, builder.value(operator)));
}

/** ReduceMin: the largest of -x, negated. */
export const reduceMin: Adapter = (operator, builder) => {
  const { tensor, shape, order } = builder.settle(builder.value(operator));
  const negative = builder.before(operator, "unary", [tensor], { shape, order }, NEGATIVE);
  const largest = builder.settle(reduced(operator, builder, "maxPool", negative));
  builder.emit(operator, "unary", [largest.tensor], { shape: largest.shape, order: largest.order }, NEGATIVE);
};

/** The softmax's input with the axis innermost. Before opset 13 a softmax is over all axes from the given one on. */
export function softmaxInput(
  operator: Operator,
  builder: Builder,
  value: Value,
): { tensor: number; order: Order } {
  const x = builder.settle(value);
  const rank = x.shape.length;
  const old = operator.opset < 13;
  const axis = axisOf(operator.int("axis", old ? 1 : -1), rank);
  const joined = plain(rank).filter((other) => old && other >= axis && x.shape[other] !== 1);
  if (joined.length > 1) {
    throw new DyadicError("UNSUPPORTED_OP", "a softmax over several dimensions is not supported", {
      found: `axis ${axis} of [${x.shape.join(", ")}] in opset ${operator.opset}`,
    });
  }
  const [over = axis] = joined;
  const innermost = x.order.at(-1) === over;
  const others = plain(rank).filter((other) => other !== over);
  const order = innermost ? x.order : held(x.shape, [...others, over], over);
  return { tensor: builder.arrange(x, order), order };
}

export const softmax: Adapter = (operator, builder) => {
  const x = builder.value(operator);
  const { tensor, order } = softmaxInput(operator, builder, x);
  builder.emit(operator, "softmax", [tensor], { shape: x.shape, order }, { beta: 1 });
};
