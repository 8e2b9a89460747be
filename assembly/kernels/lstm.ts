// A long short-term memory, equation (12): 8-bit inputs, outputs and weights, 16-bit gates and cell state.
import {
  BAD_STEP,
  LSTM_BIAS_AT,
  LSTM_CELL,
  LSTM_CELL_BITS,
  LSTM_CELL_CLIP,
  LSTM_GATES,
  LSTM_HIDDEN,
  LSTM_HIDDEN_WEIGHTS_AT,
  LSTM_INPUT_WEIGHTS_AT,
  LSTM_MULTIPLIER,
  LSTM_MULTIPLIERS_AT,
  LSTM_OUT_SHIFT,
  LSTM_SHIFT,
  LSTM_TABLE_AT,
  LSTM_TABLE_BYTES,
  MAX_LSTM_MULTIPLIER,
  MAX_SHIFT,
  OK,
  STEP_IN,
  STEP_OUT,
  STEP_SCRATCH_AT,
  TENSOR_CHANNELS,
  TENSOR_HEIGHT,
  TENSOR_PIXEL_PITCH,
  TENSOR_ROW_PITCH,
  TENSOR_WIDTH,
  TENSOR_ZERO_POINT,
} from "../abi";
import { checkRange, claimConstant } from "../checks";
import { clamp, requantize } from "../numerics/requantize";
import { arenaPtr, denseBytes, fail, flip, pixels, tensorOf, weightsPtr, word } from "../state";
import { fillHalo } from "./border";
import { dotFour, paddedRow, widenRow } from "./rows";

const GATE_BYTES = LSTM_GATES * 4;

export function checkLstm(step: usize, index: i32): i32 {
  const input = tensorOf(step, STEP_IN);
  const output = tensorOf(step, STEP_OUT);
  const units = <i64>word(output, TENSOR_CHANNELS);
  for (let at = TENSOR_HEIGHT; at <= TENSOR_WIDTH; at += 4) {
    if (word(input, at) != word(output, at)) return fail(BAD_STEP, index, STEP_OUT, word(output, at));
  }
  // States of one pixel: their bytes lie one behind the other.
  if (!isVector(step, LSTM_HIDDEN, units)) return fail(BAD_STEP, index, LSTM_HIDDEN, word(step, LSTM_HIDDEN));
  if (!isVector(step, LSTM_CELL, 2 * units)) return fail(BAD_STEP, index, LSTM_CELL, word(step, LSTM_CELL));
  let status = checkRange(step, index, LSTM_SHIFT, 1, MAX_SHIFT);
  if (status == OK) status = checkRange(step, index, LSTM_CELL_BITS, 0, 15);
  if (status == OK) status = checkRange(step, index, LSTM_CELL_CLIP, 0, 32767);
  if (status == OK) status = checkRange(step, index, LSTM_MULTIPLIER, 0, i32.MAX_VALUE);
  if (status == OK) status = checkRange(step, index, LSTM_OUT_SHIFT, 1, MAX_SHIFT);
  const rows = units * LSTM_GATES;
  const inputRow = paddedRow(word(input, TENSOR_CHANNELS));
  if (status == OK) status = claimConstant(step, index, LSTM_INPUT_WEIGHTS_AT, rows * inputRow);
  if (status == OK) status = claimConstant(step, index, LSTM_HIDDEN_WEIGHTS_AT, rows * paddedRow(<i32>units));
  if (status == OK) status = claimConstant(step, index, LSTM_BIAS_AT, rows * 4);
  if (status == OK) status = claimConstant(step, index, LSTM_MULTIPLIERS_AT, 2 * GATE_BYTES);
  if (status == OK) status = claimConstant(step, index, LSTM_TABLE_AT, LSTM_TABLE_BYTES);
  if (status != OK) return status;
  for (let at: usize = 0; at < 2 * GATE_BYTES; at += 4) {
    const b = load<i32>(weightsPtr + word(step, LSTM_MULTIPLIERS_AT) + at);
    if (b < 0 || b > MAX_LSTM_MULTIPLIER) return fail(BAD_STEP, index, LSTM_MULTIPLIERS_AT, b);
  }
  return OK;
}

function isVector(step: usize, at: i32, size: i64): bool {
  const tensor = tensorOf(step, at);
  return denseBytes(tensor) == size && <i64>word(tensor, TENSOR_CHANNELS) == size;
}

/** Sums of the input's and the hidden state's rows, and both as i16. */
export function lstmScratch(step: usize): i64 {
  const taps = paddedRow(word(tensorOf(step, STEP_IN), TENSOR_CHANNELS));
  return 2 * GATE_BYTES + 2 * (<i64>taps + paddedRow(word(tensorOf(step, STEP_OUT), TENSOR_CHANNELS)));
}

export function lstmWork(step: usize): i64 {
  const input = tensorOf(step, STEP_IN);
  const units = <i64>word(tensorOf(step, STEP_OUT), TENSOR_CHANNELS);
  const times = <i64>word(input, TENSOR_HEIGHT) * word(input, TENSOR_WIDTH);
  return times * units * LSTM_GATES * (units + word(input, TENSOR_CHANNELS));
}

export function lstm_a8(step: usize): void {
  const input = tensorOf(step, STEP_IN);
  const output = tensorOf(step, STEP_OUT);
  for (let y = 0; y < word(input, TENSOR_HEIGHT); y++) {
    let a = pixels(input) + y * word(input, TENSOR_ROW_PITCH);
    let out = pixels(output) + y * word(output, TENSOR_ROW_PITCH);
    for (let x = word(input, TENSOR_WIDTH); x > 0; x--) {
      timeStep(step, a, out);
      a += word(input, TENSOR_PIXEL_PITCH);
      out += word(output, TENSOR_PIXEL_PITCH);
    }
  }
  fillHalo(output);
}

/** One time step: every unit reads the hidden state of the step before, as copied here. */
function timeStep(step: usize, a: usize, out: usize): void {
  const input = tensorOf(step, STEP_IN);
  const hidden = tensorOf(step, LSTM_HIDDEN);
  const output = tensorOf(step, STEP_OUT);
  const taps = word(input, TENSOR_CHANNELS);
  const units = word(output, TENSOR_CHANNELS);
  const sums = arenaPtr + word(step, STEP_SCRATCH_AT);
  const x = sums + 2 * GATE_BYTES;
  const h = x + 2 * paddedRow(taps);
  widenRow(a, 1, taps, word(input, TENSOR_ZERO_POINT), x);
  widenRow(pixels(hidden), 1, units, word(hidden, TENSOR_ZERO_POINT), h);
  const inputRows = paddedRow(taps);
  const hiddenRows = paddedRow(units);
  let w = weightsPtr + word(step, LSTM_INPUT_WEIGHTS_AT);
  let v = weightsPtr + word(step, LSTM_HIDDEN_WEIGHTS_AT);
  let bias = weightsPtr + word(step, LSTM_BIAS_AT);
  let cell = pixels(tensorOf(step, LSTM_CELL));
  const zero = word(output, TENSOR_ZERO_POINT);
  for (let unit = 0; unit < units; unit++) {
    dotFour(x, w, inputRows, sums);
    dotFour(h, v, hiddenRows, sums + GATE_BYTES);
    const product = unitOutput(step, sums, bias, cell);
    const b = word(step, LSTM_MULTIPLIER);
    const code = <u8>(requantize(product, b, word(step, LSTM_OUT_SHIFT), zero, -128, 127) ^ flip);
    store<u8>(out + unit, code);
    store<u8>(pixels(hidden) + unit, code);
    w += LSTM_GATES * inputRows;
    v += LSTM_GATES * hiddenRows;
    bias += GATE_BYTES;
    cell += 2;
  }
}

/** Updates a unit's cell state, and gives output gate times tanh of it, Q30. */
function unitOutput(step: usize, sums: usize, bias: usize, cell: usize): i32 {
  const table = weightsPtr + word(step, LSTM_TABLE_AT);
  const bits = word(step, LSTM_CELL_BITS);
  const clip = word(step, LSTM_CELL_CLIP);
  const stored = flip & 0x8080; // each byte as it is kept in the arena
  const old: i32 = <i16>(load<u16>(cell) ^ <u16>stored);
  const i = sigmoid(table, gate(step, sums, bias, 0));
  const f = sigmoid(table, gate(step, sums, bias, 1));
  const g = tanh(table, gate(step, sums, bias, 2));
  const o = sigmoid(table, gate(step, sums, bias, 3));
  const sum = (<i64>(f * old) << (15 - bits)) + i * g;
  const state = clamp((sum + (<i64>1 << (29 - bits))) >> (30 - bits), -clip, clip);
  store<u16>(cell, <u16>(state ^ stored));
  // In units of 2^-12, as the gates are.
  const argument = bits > 12 ? state >> (bits - 12) : clamp(<i64>state << (12 - bits), -32768, 32767);
  return o * tanh(table, argument);
}

/** A gate before its function, in units of 2^-12. */
function gate(step: usize, sums: usize, bias: usize, index: i32): i32 {
  const at = index << 2;
  const b = weightsPtr + word(step, LSTM_MULTIPLIERS_AT) + (at << 1);
  const c = word(step, LSTM_SHIFT);
  const x = <i64>(load<i32>(sums + at) + load<i32>(bias + at)) * load<i32>(b);
  const h = <i64>load<i32>(sums + GATE_BYTES + at) * load<i32>(b, 4);
  return clamp((x + h + (<i64>1 << (c - 1))) >> c, -32768, 32767);
}

/** Q15 from units of 2^-12, between two entries of the table. */
function sigmoid(table: usize, x: i32): i32 {
  const at = table + (((x + 32768) >> 7) << 1);
  const low: i32 = load<i16>(at);
  return low + (((load<i16>(at, 2) - low) * (x & 127) + 64) >> 7);
}

/** tanh(x) = 2 sigmoid(2x) - 1. */
function tanh(table: usize, x: i32): i32 {
  return 2 * sigmoid(table, clamp(<i64>x << 1, -32768, 32767)) - 32768;
}
