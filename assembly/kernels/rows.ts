// What lstm and mat mul share: rows of activations as 16-bit codes less their zero point, times rows of signed bytes.
import { ROW_ALIGNMENT } from "../abi";
import { flip } from "../state";

/** Taps of a row, padded. */
// @ts-ignore: decorator
@inline
export function paddedRow(taps: i32): i32 {
  return (taps + ROW_ALIGNMENT - 1) & -ROW_ALIGNMENT;
}

/** `count` stored codes, `stride` bytes apart, less their zero point, to i16 at `target`, padded with 0; their sum. */
export function widenRow(a: usize, stride: i32, count: i32, zero: i32, target: usize): i32 {
  const f = flip;
  const end = target + paddedRow(count) * 2;
  let sum = 0;
  for (; count > 0; count--) {
    const value = (load<i8>(a) ^ f) - zero;
    sum += value;
    store<i16>(target, <i16>value);
    a += stride;
    target += 2;
  }
  memory.fill(target, 0, end - target);
  return sum;
}

/** Sums of products of one row of i16 with four rows of i8, `count` taps (a multiple of 8) each, to four i32 at `out`. */
export function dotFour(a: usize, b: usize, count: i32, out: usize): void {
  if (ASC_FEATURE_SIMD) {
    let s0 = i32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    for (const end = b + count; b < end; b += 8) {
      const x = v128.load(a);
      s0 = i32x4.add(s0, i32x4.dot_i16x8_s(x, v128.load_ext<i8>(b)));
      s1 = i32x4.add(s1, i32x4.dot_i16x8_s(x, v128.load_ext<i8>(b + count)));
      s2 = i32x4.add(s2, i32x4.dot_i16x8_s(x, v128.load_ext<i8>(b + 2 * count)));
      s3 = i32x4.add(s3, i32x4.dot_i16x8_s(x, v128.load_ext<i8>(b + 3 * count)));
      a += 16;
    }
    // Four sums of four lanes: add pairs of interleaved vectors.
    const low = i32x4.add(v128.shuffle<i32>(s0, s1, 0, 4, 1, 5), v128.shuffle<i32>(s0, s1, 2, 6, 3, 7));
    const high = i32x4.add(v128.shuffle<i32>(s2, s3, 0, 4, 1, 5), v128.shuffle<i32>(s2, s3, 2, 6, 3, 7));
    v128.store(out, i32x4.add(v128.shuffle<i64>(low, high, 0, 2), v128.shuffle<i64>(low, high, 1, 3)));
  } else {
    for (let row = 0; row < 4; row++) {
      let sum = 0;
      for (let k = 0; k < count; k++) sum += <i32>load<i16>(a + 2 * k) * <i32>load<i8>(b + k);
      store<i32>(out + 4 * row, sum);
      b += count;
    }
  }
}
