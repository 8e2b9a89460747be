import { DyadicError } from "../../error.ts";
import type { Adapter, Builder, Format, Value } from "./builder.ts";
import { isConstant } from "./builder.ts";
import { type Constant, dequantized, isFloat } from "./constant.ts";
import { reshaped } from "./folder.ts";
import type { Order } from "./layout.ts";
import { broadcast, type Operator } from "./operator.ts";

/** Both operands with as many axes as the result has. */
function aligned(value: Value, rank: number): Value {
  const missing = rank - value.shape.length;
  if (missing === 0) return value;
  const order = value.order.map((axis) => (axis === -1 ? -1 : axis + missing));
  return { ...value, shape: [...Array(missing).fill(1), ...value.shape], order };
}

/** A constant operand with the rank and order of the activation beside it. */
function storeBeside(constant: Constant, rank: number, order: Order, builder: Builder): number {
  const shape = [...Array(rank - constant.shape.length).fill(1), ...constant.shape];
  const missing = shape.map((_, axis) => axis).filter((axis) => !order.includes(axis));
  if (missing.some((axis) => shape[axis] !== 1)) {
    throw new DyadicError("UNSUPPORTED_OP", "a constant spreads the activation over a new dimension", {
      found: `[${constant.shape.join(", ")}]`,
    });
  }
  const kept = shape.filter((_, axis) => !missing.includes(axis));
  const renumbered = order.map((axis) =>
    axis === -1 ? -1 : axis - missing.filter((gone) => gone < axis).length,
  );
  const { quantization } = constant;
  const perTensor = quantization === undefined || quantization.axis === null;
  return builder.store(reshaped(perTensor ? constant : dequantized(constant), kept), renumbered);
}

/** Two operands of one operation, one of them perhaps a constant; the activation with more elements sets the order. */
export function emitBinary(
  operator: Operator,
  builder: Builder,
  op: string,
  [left, right]: readonly [Value | Constant, Value | Constant],
  format?: Format,
): void {
  const shape = broadcast(left.shape, right.shape);
  const rank = shape.length;
  const operands = [left, right].map((operand) =>
    isConstant(operand) ? operand : aligned(builder.settle(operand), rank),
  );
  const values = operands.filter((operand): operand is Value => !isConstant(operand));
  if (values.length === 0) {
    throw new DyadicError("UNSUPPORTED_OP", "both operands are constants of a kind that is not folded", {
      hint: "fold the model's constants before (onnxsim does)",
    });
  }
  const size = (value: Value) => value.shape.reduce((product, length) => product * length, 1);
  const lead = values.reduce((a, b) => (size(b) > size(a) ? b : a));
  const order = whole(lead, shape);
  const inputs = operands.map((operand) =>
    isConstant(operand) ? storeBeside(operand, rank, order, builder) : builder.arrange(operand, order),
  );
  builder.emit(operator, op, inputs, { shape, order, ...(format && { format }) }, { activation: "none" });
}

/** The value's order with the axes put in that only the result has. */
function whole(value: Value, shape: readonly number[]): Order {
  const missing = shape
    .map((_, axis) => axis)
    .filter((axis) => shape[axis] !== 1 && !value.order.includes(axis));
  const order = [...value.order];
  for (const axis of missing) {
    const free = order.lastIndexOf(-1);
    if (free === -1) order.unshift(axis);
    else order[free] = axis;
  }
  return order;
}

function operandsOf(operator: Operator, builder: Builder): [Value | Constant, Value | Constant] {
  const found = [0, 1].map((index) => {
    const operand = builder.input(operator, index);
    if (operand === undefined) throw new DyadicError("BAD_FILE", `input ${index} is missing`);
    return operand;
  });
  return found as [Value | Constant, Value | Constant];
}

/** The constant with every number changed; codes are turned into reals first. */
function mapped(constant: Constant, change: (x: number) => number): Constant {
  const { name, type, shape, data } = dequantized(constant);
  if (!isFloat(type)) {
    throw new DyadicError("UNSUPPORTED_OP", `arithmetic with the integer constant "${constant.name}"`);
  }
  return { name, type: "float", shape, data: Float32Array.from(data, change) };
}

export const add: Adapter = (operator, builder) =>
  emitBinary(operator, builder, "add", operandsOf(operator, builder));

export const mul: Adapter = (operator, builder) =>
  emitBinary(operator, builder, "mul", operandsOf(operator, builder));

/** Sub; minus a constant of reals is plus its negative. */
export const sub: Adapter = (operator, builder) => {
  const [a, b] = operandsOf(operator, builder);
  const isReal = isConstant(b) && b.quantization === undefined;
  if (isReal) emitBinary(operator, builder, "add", [a, mapped(b, (x) => -x)]);
  else emitBinary(operator, builder, "sub", [a, b]);
};

/** Div by a constant: times its reciprocal. */
export const div: Adapter = (operator, builder) => {
  const [a, b] = operandsOf(operator, builder);
  if (!isConstant(b)) {
    throw new DyadicError("UNSUPPORTED_OP", "division by an activation is not supported", {
      expected: "a constant divisor",
    });
  }
  emitBinary(operator, builder, "mul", [a, mapped(b, (x) => 1 / x)]);
};

/** Sum, Min and Max of any number of operands; Min and Max against one number are a clip. */
export function variadic(op: "add" | "minimum" | "maximum"): Adapter {
  return (operator, builder) => {
    const operands = operator.inputs.map((name) => builder.get(name));
    const [first, second, ...more] = operands as [Value | Constant, Value | Constant | undefined];
    if (second === undefined) builder.set(operator.outputs[0]!, first);
    else if (op !== "add" && more.length === 0 && emitLimit(operator, builder, op, first, second)) return;
    else {
      operands.reduce((sum, operand) => {
        emitBinary(operator, builder, op, [sum, operand]);
        return builder.get(operator.outputs[0]!);
      });
    }
  };
}

/** A Min or Max with one number as a clip; false where it is not that. */
function emitLimit(
  operator: Operator,
  builder: Builder,
  op: "minimum" | "maximum",
  a: Value | Constant,
  b: Value | Constant,
): boolean {
  const [value, other] = isConstant(a) ? [b, a] : [a, b];
  if (!isConstant(other) || other.data.length !== 1 || isConstant(value)) return false;
  if (other.shape.length > value.shape.length) return false;
  const bound = mapped(other, (x) => x).data[0]!;
  emitClip(operator, builder, value, op === "maximum" ? [bound, Infinity] : [-Infinity, bound]);
  return true;
}

/** Mean of any number of operands. */
export const mean: Adapter = (operator, builder) => {
  variadic("add")(operator, builder);
  const share: Constant = {
    name: "",
    type: "float",
    shape: [],
    data: Float32Array.of(1 / operator.inputs.length),
  };
  emitBinary(operator, builder, "mul", [builder.get(operator.outputs[0]!), share]);
};

/** Pow with one constant exponent. */
export const pow: Adapter = (operator, builder) => {
  const { data } = builder.required(operator, 1);
  if (data.length !== 1) throw new DyadicError("UNSUPPORTED_OP", "a power with several exponents");
  emitUnary(operator, builder, builder.value(operator), { function: "power", alpha: data[0]! });
};

/** Appends a function of every element for its own. */
export function emitUnary(
  operator: Operator,
  builder: Builder,
  given: Value,
  attributes: Readonly<Record<string, number | string>>,
  format?: Format,
): void {
  const { tensor, shape, order } = builder.settle(given);
  builder.emit(operator, "unary", [tensor], { shape, order, ...(format && { format }) }, attributes);
}

const CLAMPS = new Map([
  ["0,Infinity", "relu"],
  ["0,6", "relu6"],
  ["-1,1", "reluN1To1"],
]);

function emitClip(
  operator: Operator,
  builder: Builder,
  given: Value,
  [min, max]: readonly [number, number],
): void {
  const value = builder.settle(given);
  const activation = CLAMPS.get(`${min},${max}`);
  if (min === -Infinity && max === Infinity) builder.set(operator.outputs[0]!, value);
  else if (activation === undefined) {
    emitUnary(operator, builder, value, { function: "clip", alpha: min, beta: max }, builder.format(value));
  } else {
    const { shape, order, tensor } = value;
    const result = { shape, order, format: builder.format(value) };
    builder.emit(operator, "requantize", [tensor], result, { activation });
  }
}

export const relu: Adapter = (operator, builder) =>
  emitClip(operator, builder, builder.value(operator), [0, Infinity]);

/** Clip: the bounds are attributes in old operator sets and inputs in new ones. float32's extremes mean none. */
export const clip: Adapter = (operator, builder) => {
  const bound = (index: number, name: string, none: number) => {
    const found = builder.constant(operator, index);
    const value = found === undefined ? operator.float(name, none) : mapped(found, (x) => x).data[0];
    return value === undefined || Math.abs(value) >= 3.4e38 ? none : value;
  };
  emitClip(operator, builder, builder.value(operator), [
    bound(1, "min", -Infinity),
    bound(2, "max", Infinity),
  ]);
};

/** An operator that is one of `unary`'s functions; its float attributes become alpha and beta. */
export function unary(
  name: string,
  alpha?: readonly [string, number],
  beta?: readonly [string, number],
): Adapter {
  return (operator, builder) =>
    emitUnary(operator, builder, builder.value(operator), {
      function: name,
      ...(alpha && { alpha: operator.float(...alpha) }),
      ...(beta && { beta: operator.float(...beta) }),
    });
}

/** Gelu in its two forms. */
export const gelu: Adapter = (operator, builder) => {
  const approximate = operator.type.endsWith("FastGelu") || operator.string("approximate", "none") === "tanh";
  emitUnary(operator, builder, builder.value(operator), { function: approximate ? "geluTanh" : "gelu" });
};

/** PRelu: one slope is a leaky relu, one per channel an op of its own. */
export const prelu: Adapter = (operator, builder) => {
  const x = builder.value(operator);
  const slope = builder.required(operator, 1);
  if (slope.data.length === 1) {
    emitUnary(operator, builder, x, { function: "leakyRelu", alpha: mapped(slope, (v) => v).data[0]! });
    return;
  }
  const { tensor, shape, order } = builder.settle(x);
  broadcast(shape, slope.shape);
  const slopes = storeBeside(slope, shape.length, order, builder);
  builder.emit(operator, "prelu", [tensor, slopes], { shape, order }, { activation: "none" });
};
