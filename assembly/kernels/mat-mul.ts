// Matrix product of two activations: the second one's columns become rows of bytes in scratch, once a matrix.
import {
  BAD_STEP,
  MAT_MUL_MAX,
  MAT_MUL_MIN,
  MAT_MUL_MULTIPLIER,
  MAT_MUL_SHIFT,
  MAT_MUL_TRANSPOSED_A,
  MAT_MUL_TRANSPOSED_B,
  MAX_SHIFT,
  OK,
  STEP_IN,
  STEP_MORE_INPUTS,
  STEP_OUT,
  STEP_SCRATCH_AT,
  TENSOR_CHANNELS,
  TENSOR_HEIGHT,
  TENSOR_PIXEL_PITCH,
  TENSOR_ROW_PITCH,
  TENSOR_WIDTH,
  TENSOR_ZERO_POINT,
} from "../abi";
import { checkClamp, checkRange } from "../checks";
import { requantize } from "../numerics/requantize";
import { arenaPtr, fail, flip, pixels, tensorOf, word } from "../state";
import { fillHalo } from "./border";
import { dotFour, paddedRow, widenRow } from "./rows";

/** Words of a tensor record: its rows, and its columns. */
function rowsWord(step: usize, flag: i32): i32 {
  return word(step, flag) ? TENSOR_CHANNELS : TENSOR_WIDTH;
}

function columnsWord(step: usize, flag: i32): i32 {
  return word(step, flag) ? TENSOR_WIDTH : TENSOR_CHANNELS;
}

function taps(step: usize): i32 {
  return word(tensorOf(step, STEP_IN), columnsWord(step, MAT_MUL_TRANSPOSED_A));
}

export function checkMatMul(step: usize, index: i32): i32 {
  let status = checkRange(step, index, MAT_MUL_TRANSPOSED_A, 0, 1);
  if (status == OK) status = checkRange(step, index, MAT_MUL_TRANSPOSED_B, 0, 1);
  if (status == OK) status = checkRange(step, index, MAT_MUL_MULTIPLIER, 0, i32.MAX_VALUE);
  if (status == OK) status = checkRange(step, index, MAT_MUL_SHIFT, 1, MAX_SHIFT);
  if (status == OK) status = checkClamp(step, index, MAT_MUL_MIN, MAT_MUL_MAX);
  if (status != OK) return status;
  const a = tensorOf(step, STEP_IN);
  const b = tensorOf(step, STEP_MORE_INPUTS);
  const out = tensorOf(step, STEP_OUT);
  const matrices = word(out, TENSOR_HEIGHT);
  if (word(a, TENSOR_HEIGHT) != matrices && word(a, TENSOR_HEIGHT) != 1) return bad(step, index, STEP_IN);
  if (word(b, TENSOR_HEIGHT) != matrices && word(b, TENSOR_HEIGHT) != 1) return bad(step, index, STEP_MORE_INPUTS);
  const fits =
    word(a, rowsWord(step, MAT_MUL_TRANSPOSED_A)) == word(out, TENSOR_WIDTH) &&
    word(b, columnsWord(step, MAT_MUL_TRANSPOSED_B)) == word(out, TENSOR_CHANNELS) &&
    word(b, rowsWord(step, MAT_MUL_TRANSPOSED_B)) == taps(step);
  return fits ? OK : bad(step, index, STEP_OUT);
}

function bad(step: usize, index: i32, at: i32): i32 {
  return fail(BAD_STEP, index, at, word(step, at));
}

/** Four sums, a row of the first operand as i16, and the second operand's columns as rows of bytes. */
export function matMulScratch(step: usize): i64 {
  const columns = (<i64>word(tensorOf(step, STEP_OUT), TENSOR_CHANNELS) + 3) & ~3;
  return 16 + (columns + 2) * paddedRow(taps(step));
}

export function matMulWork(step: usize): i64 {
  const out = tensorOf(step, STEP_OUT);
  const products = <i64>word(out, TENSOR_WIDTH) * word(out, TENSOR_CHANNELS) * word(out, TENSOR_HEIGHT);
  return products * taps(step);
}

export function mat_mul_a8(step: usize): void {
  const a = tensorOf(step, STEP_IN);
  const b = tensorOf(step, STEP_MORE_INPUTS);
  const out = tensorOf(step, STEP_OUT);
  const count = taps(step);
  const aAcross = word(step, MAT_MUL_TRANSPOSED_A) ? word(a, TENSOR_PIXEL_PITCH) : 1;
  const aDown = word(step, MAT_MUL_TRANSPOSED_A) ? 1 : word(a, TENSOR_PIXEL_PITCH);
  const columns = word(out, TENSOR_CHANNELS);
  const row = arenaPtr + word(step, STEP_SCRATCH_AT) + 16;
  const matrix = row + 2 * paddedRow(count);
  const zeroA = word(a, TENSOR_ZERO_POINT);
  for (let y = 0; y < word(out, TENSOR_HEIGHT); y++) {
    if (y == 0 || word(b, TENSOR_HEIGHT) > 1) packColumns(step, pixels(b) + y * word(b, TENSOR_ROW_PITCH), matrix);
    let source = pixels(a);
    if (word(a, TENSOR_HEIGHT) > 1) source += y * word(a, TENSOR_ROW_PITCH);
    let target = pixels(out) + y * word(out, TENSOR_ROW_PITCH);
    for (let x = word(out, TENSOR_WIDTH); x > 0; x--) {
      const sum = widenRow(source, aAcross, count, zeroA, row);
      productRow(step, row, matrix, sum * word(b, TENSOR_ZERO_POINT), columns, target);
      source += aDown;
      target += word(out, TENSOR_PIXEL_PITCH);
    }
  }
  fillHalo(out);
}

/** Signed codes of the second operand's columns, each behind the other and padded; what the padding holds meets zeros. */
function packColumns(step: usize, source: usize, target: usize): void {
  const b = tensorOf(step, STEP_MORE_INPUTS);
  const transposed = word(step, MAT_MUL_TRANSPOSED_B);
  const across = transposed ? word(b, TENSOR_PIXEL_PITCH) : 1;
  const down = transposed ? 1 : word(b, TENSOR_PIXEL_PITCH);
  const count = taps(step);
  const padded = paddedRow(count);
  const f = flip;
  for (let n = word(tensorOf(step, STEP_OUT), TENSOR_CHANNELS); n > 0; n--) {
    let from = source;
    for (let k = 0; k < count; k++) {
      store<u8>(target + k, load<u8>(from) ^ <u8>f);
      from += down;
    }
    source += across;
    target += padded;
  }
}

/** One row of the output; `correction` is the row's sum times the second operand's zero point. */
function productRow(step: usize, row: usize, matrix: usize, correction: i32, columns: i32, target: usize): void {
  const padded = paddedRow(taps(step));
  const sums = row - 16;
  const b = word(step, MAT_MUL_MULTIPLIER);
  const c = word(step, MAT_MUL_SHIFT);
  const zero = word(tensorOf(step, STEP_OUT), TENSOR_ZERO_POINT);
  const low = word(step, MAT_MUL_MIN);
  const high = word(step, MAT_MUL_MAX);
  const f = flip;
  for (let n = 0; n < columns; n++) {
    if ((n & 3) == 0) dotFour(row, matrix + n * padded, padded, sums);
    const sum = load<i32>(sums + ((n & 3) << 2)) - correction;
    store<u8>(target + n, <u8>(requantize(sum, b, c, zero, low, high) ^ f));
  }
}
