// The engine behind the canonical ABI of the component model (component.wit): lists of bytes in and out, zero imports.
import { BAD_LENGTH, DTYPE_UINT8, IO_BYTES, IO_DTYPE, NOT_LOADED, OK, OP_INPUT } from "./abi";
import { borderPtr, isLoaded, loadFile, prefixStatus, requiredBytes, reserve, runSteps } from "./engine";
import { stepCount, word } from "./state";
import { checkRecords, finishOutput, isInput, isOutput, recordAt, recordCount, sampleBytes } from "./wasi/records";

/** A `result` in memory: its case, then at 4 the status of an error, or address and length of a list. */
const RESULT: usize = memory.data(16, 8);

/** Behind the model's arena: lists that come and go. */
let room: usize = 0;

/** Memory for a list that the caller passes: the file's own place first, then the room, anew for every call. */
export function cabi_realloc(old: usize, oldSize: usize, alignment: usize, size: usize): usize {
  if (!isLoaded()) return reserve(<u32>size);
  grow(room + size);
  return room;
}

function grow(end: usize): void {
  const missing = <i32>((end + 0xffff) >> 16) - memory.size();
  if (missing > 0 && memory.grow(missing) < 0) unreachable();
}

function failed(status: i32): usize {
  store<i32>(RESULT, 1);
  store<i32>(RESULT, status, 4);
  return RESULT;
}

/** load: func(model: list<u8>) -> result<_, s32>; once an instance. */
function loadModel(ptr: usize, length: i32): usize {
  if (isLoaded()) return failed(BAD_LENGTH);
  let status = prefixStatus(ptr, length);
  if (status != OK) return failed(status);
  const required = requiredBytes(ptr);
  if (reserve(required) == 0) unreachable();
  status = loadFile(ptr, length);
  if (status == OK) status = checkRecords();
  if (status != OK) return failed(status);
  room = ptr + required;
  store<i32>(RESULT, 0);
  return RESULT;
}

/** run: func(input: list<u8>) -> result<list<u8>, s32>; every input one behind the other, then every output so. */
export function run(ptr: usize, length: i32): usize {
  if (!isLoaded()) return failed(NOT_LOADED);
  if (<i64>length != sampleBytes()) return failed(BAD_LENGTH);
  for (let i = 0; i < recordCount(); i++) {
    const record = recordAt(i);
    if (!isInput(record)) continue;
    const flip: u8 = word(record, IO_DTYPE) == DTYPE_UINT8 ? 0x80 : 0;
    const stage = borderPtr(OP_INPUT, i);
    const bytes = word(record, IO_BYTES);
    for (let at = 0; at < bytes; at++) store<u8>(stage + at, load<u8>(ptr + at) ^ flip);
    ptr += bytes;
  }
  const status = runSteps(0, stepCount);
  return status == OK ? outputs() : failed(status);
}

function outputs(): usize {
  let end = room;
  for (let i = 0; i < recordCount(); i++) {
    if (!isOutput(recordAt(i))) continue;
    const bytes = word(recordAt(i), IO_BYTES);
    grow(end + bytes);
    memory.copy(end, finishOutput(i), bytes);
    end += bytes;
  }
  store<i32>(RESULT, 0);
  store<usize>(RESULT, room, 4);
  store<usize>(RESULT, end - room, 8);
  return RESULT;
}

export { loadModel as load };
