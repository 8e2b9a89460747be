// Average and max pool over windows clipped to the input: padding takes no part, so no halo is read.
import {
  AVERAGE_IN_ZERO,
  AVERAGE_MULTIPLIER_COUNT,
  AVERAGE_MULTIPLIERS_AT,
  AVERAGE_OUT_ZERO,
  AVERAGE_ROUNDING,
  AVERAGE_SHIFT,
  BAD_STEP,
  MAX_EXTENT,
  MAX_SHIFT,
  OK,
  OP_AVERAGE_POOL,
  POOL_KERNEL_H,
  POOL_KERNEL_W,
  POOL_MAX,
  POOL_MIN,
  POOL_PAD_LEFT,
  POOL_PAD_TOP,
  POOL_STRIDE_H,
  POOL_STRIDE_W,
  ROUND_HALF_AWAY,
  STEP_IN,
  STEP_OPCODE,
  STEP_OUT,
  TENSOR_CHANNELS,
  TENSOR_HEIGHT,
  TENSOR_PIXEL_PITCH,
  TENSOR_ROW_PITCH,
  TENSOR_WIDTH,
} from "../abi";
import { checkClamp, checkRange, claimConstant } from "../checks";
import { requantizeMean } from "../numerics/requantize";
import { storeBytes } from "../numerics/requantize.simd";
import { OWN } from "../own";
import { fail, flip, isWide, loadCode, pixels, storeCode, tensorOf, weightsPtr, word } from "../state";
import { fillHalo } from "./border";

/** Largest window, so that a sum of |code - z| <= 255, or <= 2^15 of 16 bits, stays in 32 bits. */
const MAX_WINDOW: i64 = 1 << 23;
const MAX_WIDE_WINDOW: i64 = 1 << 15;

/** Elements visited by one run of the step, not more than. */
export function poolWork(step: usize): i64 {
  const output = tensorOf(step, STEP_OUT);
  const input = tensorOf(step, STEP_IN);
  const rows = <i64>min(word(step, POOL_KERNEL_H), word(input, TENSOR_HEIGHT));
  const columns = <i64>min(word(step, POOL_KERNEL_W), word(input, TENSOR_WIDTH));
  const values = <i64>word(output, TENSOR_HEIGHT) * word(output, TENSOR_WIDTH) * word(output, TENSOR_CHANNELS);
  return values * (rows * columns + word(step, AVERAGE_MULTIPLIER_COUNT) * i32(word(step, STEP_OPCODE) == OP_AVERAGE_POOL));
}

export function checkPool(step: usize, index: i32): i32 {
  const input = tensorOf(step, STEP_IN);
  const output = tensorOf(step, STEP_OUT);
  for (let at = POOL_KERNEL_H; at <= POOL_STRIDE_W; at += 4) {
    const status = checkRange(step, index, at, 1, MAX_EXTENT);
    if (status != OK) return status;
  }
  let status = checkAxis(step, index, POOL_KERNEL_H, POOL_STRIDE_H, POOL_PAD_TOP, TENSOR_HEIGHT);
  if (status == OK) status = checkAxis(step, index, POOL_KERNEL_W, POOL_STRIDE_W, POOL_PAD_LEFT, TENSOR_WIDTH);
  if (status == OK) status = checkClamp(step, index, POOL_MIN, POOL_MAX);
  if (status != OK) return status;
  if (word(input, TENSOR_CHANNELS) != word(output, TENSOR_CHANNELS)) {
    return fail(BAD_STEP, index, STEP_OUT, word(output, TENSOR_CHANNELS));
  }
  if (word(step, STEP_OPCODE) == OP_AVERAGE_POOL) return checkAverage(step, index);
  return isWide(input) == isWide(output) ? OK : fail(BAD_STEP, index, STEP_OUT, word(step, STEP_OUT));
}

/** Every window has at least one pixel: padding below the kernel, the last window starts inside. */
function checkAxis(step: usize, index: i32, kernel: i32, stride: i32, pad: i32, size: i32): i32 {
  const status = checkRange(step, index, pad, 0, word(step, kernel) - 1);
  if (status != OK) return status;
  const last = <i64>(word(tensorOf(step, STEP_OUT), size) - 1) * word(step, stride) - word(step, pad);
  return last < <i64>word(tensorOf(step, STEP_IN), size) ? OK : fail(BAD_STEP, index, stride, word(step, stride));
}

function checkAverage(step: usize, index: i32): i32 {
  const most = isWide(tensorOf(step, STEP_IN)) ? MAX_WIDE_WINDOW : MAX_WINDOW;
  if (<i64>word(step, POOL_KERNEL_H) * word(step, POOL_KERNEL_W) > most) {
    return fail(BAD_STEP, index, POOL_KERNEL_H, word(step, POOL_KERNEL_H));
  }
  let status = checkRange(step, index, AVERAGE_MULTIPLIER_COUNT, 1, MAX_EXTENT);
  if (status == OK) status = checkRange(step, index, AVERAGE_SHIFT, 1, MAX_SHIFT);
  if (status == OK) status = checkRange(step, index, AVERAGE_ROUNDING, 0, ROUND_HALF_AWAY);
  if (status == OK) status = checkRange(step, index, AVERAGE_IN_ZERO, -128, 127);
  if (status == OK) status = checkRange(step, index, AVERAGE_OUT_ZERO, -128, 127);
  if (status != OK) return status;
  return claimConstant(step, index, AVERAGE_MULTIPLIERS_AT, <i64>word(step, AVERAGE_MULTIPLIER_COUNT) * 8);
}

/** average_pool_a8 and max_pool_a8, scalar and SIMD. */
export function pool_a8(step: usize): void {
  const input = tensorOf(step, STEP_IN);
  const output = tensorOf(step, STEP_OUT);
  const average = word(step, STEP_OPCODE) == OP_AVERAGE_POOL;
  for (let y = 0; y < word(output, TENSOR_HEIGHT); y++) {
    const top = y * word(step, POOL_STRIDE_H) - word(step, POOL_PAD_TOP);
    const y0 = max(top, 0);
    const rows = min(top + word(step, POOL_KERNEL_H), word(input, TENSOR_HEIGHT)) - y0;
    for (let x = 0; x < word(output, TENSOR_WIDTH); x++) {
      const left = x * word(step, POOL_STRIDE_W) - word(step, POOL_PAD_LEFT);
      const x0 = max(left, 0);
      const columns = min(left + word(step, POOL_KERNEL_W), word(input, TENSOR_WIDTH)) - x0;
      const corner = pixels(input) + y0 * word(input, TENSOR_ROW_PITCH) + x0 * word(input, TENSOR_PIXEL_PITCH);
      const out = pixels(output) + y * word(output, TENSOR_ROW_PITCH) + x * word(output, TENSOR_PIXEL_PITCH);
      if (average) {
        averageWindow(step, input, corner, rows, columns, out, isWide(output));
      } else {
        maxWindow(step, input, corner, rows, columns, out, isWide(output));
      }
    }
  }
  fillHalo(output);
}

const SUMS: usize = OWN + memory.data(64, 16);

function averageWindow(step: usize, input: usize, corner: usize, rows: i32, columns: i32, out: usize, wide: bool): void {
  const count = rows * columns;
  const zeros = count * word(step, AVERAGE_IN_ZERO);
  const b = multiplierOf(step, count);
  const channels = word(input, TENSOR_CHANNELS);
  const away = word(step, AVERAGE_ROUNDING) == ROUND_HALF_AWAY;
  const wideInput = isWide(input);
  const lanes = ASC_FEATURE_SIMD ? (wideInput ? 8 : 16) : 1;
  for (let c = 0; c < channels; c += lanes) {
    const from = corner + (c << i32(wideInput));
    if (!ASC_FEATURE_SIMD) {
      sums__scalar(input, from, rows, columns);
    } else if (wideInput) {
      wideSums__simd(input, from, rows, columns);
    } else {
      sums__simd(input, from, rows, columns);
    }
    for (let lane = 0; lane < min(lanes, channels - c); lane++) {
      const acc = load<i32>(SUMS + (lane << 2)) - zeros;
      const code = requantizeMean(
        acc,
        b,
        word(step, AVERAGE_SHIFT),
        away,
        word(step, AVERAGE_OUT_ZERO),
        word(step, POOL_MIN),
        word(step, POOL_MAX),
      );
      storeCode(out, c + lane, code, wide);
    }
  }
}

/** b of a window of `count` pixels; a count that the table lacks gets the last entry's. */
function multiplierOf(step: usize, count: i32): i32 {
  const entries = word(step, AVERAGE_MULTIPLIER_COUNT);
  let at = weightsPtr + word(step, AVERAGE_MULTIPLIERS_AT);
  for (let i = 1; i < entries && load<i32>(at) != count; i++) at += 8;
  return load<i32>(at, 4);
}

function sums__scalar(input: usize, corner: usize, rows: i32, columns: i32): void {
  const wide = isWide(input);
  let sum = 0;
  for (let y = 0; y < rows; y++) {
    let a = corner + y * word(input, TENSOR_ROW_PITCH);
    for (let x = 0; x < columns; x++) {
      sum += loadCode(a, 0, wide);
      a += word(input, TENSOR_PIXEL_PITCH);
    }
  }
  store<i32>(SUMS, sum);
}

function sums__simd(input: usize, corner: usize, rows: i32, columns: i32): void {
  const flips = i8x16.splat(<i8>flip);
  const pitch = word(input, TENSOR_PIXEL_PITCH);
  let s0 = i32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  for (let y = 0; y < rows; y++) {
    let a = corner + y * word(input, TENSOR_ROW_PITCH);
    for (let x = 0; x < columns; x++) {
      const codes = v128.xor(v128.load(a), flips);
      const low = i16x8.extend_low_i8x16_s(codes);
      const high = i16x8.extend_high_i8x16_s(codes);
      s0 = i32x4.add(s0, i32x4.extend_low_i16x8_s(low));
      s1 = i32x4.add(s1, i32x4.extend_high_i16x8_s(low));
      s2 = i32x4.add(s2, i32x4.extend_low_i16x8_s(high));
      s3 = i32x4.add(s3, i32x4.extend_high_i16x8_s(high));
      a += pitch;
    }
  }
  v128.store(SUMS, s0);
  v128.store(SUMS, s1, 16);
  v128.store(SUMS, s2, 32);
  v128.store(SUMS, s3, 48);
}

function wideSums__simd(input: usize, corner: usize, rows: i32, columns: i32): void {
  let low = i32x4.splat(0);
  let high = low;
  for (let y = 0; y < rows; y++) {
    let a = corner + y * word(input, TENSOR_ROW_PITCH);
    for (let x = 0; x < columns; x++) {
      const codes = v128.load(a);
      low = i32x4.add(low, i32x4.extend_low_i16x8_s(codes));
      high = i32x4.add(high, i32x4.extend_high_i16x8_s(codes));
      a += word(input, TENSOR_PIXEL_PITCH);
    }
  }
  v128.store(SUMS, low);
  v128.store(SUMS, high, 16);
}

function maxWindow(step: usize, input: usize, corner: usize, rows: i32, columns: i32, out: usize, wide: bool): void {
  const channels = word(input, TENSOR_CHANNELS);
  if (ASC_FEATURE_SIMD && !wide) {
    for (let c = 0; c < channels; c += 16) {
      storeBytes(out + c, max__simd(step, input, corner + c, rows, columns), channels - c);
    }
  } else {
    for (let c = 0; c < channels; c++) storeCode(out, c, max__scalar(step, input, corner, c, rows, columns, wide), wide);
  }
}

function max__scalar(step: usize, input: usize, corner: usize, c: i32, rows: i32, columns: i32, wide: bool): i32 {
  let top = word(step, POOL_MIN);
  for (let y = 0; y < rows; y++) {
    let a = corner + y * word(input, TENSOR_ROW_PITCH);
    for (let x = 0; x < columns; x++) {
      top = max(top, loadCode(a, c, wide));
      a += word(input, TENSOR_PIXEL_PITCH);
    }
  }
  return min(top, word(step, POOL_MAX));
}

function max__simd(step: usize, input: usize, corner: usize, rows: i32, columns: i32): v128 {
  const flips = i8x16.splat(<i8>flip);
  const pitch = word(input, TENSOR_PIXEL_PITCH);
  let top = i8x16.splat(-128);
  for (let y = 0; y < rows; y++) {
    let a = corner + y * word(input, TENSOR_ROW_PITCH);
    for (let x = 0; x < columns; x++) {
      top = i8x16.max_s(top, v128.xor(v128.load(a), flips));
      a += pitch;
    }
  }
  top = i8x16.min_s(top, i8x16.splat(<i8>word(step, POOL_MAX)));
  return v128.xor(i8x16.max_s(top, i8x16.splat(<i8>word(step, POOL_MIN))), flips);
}
