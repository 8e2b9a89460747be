// Packed activations: codes of 4, 2 or 1 bits, the lowest bits of a byte first, to bytes and back. Signed codes are
// two's complement, those of 1 bit are 0 and 1. `flip` is how the bytes are stored (state.ts).

/** Codes of `count` pixels of `channels`, `pitch` bytes apart, to touching bytes. */
export function widenPixels(target: usize, source: usize, count: i32, channels: i32, pitch: i32, bits: i32, flip: i32): void {
  if (pitch * 8 == channels * bits) {
    widen(target, source, count * channels, bits, flip);
    return;
  }
  for (; count > 0; count--) {
    widen(target, source, channels, bits, flip);
    target += channels;
    source += pitch;
  }
}

function widen(target: usize, source: usize, count: i32, bits: i32, flip: i32): void {
  let i = 0;
  if (ASC_FEATURE_SIMD && bits == 4) {
    const eight = i8x16.splat(8);
    const away = i8x16.splat(<i8>(8 ^ flip)); // x - 8 - 0x80 is (x - 8) ^ 0x80 in 8 bits
    for (; i + 16 <= count; i += 16) {
      const bytes = v128.load64_zero(source + (i >> 1));
      const low = v128.and(bytes, i8x16.splat(15));
      const high = v128.and(i16x8.shr_u(bytes, 4), i8x16.splat(15));
      const codes = v128.xor(v128.shuffle<i8>(low, high, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23), eight);
      v128.store(target + i, i8x16.sub(codes, away));
    }
  }
  if (ASC_FEATURE_SIMD && bits < 4) {
    const flips = i8x16.splat(<i8>flip);
    for (; i + 16 <= count; i += 16) v128.store(target + i, v128.xor(codes16(source + ((i * bits) >> 3), bits), flips));
  }
  const mask = (1 << bits) - 1;
  const half = bits == 1 ? 0 : 1 << (bits - 1);
  for (; i < count; i++) {
    const at = i * bits;
    const code = (<i32>load<u8>(source + (at >> 3)) >> (at & 7)) & mask;
    store<u8>(target + i, <u8>(((code ^ half) - half) ^ flip));
  }
}

/** Sixteen codes of 2 or 1 bits: every byte is spread over the lanes of its codes, which test their own bits. */
function codes16(source: usize, bits: i32): v128 {
  if (bits == 1) {
    const spread = v128.shuffle<i8>(v128.load16_splat(source), i8x16.splat(0), 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
    return v128.and(tested(spread, i8x16(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128)), i8x16.splat(1));
  }
  const spread = v128.shuffle<i8>(v128.load32_splat(source), i8x16.splat(0), 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
  const low = tested(spread, i8x16(1, 4, 16, 64, 1, 4, 16, 64, 1, 4, 16, 64, 1, 4, 16, 64));
  const high = tested(spread, i8x16(2, 8, 32, -128, 2, 8, 32, -128, 2, 8, 32, -128, 2, 8, 32, -128));
  return v128.or(v128.and(low, i8x16.splat(1)), v128.and(high, i8x16.splat(-2)));
}

/** All ones in the lanes that have a bit of the mask. */
// @ts-ignore: decorator
@inline
function tested(value: v128, mask: v128): v128 {
  return i8x16.ne(v128.and(value, mask), i8x16.splat(0));
}

/** Touching bytes to packed pixels; the bits behind a pixel's last code are zero. */
export function packPixels(target: usize, source: usize, count: i32, channels: i32, pitch: i32, bits: i32, flip: i32): void {
  if (pitch * 8 == channels * bits) {
    pack(target, source, count * channels, bits, flip);
    return;
  }
  for (; count > 0; count--) {
    pack(target, source, channels, bits, flip);
    source += channels;
    target += pitch;
  }
}

function pack(target: usize, source: usize, count: i32, bits: i32, flip: i32): void {
  let i = 0;
  if (ASC_FEATURE_SIMD && bits == 4) {
    const low = i16x8.splat(0x0f);
    // Flipping changes bit 7 alone, which no narrow code keeps.
    for (; i + 16 <= count; i += 16) {
      const codes = v128.load(source + i);
      const pairs = v128.or(v128.and(codes, low), v128.and(i16x8.shr_u(codes, 4), i16x8.splat(0xf0)));
      v128.store64_lane(target + (i >> 1), i8x16.narrow_i16x8_u(pairs, pairs), 0);
    }
  }
  if (ASC_FEATURE_SIMD && bits == 1) {
    // The lowest bit of every byte to its highest.
    for (; i + 16 <= count; i += 16) {
      store<u16>(target + (i >> 3), <u16>i8x16.bitmask(i16x8.shl(v128.load(source + i), 7)));
    }
  }
  const mask = (1 << bits) - 1;
  let byte = 0;
  for (; i < count; i++) {
    const at = i * bits;
    byte |= ((<i32>load<u8>(source + i) ^ flip) & mask) << (at & 7);
    if (((at + bits) & 7) != 0 && i + 1 < count) continue;
    store<u8>(target + (at >> 3), <u8>byte);
    byte = 0;
  }
}
