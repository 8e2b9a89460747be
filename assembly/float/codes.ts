// Reals to codes and back, in place: a tensor's codes lie at the start of its reals' bytes, or at their end.

const LANES = 8;

/**
 * Replaces `count` reals at `x` by codes of 1 byte, or of 2 where `wide`, at its start:
 * low + trunc(clamp(real * inverse + offset, 0, span)), in f64.
 */
export function encode(x: usize, count: i32, wide: i32, inverse: f64, offset: f64, span: f64, low: i32): void {
  const lowest = i16x8.splat(<i16>low);
  let i = 0;
  for (; i + LANES <= count; i += LANES) {
    const from = x + (<usize>i << 2);
    const a = fourCodes(v128.load(from), inverse, offset, span);
    const b = fourCodes(v128.load(from, 16), inverse, offset, span);
    if (wide) {
      // Less 32,768 each: as i32 before the narrowing, which would saturate a span of 16 bits.
      const base = i32x4.splat(low);
      v128.store(x + (<usize>i << 1), i16x8.narrow_i32x4_s(i32x4.add(a, base), i32x4.add(b, base)));
    } else {
      const codes = i16x8.add(i16x8.narrow_i32x4_s(a, b), lowest);
      v128.store64_lane(x + i, i8x16.narrow_i16x8_s(codes, codes), 0);
    }
  }
  for (; i < count; i++) {
    const real = <f64>load<f32>(x + (<usize>i << 2));
    const code = low + <i32>min<f64>(span, max<f64>(0, real * inverse + offset));
    if (wide) store<i16>(x + (<usize>i << 1), <i16>code);
    else store<i8>(x + i, <i8>code);
  }
}

// @ts-ignore: decorator
@inline
function fourCodes(reals: v128, inverse: f64, offset: f64, span: f64): v128 {
  const low = twoCodes(f64x2.promote_low_f32x4(reals), inverse, offset, span);
  const upper = i8x16.shuffle(reals, reals, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
  const high = twoCodes(f64x2.promote_low_f32x4(upper), inverse, offset, span);
  return i8x16.shuffle(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
}

// @ts-ignore: decorator
@inline
function twoCodes(reals: v128, inverse: f64, offset: f64, span: f64): v128 {
  const scaled = f64x2.add(f64x2.mul(reals, f64x2.splat(inverse)), f64x2.splat(offset));
  return i32x4.trunc_sat_f64x2_s_zero(f64x2.min(f64x2.splat(span), f64x2.max(f64x2.splat(0), scaled)));
}

/**
 * Fills `count` reals at `x` with scale * (code - zero). The codes, of 1 byte or of 2 where `wide`, lie at the end of the
 * same bytes: a real is never written before the codes in its place are read.
 */
export function decode(x: usize, count: i32, wide: i32, scale: f32, zero: i32): void {
  const end = x + (<usize>count << 2);
  const codes = end - (<usize>count << wide);
  const factor = f32x4.splat(scale);
  const base = i32x4.splat(zero);
  let i = 0;
  for (; i + LANES <= count; i += LANES) {
    const eight = wide ? v128.load(codes + (<usize>i << 1)) : v128.load8x8_s(codes + i);
    const a = i32x4.sub(i32x4.extend_low_i16x8_s(eight), base);
    const b = i32x4.sub(i32x4.extend_high_i16x8_s(eight), base);
    const to = x + (<usize>i << 2);
    v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(a), factor));
    v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(b), factor), 16);
  }
  for (; i < count; i++) {
    const code = wide ? <i32>load<i16>(codes + (<usize>i << 1)) : <i32>load<i8>(codes + i);
    store<f32>(x + (<usize>i << 2), <f32>(code - zero) * scale);
  }
}
