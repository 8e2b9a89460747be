// Proves of a group of steps (bands.ts), going through its bands, that every member finds the rows that it reads, that
// windows are wide enough, and that nothing which is still needed is overwritten.
import {
  BAD_STEP,
  BANDS_COUNT,
  BANDS_MEMBERS,
  BANDS_ROWS,
  BANDS_STEP_BYTES,
  BANDS_MEMBER_BYTES,
  MAX_BAND_MEMBERS,
  MAX_BANDS,
  OK,
  OP_PAD,
  STEP_IN,
  STEP_OPCODE,
  TENSOR_DEFINED,
  TENSOR_HALO_BOTTOM,
  TENSOR_HALO_LEFT,
  TENSOR_HALO_RIGHT,
  TENSOR_HALO_TOP,
  TENSOR_HEIGHT,
  TENSOR_LAST_USE,
  TENSOR_OFFSET,
  TENSOR_PIXEL_PITCH,
  TENSOR_ROW_PITCH,
  TENSOR_WIDTH,
  TENSOR_WINDOW,
} from "./abi";
import {
  bandCount,
  firstBand,
  firstNeeded,
  MEMBER_IN,
  MEMBER_IN_B,
  MEMBER_OUT,
  MEMBER_PAD,
  MEMBER_REACH,
  MEMBER_SIZE,
  MEMBER_FROM,
  MEMBER_TO,
  MEMBER_STEP,
  MEMBER_STRIDE,
  MEMBERS,
  membersEnd,
  nextBand,
  openGroup,
  windowBase,
} from "./bands";
import { checkSameShape } from "./checks";
import { takesPacked } from "./parts-scratch";
import { extentBytes, fail, setWork, stepCount, word, work } from "./state";

/** Number of the present group's first step, and of the first one behind it. */
export let groupStart: i32 = 0;
export let groupEnd: i32 = 0;
/** Bands times members of all groups so far. */
let turns: i32 = 0;

export function resetGroups(): void {
  groupEnd = 0;
  turns = 0;
}

/** Opens the group at `step`, of a plan whose records and lifetimes are right by themselves, and checks its rows. */
export function checkGroup(step: usize, index: i32): i32 {
  const members = word(step, BANDS_MEMBERS);
  if (members < 1 || members > min(MAX_BAND_MEMBERS, stepCount - 1 - index)) {
    return fail(BAD_STEP, index, BANDS_MEMBERS, members);
  }
  const bands = word(step, BANDS_COUNT);
  if (bands < 1 || bands > (MAX_BANDS - turns) / members) return fail(BAD_STEP, index, BANDS_COUNT, bands);
  turns += bands * members;
  openGroup(step);
  groupStart = index + 1;
  groupEnd = groupStart + members;
  let at = BANDS_STEP_BYTES;
  for (let m = MEMBERS; m < membersEnd; m += MEMBER_SIZE) {
    if (word(step, at + BANDS_ROWS) < 1 || !isMember(m)) return fail(BAD_STEP, index, at, bands);
    at += BANDS_MEMBER_BYTES;
  }
  while (nextBand()) {
    for (let m = MEMBERS; m < membersEnd; m += MEMBER_SIZE) {
      if (!findsRows(m)) return fail(BAD_STEP, index, BANDS_STEP_BYTES, <i32>(m - MEMBERS) / MEMBER_SIZE);
    }
  }
  for (let m = MEMBERS; m < membersEnd; m += MEMBER_SIZE) {
    if (word(m, MEMBER_TO) != word(word(m, MEMBER_OUT), TENSOR_HEIGHT)) return fail(BAD_STEP, index, BANDS_COUNT, bands);
  }
  return OK;
}

/** A member's op takes its rows one by one. */
function isMember(m: usize): bool {
  const step = word(m, MEMBER_STEP);
  const output = word(m, MEMBER_OUT);
  const opcode = word(step, STEP_OPCODE);
  // A window's rows are moved in every band.
  if (word(output, TENSOR_WINDOW)) setWork(work + extentBytes(output) * bandCount);
  return opcode == OP_PAD ? checkSameShape(step, 0, STEP_IN) == OK : takesPacked(opcode);
}

/** Whether a member finds in the present band what it reads, and room for what it writes. */
function findsRows(m: usize): bool {
  const output = word(m, MEMBER_OUT);
  const done = word(m, MEMBER_TO);
  const window = word(output, TENSOR_WINDOW);
  if (window != 0 && lastRow(output, done) - windowBase(m) > window) return false;
  if (done == word(m, MEMBER_FROM)) return true;
  // Rows above the first are its halo, and those below the last come with it.
  const last = max((done - 1) * word(m, MEMBER_STRIDE) + word(m, MEMBER_REACH) - word(word(m, MEMBER_PAD), 0), 1);
  return exists(word(m, MEMBER_IN), last) && (word(m, MEMBER_IN_B) == 0 || exists(word(m, MEMBER_IN_B), last));
}

/** Whether so many rows of a tensor are there when a member reads it. */
function exists(tensor: usize, rows: i32): bool {
  const writer = writerOf(tensor);
  return writer == 0 || word(writer, MEMBER_TO) >= min(rows, word(tensor, TENSOR_HEIGHT));
}

/** The member that writes a tensor; 0 for one that was there before. */
function writerOf(tensor: usize): usize {
  const place = word(tensor, TENSOR_DEFINED) - 1 - groupStart;
  return place < 0 ? 0 : MEMBERS + place * MEMBER_SIZE;
}

/** The row behind the last one that exists when so many are done: the halo below comes with the last. */
function lastRow(tensor: usize, done: i32): i32 {
  return done < word(tensor, TENSOR_HEIGHT) ? done : done + word(tensor, TENSOR_HALO_BOTTOM);
}

/** The byte of a pixel. */
function byteOf(tensor: usize, y: i32, x: i32): i64 {
  return (
    word(tensor, TENSOR_OFFSET) +
    <i64>y * word(tensor, TENSOR_ROW_PITCH) +
    <i64>x * word(tensor, TENSOR_PIXEL_PITCH)
  );
}

/** First byte of a row's left halo. */
function leftOf(tensor: usize, row: i32): i64 {
  return byteOf(tensor, row, -word(tensor, TENSOR_HALO_LEFT));
}

/** The byte behind the right halo of the last row when so many are done. */
function endOf(tensor: usize, done: i32): i64 {
  return byteOf(tensor, lastRow(tensor, done) - 1, word(tensor, TENSOR_WIDTH) + word(tensor, TENSOR_HALO_RIGHT));
}

/**
 * Whether no band of the member at a step number writes over rows of `tensor` that are needed from then on. `onto` a
 * tensor of its output's geometry, an element-wise member may write each row over the one that it reads for it.
 */
export function keepsRows(index: i32, tensor: usize, onto: bool): bool {
  const m = MEMBERS + (index - groupStart) * MEMBER_SIZE;
  const output = word(m, MEMBER_OUT);
  const writer = writerOf(tensor);
  const kept = word(tensor, TENSOR_LAST_USE) > groupEnd;
  if ((kept && writer == 0) || word(output, TENSOR_WINDOW) != 0 || word(tensor, TENSOR_WINDOW) != 0) return false;
  const next = onto ? m + MEMBER_SIZE : m;
  firstBand();
  while (nextBand()) {
    const from = word(m, MEMBER_FROM);
    const to = word(m, MEMBER_TO);
    const done = writer == 0 ? word(tensor, TENSOR_HEIGHT) : word(writer, writer < m ? MEMBER_TO : MEMBER_FROM);
    if (from == to || done == 0) continue;
    // Windows take the halo on their left too.
    const windows = kept ? -word(tensor, TENSOR_HALO_TOP) : firstNeeded(tensor, next, true);
    const needed = min(leftOf(tensor, windows), byteOf(tensor, firstNeeded(tensor, next, false), 0));
    const start = leftOf(output, from == 0 ? -word(output, TENSOR_HALO_TOP) : from);
    if (start < endOf(tensor, done) && needed < endOf(output, to)) return false;
  }
  return true;
}
