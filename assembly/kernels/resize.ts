// Resize, nearest and bilinear: for every output row and column a table names the input one and the weight, in
// 1/1024, of the next one. Where both weights are 0 a pixel is copied.
import {
  BAD_STEP,
  OK,
  RESIZE_BITS,
  RESIZE_COLUMNS_AT,
  RESIZE_ROWS_AT,
  STEP_IN,
  STEP_OUT,
  TENSOR_CHANNELS,
  TENSOR_HEIGHT,
  TENSOR_PIXEL_PITCH,
  TENSOR_ROW_PITCH,
  TENSOR_WIDTH,
} from "../abi";
import { claimConstant } from "../checks";
import { storeBytes } from "../numerics/requantize.simd";
import { fail, flip, isByte, pixelBytes, pixels, tensorOf, weightsPtr, word } from "../state";
import { fillHalo } from "./border";

const ONE = 1 << RESIZE_BITS;

export function checkResize(step: usize, index: i32): i32 {
  const channels = word(tensorOf(step, STEP_IN), TENSOR_CHANNELS);
  if (word(tensorOf(step, STEP_OUT), TENSOR_CHANNELS) != channels) return fail(BAD_STEP, index, STEP_OUT, channels);
  const status = checkTable(step, index, RESIZE_ROWS_AT, TENSOR_HEIGHT);
  return status != OK ? status : checkTable(step, index, RESIZE_COLUMNS_AT, TENSOR_WIDTH);
}

/** Every entry names elements of the input; the next one only where it has a weight. */
function checkTable(step: usize, index: i32, at: i32, sizeWord: i32): i32 {
  const count = word(tensorOf(step, STEP_OUT), sizeWord);
  const status = claimConstant(step, index, at, <i64>count * 4);
  if (status != OK) return status;
  const size = word(tensorOf(step, STEP_IN), sizeWord);
  const table = weightsPtr + word(step, at);
  for (let i = 0; i < count; i++) {
    const entry = load<i32>(table + (i << 2));
    const last = (entry >> RESIZE_BITS) + i32((entry & (ONE - 1)) != 0);
    const mixes = (entry & (ONE - 1)) != 0 && !isByte(tensorOf(step, STEP_OUT));
    if (entry < 0 || last >= size || mixes) return fail(BAD_STEP, index, at, entry);
  }
  return OK;
}

export function resize_a8(step: usize): void {
  const input = tensorOf(step, STEP_IN);
  const output = tensorOf(step, STEP_OUT);
  const channels = word(output, TENSOR_CHANNELS);
  const rows = weightsPtr + word(step, RESIZE_ROWS_AT);
  const columns = weightsPtr + word(step, RESIZE_COLUMNS_AT);
  const rowPitch = word(input, TENSOR_ROW_PITCH);
  const pixelPitch = word(input, TENSOR_PIXEL_PITCH);
  for (let y = 0; y < word(output, TENSOR_HEIGHT); y++) {
    const row = load<i32>(rows + (y << 2));
    const source = pixels(input) + (row >> RESIZE_BITS) * rowPitch;
    const below = row & (ONE - 1);
    let out = pixels(output) + y * word(output, TENSOR_ROW_PITCH);
    for (let x = 0; x < word(output, TENSOR_WIDTH); x++) {
      const column = load<i32>(columns + (x << 2));
      const a = source + (column >> RESIZE_BITS) * pixelPitch;
      const right = column & (ONE - 1);
      if ((below | right) == 0) {
        memory.copy(out, a, pixelBytes(output));
      } else {
        // A neighbour without weight is not read: it may not be there.
        mix(a, right == 0 ? 0 : pixelPitch, right, below == 0 ? 0 : rowPitch, below, out, channels);
      }
      out += word(output, TENSOR_PIXEL_PITCH);
    }
  }
  fillHalo(output);
}

/** Four pixels weighted: round((1024 - below) * top + below * bottom), top and bottom mixed the same way; half up. */
function mix(a: usize, toRight: i32, right: i32, toBelow: i32, below: i32, out: usize, channels: i32): void {
  if (ASC_FEATURE_SIMD) {
    mix__simd(a, a + toRight, a + toBelow, a + toBelow + toRight, right, below, out, channels);
    return;
  }
  const f = flip;
  for (let c = 0; c < channels; c++) {
    const top = (load<i8>(a) ^ f) * (ONE - right) + (load<i8>(a + toRight) ^ f) * right;
    const bottom = (load<i8>(a + toBelow) ^ f) * (ONE - right) + (load<i8>(a + toBelow + toRight) ^ f) * right;
    const sum = top * (ONE - below) + bottom * below;
    store<u8>(out++, <u8>(((sum + (1 << (2 * RESIZE_BITS - 1))) >> (2 * RESIZE_BITS)) ^ f));
    a++;
  }
}

/** Eight channels at a time; reads up to 7 bytes behind the last, stores only its own. */
function mix__simd(a: usize, b: usize, c: usize, d: usize, right: i32, below: i32, out: usize, channels: i32): void {
  const flips = i8x16.splat(<i8>flip);
  const columns = i32x4.splat((ONE - right) | (right << 16));
  const above = i32x4.splat(ONE - below);
  const under = i32x4.splat(below);
  const half = i32x4.splat(1 << (2 * RESIZE_BITS - 1));
  for (let i = 0; i < channels; i += 8) {
    const top = pairs(a + i, b + i, flips);
    const bottom = pairs(c + i, d + i, flips);
    const low = i32x4.add(
      i32x4.mul(i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(top), columns), above),
      i32x4.mul(i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(bottom), columns), under),
    );
    const high = i32x4.add(
      i32x4.mul(i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(top), columns), above),
      i32x4.mul(i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(bottom), columns), under),
    );
    const words = i16x8.narrow_i32x4_s(
      i32x4.shr_s(i32x4.add(low, half), 2 * RESIZE_BITS),
      i32x4.shr_s(i32x4.add(high, half), 2 * RESIZE_BITS),
    );
    storeBytes(out + i, v128.xor(i8x16.narrow_i16x8_s(words, words), flips), min(channels - i, 8));
  }
}

/** Eight codes of two neighbours, in turns. */
// @ts-ignore: decorator
@inline
function pairs(a: usize, b: usize, flips: v128): v128 {
  const turns = v128.shuffle<i8>(
    v128.load64_zero(a),
    v128.load64_zero(b),
    0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23,
  );
  return v128.xor(turns, flips);
}
