import { DyadicError } from "../../error.ts";
import type { Adapter, Builder, Format, Value } from "./builder.ts";
import { channelsLast, type Order, plain } from "./layout.ts";
import { axesOf, axisOf, type Operator } from "./operator.ts";
import { imageOrder } from "./shaping.ts";

/** An order of four axes in which `axes` are height and width. Throws UNSUPPORTED_OP where there is none. */
function reducible(x: Value, axes: readonly number[]): Order {
  const rank = x.shape.length;
  const file = [...Array(Math.max(0, 4 - rank)).fill(-1), ...plain(rank)];
  const fits = (order: Order) =>
    order.length === 4 && axes.every((axis) => order.indexOf(axis) === 1 || order.indexOf(axis) === 2);
  const candidates = [
    imageOrder(x, channelsLast(rank)),
    channelsLast(rank),
    file,
    [0, -1, 1, 2].slice(0, rank + 1),
  ];
  const order = candidates.find(fits);
  if (order !== undefined) return order;
  throw new DyadicError("UNSUPPORTED_OP", "a mean over these dimensions is not supported", {
    expected: "height, width or both",
    found: `axes ${axes.join(", ")} of [${x.shape.join(", ")}]`,
  });
}

/** Mean over `axes`, which stay as 1. */
export function emitMean(
  operator: Operator,
  builder: Builder,
  given: Value,
  axes: readonly number[],
  format: Format = builder.format(given),
): Value {
  const x = builder.settle(given);
  const order = reducible(x, axes);
  const shape = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const attributes = { axes: axes.map((axis) => order.indexOf(axis)).sort((a, b) => a - b) };
  return builder.emit(operator, "mean", [builder.arrange(x, order)], { shape, order, format }, attributes);
}

/** All dimensions behind the channels. */
export function spatialAxes(x: Value): number[] {
  return plain(x.shape.length).slice(2);
}

export const globalAveragePool: Adapter = (operator, builder) => {
  const x = builder.value(operator);
  emitMean(operator, builder, x, spatialAxes(x));
};

export const reduceMean: Adapter = (operator, builder) => {
  const x = builder.value(operator);
  const given = builder.list(operator, "axes", 1);
  const none = given === undefined || given.length === 0;
  if (none && operator.int("noop_with_empty_axes", 0) === 1) {
    builder.set(operator.outputs[0]!, x);
    return;
  }
  const axes = axesOf(none ? plain(x.shape.length) : given, x.shape.length);
  const real = axes.filter((axis) => x.shape[axis] !== 1);
  const mean = emitMean(operator, builder, x, real.length > 0 ? real : axes);
  if (operator.int("keepdims", 1) === 1) return;
  const shape = x.shape.filter((_, axis) => !axes.includes(axis));
  builder.set(operator.outputs[0]!, builder.reshaped(mean, shape));
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
  const order = innermost ? x.order : [...plain(rank).filter((other) => other !== over), over];
  return { tensor: builder.arrange(x, order), order };
}

export const softmax: Adapter = (operator, builder) => {
  const x = builder.value(operator);
  const { tensor, order } = softmaxInput(operator, builder, x);
  builder.emit(operator, "softmax", [tensor], { shape: x.shape, order }, { beta: 1 });
};
