// The relaxed dot product: four int8 products per lane added to an int32. Engines differ where operand 2 has its top
// bit set (DESIGN section 3); self-test.ts finds out which this one is.
import { DOT_PAIR_SATURATING, DOT_SIGNED } from "../abi";

/** The class that the emulation of the test build behaves as; not compiled into released engines. */
let emulatedClass: i32 = 0;

export function emulate(dotClass: i32): void {
  emulatedClass = dotClass;
}

/** acc + sum of w[4i..4i+3] * a[4i..4i+3]; w signed, a as the engine takes it. */
// @ts-ignore: decorator
@inline
export function relaxedDot(w: v128, a: v128, acc: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) {
    return i32x4.relaxed_dot_i8x16_i7x16_add_s(w, a, acc);
  } else {
    return emulatedDot(w, a, acc);
  }
}

function emulatedDot(w: v128, a: v128, acc: v128): v128 {
  const signed = emulatedClass == DOT_SIGNED;
  const wl = i16x8.extend_low_i8x16_s(w);
  const wh = i16x8.extend_high_i8x16_s(w);
  const al = signed ? i16x8.extend_low_i8x16_s(a) : i16x8.extend_low_i8x16_u(a);
  const ah = signed ? i16x8.extend_high_i8x16_s(a) : i16x8.extend_high_i8x16_u(a);
  let low = i32x4.dot_i16x8_s(wl, al);
  let high = i32x4.dot_i16x8_s(wh, ah);
  if (emulatedClass == DOT_PAIR_SATURATING) {
    const pairs = i16x8.narrow_i32x4_s(low, high);
    return i32x4.add(acc, i32x4.extadd_pairwise_i16x8_s(pairs));
  }
  const even = v128.shuffle<i32>(low, high, 0, 2, 4, 6);
  const odd = v128.shuffle<i32>(low, high, 1, 3, 5, 7);
  return i32x4.add(acc, i32x4.add(even, odd));
}
