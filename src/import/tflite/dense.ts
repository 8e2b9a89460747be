import { DyadicError } from "../../error.ts";
import { elements } from "../../graph/graph.ts";
import { type Adapter, activation, options } from "./builder.ts";
import * as schema from "./schema.generated.ts";

/** FULLY_CONNECTED: any input is seen as rows of I values; weights [O, I]. Reshapes are made explicit. */
export const dense: Adapter = (operator, builder) => {
  const { x, y } = builder.sameFormat(operator);
  const weights = builder.weights(operator, x, 2, 0);
  const [outputs = 1, inputs = 1] = weights.shape;
  const rows = elements(x.shape) / inputs;
  if (!Number.isInteger(rows) || elements(y.shape) !== rows * outputs) {
    throw new DyadicError("BAD_FILE", "input, weights and output of the layer do not fit together", {
      expected: `rows of ${inputs} values in, rows of ${outputs} out`,
      found: `[${x.shape.join(", ")}] in, [${y.shape.join(", ")}] out`,
    });
  }
  const table = options(
    operator,
    schema.BuiltinOptions.FullyConnectedOptions,
    new schema.FullyConnectedOptions(),
  );
  if (table !== null && table.weightsFormat() !== 0) {
    throw new DyadicError("UNSUPPORTED_OP", "the weights are shuffled for another runtime's kernel", {
      hint: "export the model with the default weights format",
    });
  }
  const attributes = { activation: activation(table?.fusedActivation() ?? schema.Fused.NONE) };
  const [source = -1, weight = -1, bias = -1] = operator.inputs;

  const flat = isMatrix(x.shape, rows, inputs)
    ? source
    : builder.reshaped(source, [rows, inputs], `${operator.name}/rows`);
  if (flat !== source) {
    builder.emit(`${operator.name}/rows`, "reshape", [source], flat, { shape: [rows, inputs] });
  }
  const result = isMatrix(y.shape, rows, outputs)
    ? operator.output
    : builder.reshaped(operator.output, [rows, outputs], `${operator.name}/dense`);
  const name = result === operator.output ? operator.name : `${operator.name}/dense`;
  builder.emit(name, "dense", [flat, weight, bias], result, attributes);
  if (result !== operator.output) {
    builder.emit(operator.name, "reshape", [result], operator.output, { shape: y.shape });
  }
};

/** BATCH_MATMUL of two activations, or of one and a constant. */
export const batchMatMul: Adapter = (operator, builder) => {
  const { x } = builder.sameFormat(operator);
  const [a = -1, b = -1] = operator.inputs;
  const other = builder.value(b, x.shape.length);
  if (other.dtype !== x.dtype) {
    throw new DyadicError("UNSUPPORTED_OP", "the operands have different number formats", {
      expected: x.dtype,
      found: other.dtype,
    });
  }
  const table = options(operator, schema.BuiltinOptions.BatchMatMulOptions, new schema.BatchMatMulOptions());
  const attributes = { transposeA: table?.adjX() ?? false, transposeB: table?.adjY() ?? false };
  builder.emit(operator.name, "matMul", [a, b], operator.output, attributes);
};

function isMatrix(shape: readonly number[], rows: number, columns: number): boolean {
  return shape.length === 2 && shape[0] === rows && shape[1] === columns;
}
