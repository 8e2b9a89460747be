import { DyadicError } from "../../error.ts";
import { elements } from "../../graph/graph.ts";
import { realsOf } from "../../graph/reals.ts";
import { type Adapter, type Builder, type Operator, requiredOptions } from "./builder.ts";
import { gatherAlong } from "./moving.ts";
import { BuiltinOptions, MirrorPadMode, MirrorPadOptions } from "./schema.generated.ts";

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

/** PAD with 0, PADV2 with a constant. */
export const pad: Adapter = (operator, builder) => {
  const { x } = builder.sameFormat(operator);
  const value = padValue(operator, builder);
  const amounts = paddings(operator, builder, x.shape.length);
  const rank = x.shape.length;
  const full = [...Array(8 - 2 * rank).fill(0), ...amounts];
  const [n0 = 0, n1 = 0, top = 0, bottom = 0, left = 0, right = 0, before = 0, after = 0] = full;
  if (n0 !== 0 || n1 !== 0) throw new DyadicError("UNSUPPORTED_OP", "padding of the batch is not supported");
  const attributes = {
    padding: [top, left, bottom, right],
    channels: [before, after],
    ...(value !== 0 && { value }),
  };
  builder.emit(operator.name, "pad", [operator.inputs[0]!], operator.output, attributes);
};

/** Amounts before and behind each dimension. Throws BAD_FILE. */
function paddings(operator: Operator, builder: Builder, rank: number): readonly number[] {
  const amounts = builder.tensors.integers(operator.inputs[1]!);
  if (amounts.length === 2 * rank && amounts.every((amount) => amount >= 0 && amount < 2 ** 31))
    return amounts;
  throw new DyadicError("BAD_FILE", "the paddings do not fit the input", {
    expected: `two amounts, not negative, for each of ${rank} dimensions`,
    found: `[${amounts.join(", ")}]`,
  });
}

/** The real value of PADV2's third input. */
function padValue(operator: Operator, builder: Builder): number {
  const index = operator.inputs[2] ?? -1;
  if (index === -1) return 0;
  const value = builder.tensors.get(index);
  if (value.data?.length === 1) return realsOf(value)[0]!;
  throw new DyadicError("UNSUPPORTED_OP", "padding with another value than a constant is not supported", {
    expected: "one constant",
    found: value.data === undefined ? "a value computed at run time" : `${value.data.length} values`,
  });
}

/** MIRROR_PAD: every padded dimension is a gather of mirrored indices. */
export const mirrorPad: Adapter = (operator, builder) => {
  const { x, y } = builder.sameFormat(operator);
  const amounts = paddings(operator, builder, x.shape.length);
  const table = requiredOptions(operator, BuiltinOptions.MirrorPadOptions, new MirrorPadOptions());
  const edge = table.mode() === MirrorPadMode.SYMMETRIC ? 0 : 1;
  let source = operator.inputs[0]!;
  x.shape.forEach((size, axis) => {
    const [before, after] = [amounts[2 * axis]!, amounts[2 * axis + 1]!];
    if (before + after === 0) return;
    if (Math.max(before, after) > size - edge) {
      throw new DyadicError("BAD_FILE", "the mirrored padding is wider than the input", {
        found: `[${amounts}]`,
      });
    }
    const indices = Array.from({ length: before + size + after }, (_, i) => {
      const at = i - before;
      if (at < 0) return -at - 1 + edge;
      return at < size ? at : 2 * size - 1 - at - edge;
    });
    source = gatherAlong(source, axis, indices, `${operator.name}/${axis}`, builder);
  });
  builder.emit(operator.name, "reshape", [source], operator.output, { shape: y.shape });
};
