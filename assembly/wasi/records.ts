// The io section as the command needs it: its records validated, and samples moved across the model's border.
import {
  BAD_IO,
  DTYPE_INT32,
  DTYPE_INT8,
  DTYPE_UINT8,
  IO_BYTES,
  IO_CANONICAL_SHAPE,
  IO_DTYPE,
  IO_HEADER_BYTES,
  IO_LABELS_AT,
  IO_LABELS_BYTES,
  IO_LAYOUT,
  IO_MAX_RANK,
  IO_NAME_AT,
  IO_NAME_BYTES,
  IO_ORIGINAL_RANK,
  IO_ORIGINAL_SHAPE,
  IO_RECORD_BYTES,
  IO_ROLE,
  IO_TENSOR,
  LAYOUT_FLAT,
  LAYOUT_NCHW,
  OK,
  OP_INPUT,
  OP_OUTPUT,
  ROLE_INPUT,
  ROLE_OUTPUT,
  ROLE_STATE,
  TENSOR_HEIGHT,
} from "../abi";
import { borderPtr } from "../engine";
import { fail, ioBytes, ioPtr, tensorRecord, word } from "../state";
import { STDIN } from "./imports";
import { print, printByte, printBytes, printNumber, readAll } from "./stream";

export function recordCount(): i32 {
  return word(ioPtr, 0);
}

export function recordAt(index: i32): usize {
  return ioPtr + IO_HEADER_BYTES + index * IO_RECORD_BYTES;
}

export function isInput(record: usize): bool {
  return word(record, IO_ROLE) == ROLE_INPUT;
}

export function isOutput(record: usize): bool {
  return word(record, IO_ROLE) == ROLE_OUTPUT;
}

/** Bytes of a code: 4 of an i32 output, which is four channels in the arena. */
export function codeBytes(record: usize): i32 {
  return word(record, IO_DTYPE) == DTYPE_INT32 ? 4 : 1;
}

/** Checks what loading left open: dtypes, shapes, and that every text lies in the section, no byte used twice. */
export function checkRecords(): i32 {
  const blobAt = IO_HEADER_BYTES + recordCount() * IO_RECORD_BYTES;
  let unread: i64 = ioBytes - blobAt;
  for (let i = 0; i < recordCount(); i++) {
    const record = recordAt(i);
    const dtype = word(record, IO_DTYPE);
    const known = dtype == DTYPE_INT8 || dtype == DTYPE_UINT8 || (dtype == DTYPE_INT32 && isOutput(record));
    if (!known) return bad(record, i, IO_DTYPE);
    if (word(record, IO_ROLE) == ROLE_STATE) continue;
    if (stageOf(i) == 0) return bad(record, i, IO_ROLE);
    const status = checkShapes(record, i);
    if (status != OK) return status;
    if (!isText(record, IO_NAME_AT, blobAt)) return bad(record, i, IO_NAME_AT);
    unread -= word(record, IO_NAME_BYTES);
    if (word(record, IO_LABELS_AT) != 0) {
      if (!isText(record, IO_LABELS_AT, blobAt)) return bad(record, i, IO_LABELS_AT);
      unread -= word(record, IO_LABELS_BYTES);
    }
    if (unread < 0) return bad(record, i, IO_NAME_BYTES);
  }
  return OK;
}

/** Whether an offset and the byte count behind it lie in the section, behind the records. */
function isText(record: usize, at: i32, blobAt: i32): bool {
  const start = <i64>word(record, at);
  const bytes = <i64>word(record, at + 4);
  return start >= blobAt && bytes >= 0 && start + bytes <= <i64>ioBytes;
}

/** Loading proved that IO_BYTES are the tensor's elements. */
function checkShapes(record: usize, index: i32): i32 {
  const tensor = tensorRecord(word(record, IO_TENSOR));
  for (let axis = 0; axis < 12; axis += 4) {
    const size = word(record, IO_CANONICAL_SHAPE + axis) * (axis == 8 ? codeBytes(record) : 1);
    if (size != word(tensor, TENSOR_HEIGHT + axis)) {
      return bad(record, index, IO_CANONICAL_SHAPE + axis);
    }
  }
  const layout = word(record, IO_LAYOUT);
  if (layout < LAYOUT_FLAT || layout > LAYOUT_NCHW) return bad(record, index, IO_LAYOUT);
  const rank = word(record, IO_ORIGINAL_RANK);
  if (rank < 0 || rank > IO_MAX_RANK) return bad(record, index, IO_ORIGINAL_RANK);
  let elements: i64 = codeBytes(record);
  for (let axis = 0; axis < rank; axis++) {
    const size = word(record, IO_ORIGINAL_SHAPE + 4 * axis);
    if (size < 1) return bad(record, index, IO_ORIGINAL_SHAPE + 4 * axis);
    elements *= size;
    if (elements > <i64>word(record, IO_BYTES)) return bad(record, index, IO_ORIGINAL_SHAPE + 4 * axis);
  }
  return elements == <i64>word(record, IO_BYTES) ? OK : bad(record, index, IO_ORIGINAL_SHAPE);
}

function bad(record: usize, index: i32, at: i32): i32 {
  return fail(BAD_IO, index, at, word(record, at));
}

/** Where the codes of an input or output lie, dense. */
export function stageOf(index: i32): usize {
  return borderPtr(isInput(recordAt(index)) ? OP_INPUT : OP_OUTPUT, index);
}

/** Bytes of all inputs: one sample on stdin. */
export function sampleBytes(): i64 {
  let total: i64 = 0;
  for (let i = 0; i < recordCount(); i++) {
    if (isInput(recordAt(i))) total += word(recordAt(i), IO_BYTES);
  }
  return total;
}

/** Reads one sample into the engine; returns the bytes that stdin had for it. */
export function readSample(): i64 {
  let total: i64 = 0;
  for (let i = 0; i < recordCount(); i++) {
    const record = recordAt(i);
    if (!isInput(record)) continue;
    const bytes: usize = word(record, IO_BYTES);
    const stage = stageOf(i);
    const got = readAll(STDIN, stage, bytes);
    total += <i64>got;
    if (got < bytes) break;
    if (word(record, IO_DTYPE) == DTYPE_UINT8) moveRange(stage, bytes);
  }
  return total;
}

/** An output of the last run in its own dtype. Once a run: the codes are translated where they lie. */
export function finishOutput(index: i32): usize {
  const record = recordAt(index);
  const stage = stageOf(index);
  if (word(record, IO_DTYPE) == DTYPE_UINT8) moveRange(stage, word(record, IO_BYTES));
  return stage;
}

/** Between uint8 codes and int8 codes, 128 lower: the same bit either way. */
function moveRange(ptr: usize, bytes: usize): void {
  for (const end = ptr + bytes; ptr < end; ptr++) store<u8>(ptr, load<u8>(ptr) ^ 0x80);
}

export function printDtype(record: usize): void {
  const dtype = word(record, IO_DTYPE);
  print(dtype == DTYPE_UINT8 ? "uint8" : dtype == DTYPE_INT32 ? "int32" : "int8");
}

/** The shape that the bytes are in the order of: the declared one, or NHWC for models that declare NCHW. */
export function printShape(record: usize): void {
  const channelsFirst = word(record, IO_LAYOUT) == LAYOUT_NCHW;
  const rank = channelsFirst ? 3 : word(record, IO_ORIGINAL_RANK);
  const at = channelsFirst ? IO_CANONICAL_SHAPE : IO_ORIGINAL_SHAPE;
  print(channelsFirst ? "[1," : "[");
  for (let axis = 0; axis < rank; axis++) {
    if (axis > 0) printByte(0x2c);
    printNumber(word(record, at + 4 * axis));
  }
  printByte(0x5d);
}

/** For messages: `"image" uint8 [1,32,32,3]`. */
export function describe(record: usize): void {
  printByte(0x22);
  printBytes(ioPtr + word(record, IO_NAME_AT), word(record, IO_NAME_BYTES));
  print("\" ");
  printDtype(record);
  printByte(0x20);
  printShape(record);
}
