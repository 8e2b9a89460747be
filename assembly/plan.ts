// Reads and validates a file: every offset, length and shape, before anything runs. The file is hostile.
import {
  BAD_IO,
  BAD_LENGTH,
  BAD_MAGIC,
  BAD_PLAN,
  BAD_SECTION,
  BAD_TENSOR,
  BAD_VERSION,
  DTYPE_INT16,
  DTYPE_INT4,
  DTYPE_INT8,
  DTYPE_UINT1,
  FEATURE_A16,
  FEATURE_A4,
  FEATURE_A8,
  FORMAT_MAJOR,
  FORMAT_MINOR,
  IO_BYTES,
  IO_HEADER_BYTES,
  IO_RECORD_BYTES,
  KIND_HEADER,
  KIND_IO,
  KIND_PLAN,
  KIND_WEIGHTS,
  LAST_OPCODE,
  MAGIC,
  MAX_EXTENT,
  MAX_SECTIONS,
  MAX_STEPS,
  MAX_TENSORS,
  OK,
  OUT_OF_MEMORY,
  PLAN_HEADER_BYTES,
  PLAN_RESERVED,
  PLAN_STEP_COUNT,
  PLAN_STEPS_AT,
  PLAN_TENSOR_COUNT,
  PREFIX_ARENA_BYTES,
  PREFIX_BYTES,
  PREFIX_FEATURES,
  PREFIX_FILE_BYTES,
  PREFIX_MAGIC,
  PREFIX_MAJOR,
  PREFIX_MINOR,
  PREFIX_RESERVED,
  PREFIX_SECTION_COUNT,
  SECTION_ALIGNMENT,
  SECTION_BYTES,
  SECTION_CRITICAL,
  SECTION_ENTRY_BYTES,
  SECTION_FLAGS,
  SECTION_KIND,
  SECTION_OFFSET,
  TENSOR_BYTES,
  TENSOR_CHANNELS,
  TENSOR_DEFINED,
  TENSOR_DTYPE,
  TENSOR_HALO_BOTTOM,
  TENSOR_HALO_FILL_AT,
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
  TENSOR_ZERO_POINT,
  UNKNOWN_SECTION,
  UNSUPPORTED_FEATURE,
} from "./abi";
import { claimConstant, resetClaims } from "./checks";
import { checkLifetimes } from "./lifetimes";
import {
  arenaBytes,
  extentBytes,
  extentStart,
  fail,
  filePtr,
  ioBytes,
  ioPtr,
  maxCode,
  minCode,
  pixelBytes,
  planBytes,
  planPtr,
  setCounts,
  setFile,
  setIo,
  setPlan,
  setWeights,
  tensorCount,
  tensorRecord,
  word,
} from "./state";
import { checkSteps } from "./steps";

/** Opcodes from 1 to LAST_OPCODE, activations of 16 bits to 1 and weights of 8 to 1. */
const WIDTHS: u64 = (1 << (FEATURE_A16 + 1)) - (1 << FEATURE_A8);
const FEATURES: u64 = ((1 << (LAST_OPCODE + 1)) - 2) | WIDTHS;

/** Checks the 64 bytes at `ptr`: magic, version, features, and that file and arena are sizes that wasm32 can hold. */
export function checkPrefix(ptr: usize): i32 {
  if (load<u32>(ptr, PREFIX_MAGIC) != MAGIC) return fail(BAD_MAGIC, 0, PREFIX_MAGIC, load<i32>(ptr, PREFIX_MAGIC));
  const major: i32 = load<u16>(ptr, PREFIX_MAJOR);
  const minor: i32 = load<u16>(ptr, PREFIX_MINOR);
  if (major != FORMAT_MAJOR) return fail(BAD_VERSION, 0, PREFIX_MAJOR, major);
  if (minor > FORMAT_MINOR) return fail(BAD_VERSION, 0, PREFIX_MINOR, minor);
  const unknown = load<u64>(ptr, PREFIX_FEATURES) & ~FEATURES;
  if (unknown != 0) return fail(UNSUPPORTED_FEATURE, 0, PREFIX_FEATURES, <i32>ctz(unknown));
  const bytes = load<i32>(ptr, PREFIX_FILE_BYTES);
  if (bytes < PREFIX_BYTES) return fail(BAD_LENGTH, 0, PREFIX_FILE_BYTES, bytes);
  const arena = load<i32>(ptr, PREFIX_ARENA_BYTES);
  if (arena < 0) return fail(OUT_OF_MEMORY, 0, PREFIX_ARENA_BYTES, arena);
  const reserved = load<i32>(ptr, PREFIX_RESERVED);
  return reserved == 0 ? OK : fail(BAD_LENGTH, 0, PREFIX_RESERVED, reserved);
}

/** Validates the file of `length` bytes at `ptr`, which will run in the arena behind it. */
export function checkFile(ptr: usize, length: i32, arena: usize): i32 {
  if (length < PREFIX_BYTES) return fail(BAD_LENGTH, 0, PREFIX_FILE_BYTES, length);
  let status = checkPrefix(ptr);
  if (status != OK) return status;
  if (load<i32>(ptr, PREFIX_FILE_BYTES) != length) return fail(BAD_LENGTH, 0, PREFIX_FILE_BYTES, length);
  setFile(ptr, arena, load<i32>(ptr, PREFIX_ARENA_BYTES));
  resetClaims();
  status = checkSections(ptr, length);
  if (status == OK) status = checkCounts();
  if (status == OK) status = checkTensors();
  if (status == OK) status = checkSteps(load<u64>(ptr, PREFIX_FEATURES));
  return status != OK ? status : checkLifetimes();
}

/** Sections lie in the order of the table, aligned, without overlap; io, plan and weights are there exactly once. */
function checkSections(ptr: usize, length: i32): i32 {
  const count = load<i32>(ptr, PREFIX_SECTION_COUNT);
  if (count < 1 || count > MAX_SECTIONS) return fail(BAD_SECTION, 0, PREFIX_SECTION_COUNT, count);
  let end: i64 = PREFIX_BYTES + count * SECTION_ENTRY_BYTES;
  let seen = 0;
  for (let i = 0; i < count; i++) {
    const entry = ptr + PREFIX_BYTES + i * SECTION_ENTRY_BYTES;
    if (<i64>(PREFIX_BYTES + (i + 1) * SECTION_ENTRY_BYTES) > <i64>length) {
      return fail(BAD_LENGTH, i, SECTION_OFFSET, length);
    }
    const kind = word(entry, SECTION_KIND);
    const offset = <i64>load<u32>(entry, SECTION_OFFSET);
    const bytes = <i64>load<u32>(entry, SECTION_BYTES);
    if (offset < end || offset % SECTION_ALIGNMENT != 0 || offset + bytes > <i64>length) {
      return fail(BAD_SECTION, kind, SECTION_OFFSET, <i32>offset);
    }
    end = offset + bytes;
    if (kind < KIND_IO || kind > KIND_HEADER) {
      if (word(entry, SECTION_FLAGS) & SECTION_CRITICAL) return fail(UNKNOWN_SECTION, kind, SECTION_KIND, kind);
      continue;
    }
    if (seen & (1 << kind)) return fail(BAD_SECTION, kind, SECTION_KIND, kind);
    seen |= 1 << kind;
    if (kind == KIND_IO) setIo(ptr + <usize>offset, <i32>bytes);
    if (kind == KIND_PLAN) setPlan(ptr + <usize>offset, <i32>bytes);
    if (kind == KIND_WEIGHTS) setWeights(ptr + <usize>offset, <i32>bytes);
  }
  const needed = (1 << KIND_IO) | (1 << KIND_PLAN) | (1 << KIND_WEIGHTS);
  return (seen & needed) == needed ? OK : fail(BAD_SECTION, 0, PREFIX_SECTION_COUNT, seen);
}

/** The counts that head the plan and the io section. */
function checkCounts(): i32 {
  if (planBytes < PLAN_HEADER_BYTES) return fail(BAD_PLAN, 0, PLAN_TENSOR_COUNT, planBytes);
  const tensors = word(planPtr, PLAN_TENSOR_COUNT);
  const steps = word(planPtr, PLAN_STEP_COUNT);
  const at = word(planPtr, PLAN_STEPS_AT);
  if (tensors < 1 || tensors > MAX_TENSORS) return fail(BAD_PLAN, 0, PLAN_TENSOR_COUNT, tensors);
  if (steps < 1 || steps > MAX_STEPS) return fail(BAD_PLAN, 0, PLAN_STEP_COUNT, steps);
  if (at != PLAN_HEADER_BYTES + tensors * TENSOR_BYTES || at > planBytes) return fail(BAD_PLAN, 0, PLAN_STEPS_AT, at);
  if (word(planPtr, PLAN_RESERVED) != 0) return fail(BAD_PLAN, 0, PLAN_RESERVED, word(planPtr, PLAN_RESERVED));
  setCounts(tensors, steps, at);
  if (ioBytes < IO_HEADER_BYTES) return fail(BAD_IO, 0, IO_BYTES, ioBytes);
  const records = word(ioPtr, 0);
  const fits = records >= 1 && records <= MAX_TENSORS && records * IO_RECORD_BYTES <= ioBytes - IO_HEADER_BYTES;
  return fits ? OK : fail(BAD_IO, 0, 0, records);
}

function checkTensors(): i32 {
  for (let i = 0; i < tensorCount; i++) {
    const status = checkTensor(tensorRecord(i), i);
    if (status != OK) return status;
  }
  return OK;
}

function checkTensor(tensor: usize, index: i32): i32 {
  const dtype = word(tensor, TENSOR_DTYPE);
  const packed = dtype >= DTYPE_INT4 && dtype <= DTYPE_UINT1;
  const wide = dtype == DTYPE_INT16;
  if (dtype != DTYPE_INT8 && !packed && !wide) return bad(tensor, index, TENSOR_DTYPE);
  const feature = packed ? FEATURE_A4 + dtype - DTYPE_INT4 : wide ? FEATURE_A16 : FEATURE_A8;
  if (!((load<u64>(filePtr, PREFIX_FEATURES) >> feature) & 1)) return bad(tensor, index, TENSOR_DTYPE);
  // Kernels get packed pixels in scratch, and what lies around them too; no kernel reads around 16-bit ones.
  const mostHalo = packed || wide ? 0 : MAX_EXTENT;
  for (let at = TENSOR_HEIGHT; at <= TENSOR_CHANNELS; at += 4) {
    if (word(tensor, at) < 1 || word(tensor, at) > MAX_EXTENT) return bad(tensor, index, at);
  }
  for (let at = TENSOR_HALO_TOP; at <= TENSOR_HALO_RIGHT; at += 4) {
    if (word(tensor, at) < 0 || word(tensor, at) > mostHalo) return bad(tensor, index, at);
  }
  for (let at = TENSOR_DEFINED; at <= TENSOR_LAST_USE; at += 4) {
    if (word(tensor, at) != 0) return bad(tensor, index, at);
  }
  const window = word(tensor, TENSOR_WINDOW);
  if (window < 0 || window > MAX_EXTENT) return bad(tensor, index, TENSOR_WINDOW);
  const zeroPoint = word(tensor, TENSOR_ZERO_POINT);
  if (zeroPoint < minCode(tensor) || zeroPoint > maxCode(tensor)) return bad(tensor, index, TENSOR_ZERO_POINT);
  if (wide && zeroPoint != 0) return bad(tensor, index, TENSOR_ZERO_POINT);
  const pitch = word(tensor, TENSOR_PIXEL_PITCH);
  if (pitch < pixelBytes(tensor)) return bad(tensor, index, TENSOR_PIXEL_PITCH);
  const gap = max(word(tensor, TENSOR_HALO_LEFT), word(tensor, TENSOR_HALO_RIGHT));
  const row = word(tensor, TENSOR_ROW_PITCH);
  if (<i64>row < (<i64>word(tensor, TENSOR_WIDTH) + gap) * pitch) return bad(tensor, index, TENSOR_ROW_PITCH);
  // Pitches are below 2^31 and extents below 2^17, so none of these sums leaves 64 bits.
  const start = extentStart(tensor);
  if (start < 0 || start + extentBytes(tensor) > <i64>arenaBytes) return bad(tensor, index, TENSOR_OFFSET);
  const fillAt = word(tensor, TENSOR_HALO_FILL_AT);
  if (fillAt == -1) return OK;
  if (packed || wide) return bad(tensor, index, TENSOR_HALO_FILL_AT);
  if (row % pitch != 0) return bad(tensor, index, TENSOR_ROW_PITCH);
  return claimConstant(tensor, index, TENSOR_HALO_FILL_AT, word(tensor, TENSOR_CHANNELS));
}

function bad(tensor: usize, index: i32, at: i32): i32 {
  return fail(BAD_TENSOR, index, at, word(tensor, at));
}
