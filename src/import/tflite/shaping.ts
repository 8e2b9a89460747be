import { DyadicError } from "../../error.ts";
import { elements } from "../../graph/graph.ts";
import { type Adapter, type Builder, type Operator, options } from "./builder.ts";
import * as schema from "./schema.generated.ts";

/** RESHAPE, SQUEEZE, EXPAND_DIMS: the output's static shape says it all. */
export const reshape: Adapter = (operator, builder) => {
  const { x, y } = builder.sameFormat(operator);
  if (elements(x.shape) !== elements(y.shape)) {
    throw new DyadicError("BAD_FILE", "a reshape changes the number of elements", {
      expected: `${elements(x.shape)} elements`,
      found: `[${y.shape.join(", ")}]`,
    });
  }
  builder.emit(operator.name, "reshape", [operator.inputs[0]!], operator.output, { shape: y.shape });
};

/** PAD and PADV2 with the value 0. */
export const pad: Adapter = (operator, builder) => {
  const { x } = builder.sameFormat(operator);
  checkPadValue(operator, builder);
  const amounts = builder.tensors.integers(operator.inputs[1]!);
  const rank = x.shape.length;
  if (amounts.length !== 2 * rank || amounts.some((amount) => amount < 0 || amount >= 2 ** 31)) {
    throw new DyadicError("BAD_FILE", "the paddings do not fit the input", {
      expected: `two amounts, not negative, for each of ${rank} dimensions`,
      found: `[${amounts.join(", ")}]`,
    });
  }
  const full = [...Array(8 - 2 * rank).fill(0), ...amounts];
  const [n0 = 0, n1 = 0, top = 0, bottom = 0, left = 0, right = 0, before = 0, after = 0] = full;
  if (n0 !== 0 || n1 !== 0) throw new DyadicError("UNSUPPORTED_OP", "padding of the batch is not supported");
  const attributes = { padding: [top, left, bottom, right], channels: [before, after] };
  builder.emit(operator.name, "pad", [operator.inputs[0]!], operator.output, attributes);
};

function checkPadValue(operator: Operator, builder: Builder): void {
  const index = operator.inputs[2] ?? -1;
  if (index === -1) return;
  const value = builder.tensors.get(index);
  const zero = value.quantization?.zeroPoint[0] ?? 0;
  if (value.data?.length === 1 && value.data[0] === zero) return;
  throw new DyadicError("UNSUPPORTED_OP", "padding with another value than 0 is not supported", {
    expected: "a constant of real value 0 (for 8-bit codes: the zero point)",
    found: value.data === undefined ? "a value computed at run time" : `${value.data[0]}, zero point ${zero}`,
    hint: "pad with zeros, which a convolution's own padding does as well",
  });
}

/** MEAN over constant axes; ours keeps the reduced dimensions, a reshape drops them. */
export const mean: Adapter = (operator, builder) => {
  const { x, y } = builder.sameFormat(operator);
  const rank = x.shape.length;
  const found = builder.tensors.integers(operator.inputs[1]!);
  if (found.length === 0 || found.some((axis) => axis < -rank || axis >= rank)) {
    throw new DyadicError("BAD_FILE", "the axes do not fit the input", {
      expected: `from ${-rank} to ${rank - 1}`,
      found: `[${found.join(", ")}]`,
    });
  }
  const axes = [...new Set(found.map((axis) => (axis < 0 ? axis + rank : axis)))].sort((a, b) => a - b);
  const table = options(operator, schema.BuiltinOptions.ReducerOptions, new schema.ReducerOptions());
  if (table?.keepDims() === true) {
    builder.emit(operator.name, "mean", [operator.inputs[0]!], operator.output, { axes });
    return;
  }
  const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const result = builder.reshaped(operator.output, kept, `${operator.name}/mean`);
  builder.emit(`${operator.name}/mean`, "mean", [operator.inputs[0]!], result, { axes });
  builder.emit(operator.name, "reshape", [result], operator.output, { shape: y.shape });
};
