// Groups of consecutive steps that run band by band (src/model/README.md, "bands"): in every band each member computes
// the output rows that are due. The records of the plan say so while it does: the output's those rows alone, and what
// it reads begins as many rows further down. A window's buffer moves down the tensor with the bands: its record has
// pixel (0, 0) where it would be if all rows were there.
import {
  BANDS_COUNT,
  BANDS_LEAD,
  BANDS_MEMBER_BYTES,
  BANDS_MEMBERS,
  BANDS_ROWS,
  BANDS_STEP_BYTES,
  BINARY_IN_B,
  CONV_DILATION_H,
  CONV_KERNEL_H,
  CONV_PAD_TOP,
  CONV_STRIDE_H,
  MAX_BAND_MEMBERS,
  POOL_KERNEL_H,
  POOL_PAD_TOP,
  POOL_STRIDE_H,
  STEP_IN,
  STEP_OPCODE,
  STEP_OUT,
  TENSOR_BYTES,
  TENSOR_HALO_BOTTOM,
  TENSOR_HALO_LEFT,
  TENSOR_HALO_TOP,
  TENSOR_HEIGHT,
  TENSOR_OFFSET,
  TENSOR_PIXEL_PITCH,
  TENSOR_ROW_PITCH,
  TENSOR_WINDOW,
} from "./abi";
import { isBinary } from "./operands";
import { isPool, isWeighted } from "./parts-scratch";
import { extentBytes, nextStep, pixels, tensorOf, word } from "./state";

// What is known of a member of the present group.
export const MEMBER_STEP = 0; // addresses of records
export const MEMBER_OUT = 4;
export const MEMBER_IN = 8;
export const MEMBER_IN_B = 12; // 0 where there is none, or the first input again
export const MEMBER_STRIDE = 16; // input rows from one output row to the next
export const MEMBER_REACH = 20; // input rows that an output row takes
export const MEMBER_PAD = 24; // address of the padding above the first; of NO_WINDOWS where row y takes row y alone
const MEMBER_WORDS = 28; // address of the words in the group's record
export const MEMBER_FROM = 32; // output rows done before the present band, and behind it
export const MEMBER_TO = 36;
const MEMBER_BASE = 40; // of an output that is a window: the row at the start of its buffer
const MEMBER_OFFSET = 44; // of the output, in the file
export const MEMBER_SIZE = 48;
export const MEMBERS: usize = memory.data(MAX_BAND_MEMBERS * MEMBER_SIZE, 4);
export const NO_WINDOWS: usize = memory.data(4, 4);

/** The record of a member's output as it is outside of a band. */
const OUTPUT: usize = memory.data(TENSOR_BYTES, 4);

/** Behind the present group's last member. */
export let membersEnd: usize = MEMBERS;
export let bandCount: i32 = 0;
let band: i32 = 0;

/** Makes the group at `step` the present one, before its first band. */
export function openGroup(step: usize): void {
  bandCount = word(step, BANDS_COUNT);
  membersEnd = MEMBERS + word(step, BANDS_MEMBERS) * MEMBER_SIZE;
  let words = step + BANDS_STEP_BYTES;
  for (let m = MEMBERS; m < membersEnd; m += MEMBER_SIZE) {
    step = nextStep(step);
    const opcode = word(step, STEP_OPCODE);
    const output = tensorOf(step, STEP_OUT);
    const first = tensorOf(step, STEP_IN);
    const second = isBinary(opcode) ? tensorOf(step, BINARY_IN_B) : first;
    let stride = 1;
    let reach = 1;
    let pad = NO_WINDOWS;
    if (isWeighted(opcode)) {
      stride = word(step, CONV_STRIDE_H);
      reach = (word(step, CONV_KERNEL_H) - 1) * word(step, CONV_DILATION_H) + 1;
      pad = step + CONV_PAD_TOP;
    } else if (isPool(opcode)) {
      stride = word(step, POOL_STRIDE_H);
      reach = word(step, POOL_KERNEL_H);
      pad = step + POOL_PAD_TOP;
    }
    store<usize>(m, step, MEMBER_STEP);
    store<usize>(m, output, MEMBER_OUT);
    store<usize>(m, first, MEMBER_IN);
    store<usize>(m, second == first ? 0 : second, MEMBER_IN_B);
    store<i32>(m, stride, MEMBER_STRIDE);
    store<i32>(m, reach, MEMBER_REACH);
    store<usize>(m, pad, MEMBER_PAD);
    store<usize>(m, words, MEMBER_WORDS);
    store<i32>(m, -word(output, TENSOR_HALO_TOP), MEMBER_BASE);
    store<i32>(m, word(output, TENSOR_OFFSET), MEMBER_OFFSET);
    words += BANDS_MEMBER_BYTES;
  }
  firstBand();
}

/** Goes back before the first band. */
export function firstBand(): void {
  band = 0;
  for (let m = MEMBERS; m < membersEnd; m += MEMBER_SIZE) store<i32>(m, 0, MEMBER_TO);
}

/** Goes on to the next band; false behind the last one. */
export function nextBand(): bool {
  if (++band > bandCount) return false;
  for (let m = MEMBERS; m < membersEnd; m += MEMBER_SIZE) {
    const words = word(m, MEMBER_WORDS);
    const rows = <i64>word(words, BANDS_ROWS) * band + word(words, BANDS_LEAD);
    store<i32>(m, word(m, MEMBER_TO), MEMBER_FROM);
    store<i32>(m, <i32>max(min(rows, <i64>word(word(m, MEMBER_OUT), TENSOR_HEIGHT)), 0), MEMBER_TO);
  }
  return true;
}

/**
 * The least row of a tensor that a member with windows, or one without, reads from here on: members below `next` have
 * run in this band, the others have not. The maximum where none reads any.
 */
export function firstNeeded(tensor: usize, next: usize, windows: bool): i32 {
  let first = i32.MAX_VALUE;
  for (let m = MEMBERS; m < membersEnd; m += MEMBER_SIZE) {
    const pad = word(m, MEMBER_PAD);
    if (word(m, MEMBER_IN) != tensor && word(m, MEMBER_IN_B) != tensor) continue;
    const done = word(m, m < next ? MEMBER_TO : MEMBER_FROM);
    if ((pad != NO_WINDOWS) != windows || done == word(word(m, MEMBER_OUT), TENSOR_HEIGHT)) continue;
    const row = word(tensor, TENSOR_HEIGHT) == 1 ? 0 : done * word(m, MEMBER_STRIDE);
    first = min(first, max(row - word(pad, 0), -word(tensor, TENSOR_HALO_TOP)));
  }
  return first;
}

/** The logical row at the start of the buffer of a member's output, a window, in the present band. */
export function windowBase(m: usize): i32 {
  const tensor = word(m, MEMBER_OUT);
  const done = word(m, MEMBER_FROM);
  if (done == 0) return -word(tensor, TENSOR_HALO_TOP);
  return min(done, min(firstNeeded(tensor, m, true), firstNeeded(tensor, m, false)));
}

/** Moves the rows of a window to the start of its buffer, from the first one that is needed. */
function slide(m: usize): void {
  const tensor = word(m, MEMBER_OUT);
  const pitch = word(tensor, TENSOR_ROW_PITCH);
  const base = windowBase(m);
  const rows = base - word(m, MEMBER_BASE);
  const left = word(tensor, TENSOR_HALO_LEFT) * word(tensor, TENSOR_PIXEL_PITCH);
  store<i32>(tensor, word(tensor, TENSOR_OFFSET) - rows * pitch, TENSOR_OFFSET);
  store<i32>(m, base, MEMBER_BASE);
  const start = pixels(tensor) + base * pitch - left;
  const kept = extentBytes(tensor) - <i64>rows * pitch;
  if (kept > 0) memory.copy(start, start + rows * pitch, <usize>kept);
}

/** The records of a member become those of the rows due in the present band; false where there are none. */
export function takeRows(m: usize): bool {
  const output = word(m, MEMBER_OUT);
  const from = word(m, MEMBER_FROM);
  const to = word(m, MEMBER_TO);
  if (word(output, TENSOR_WINDOW)) slide(m);
  if (from == to) return false;
  memory.copy(OUTPUT, output, TENSOR_BYTES);
  skipRows(output, from);
  if (from > 0) store<i32>(output, 0, TENSOR_HALO_TOP);
  if (to < word(output, TENSOR_HEIGHT)) store<i32>(output, 0, TENSOR_HALO_BOTTOM);
  store<i32>(output, to - from, TENSOR_HEIGHT);
  store<i32>(output, 0, TENSOR_WINDOW);
  skipInputs(m, from);
  return true;
}

/** The records of a member become those of all its rows again. */
export function returnRows(m: usize): void {
  memory.copy(word(m, MEMBER_OUT), OUTPUT, TENSOR_BYTES);
  skipInputs(m, -word(m, MEMBER_FROM));
}

/** What a member reads begins so many output rows further down. */
function skipInputs(m: usize, rows: i32): void {
  const pad = word(m, MEMBER_PAD);
  if (pad != NO_WINDOWS) {
    store<i32>(pad, word(pad, 0) - rows * word(m, MEMBER_STRIDE));
    return;
  }
  skipRows(word(m, MEMBER_IN), rows);
  if (word(m, MEMBER_IN_B)) skipRows(word(m, MEMBER_IN_B), rows);
}

/** A tensor begins so many rows further down; the one row of an operand that is repeated stays. */
export function skipRows(tensor: usize, rows: i32): void {
  if (word(tensor, TENSOR_HEIGHT) == 1) return;
  store<i32>(tensor, word(tensor, TENSOR_OFFSET) + rows * word(tensor, TENSOR_ROW_PITCH), TENSOR_OFFSET);
}

/** The windows begin with their first rows again, as the next run wants them. */
export function closeGroup(): void {
  for (let m = MEMBERS; m < membersEnd; m += MEMBER_SIZE) {
    store<i32>(word(m, MEMBER_OUT), word(m, MEMBER_OFFSET), TENSOR_OFFSET);
  }
}
