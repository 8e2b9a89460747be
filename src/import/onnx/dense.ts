import { DyadicError } from "../../error.ts";
import { elements } from "../../graph/graph.ts";
import type { Adapter, Builder, Format, Value } from "./builder.ts";
import { type Constant, isFloat, type NumericArray } from "./constant.ts";
import { denseStrides, reshaped, strided, transposed } from "./folder.ts";
import { movedAxes, type Order } from "./layout.ts";
import type { Operator } from "./operator.ts";

/** What a dense layer computes with: weights [n, k], bias [n]. */
export interface DenseLayer {
  readonly x: Value;
  readonly weights: Constant;
  readonly bias: Constant | undefined;
  readonly shape: readonly number[];
  readonly format?: Format;
}

/**
 * A dense layer over the last axis of `x`. Where `x` is an image flattened out of its own order, the weights are
 * permuted instead of the image.
 */
export function emitDense(operator: Operator, builder: Builder, layer: DenseLayer): void {
  const { x, bias, shape, format } = layer;
  const [outputs, depth] = layer.weights.shape as [number, number];
  if (x.shape.at(-1) !== depth) {
    throw new DyadicError("BAD_FILE", "input and weights do not fit together", {
      expected: `rows of ${depth} values`,
      found: `[${x.shape.join(", ")}]`,
    });
  }
  const rows = elements(x.shape) / depth;
  let { weights } = layer;
  let input: number;
  if (x.image !== undefined) {
    weights = permuted(weights, x.image, builder);
    input = flat(builder, x.image, depth);
  } else input = builder.arrange(builder.reshaped(x, [rows, depth]), [0, 1]);
  const operands = [input, builder.store(weights), bias === undefined ? -1 : builder.store(bias)];
  const matrix = { shape: [rows, outputs], order: [0, 1] as Order, ...(format && { format }) };
  if (shape.length === 2) builder.emit(operator, "dense", operands, matrix, { activation: "none" });
  else {
    const value = builder.emit(operator, "dense", operands, matrix, { activation: "none" });
    builder.set(operator.outputs[0]!, builder.reshaped(value, shape));
  }
}

/** The image's own elements as one row. */
function flat(builder: Builder, image: Value, depth: number): number {
  const { shape } = builder.tensors[image.tensor]!;
  return builder.reshaped({ tensor: image.tensor, shape, order: shape.map((_, i) => i) }, [1, depth]).tensor;
}

/** Columns of weights [n, k] in the order in which the image's tensor holds its elements. */
function permuted(weights: Constant, image: Value, builder: Builder): Constant {
  const axes = movedAxes(image.shape, image.order);
  const strides = denseStrides(image.shape);
  const [outputs, depth] = weights.shape as [number, number];
  const moved = strided(
    weights,
    [outputs, ...axes.map((axis) => image.shape[axis]!)],
    0,
    [depth, ...axes.map((axis) => strides[axis]!)],
    builder.budget,
  );
  const { quantization } = weights;
  return { ...reshaped(moved, [outputs, depth]), ...(quantization && { quantization }) };
}

/** A [k, n] constant as [n, k], its quantization along. */
export function rowsOf(constant: Constant, builder: Builder): Constant {
  const { quantization } = constant;
  const turned = transposed(constant, [1, 0], builder.budget);
  if (quantization === undefined) return turned;
  const axis = quantization.axis === null ? null : 1 - quantization.axis;
  return { ...turned, quantization: { ...quantization, axis } };
}

function scaled(constant: Constant, factor: number): Constant {
  if (factor === 1) return constant;
  if (!isFloat(constant.type)) {
    throw new DyadicError("UNSUPPORTED_OP", "alpha and beta other than 1 on quantized weights");
  }
  return { ...constant, data: Float32Array.from(constant.data as NumericArray, (x) => x * factor) };
}

/** Whether a constant is one matrix, perhaps with dimensions of 1 in front. */
export function isMatrix({ shape }: Constant): boolean {
  return shape.length >= 2 && shape.slice(0, -2).every((size) => size === 1);
}

/** Weights of a Gemm or MatMul as [n, k]. Throws UNSUPPORTED_OP unless they are a matrix. */
export function matrix(constant: Constant): Constant {
  if (isMatrix(constant)) {
    return constant.shape.length === 2 ? constant : reshaped(constant, constant.shape.slice(-2));
  }
  throw new DyadicError("UNSUPPORTED_OP", "the constant factor is not one matrix", {
    expected: "[k, n]",
    found: `[${constant.shape.join(", ")}]`,
  });
}

/** Gemm: alpha * A * B + beta * C with constant B and C; alpha, beta and transB go into the constants. */
export const gemm: Adapter = (operator, builder) => {
  const a = builder.value(operator);
  if (a.shape.length !== 2) {
    throw new DyadicError("BAD_FILE", "Gemm takes matrices", { found: `[${a.shape.join(", ")}]` });
  }
  const x = operator.int("transA", 0) === 0 ? a : turned(builder.settle(a));
  const b = matrix(builder.required(operator, 1));
  const weights = operator.int("transB", 0) === 0 ? rowsOf(b, builder) : b;
  const outputs = weights.shape[0]!;
  const c = builder.constant(operator, 2);
  const bias = c === undefined ? undefined : biasOf(scaled(c, operator.float("beta", 1)), outputs, builder);
  emitDense(operator, builder, {
    x,
    weights: scaled(weights, operator.float("alpha", 1)),
    bias,
    shape: [x.shape[0]!, outputs],
  });
};

function turned(value: Value): Value {
  const order = value.order.map((axis) => (axis === -1 ? -1 : 1 - axis));
  return { ...value, shape: value.shape.toReversed(), order };
}

function biasOf(c: Constant, outputs: number, builder: Builder): Constant {
  const { quantization } = c;
  if (c.data.length === outputs && (c.shape.at(-1) === outputs || outputs === 1)) {
    return c.shape.length === 1 ? c : reshaped(c, [outputs]);
  }
  if (c.data.length === 1 && quantization === undefined) {
    return strided(c, [outputs], 0, [0], builder.budget);
  }
  throw new DyadicError("UNSUPPORTED_OP", "the C of a Gemm is not one number per output", {
    expected: `[${outputs}]`,
    found: `[${c.shape.join(", ")}]`,
  });
}
