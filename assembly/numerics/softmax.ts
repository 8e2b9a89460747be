// Twin of src/numerics/softmax.ts.

/** Equation (8): floor((e * 256 + floor(sum / 2)) / sum) - 128, at most 127; e is Q23, sum > 0. */
// @ts-ignore: decorator
@inline
export function softmaxCode(e: u32, sum: u64): i32 {
  const code = <i64>(((<u64>e << 8) + (sum >> 1)) / sum) - 128;
  return code > 127 ? 127 : <i32>code;
}
