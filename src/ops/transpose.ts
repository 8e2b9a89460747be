import { DyadicError } from "../error.ts";
import { viewOp } from "./view.ts";

interface TransposeAttributes {
  /** By dimension of the output: the input's dimension. */
  readonly permutation: readonly number[];
}

/** Dimensions in another order. */
export const transpose = viewOp<TransposeAttributes>(
  "transpose",
  (x, { permutation }) => {
    const sorted = [...permutation].sort((a, b) => a - b);
    if (sorted.length === x.length && sorted.every((axis, i) => axis === i)) {
      return permutation.map((axis) => x[axis]!);
    }
    throw new DyadicError("BAD_FILE", "the permutation does not fit the input", {
      expected: `0 to ${x.length - 1} in some order`,
      found: `[${permutation}]`,
    });
  },
  (x, { permutation }) => ({ axes: permutation, begin: x.map(() => 0), stride: x.map(() => 1) }),
);
