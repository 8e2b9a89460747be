// Vector forms of requantize.ts, eight channels at a time; bit-identical to the scalar forms.
// Kernels sum up a strip of accumulators (up to STRIP_VECTORS / 2 rows of eight channels), then `requantizeStrip`
// turns it into codes: the form that the step's c needs is chosen once a strip, and both loops keep to 15 registers.
import { TENSOR_ZERO_POINT } from "../abi";
import { HAS_RELAXED_DOT } from "../build";
import { OWN } from "../own";
import { flip, isWide, word } from "../state";

/**
 * Constants of one step's epilogue, spread over vectors once per step and read by every strip: a v128 constant that
 * the compiler sees would be rebuilt at each use.
 */
const EPILOGUE: usize = OWN + memory.data(160, 16);
const ROUND: usize = 0; // i64x2: 2^(c-1), and z * 2^c where the form has it
const ZERO: usize = 16; // i16x8
const MIN: usize = 32; // i8x16
const MAX: usize = 48; // i8x16
const FLIP: usize = 64; // i8x16
const SHIFT: usize = 80; // i32: c
const WIDE_MIN: usize = 96; // i16x8, where the output has 16 bits
const WIDE_MAX: usize = 112;
const FACTOR: usize = 128; // i16x8: 2^(47-c), near forms
const NEAR_ZERO: usize = 144; // i16x8: the zero point of the codes as they leave `nearCodes`

/** Vectors of four accumulators that a strip holds. */
export const STRIP_VECTORS = 96;
export const STRIP: usize = OWN + memory.data(STRIP_VECTORS * 16 + 32, 16); // and what the last pair may read behind it

// Forms of equation (5), told apart by their size at compile time.
/**
 * 33 <= c <= 39: the high words of acc * b, of which 16 bits are enough for a code: what remains of the shift is at
 * most 7, so a saturated word still rounds to 255 or more. Most layers, once loaded (arrange.ts).
 */
type Near = i8;
/** 32 <= c <= 54: a floor of a floor is a floor, so what remains of the shift follows on the high words. */
type HighWords = i16;
/** Every other c: shifted in 64 bits and saturated to 16 there; z * 2^c need not fit. */
type Wide = i32;
/** Near, and codes take the whole of their byte: no clamp but the saturation. */
type Whole = u8;
/** The same where code + 128 needs no zero point: it is -128, as behind every ReLU. */
type WholeFromZero = bool;
/** The form that the step takes. */
let form: i32 = 0;
const HIGH_WORDS = 0;
const WIDE = 1;
const NEAR = 2; // and those behind it, which differ in what follows the rounding
const WHOLE = 3;
const WHOLE_FROM_ZERO = 4;
/** Bits that sums of the strip are shifted up by before (behind SUM_SHIFT_AT in the step's shift). */
let sumShift: i32 = 0;
/** Whether its codes have 16 bits. */
let wide: bool = false;

/** Bits of a step's shift from here on: k, where sums times 2^k are known to fit (arrange.ts); its c is c + k then. */
export const SUM_SHIFT_AT = 8;

/** How Whole stores codes: as most models do in this build, + 128 for the relaxed dot product, or as they are. */
const WHOLE_FLIP: i32 = HAS_RELAXED_DOT ? -128 : 0;

/** Sets the epilogue of a step: c and k, the output's zero point and width, clamp and how activations are stored. */
export function prepareEpilogue(output: usize, c: i32, min: i32, max: i32): void {
  wide = isWide(output);
  sumShift = c >> SUM_SHIFT_AT;
  setEpilogue(c & ((1 << SUM_SHIFT_AT) - 1), word(output, TENSOR_ZERO_POINT), min, max, flip);
}

export function setEpilogue(c: i32, z: i32, min: i32, max: i32, flip: i32): void {
  const near = c >= 33 && c <= 39;
  const whole = min == -128 && max == 127 && flip == WHOLE_FLIP;
  form = wide ? WIDE : near ? (whole ? WHOLE : NEAR) : c >= 32 && c <= 54 ? HIGH_WORDS : WIDE;
  const nearZero = form == WHOLE ? z - WHOLE_FLIP : z;
  if (HAS_RELAXED_DOT && form == WHOLE && z == WHOLE_FLIP) form = WHOLE_FROM_ZERO;
  const zero: i64 = form == WIDE ? 0 : <i64>z << c;
  v128.store(EPILOGUE, i64x2.splat((<i64>1 << (c - 1)) + zero), ROUND);
  v128.store(EPILOGUE, i16x8.splat(<i16>z), ZERO);
  v128.store(EPILOGUE, i16x8.splat(<i16>nearZero), NEAR_ZERO);
  v128.store(EPILOGUE, i16x8.splat(<i16>(<i32>1 << (47 - c))), FACTOR);
  v128.store(EPILOGUE, i8x16.splat(<i8>min), MIN);
  v128.store(EPILOGUE, i8x16.splat(<i8>max), MAX);
  v128.store(EPILOGUE, i8x16.splat(<i8>flip), FLIP);
  store<i32>(EPILOGUE, c, SHIFT);
  v128.store(EPILOGUE, i16x8.splat(<i16>min), WIDE_MIN);
  v128.store(EPILOGUE, i16x8.splat(<i16>max), WIDE_MAX);
}

/** Four accumulators times their b, rounded: as 32-bit words that saturate to the right code. */
// @ts-ignore: decorator
@inline
function words<Form>(acc: v128, multipliers: v128, round: v128): v128 {
  const low = i64x2.add(i64x2.extmul_low_i32x4_s(acc, multipliers), round);
  const high = i64x2.add(i64x2.extmul_high_i32x4_s(acc, multipliers), round);
  if (sizeof<Form>() == sizeof<Wide>()) return wideWords(low, high);
  const result = v128.shuffle<i32>(low, high, 1, 3, 5, 7);
  return i32x4.shr_s(result, load<i32>(EPILOGUE, SHIFT) - 32);
}

function wideWords(low: v128, high: v128): v128 {
  const c = load<i32>(EPILOGUE, SHIFT);
  return v128.shuffle<i32>(saturate(i64x2.shr_s(low, c)), saturate(i64x2.shr_s(high, c)), 0, 2, 4, 6);
}

function saturate(value: v128): v128 {
  const max = i64x2.splat(32767);
  const min = i64x2.splat(-32768);
  const capped = v128.bitselect(max, value, i64x2.gt_s(value, max));
  return v128.bitselect(min, capped, i64x2.lt_s(capped, min));
}

/** The high words of four products, not yet rounded. */
// @ts-ignore: decorator
@inline
function highWords(acc: v128, multipliers: v128): v128 {
  const low = i64x2.extmul_low_i32x4_s(acc, multipliers);
  return v128.shuffle<i32>(low, i64x2.extmul_high_i32x4_s(acc, multipliers), 1, 3, 5, 7);
}

/** (x * factor + 2^14) >> 15: x / 2^(c-32) rounded half up. */
// @ts-ignore: decorator
@inline
function roundQ15(x: v128, factor: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) {
    return i16x8.relaxed_q15mulr_s(x, factor); // relaxed where both are -2^15 only, and the factor is positive
  } else {
    return i16x8.q15mulr_sat_s(x, factor);
  }
}

/**
 * Eight rounded 16-bit values with the zero point: of the accumulators at `acc`; saturating before adding z changes
 * nothing, |z| <= 128. `first` and `second` are the form's constants.
 */
// @ts-ignore: decorator
@inline
function halves<Form>(low: v128, high: v128, lowB: v128, highB: v128, first: v128, second: v128): v128 {
  if (sizeof<Form>() == sizeof<Near>()) {
    const x = i16x8.narrow_i32x4_s(highWords(low, lowB), highWords(high, highB));
    const rounded = roundQ15(x, first);
    return isBoolean<Form>() ? rounded : i16x8.add(rounded, second);
  }
  const result = i16x8.narrow_i32x4_s(words<Form>(low, lowB, first), words<Form>(high, highB, first));
  return sizeof<Form>() == sizeof<Wide>() ? i16x8.add_sat_s(result, second) : result;
}

/** Sixteen rounded values with their zero point, narrowed and clamped: codes as stored. */
// @ts-ignore: decorator
@inline
function clampCodes(low: v128, high: v128, min: v128, max: v128, flip: v128): v128 {
  return v128.xor(i8x16.max_s(i8x16.min_s(i8x16.narrow_i16x8_s(low, high), max), min), flip);
}

/**
 * Equation (4) on the strip: `blocks` blocks of eight channels, each `count` pixels one behind the other. Block i of
 * pixel k goes to the address at outputs + 4 * k, plus n + 8 * i, whole.
 */
function finish<Form>(outputs: usize, count: i32, blocks: i32, multipliers: usize, n: usize, strip: usize): void {
  const near = sizeof<Form>() == sizeof<Near>();
  const first = v128.load(EPILOGUE + (near ? FACTOR : ROUND));
  const second = v128.load(EPILOGUE + (near ? NEAR_ZERO : ZERO));
  const min = v128.load(EPILOGUE, MIN);
  const max = v128.load(EPILOGUE, MAX);
  const flip = v128.load(EPILOGUE, FLIP);
  const end = outputs + (count << 2);
  for (; blocks > 0; blocks--) {
    const low = v128.load(multipliers);
    const high = v128.load(multipliers, 16);
    for (let at = outputs; at < end; at += 8) {
      const a = halves<Form>(v128.load(strip), v128.load(strip, 16), low, high, first, second);
      const b = halves<Form>(v128.load(strip, 32), v128.load(strip, 48), low, high, first, second);
      let codes: v128;
      if (isSigned<Form>() || !near) {
        codes = clampCodes(a, b, min, max, flip);
      } else {
        codes = WHOLE_FLIP ? i8x16.narrow_i16x8_u(a, b) : i8x16.narrow_i16x8_s(a, b);
      }
      // The second of the last pair may be none: what lies behind it goes to the first's place, and is overwritten.
      v128.store64_lane(load<usize>(at, 4) + n, codes, 1);
      v128.store64_lane(load<usize>(at) + n, codes, 0);
      strip += 64;
    }
    if (count & 1) strip -= 32;
    multipliers += 32;
    n += 8;
  }
}

/** The same to codes of 16 bits, whose zero point is 0: of their scales most have a c below 32. */
function finishWide(outputs: usize, count: i32, blocks: i32, multipliers: usize, n: usize, strip: usize): void {
  const round = v128.load(EPILOGUE, ROUND);
  const zero = v128.load(EPILOGUE, ZERO);
  const end = outputs + (count << 2);
  for (; blocks > 0; blocks--) {
    const low = v128.load(multipliers);
    const high = v128.load(multipliers, 16);
    for (let at = outputs; at < end; at += 4) {
      const words = halves<Wide>(v128.load(strip), v128.load(strip, 16), low, high, round, zero);
      v128.store(load<usize>(at) + n * 2, clampWide(words));
      strip += 32;
    }
    multipliers += 32;
    n += 8;
  }
}

function shiftSums(strip: usize, count: i32): void {
  for (const end = strip + (count << 5); strip < end; strip += 32) {
    v128.store(strip, i32x4.shl(v128.load(strip), sumShift));
    v128.store(strip, i32x4.shl(v128.load(strip, 16), sumShift), 16);
  }
}

function finishBlocks(outputs: usize, count: i32, blocks: i32, multipliers: usize, n: usize, strip: usize): void {
  if (sumShift > 0) shiftSums(strip, count * blocks);
  // The place behind an odd last pixel's (finish).
  if (count & 1) store<usize>(outputs + (count << 2), load<usize>(outputs + (count << 2) - 4));
  if (wide) {
    finishWide(outputs, count, blocks, multipliers, n, strip);
  } else if (HAS_RELAXED_DOT && form == WHOLE_FROM_ZERO) {
    finish<WholeFromZero>(outputs, count, blocks, multipliers, n, strip);
  } else if (form == WHOLE) {
    finish<Whole>(outputs, count, blocks, multipliers, n, strip);
  } else if (form == NEAR) {
    finish<Near>(outputs, count, blocks, multipliers, n, strip);
  } else if (form == HIGH_WORDS) {
    finish<HighWords>(outputs, count, blocks, multipliers, n, strip);
  } else {
    finish<Wide>(outputs, count, blocks, multipliers, n, strip);
  }
}

/** Most pixels of a strip: one block of each. */
export const STRIP_PIXELS = STRIP_VECTORS / 2;
/** Codes of the last, incomplete block on their way, and where each pixel's lie. */
const PARTS: usize = OWN + memory.data(STRIP_PIXELS * 16, 16);
const PART_OUTPUTS: usize = OWN + memory.data(STRIP_PIXELS * 4 + 4, 16);

/** Codes of the strip's pixels x channels (blocks of eight, the last one cut), to the addresses at `outputs` plus n. */
export function requantizeStrip(outputs: usize, count: i32, channels: i32, multipliers: usize, n: usize): void {
  const whole = channels >> 3;
  finishBlocks(outputs, count, whole, multipliers, n, STRIP);
  const rest = channels & 7;
  if (rest == 0) return;
  for (let i = 0; i < count; i++) store<usize>(PART_OUTPUTS + (i << 2), PARTS + (i << 4));
  finishBlocks(PART_OUTPUTS, count, 1, multipliers + (whole << 5), 0, STRIP + (whole * count << 5));
  for (let i = 0; i < count; i++) {
    const to = load<usize>(outputs + (i << 2));
    const first = n + (whole << 3);
    if (wide) {
      memory.copy(to + first * 2, PARTS + (i << 4), rest * 2);
    } else {
      storePart(to + first, load<u64>(PARTS + (i << 4)), rest);
    }
  }
}

/** The first `count` (0 to 7) bytes. */
function storePart(ptr: usize, bytes: u64, count: i32): void {
  if (count & 4) {
    store<u32>(ptr, <u32>bytes);
    bytes >>= 32;
    ptr += 4;
  }
  if (count & 2) {
    store<u16>(ptr, <u16>bytes);
    bytes >>= 16;
    ptr += 2;
  }
  if (count & 1) store<u8>(ptr, <u8>bytes);
}

/** The accumulators of eight channels to their codes, as stored, in the low eight bytes; `multipliers`: eight i32. */
export function requantize8(low: v128, high: v128, multipliers: usize): v128 {
  v128.store(STRIP, low);
  v128.store(STRIP, high, 16);
  store<usize>(PART_OUTPUTS, PARTS);
  finishBlocks(PART_OUTPUTS, 1, 1, multipliers, 0, STRIP);
  return v128.load64_zero(PARTS);
}

/** Sixteen words that c - 32 <= 15 more bits are to go from, rounded, with the zero point, narrowed and clamped: codes as stored. */
// @ts-ignore: decorator
@inline
export function finishWords(low: v128, high: v128): v128 {
  // Loaded twice: kept in registers, two constants would push sums out of theirs (finishPair).
  const x = roundQ15(low, v128.load(EPILOGUE, FACTOR));
  const y = roundQ15(high, v128.load(EPILOGUE, FACTOR));
  if (HAS_RELAXED_DOT && form == WHOLE_FROM_ZERO) return i8x16.narrow_i16x8_u(x, y);
  const a = i16x8.add(x, v128.load(EPILOGUE, NEAR_ZERO));
  const b = i16x8.add(y, v128.load(EPILOGUE, NEAR_ZERO));
  if (form >= WHOLE) return WHOLE_FLIP ? i8x16.narrow_i16x8_u(a, b) : i8x16.narrow_i16x8_s(a, b);
  return clampCodes(a, b, v128.load(EPILOGUE, MIN), v128.load(EPILOGUE, MAX), v128.load(EPILOGUE, FLIP));
}

/** Whether the step takes a near form, so that tiles may turn their sums into codes by `finishPair`. */
export function isNear(): bool {
  return form >= NEAR && sumShift == 0;
}

/** Codes of eight channels of two pixels, from sums in registers, to where `to0` and `to1` point. */
// @ts-ignore: decorator
@inline
export function finishPair(to0: usize, to1: usize, l0: v128, h0: v128, l1: v128, h1: v128, low: v128, high: v128): void {
  const first = i16x8.narrow_i32x4_s(highWords(l0, low), highWords(h0, high));
  const codes = finishWords(first, i16x8.narrow_i32x4_s(highWords(l1, low), highWords(h1, high)));
  v128.store64_lane(to0, codes, 0);
  v128.store64_lane(to1, codes, 1);
}

/** Adds the zero point to sixteen rounded 16-bit values, narrows and clamps: codes as stored. */
// @ts-ignore: decorator
@inline
export function finishCodes(low: v128, high: v128): v128 {
  const z = v128.load(EPILOGUE, ZERO);
  const min = v128.load(EPILOGUE, MIN);
  const max = v128.load(EPILOGUE, MAX);
  return clampCodes(i16x8.add_sat_s(low, z), i16x8.add_sat_s(high, z), min, max, v128.load(EPILOGUE, FLIP));
}

/** Eight values of 16 bits, clamped: codes of 16 bits. */
// @ts-ignore: decorator
@inline
export function clampWide(words: v128): v128 {
  return i16x8.max_s(i16x8.min_s(words, v128.load(EPILOGUE, WIDE_MAX)), v128.load(EPILOGUE, WIDE_MIN));
}

const TAIL: usize = OWN + memory.data(16, 16);

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
