import { DyadicError } from "../../error.ts";
import { elements } from "../../graph/graph.ts";
import type { Adapter, Builder, Operator } from "./builder.ts";

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
