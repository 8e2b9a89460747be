import { DyadicError } from "../../error.ts";
import type { Adapter, Builder, Value } from "./builder.ts";
import { dequantized } from "./constant.ts";
import { channelsLast, held, movedAxes, type Order, plain } from "./layout.ts";
import { emitPixelPad } from "./moving.ts";
import { axisOf, type Operator } from "./operator.ts";
import { emitSlice } from "./shaping.ts";

/** Pad with a constant or with the input's own pixels; negative amounts cut. */
export const pad: Adapter = (operator, builder) => {
  const x = builder.settle(builder.value(operator));
  const rank = x.shape.length;
  const mode = operator.string("mode", "constant") || "constant";
  const pads = builder.list(operator, "pads", 1) ?? [];
  const axes = builder.constant(operator, 3);
  const padded = axes === undefined ? plain(rank) : Array.from(axes.data, (axis) => axisOf(axis, rank));
  if (pads.length !== 2 * padded.length || !pads.every((size) => Math.abs(size) < 2 ** 31)) {
    throw new DyadicError("UNSUPPORTED_OP", "the paddings do not fit the input", {
      expected: `two amounts for each of ${padded.length} dimensions`,
      found: `[${pads.join(", ")}]`,
    });
  }
  const amount = (axis: number, side: 0 | 1) => {
    const at = padded.indexOf(axis);
    return at === -1 ? 0 : pads[at + side * padded.length]!;
  };
  const cropped = cut(operator, builder, x, amount);
  const grow = (axis: number, side: 0 | 1) => Math.max(0, amount(axis, side));
  if (mode === "constant") emitPad(operator, builder, cropped, grow, fillOf(operator, builder, x));
  else emitPixelPad(operator, builder, cropped, mode, grow);
};

/** The real value to pad with; what is beyond float32's range has no place among codes. */
function fillOf(operator: Operator, builder: Builder, x: Value): number {
  const given = builder.constant(operator, 2);
  const fill = given === undefined ? operator.float("value", 0) : dequantized(given).data[0]!;
  const { dtype, quantization } = builder.format(x);
  if (dtype !== "float32") {
    // Of codes whose scale is not stated yet, only the zero point is known to be meant.
    if (quantization === undefined) return 0;
    const code = fill - (builder.isUnsigned(x) ? 128 : 0);
    return quantization.scale[0]! * (code - quantization.zeroPoint[0]!);
  }
  if (Math.abs(fill) < 3.4e38) return fill;
  throw new DyadicError("UNSUPPORTED_OP", "padding needs a finite value", { found: `${fill}` });
}

/** What negative amounts leave of the input. */
function cut(
  operator: Operator,
  builder: Builder,
  x: Value,
  amount: (axis: number, side: 0 | 1) => number,
): Value {
  const begin = x.shape.map((_, axis) => Math.max(0, -amount(axis, 0)));
  const size = x.shape.map((length, axis) => length - begin[axis]! - Math.max(0, -amount(axis, 1)));
  if (size.join() === x.shape.join()) return x;
  emitSlice(operator, builder, x, { begin, size, strides: x.shape.map(() => 1) });
  return builder.get(operator.outputs[0]!) as Value;
}

function emitPad(
  operator: Operator,
  builder: Builder,
  x: Value,
  amount: (axis: number, side: 0 | 1) => number,
  value: number,
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
  const attributes = { padding: [h![0], w![0], h![1], w![1]], channels: c, ...(value !== 0 && { value }) };
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
