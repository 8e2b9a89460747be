import type { ByteBuffer } from "flatbuffers";
import { DyadicError } from "../../error.ts";
import type { Tensor } from "../../graph/graph.ts";
import { realsOf } from "../../graph/reals.ts";
import type { Activation } from "../../ops/activation.ts";
import { broadcastShape } from "../../ops/binary.ts";
import type { UnaryFunction } from "../../ops/unary.ts";
import { type Adapter, activation, type Operator, options, requiredOptions } from "./builder.ts";
import * as schema from "./schema.generated.ts";

interface FusedOptions {
  bb: ByteBuffer | null;
  bb_pos: number;
  fusedActivation(): number;
}

/** ADD, SUB, MUL, MINIMUM, MAXIMUM, PRELU: two operands, one of which may be a constant, with broadcasting. */
export function binary(op: string, type?: number, table?: () => FusedOptions): Adapter {
  return (operator, builder) => {
    const [a = -1, b = -1] = operator.inputs;
    const [x, other, y] = [builder.value(a), builder.value(b), builder.value(operator.output)];
    if (other.dtype !== x.dtype || y.dtype !== x.dtype) {
      throw new DyadicError("UNSUPPORTED_OP", "the operands have different number formats", {
        expected: x.dtype,
        found: `${other.dtype} and ${y.dtype}`,
      });
    }
    const shape = broadcastShape(x.shape, other.shape);
    if (`${shape}` !== `${y.shape}`) {
      throw new DyadicError("BAD_FILE", "the output has another shape than the operands make", {
        expected: `[${shape.join(", ")}]`,
        found: `[${y.shape.join(", ")}]`,
      });
    }
    const found = type === undefined ? null : options(operator, type, table!());
    const fused = activation(found?.fusedActivation() ?? schema.Fused.NONE);
    builder.emit(operator.name, op, [a, b], operator.output, { activation: fused });
  };
}

/** Functions of one real: LOGISTIC, TANH and so on. */
export function unary(
  name: UnaryFunction | ((operator: Operator) => UnaryFunction),
  alpha?: (operator: Operator) => number,
): Adapter {
  return (operator, builder) => {
    builder.sameFormat(operator);
    const attributes = {
      function: typeof name === "string" ? name : name(operator),
      ...(alpha && { alpha: alpha(operator) }),
    };
    builder.emit(operator.name, "unary", [operator.inputs[0]!], operator.output, attributes);
  };
}

export const leakyRelu = unary("leakyRelu", (operator) => {
  const { LeakyReluOptions } = schema.BuiltinOptions;
  return requiredOptions(operator, LeakyReluOptions, new schema.LeakyReluOptions()).alpha();
});

export const gelu = unary((operator) => {
  const table = options(operator, schema.BuiltinOptions.GeluOptions, new schema.GeluOptions());
  return table?.approximate() ? "geluTanh" : "gelu";
});

export const l2Normalization: Adapter = (operator, builder) => {
  builder.sameFormat(operator);
  builder.emit(operator.name, "l2Normalization", [operator.inputs[0]!], operator.output, {});
};

export const softmax: Adapter = (operator, builder) => {
  builder.sameFormat(operator);
  const table = requiredOptions(operator, schema.BuiltinOptions.SoftmaxOptions, new schema.SoftmaxOptions());
  const beta = table.beta();
  if (!(beta > 0 && beta < Infinity)) throw new DyadicError("BAD_FILE", `softmax with beta ${beta}`);
  builder.emit(operator.name, "softmax", [operator.inputs[0]!], operator.output, { beta });
};

/** QUANTIZE and DEQUANTIZE: between 8-bit formats, or between codes and reals, where a constant is read here. */
export const quantize: Adapter = (operator, builder) => {
  const [source = -1] = operator.inputs;
  const x = builder.tensors.asNumbers(source);
  if (x.data !== undefined && builder.tensors.isFloat(operator.output)) {
    const { name, shape } = builder.tensors.declared(operator.output);
    checkSameShape(x, { shape });
    builder.tensors.define(operator.output, { name, shape, dtype: "float32", data: realsOf(x) });
    return;
  }
  const y = builder.value(operator.output);
  checkSameShape(x, y);
  builder.value(source);
  builder.emit(operator.name, "requantize", [source], operator.output, { activation: "none" });
};

/** CAST of bytes to the reals that they are, and of indices to other integers. */
export const cast: Adapter = (operator, builder) => {
  const [source = -1] = operator.inputs;
  if (builder.tensors.isIndex(source)) {
    const { shape } = builder.tensors.asIndices(operator.output);
    builder.emit(operator.name, "reshape", [source], operator.output, { shape });
    return;
  }
  const [x, y] = [builder.tensors.asNumbers(source), builder.value(operator.output)];
  checkSameShape(x, y);
  if (x.dtype !== "int8" || y.dtype !== "float32" || x.quantization?.scale[0] !== 1) {
    throw new DyadicError("UNSUPPORTED_OP", "this cast is not supported", {
      expected: "uint8 or int8 without a scale, to float32",
      found: `${x.dtype} to ${y.dtype}`,
    });
  }
  builder.emit(operator.name, "requantize", [source], operator.output, { activation: "none" });
};

function checkSameShape(x: Pick<Tensor, "shape">, y: Pick<Tensor, "shape">): void {
  if (`${x.shape}` === `${y.shape}`) return;
  throw new DyadicError("BAD_FILE", "input and output differ in shape", {
    expected: `[${x.shape.join(", ")}]`,
    found: `[${y.shape.join(", ")}]`,
  });
}

/** The RELU family on its own: new scale, then a clamp. */
export function requantize(fused: Activation): Adapter {
  return (operator, builder) => {
    const { x, y } = builder.sameFormat(operator);
    checkSameShape(x, y);
    builder.emit(operator.name, "requantize", [operator.inputs[0]!], operator.output, { activation: fused });
  };
}
