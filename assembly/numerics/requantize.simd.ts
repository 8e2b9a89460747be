// Vector forms of requantize.ts, eight channels at a time; bit-identical to the scalar forms.

/**
 * Constants of one step's epilogue, spread over vectors once per step and read by every tile: a v128 constant that
 * the compiler sees would be rebuilt at each use.
 */
export const EPILOGUE: usize = memory.data(96, 16);
const ROUND: usize = 0; // i64x2: 2^(c-1)
const ZERO: usize = 16; // i16x8
const MIN: usize = 32; // i8x16
const MAX: usize = 48; // i8x16
const FLIP: usize = 64; // i8x16
const SHIFT: usize = 80; // i32: c

/** Sets the epilogue of a step: c, zero point, clamp and how activations are stored. */
export function prepareEpilogue(c: i32, z: i32, min: i32, max: i32, flip: i32): void {
  v128.store(EPILOGUE, i64x2.splat(<i64>1 << (c - 1)), ROUND);
  v128.store(EPILOGUE, i16x8.splat(<i16>z), ZERO);
  v128.store(EPILOGUE, i8x16.splat(<i8>min), MIN);
  v128.store(EPILOGUE, i8x16.splat(<i8>max), MAX);
  v128.store(EPILOGUE, i8x16.splat(<i8>flip), FLIP);
  store<i32>(EPILOGUE, c, SHIFT);
}

/**
 * Equation (5): four accumulators times their b, rounded, the high words. For c >= 32 the floor of a floor is the
 * floor, so the remaining shift by c - 32 may follow on 32 bits.
 */
// @ts-ignore: decorator
@inline
function highWords(acc: v128, multipliers: v128): v128 {
  const round = v128.load(EPILOGUE, ROUND);
  const low = i64x2.add(i64x2.extmul_low_i32x4_s(acc, multipliers), round);
  const high = i64x2.add(i64x2.extmul_high_i32x4_s(acc, multipliers), round);
  return i32x4.shr_s(v128.shuffle<i32>(low, high, 1, 3, 5, 7), load<i32>(EPILOGUE, SHIFT) - 32);
}

/** The 64-bit form, for c < 32: shifted there, and saturated to 16 bits before the words are halved. */
function wideWords(acc: v128, multipliers: v128): v128 {
  const round = v128.load(EPILOGUE, ROUND);
  const c = load<i32>(EPILOGUE, SHIFT);
  const low = saturate(i64x2.shr_s(i64x2.add(i64x2.extmul_low_i32x4_s(acc, multipliers), round), c));
  const high = saturate(i64x2.shr_s(i64x2.add(i64x2.extmul_high_i32x4_s(acc, multipliers), round), c));
  return v128.shuffle<i32>(low, high, 0, 2, 4, 6);
}

// @ts-ignore: decorator
@inline
function saturate(value: v128): v128 {
  const max = i64x2.splat(32767);
  const min = i64x2.splat(-32768);
  const capped = v128.bitselect(max, value, i64x2.gt_s(value, max));
  return v128.bitselect(min, capped, i64x2.lt_s(capped, min));
}

/**
 * Equation (4) on the accumulators of eight channels: their codes, as stored, in the low eight bytes.
 * `multipliers` points at eight i32. Saturating to 16 bits before adding z changes nothing: |z| <= 128.
 */
// @ts-ignore: decorator
@inline
export function requantize8(low: v128, high: v128, multipliers: usize): v128 {
  let words: v128;
  if (load<i32>(EPILOGUE, SHIFT) >= 32) {
    words = i16x8.narrow_i32x4_s(
      highWords(low, v128.load(multipliers)),
      highWords(high, v128.load(multipliers, 16)),
    );
  } else {
    words = i16x8.narrow_i32x4_s(
      wideWords(low, v128.load(multipliers)),
      wideWords(high, v128.load(multipliers, 16)),
    );
  }
  return finishCodes(words, words);
}

/** Adds the zero point to sixteen rounded 16-bit values, narrows and clamps: codes as stored. */
// @ts-ignore: decorator
@inline
export function finishCodes(low: v128, high: v128): v128 {
  const z = v128.load(EPILOGUE, ZERO);
  const codes = i8x16.narrow_i16x8_s(i16x8.add_sat_s(low, z), i16x8.add_sat_s(high, z));
  const clamped = i8x16.max_s(i8x16.min_s(codes, v128.load(EPILOGUE, MAX)), v128.load(EPILOGUE, MIN));
  return v128.xor(clamped, v128.load(EPILOGUE, FLIP));
}

const TAIL: usize = memory.data(16, 16);

/** Stores the first `count` (1 to 16) bytes of a vector. */
// @ts-ignore: decorator
@inline
export function storeBytes(ptr: usize, value: v128, count: i32): void {
  if (count >= 16) {
    v128.store(ptr, value);
  } else if (count == 8) {
    v128.store64_lane(ptr, value, 0);
  } else {
    v128.store(TAIL, value);
    memory.copy(ptr, TAIL, count);
  }
}
