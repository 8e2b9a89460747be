import { DyadicError } from "../error.ts";
import { viewOp } from "./view.ts";

export interface SliceAttributes {
  /** By dimension: the first element, how many, and the distance from one to the next (negative: backwards). */
  readonly begin: readonly number[];
  readonly size: readonly number[];
  readonly strides: readonly number[];
}

/** A box of the input, with strides. */
export const slice = viewOp<SliceAttributes>(
  "slice",
  (x, { begin, size, strides }) => {
    const inside = x.every((extent, axis) => {
      const last = begin[axis]! + (size[axis]! - 1) * strides[axis]!;
      return size[axis]! >= 1 && begin[axis]! >= 0 && begin[axis]! < extent && last >= 0 && last < extent;
    });
    if (inside && strides.every((stride) => stride !== 0) && size.length === x.length) return size;
    throw new DyadicError("BAD_FILE", "the slice is empty or leaves its input", {
      expected: `inside [${x}]`,
      found: `from [${begin}], [${size}] elements, strides [${strides}]`,
    });
  },
  (x, { begin, size, strides }) => ({
    axes: x.map((_, axis) => axis),
    begin,
    // From a single element to the next may be any distance: it need not fit a record.
    stride: strides.map((stride, axis) => (size[axis] === 1 ? 1 : stride)),
  }),
);
