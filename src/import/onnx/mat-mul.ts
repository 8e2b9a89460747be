import { DyadicError } from "../../error.ts";
import { elements } from "../../graph/graph.ts";
import { type Adapter, type Builder, type Format, isConstant, type Value } from "./builder.ts";
import { type Constant, dequantized } from "./constant.ts";
import { emitDense, isMatrix, matrix, rowsOf } from "./dense.ts";
import { reshaped } from "./folder.ts";
import { type Order, plain } from "./layout.ts";
import { broadcast, type Operator } from "./operator.ts";

/** MatMul: by one constant matrix it is a dense layer, otherwise a product of two operands. */
export const matMul: Adapter = (operator, builder) => {
  const [a, b] = [0, 1].map((index) => {
    const operand = builder.input(operator, index);
    if (operand === undefined) throw new DyadicError("BAD_FILE", `input ${index} is missing`);
    return operand;
  }) as [Value | Constant, Value | Constant];
  emitProduct(operator, builder, a, b);
};

/** The product of two operands, of which one may be a constant. */
export function emitProduct(
  operator: Operator,
  builder: Builder,
  a: Value | Constant,
  b: Value | Constant,
  format?: Format,
): void {
  if (!isConstant(a) && isConstant(b) && isMatrix(b)) {
    const { quantization } = b;
    const weights = rowsOf({ ...matrix(b), ...(quantization && { quantization }) }, builder);
    const shape = [...a.shape.slice(0, -1), weights.shape[0]!];
    emitDense(operator, builder, { x: a, weights, bias: undefined, shape, ...(format && { format }) });
    return;
  }
  emitBatches(operator, builder, a, b, format);
}

/** All matrices of both operands one behind the other; where only one of them has several, the other one repeats. */
function emitBatches(
  operator: Operator,
  builder: Builder,
  a: Value | Constant,
  b: Value | Constant,
  format: Format | undefined,
): void {
  const full = [
    a.shape.length === 1 ? [1, ...a.shape] : a.shape,
    b.shape.length === 1 ? [...b.shape, 1] : b.shape,
  ] as const;
  const [outerA, outerB] = full.map((shape) => shape.slice(0, -2)) as [number[], number[]];
  const outer = broadcast(outerA, outerB);
  const count = elements(outer);
  if (![outerA, outerB].every((own) => elements(own) === 1 || elements(own) === count)) {
    throw new DyadicError("UNSUPPORTED_OP", "a product of matrices that repeat along some dimensions only", {
      expected: "as many matrices in both operands, or one in one of them",
      found: `[${a.shape.join(", ")}] and [${b.shape.join(", ")}]`,
    });
  }
  const left = laid(builder, a, full[0]);
  const right = laid(builder, b, full[1]);
  const [rows, columns] = [full[0].at(-2)!, full[1].at(-1)!];
  const matrices = { shape: [1, count, rows, columns], order: plain(4), ...(format && { format }) };
  const attributes = { transposeA: left.turned, transposeB: right.turned };
  const product = builder.emit(operator, "matMul", [left.tensor, right.tensor], matrices, attributes);
  const shape = [
    ...outer,
    ...(a.shape.length === 1 ? [] : [rows]),
    ...(b.shape.length === 1 ? [] : [columns]),
  ];
  builder.set(operator.outputs[0]!, builder.reshaped(product, shape));
}

const TURNED: Order = [0, 1, 3, 2];

/** An operand as a tensor [1, matrices, rows, columns], or its transposes where it lies so already. */
function laid(
  builder: Builder,
  operand: Value | Constant,
  full: readonly number[],
): { tensor: number; turned: boolean } {
  const shape = [1, elements(full.slice(0, -2)), full.at(-2)!, full.at(-1)!];
  if (isConstant(operand)) {
    const perTensor = operand.quantization === undefined || operand.quantization.axis === null;
    return {
      tensor: builder.store(reshaped(perTensor ? operand : dequantized(operand), shape)),
      turned: false,
    };
  }
  const value = builder.reshaped(builder.settle(operand), shape);
  const [last] = value.order.slice(-1);
  const turned = last === 2 && shape[2] !== 1 && shape[3] !== 1;
  return { tensor: builder.arrange(value, turned ? TURNED : plain(4)), turned };
}
