// Ops on single codes, and on pairs of them with broadcasting: requantize, add, minimum, maximum (equation 6, codes
// times b <= 2^21 in 32 bits, or in 64 where a tensor has 16), mul and prelu (equation 4 on products).
import {
  BAD_STEP,
  BINARY_IN_B,
  BINARY_MAX,
  BINARY_MIN,
  BINARY_MULTIPLIER_A,
  BINARY_MULTIPLIER_B,
  BINARY_SHIFT,
  MAX_SHIFT,
  MAX_SMALL_MULTIPLIER,
  MAX_SMALL_SHIFT,
  MAX_WIDE_MULTIPLIER,
  MAX_WIDE_SHIFT,
  MIN_WIDE_SHIFT,
  OK,
  OP_ADD,
  OP_MAXIMUM,
  OP_MINIMUM,
  OP_MUL,
  OP_PRELU,
  REQUANTIZE_MAX,
  REQUANTIZE_MIN,
  REQUANTIZE_MULTIPLIER,
  REQUANTIZE_SHIFT,
  STEP_IN,
  STEP_OPCODE,
  STEP_OUT,
  TENSOR_CHANNELS,
  TENSOR_HEIGHT,
  TENSOR_PIXEL_PITCH,
  TENSOR_ROW_PITCH,
  TENSOR_WIDTH,
  TENSOR_ZERO_POINT,
} from "../abi";
import { checkClamp, checkRange, checkSameShape } from "../checks";
import { requantize, requantizeSum } from "../numerics/requantize";
import { clampWide, finishCodes, finishWords, prepareEpilogue, requantize8, storeBytes } from "../numerics/requantize.simd";
import { isBinary } from "../operands";
import { OWN } from "../own";
import { fail, flip, isWide, loadCode, maxCode, minCode, pixels, storeCode, tensorOf, word } from "../state";
import { fillHalo } from "./border";

export function checkBinary(step: usize, index: i32): i32 {
  const opcode = word(step, STEP_OPCODE);
  const product = opcode == OP_MUL || opcode == OP_PRELU;
  const sums = isWideSum(tensorOf(step, STEP_IN), tensorOf(step, BINARY_IN_B), tensorOf(step, STEP_OUT));
  const top = product ? i32.MAX_VALUE : mostMultiplier(sums);
  const bottom = product ? 0 : -top;
  let status = checkBroadcast(step, index, STEP_IN);
  if (status == OK) status = checkBroadcast(step, index, BINARY_IN_B);
  if (status == OK) status = checkRange(step, index, BINARY_MULTIPLIER_A, bottom, top);
  if (status == OK) status = checkRange(step, index, BINARY_MULTIPLIER_B, bottom, top);
  if (status == OK) status = product ? checkRange(step, index, BINARY_SHIFT, 1, MAX_SHIFT) : checkShift(step, index, BINARY_SHIFT, sums);
  return status != OK ? status : checkClamp(step, index, BINARY_MIN, BINARY_MAX);
}

/** Whether a sum needs 64 bits: a tensor with codes of 16 takes part. */
export function isWideSum(a: usize, b: usize, output: usize): bool {
  return isWide(a) || isWide(b) || isWide(output);
}

export function mostMultiplier(wide: bool): i32 {
  return wide ? MAX_WIDE_MULTIPLIER : MAX_SMALL_MULTIPLIER;
}

/** c of equation (6), in 32 or in 64 bits. */
export function checkShift(step: usize, index: i32, at: i32, wide: bool): i32 {
  return checkRange(step, index, at, wide ? MIN_WIDE_SHIFT : 1, wide ? MAX_WIDE_SHIFT : MAX_SMALL_SHIFT);
}

/** Every extent of an operand is the output's, or 1. */
function checkBroadcast(step: usize, index: i32, at: i32): i32 {
  const operand = tensorOf(step, at);
  const output = tensorOf(step, STEP_OUT);
  for (let size = TENSOR_HEIGHT; size <= TENSOR_CHANNELS; size += 4) {
    if (word(operand, size) != 1 && word(operand, size) != word(output, size)) {
      return fail(BAD_STEP, index, at, word(step, at));
    }
  }
  return OK;
}

export function checkRequantize(step: usize, index: i32): i32 {
  const input = tensorOf(step, STEP_IN);
  const sums = isWideSum(input, input, tensorOf(step, STEP_OUT));
  let status = checkSameShape(step, index, STEP_IN);
  if (status == OK) status = checkRange(step, index, REQUANTIZE_MULTIPLIER, 0, mostMultiplier(sums));
  if (status == OK) status = checkShift(step, index, REQUANTIZE_SHIFT, sums);
  return status != OK ? status : checkClamp(step, index, REQUANTIZE_MIN, REQUANTIZE_MAX);
}

/** What the runs of one step share. A requantize is an add whose second operand is the first again, times 0. */
let kind: i32 = OP_ADD;
let multiplierA: i32 = 0;
let multiplierB: i32 = 0;
let zeroA: i32 = 0;
let zeroB: i32 = 0;
let shift: i32 = 0;
let zero: i32 = 0;
let least: i32 = 0;
let most: i32 = 0;
/** Bytes of a code of each tensor, as a shift; and whether sums need 64 bits. */
let wideA: i32 = 0;
let wideB: i32 = 0;
let wideOut: i32 = 0;
let wide: bool = false;
const MULTIPLIERS: usize = OWN + memory.data(32, 16);

/** Prepares runs of requantize from `input` to `output`, without a clamp of its own; in 64 bits where a tensor of the step has 16. */
export function prepareRequantize(input: usize, output: usize, b: i32, c: i32, isWideStep: bool): void {
  kind = OP_ADD;
  multiplierA = b;
  multiplierB = 0;
  shift = c;
  least = minCode(output);
  most = maxCode(output);
  prepareZeros(input, input, output, isWideStep);
}

function prepare(step: usize, a: usize, b: usize, output: usize): void {
  const binary = isBinary(word(step, STEP_OPCODE));
  kind = binary ? word(step, STEP_OPCODE) : OP_ADD;
  multiplierA = word(step, binary ? BINARY_MULTIPLIER_A : REQUANTIZE_MULTIPLIER);
  multiplierB = binary ? word(step, BINARY_MULTIPLIER_B) : 0;
  shift = word(step, binary ? BINARY_SHIFT : REQUANTIZE_SHIFT);
  least = word(step, binary ? BINARY_MIN : REQUANTIZE_MIN);
  most = word(step, binary ? BINARY_MAX : REQUANTIZE_MAX);
  prepareZeros(a, b, output, isWideSum(a, b, output));
}

function prepareZeros(a: usize, b: usize, output: usize, isWideStep: bool): void {
  zeroA = word(a, TENSOR_ZERO_POINT);
  zeroB = word(b, TENSOR_ZERO_POINT);
  zero = word(output, TENSOR_ZERO_POINT);
  wideA = i32(isWide(a));
  wideB = i32(isWide(b));
  wideOut = i32(isWide(output));
  wide = isWideStep;
  if (!ASC_FEATURE_SIMD) return;
  // The epilogue's words are high words, with 32 bits gone.
  prepareEpilogue(output, shortSums() ? shift + 32 - DIGIT : shift, least, most);
  v128.store(MULTIPLIERS, i32x4.splat(multiplierA));
  v128.store(MULTIPLIERS, i32x4.splat(multiplierA), 16);
}

/** requantize_a8 and the binary ops: codes are independent of each other, so in place is fine. */
export function pointwise_a8(step: usize): void {
  const a = tensorOf(step, STEP_IN);
  const b = isBinary(word(step, STEP_OPCODE)) ? tensorOf(step, BINARY_IN_B) : a;
  const output = tensorOf(step, STEP_OUT);
  const channels = word(output, TENSOR_CHANNELS);
  const width = word(output, TENSOR_WIDTH);
  const wholeRows =
    touches(a, width, channels) && touches(b, width, channels) && touches(output, width, channels);
  prepare(step, a, b, output);
  for (let y = 0; y < word(output, TENSOR_HEIGHT); y++) {
    const rowA = pixels(a) + y * stride(a, TENSOR_HEIGHT, TENSOR_ROW_PITCH);
    const rowB = pixels(b) + y * stride(b, TENSOR_HEIGHT, TENSOR_ROW_PITCH);
    const out = pixels(output) + y * word(output, TENSOR_ROW_PITCH);
    if (wholeRows) {
      run(rowA, rowB, out, width * channels, 1, 1);
      continue;
    }
    const stepA = i32(word(a, TENSOR_CHANNELS) == channels);
    const stepB = i32(word(b, TENSOR_CHANNELS) == channels);
    for (let x = 0; x < width; x++) {
      run(
        rowA + x * stride(a, TENSOR_WIDTH, TENSOR_PIXEL_PITCH),
        rowB + x * stride(b, TENSOR_WIDTH, TENSOR_PIXEL_PITCH),
        out + x * word(output, TENSOR_PIXEL_PITCH),
        channels,
        stepA,
        stepB,
      );
    }
  }
  fillHalo(output);
}

/** Whether a row is `width` pixels of `channels` codes without gaps. */
function touches(tensor: usize, width: i32, channels: i32): bool {
  return (
    word(tensor, TENSOR_WIDTH) == width &&
    word(tensor, TENSOR_CHANNELS) == channels &&
    word(tensor, TENSOR_PIXEL_PITCH) == channels << i32(isWide(tensor))
  );
}

/** Bytes to the next element of an axis; 0 where the one element is repeated. */
function stride(tensor: usize, size: i32, pitch: i32): i32 {
  return word(tensor, size) == 1 ? 0 : word(tensor, pitch);
}

/** Whether `sums__simd` takes the step. */
function shortSums(): bool {
  return kind == OP_ADD && !wide && shift > DIGIT;
}

/** `count` codes; an operand with step 0 is one code, repeated. */
export function run(a: usize, b: usize, out: usize, count: i32, stepA: i32, stepB: i32): void {
  if (!ASC_FEATURE_SIMD) {
    run__scalar(a, b, out, count, stepA, stepB);
    return;
  }
  if (!stepA) a = repeat(a, wideA, REPEATED);
  if (!stepB) b = repeat(b, wideB, REPEATED + 16);
  if (shortSums()) {
    sums__simd(a, b, out, count, stepA, stepB);
  } else if (wide || kind == OP_ADD) {
    wideSums__simd(a, b, out, count, stepA << wideA, stepB << wideB);
  } else if (kind == OP_MUL || kind == OP_PRELU) {
    products__simd(a, b, out, count, stepA, stepB);
  } else {
    extremes__simd(a, b, out, count, stepA, stepB);
  }
}

function run__scalar(a: usize, b: usize, out: usize, count: i32, stepA: i32, stepB: i32): void {
  for (let i = 0; i < count; i++) {
    const code = combine(loadCode(a, 0, wideA != 0) - zeroA, loadCode(b, 0, wideB != 0) - zeroB);
    storeCode(out, i, code, wideOut != 0);
    a += stepA << wideA;
    b += stepB << wideB;
  }
}

/** One code of the output, of two codes less their zero points. */
function combine(a: i32, b: i32): i32 {
  if (kind == OP_MUL) return requantize(a * b, multiplierA, shift, zero, least, most);
  if (kind == OP_PRELU) {
    const positive = a >= 0;
    return requantize(positive ? a : a * b, positive ? multiplierA : multiplierB, shift, zero, least, most);
  }
  const left = <i64>a * multiplierA;
  const right = <i64>b * multiplierB;
  const sum = kind == OP_ADD ? left + right : (kind == OP_MINIMUM) == left < right ? left : right;
  return requantizeSum(sum, shift, zero, least, most);
}

/** A code of an operand that repeats it, sixteen times; and where they are. */
const REPEATED: usize = OWN + memory.data(32, 16);

function repeat(at: usize, isWide: i32, to: usize): usize {
  v128.store(to, isWide ? v128.load16_splat(at) : v128.load8_splat(at));
  return to;
}

/** Bits of a multiplier's lower digit, and of a sum that are gone before it is rounded. */
const DIGIT = 16;

/**
 * Equation (6) of a sum, with c above DIGIT: codes lie in pairs, and a multiplier is two digits, b = upper * 2^16 + lower,
 * lower signed, so that a dot product of 16-bit pairs multiplies both operands and adds them; zero points are taken out of
 * the loop. Of the sum, below 2^30, what 2^16 divides is exactly the upper sum + (lower sum >> 16), a word of 16 bits, and
 * a floor of a floor is a floor.
 */
function sums__simd(a: usize, b: usize, out: usize, count: i32, stepA: i32, stepB: i32): void {
  const flips = i8x16.splat(<i8>(flip ^ -128));
  const half = 1 << (DIGIT - 1);
  const upper = i32x4.splat((((multiplierA + half) >> DIGIT) & 0xffff) | (((multiplierB + half) >> DIGIT) << 16));
  const lower = i32x4.splat((multiplierA & 0xffff) | (multiplierB << 16));
  const constant = i32x4.splat(-(zeroA + 128) * multiplierA - (zeroB + 128) * multiplierB);
  for (; count > 0; count -= 16) {
    // The last vector may read bytes that are not its own; it stores only its own.
    const x = v128.xor(v128.load(a), flips);
    const y = v128.xor(v128.load(b), flips);
    const first = v128.shuffle<i8>(x, y, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const second = v128.shuffle<i8>(x, y, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    const codes = finishWords(pairSums(first, upper, lower, constant), pairSums(second, upper, lower, constant));
    storeBytes(out, codes, count);
    a += stepA << 4;
    b += stepB << 4;
    out += 16;
  }
}

/** Sums >> 16 of eight pairs of codes. */
// @ts-ignore: decorator
@inline
function pairSums(pairs: v128, upper: v128, lower: v128, constant: v128): v128 {
  const low = i16x8.extend_low_i8x16_u(pairs);
  const high = i16x8.extend_high_i8x16_u(pairs);
  return i16x8.narrow_i32x4_s(fourSums(low, upper, lower, constant), fourSums(high, upper, lower, constant));
}

// @ts-ignore: decorator
@inline
function fourSums(pairs: v128, upper: v128, lower: v128, constant: v128): v128 {
  const sum = i32x4.add(i32x4.dot_i16x8_s(pairs, lower), constant);
  return i32x4.add(i32x4.dot_i16x8_s(pairs, upper), i32x4.shr_s(sum, DIGIT));
}

/** Equation (6) of a minimum or maximum. */
function extremes__simd(a: usize, b: usize, out: usize, count: i32, stepA: i32, stepB: i32): void {
  const flips = i8x16.splat(<i8>flip);
  for (let i = 0; i < count; i += 8) {
    const x = i16x8.extend_low_i8x16_s(v128.xor(v128.load(a + i * stepA), flips));
    const y = i16x8.extend_low_i8x16_s(v128.xor(v128.load(b + i * stepB), flips));
    const low = fourExtremes(i32x4.extend_low_i16x8_s(x), i32x4.extend_low_i16x8_s(y));
    const words = i16x8.narrow_i32x4_s(low, fourExtremes(i32x4.extend_high_i16x8_s(x), i32x4.extend_high_i16x8_s(y)));
    storeBytes(out + i, finishCodes(words, words), min(count - i, 8));
  }
}

function fourExtremes(a: v128, b: v128): v128 {
  const left = i32x4.mul(i32x4.sub(a, i32x4.splat(zeroA)), i32x4.splat(multiplierA));
  const right = i32x4.mul(i32x4.sub(b, i32x4.splat(zeroB)), i32x4.splat(multiplierB));
  const extreme = kind == OP_MAXIMUM ? i32x4.max_s(left, right) : i32x4.min_s(left, right);
  return i32x4.shr_s(i32x4.add(extreme, i32x4.splat(1 << (shift - 1))), shift);
}

/**
 * Equation (6) in 64 bits: with c below 32 the sum is shifted left by what is missing (2^46 by at most 16, those of bytes, 2^30, by
 * at most 31), so that the quotient is its high word, shifted by what c has above 32: a floor of a floor.
 */
function wideSums__simd(a: usize, b: usize, out: usize, count: i32, stepA: i32, stepB: i32): void {
  const up = max(32 - shift, 0);
  const down = max(shift - 32, 0);
  const round = i64x2.splat(<i64>1 << (shift + up - 1));
  const timesA = i32x4.splat(multiplierA);
  const timesB = i32x4.splat(multiplierB);
  for (let i = 0; i < count; i += 8) {
    const x = differences(a + i * stepA, wideA, zeroA);
    const y = differences(b + i * stepB, wideB, zeroB);
    const low = highWords(i32x4.extend_low_i16x8_s(x), i32x4.extend_low_i16x8_s(y), up, timesA, timesB, round);
    const high = highWords(i32x4.extend_high_i16x8_s(x), i32x4.extend_high_i16x8_s(y), up, timesA, timesB, round);
    const sums = i16x8.narrow_i32x4_s(i32x4.shr_s(low, down), i32x4.shr_s(high, down));
    if (wideOut) {
      storeBytes(out + i * 2, clampWide(sums), (count - i) * 2);
    } else {
      storeBytes(out + i, finishCodes(sums, sums), min(count - i, 8));
    }
  }
}

/** Eight codes less their zero point: 9 bits of bytes, 16 of others, whose zero point is 0. */
function differences(at: usize, isWide: i32, zero: i32): v128 {
  if (isWide) return v128.load(at);
  const codes = v128.xor(v128.load64_zero(at), i8x16.splat(<i8>flip));
  return i16x8.sub(i16x8.extend_low_i8x16_s(codes), i16x8.splat(<i16>zero));
}

// @ts-ignore: decorator
@inline
function highWords(x: v128, y: v128, up: i32, timesX: v128, timesY: v128, round: v128): v128 {
  const low = i64x2.add(i64x2.extmul_low_i32x4_s(x, timesX), i64x2.extmul_low_i32x4_s(y, timesY));
  const high = i64x2.add(i64x2.extmul_high_i32x4_s(x, timesX), i64x2.extmul_high_i32x4_s(y, timesY));
  return v128.shuffle<i32>(i64x2.add(i64x2.shl(low, up), round), i64x2.add(i64x2.shl(high, up), round), 1, 3, 5, 7);
}

function products__simd(a: usize, b: usize, out: usize, count: i32, stepA: i32, stepB: i32): void {
  const flips = i8x16.splat(<i8>flip);
  const zerosA = i16x8.splat(<i16>zeroA);
  const zerosB = i16x8.splat(<i16>zeroB);
  for (let i = 0; i < count; i += 8) {
    const x = i16x8.sub(i16x8.extend_low_i8x16_s(v128.xor(v128.load(a + i * stepA), flips)), zerosA);
    const y = i16x8.sub(i16x8.extend_low_i8x16_s(v128.xor(v128.load(b + i * stepB), flips)), zerosB);
    let low = i32x4.extmul_low_i16x8_s(x, y);
    let high = i32x4.extmul_high_i16x8_s(x, y);
    if (kind == OP_PRELU) {
      low = selectPositive(i32x4.extend_low_i16x8_s(x), low, MULTIPLIERS);
      high = selectPositive(i32x4.extend_high_i16x8_s(x), high, MULTIPLIERS + 16);
    }
    const codes = requantize8(low, high, MULTIPLIERS);
    storeBytes(out + i, codes, min(count - i, 8));
  }
}

/** `x` where it is not negative, the product elsewhere; notes the multiplier that goes with each. */
function selectPositive(x: v128, product: v128, multipliers: usize): v128 {
  const positive = i32x4.ge_s(x, i32x4.splat(0));
  v128.store(multipliers, v128.bitselect(i32x4.splat(multiplierA), i32x4.splat(multiplierB), positive));
  return v128.bitselect(x, product, positive);
}
