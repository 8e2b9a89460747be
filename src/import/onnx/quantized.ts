// QuantizeLinear and DequantizeLinear, and the operators that compute on codes.
import { DyadicError } from "../../error.ts";
import { elements, type Quantization } from "../../graph/graph.ts";
import { roundHalfEven } from "../../numerics/functions.ts";
import { type Adapter, type Builder, type Format, isConstant, type Value } from "./builder.ts";
import { CODE_BITS, type Constant, type ElementType, typeName, unsignedShift } from "./constant.ts";
import { emitDense, rowsOf } from "./dense.ts";
import { emitProduct } from "./mat-mul.ts";
import { axisOf, type Operator } from "./operator.ts";
import { emitBinary, emitUnary } from "./pointwise.ts";
import { emitReduce, softmaxInput, spatialAxes } from "./reduce.ts";
import { emitConcat } from "./shaping.ts";
import { emitConv, emitPool } from "./window.ts";

function bad(problem: string, expected: string, found: string): DyadicError {
  return new DyadicError("BAD_FILE", problem, { expected, found });
}

/** Scale and zero point from two inputs, for codes of `type`; `axis` is theirs where there is more than one. */
function affine(
  operator: Operator,
  builder: Builder,
  [scaleAt, zeroAt]: readonly [number, number],
  type: ElementType,
  shape: readonly number[],
  axis: number,
): Quantization {
  const scale = builder.required(operator, scaleAt);
  const zero = builder.constant(operator, zeroAt);
  const count = Math.max(scale.data.length, zero?.data.length ?? 0);
  refuseBlocks(operator, scale, zero, shape, axis);
  const perTensor = count === 1;
  const channels = perTensor ? 1 : shape[axisOf(axis, shape.length)];
  if ([scale, zero].some((given) => given && given.data.length !== 1 && given.data.length !== channels)) {
    throw bad("the scales do not fit the tensor", `${channels}`, `${scale.data.length}, [${scale.shape}]`);
  }
  if (!scale.data.every((s) => s > 0 && s < Infinity)) {
    throw bad("an impossible scale", "scales above 0", `${scale.data.find((s) => !(s > 0 && s < Infinity))}`);
  }
  const shift = unsignedShift(type);
  const at = (list: Constant, i: number) => list.data[list.data.length === 1 ? 0 : i]!;
  const zeroPoint = Array.from({ length: count }, (_, i) => (zero === undefined ? 0 : at(zero, i)) - shift);
  const { [type]: bits = 8 } = CODE_BITS;
  return {
    scale: Array.from({ length: count }, (_, i) => at(scale, i)),
    zeroPoint,
    axis: perTensor ? null : axisOf(axis, shape.length),
    ...(bits < 8 && { bits }),
  };
}

/** Throws UNSUPPORTED_OP for a scale for every few elements of an axis. */
function refuseBlocks(
  operator: Operator,
  scale: Constant,
  zero: Constant | undefined,
  shape: readonly number[],
  axis: number,
): void {
  const block = operator.int("block_size", 0);
  const sized = Math.max(scale.shape.length, zero?.shape.length ?? 0) > 1 && scale.data.length > 1;
  if (block === 0 && (!sized || scale.data.length === shape[axis < 0 ? axis + shape.length : axis])) return;
  throw new DyadicError("UNSUPPORTED_OP", "quantization in blocks is not supported", {
    expected: "one scale for a tensor, or one for a channel",
    found: `${block > 0 ? `blocks of ${block}, ` : ""}scales [${scale.shape.join(", ")}] for [${shape.join(", ")}]`,
    hint: "quantize the weights per channel or per tensor",
  });
}

/** Quantization of an activation; without a zero point, its codes are of type `otherwise`. */
function activation(
  operator: Operator,
  builder: Builder,
  at: readonly [number, number],
  otherwise: ElementType = "uint8",
): Quantization {
  const type = builder.constant(operator, at[1])?.type ?? otherwise;
  const scales = builder.required(operator, at[0]).data.length;
  if (CODE_BITS[type] === undefined || scales !== 1) {
    throw new DyadicError(
      "UNSUPPORTED_OP",
      "an activation is not quantized to 8 bits or fewer with one scale",
      {
        expected: `${Object.keys(CODE_BITS).join(", ")}; per tensor`,
        found: `${type}, ${scales} scale${scales === 1 ? "" : "s"}`,
        hint: "quantize activations to int8 or uint8, or give the float model and let Dyadic quantize it",
      },
    );
  }
  return affine(operator, builder, at, type, [], 0);
}

function codes(quantization: Quantization): Format {
  return { dtype: "int8", quantization };
}

/** Format of the node's output, whose scale and zero point are two of its inputs. */
function outputCodes(
  operator: Operator,
  builder: Builder,
  at: readonly [number, number],
  otherwise: ElementType = "uint8",
): Format {
  const type = builder.constant(operator, at[1])?.type ?? otherwise;
  if (type === "uint8") builder.markUnsigned(operator.outputs[0]!);
  return codes(activation(operator, builder, at, otherwise));
}

/** Weights or any other constant of codes with the scale and zero point of two inputs. */
function quantizedConstant(
  operator: Operator,
  builder: Builder,
  index: number,
  at: readonly [number, number],
  axis: number,
): Constant {
  const constant = builder.required(operator, index);
  const { bits, ...own } = affine(operator, builder, at, constant.type, constant.shape, axis);
  // Packed weights are symmetric: others of few bits lie in bytes.
  const packed = bits !== undefined && own.zeroPoint.every((zero) => zero === 0);
  return { ...constant, quantization: { ...own, ...(packed && { bits }) } };
}

/** What `rewriteIntegerProducts` left. */
export const integerProduct: Adapter = () => {
  throw new DyadicError("UNSUPPORTED_OP", "integers that are not scaled back to reals are not supported", {
    expected:
      "as onnxruntime's quantize_dynamic writes it: the product of codes, a Cast to float, a Mul with the scales",
    hint: "quantize the model statically (QDQ), or give the float model and let Dyadic quantize it",
  });
};

/** QuantizeLinear of an activation; constants become codes here. */
export const quantizeLinear: Adapter = (operator, builder) => {
  const found = builder.input(operator, 0);
  const declared = operator.int("output_dtype", 0);
  const otherwise = declared === 0 ? "uint8" : (typeName(declared) as ElementType);
  if (found !== undefined && isConstant(found)) {
    builder.set(operator.outputs[0]!, quantizedOnce(operator, builder, found, otherwise));
    return;
  }
  const x = builder.settle(builder.value(operator));
  const format = outputCodes(operator, builder, [1, 2], otherwise);
  const { shape, order } = x;
  builder.emit(operator, "requantize", [x.tensor], { shape, order, format }, { activation: "none" });
};

function quantizedOnce(operator: Operator, builder: Builder, x: Constant, otherwise: ElementType): Constant {
  const type = builder.constant(operator, 2)?.type ?? otherwise;
  const bits = CODE_BITS[type];
  if (bits === undefined) throw new DyadicError("UNSUPPORTED_OP", `a constant is quantized to ${type}`);
  const { scale, zeroPoint, axis } = affine(
    operator,
    builder,
    [1, 2],
    type,
    x.shape,
    operator.int("axis", 1),
  );
  const shift = unsignedShift(type);
  const lowest = shift - 2 ** (bits - 1);
  const inner = axis === null ? 1 : elements(x.shape.slice(axis + 1));
  builder.budget.claim(x.data.length);
  const data = Float64Array.from(x.data, (real, i) => {
    const channel = Math.floor(i / inner) % scale.length;
    const code = roundHalfEven(real / scale[channel]!) + zeroPoint[channel]! + shift;
    return Math.max(lowest, Math.min(lowest + 2 ** bits - 1, code));
  });
  return { name: operator.outputs[0]!, type, shape: x.shape, data };
}

/** DequantizeLinear of an activation, or of a constant, which stays codes. */
export const dequantizeLinear: Adapter = (operator, builder) => {
  const found = builder.input(operator, 0);
  if (found !== undefined && isConstant(found)) {
    const constant = quantizedConstant(operator, builder, 0, [1, 2], operator.int("axis", 1));
    builder.set(operator.outputs[0]!, { ...constant, name: operator.outputs[0]! });
    return;
  }
  const x = builder.settle(builder.value(operator));
  const type = builder.isUnsigned(x) ? "uint8" : "int8";
  builder.declare(x, activation(operator, builder, [1, 2], type));
  builder.emit(
    operator,
    "requantize",
    [x.tensor],
    { shape: x.shape, order: x.order },
    { activation: "none" },
  );
};

/** An activation of codes, its scale and zero point in two inputs. */
function codesOf(operator: Operator, builder: Builder, index: number, at: readonly [number, number]): Value {
  const x = builder.value(operator, index);
  builder.declare(x, activation(operator, builder, at));
  return x;
}

/** An activation or a constant of codes, its scale and zero point in the two inputs behind it. */
function operandOf(operator: Operator, builder: Builder, index: number, axis: number): Value | Constant {
  const found = builder.input(operator, index);
  const at = [index + 1, index + 2] as const;
  return found !== undefined && isConstant(found)
    ? quantizedConstant(operator, builder, index, at, axis)
    : codesOf(operator, builder, index, at);
}

function biasOf(operator: Operator, builder: Builder, index: number, x: Value, weights: Constant) {
  const bias = builder.constant(operator, index);
  if (bias === undefined) return undefined;
  const input = builder.format(x).quantization!.scale[0]!;
  const scale = weights.quantization!.scale.map((s) => s * input);
  const axis = scale.length === 1 ? null : 0;
  return { ...bias, quantization: { scale, zeroPoint: scale.map(() => 0), axis } };
}

export const qLinearConv: Adapter = (operator, builder) => {
  const x = codesOf(operator, builder, 0, [1, 2]);
  const weights = quantizedConstant(operator, builder, 3, [4, 5], 0);
  const bias = biasOf(operator, builder, 8, x, weights);
  const format = outputCodes(operator, builder, [6, 7]);
  emitConv(operator, builder, { x, weights, bias, format });
};

export const qLinearMatMul: Adapter = (operator, builder) => {
  const [a, b] = [operandOf(operator, builder, 0, -1), operandOf(operator, builder, 3, -1)];
  emitProduct(operator, builder, a, b, outputCodes(operator, builder, [6, 7]));
};

/** com.microsoft.QGemm: A, B, optional int32 C in the scale of the accumulator. */
export const qGemm: Adapter = (operator, builder) => {
  const x = codesOf(operator, builder, 0, [1, 2]);
  const turned = operator.int("transB", 0) === 1;
  const b = quantizedConstant(operator, builder, 3, [4, 5], turned ? 0 : 1);
  const weights = turned ? b : rowsOf(b, builder);
  if (operator.float("alpha", 1) !== 1 || operator.int("transA", 0) !== 0) {
    throw new DyadicError("UNSUPPORTED_OP", "alpha other than 1 or transA on quantized matrices");
  }
  const bias = biasOf(operator, builder, 6, x, weights);
  const format = outputCodes(operator, builder, [7, 8]);
  const shape = [x.shape[0]!, weights.shape[0]!];
  emitDense(operator, builder, { x, weights, bias, shape, format });
};

/** com.microsoft.QLinearAdd and QLinearMul. */
export function qLinearBinary(op: "add" | "mul"): Adapter {
  return (operator, builder) => {
    const [a, b] = [operandOf(operator, builder, 0, 0), operandOf(operator, builder, 3, 0)];
    emitBinary(operator, builder, op, [a, b], outputCodes(operator, builder, [6, 7]));
  };
}

export const qLinearGlobalAveragePool: Adapter = (operator, builder) => {
  const x = codesOf(operator, builder, 0, [1, 2]);
  const last = operator.int("channels_last", 0) === 1;
  const axes = spatialAxes(x).map((axis) => (last ? axis - 1 : axis));
  emitReduce(operator, builder, "mean", x, axes, outputCodes(operator, builder, [3, 4]));
};

/** com.microsoft.QLinearSigmoid and QLinearLeakyRelu. */
export function qLinearUnary(name: string): Adapter {
  return (operator, builder) => {
    const x = codesOf(operator, builder, 0, [1, 2]);
    const format = outputCodes(operator, builder, [3, 4]);
    const alpha = name === "leakyRelu" ? { alpha: operator.float("alpha", 0.01) } : {};
    emitUnary(operator, builder, x, { function: name, ...alpha }, format);
  };
}

/** com.microsoft.QLinearSoftmax: ours has a scale of its own, which is then changed. */
export const qLinearSoftmax: Adapter = (operator, builder) => {
  const x = codesOf(operator, builder, 0, [1, 2]);
  const { tensor, order } = softmaxInput(operator, builder, x);
  const probability = codes({ scale: [1 / 256], zeroPoint: [-128], axis: null });
  const result = { shape: x.shape, order };
  const own = builder.before(operator, "softmax", [tensor], { ...result, format: probability }, { beta: 1 });
  const format = outputCodes(operator, builder, [3, 4]);
  builder.emit(operator, "requantize", [own.tensor], { ...result, format }, { activation: "none" });
};

/** com.microsoft.QLinearAveragePool of an image (N, C, ...). */
export const qLinearAveragePool: Adapter = (operator, builder) => {
  if (operator.int("channels_last", 0) !== 0) {
    throw new DyadicError("UNSUPPORTED_OP", "a pool with channels_last is not supported");
  }
  const x = codesOf(operator, builder, 0, [1, 2]);
  emitPool(operator, builder, "averagePool", x, outputCodes(operator, builder, [3, 4]));
};

/** com.microsoft.QLinearConcat: the output's scale and zero point, then tensor, scale, zero point of every part. */
export const qLinearConcat: Adapter = (operator, builder) => {
  const parts = Array.from({ length: Math.floor((operator.inputs.length - 2) / 3) }, (_, i) =>
    codesOf(operator, builder, 2 + 3 * i, [3 + 3 * i, 4 + 3 * i]),
  );
  emitConcat(operator, builder, parts, outputCodes(operator, builder, [0, 1]));
};
