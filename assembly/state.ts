// The one model of this instance: where its parts lie in memory, and the last error.
import {
  DTYPE_INT16,
  DTYPE_INT4,
  DTYPE_INT8,
  IO_HEADER_BYTES,
  IO_RECORD_BYTES,
  STEP_BYTES,
  TENSOR_BYTES,
  TENSOR_CHANNELS,
  TENSOR_DTYPE,
  TENSOR_HALO_BOTTOM,
  TENSOR_HALO_LEFT,
  TENSOR_HALO_RIGHT,
  TENSOR_HALO_TOP,
  TENSOR_HEIGHT,
  TENSOR_OFFSET,
  TENSOR_PIXEL_PITCH,
  TENSOR_ROW_PITCH,
  TENSOR_WIDTH,
  TENSOR_WINDOW,
  PLAN_HEADER_BYTES,
} from "./abi";

export let filePtr: usize = 0;
export let planPtr: usize = 0;
export let planBytes: i32 = 0;
export let ioPtr: usize = 0;
export let ioBytes: i32 = 0;
export let weightsPtr: usize = 0;
export let weightsBytes: i32 = 0;
export let arenaPtr: usize = 0;
export let arenaBytes: i32 = 0;
export let tensorCount: i32 = 0;
export let stepCount: i32 = 0;
export let stepsAt: i32 = 0;

/** Multiply-adds, pooled elements and bytes written of one run, of a validated plan. */
export let work: i64 = 0;

/**
 * How activation bytes are stored: code ^ flip. 0 stores signed codes; -128 stores code + 128 as u8, the operand
 * that x86's dot product takes. Chosen once a load for the whole model (DESIGN section 3).
 */
export let flip: i32 = 0;

export let detail0: i32 = 0;
export let detail1: i32 = 0;
export let detail2: i32 = 0;

export function setFile(ptr: usize, arena: usize, arenaSize: i32): void {
  filePtr = ptr;
  arenaPtr = arena;
  arenaBytes = arenaSize;
}
export function setIo(ptr: usize, bytes: i32): void {
  ioPtr = ptr;
  ioBytes = bytes;
}
export function setPlan(ptr: usize, bytes: i32): void {
  planPtr = ptr;
  planBytes = bytes;
}
export function setWeights(ptr: usize, bytes: i32): void {
  weightsPtr = ptr;
  weightsBytes = bytes;
}
export function setCounts(tensors: i32, steps: i32, at: i32): void {
  tensorCount = tensors;
  stepCount = steps;
  stepsAt = at;
}
export function setWork(value: i64): void {
  work = value;
}
export function setFlip(value: i32): void {
  flip = value;
}

/** Notes where a file is wrong and returns the status. Meaning of the details by status: src/model/README.md. */
export function fail(status: i32, where: i32, field: i32, found: i32): i32 {
  detail0 = where;
  detail1 = field;
  detail2 = found;
  return status;
}

/** A word of a record. */
// @ts-ignore: decorator
@inline
export function word(record: usize, at: i32): i32 {
  return load<i32>(record + at);
}

/** The record of a tensor; the index was validated. */
// @ts-ignore: decorator
@inline
export function tensorRecord(index: i32): usize {
  return planPtr + PLAN_HEADER_BYTES + index * TENSOR_BYTES;
}

/** An io record; the index was validated. */
// @ts-ignore: decorator
@inline
export function ioRecord(index: i32): usize {
  return ioPtr + IO_HEADER_BYTES + index * IO_RECORD_BYTES;
}

/** The record of the tensor whose index stands in a step's word. */
// @ts-ignore: decorator
@inline
export function tensorOf(step: usize, at: i32): usize {
  return tensorRecord(word(step, at));
}

// @ts-ignore: decorator
@inline
export function firstStep(): usize {
  return planPtr + stepsAt;
}

// @ts-ignore: decorator
@inline
export function nextStep(step: usize): usize {
  return step + word(step, STEP_BYTES);
}

/** Address of pixel (0, 0), channel 0. */
// @ts-ignore: decorator
@inline
export function pixels(tensor: usize): usize {
  return arenaPtr + word(tensor, TENSOR_OFFSET);
}

/** Bytes from one element of an axis (AXIS_*) to the next. */
export function pitchOf(tensor: usize, axis: i32): i32 {
  return axis == 0 ? word(tensor, TENSOR_ROW_PITCH) : axis == 1 ? word(tensor, TENSOR_PIXEL_PITCH) : 1;
}

/** First byte of a tensor with its halo, relative to the arena. */
export function extentStart(tensor: usize): i64 {
  return (
    <i64>word(tensor, TENSOR_OFFSET) -
    <i64>word(tensor, TENSOR_HALO_TOP) * word(tensor, TENSOR_ROW_PITCH) -
    <i64>word(tensor, TENSOR_HALO_LEFT) * word(tensor, TENSOR_PIXEL_PITCH)
  );
}

/** Bytes of a tensor with its halo, of as many rows as it has in the arena at a time. */
export function extentBytes(tensor: usize): i64 {
  let rows = <i64>word(tensor, TENSOR_WINDOW);
  if (rows == 0) rows = <i64>word(tensor, TENSOR_HALO_TOP) + word(tensor, TENSOR_HEIGHT) + word(tensor, TENSOR_HALO_BOTTOM);
  const columns = <i64>word(tensor, TENSOR_HALO_LEFT) + word(tensor, TENSOR_WIDTH) + word(tensor, TENSOR_HALO_RIGHT);
  return (rows - 1) * word(tensor, TENSOR_ROW_PITCH) + columns * word(tensor, TENSOR_PIXEL_PITCH);
}

/** Bytes of a tensor without halo and gaps: what the host sees. */
export function denseBytes(tensor: usize): i64 {
  const codes = <i64>word(tensor, TENSOR_HEIGHT) * word(tensor, TENSOR_WIDTH) * word(tensor, TENSOR_CHANNELS);
  return isWide(tensor) ? codes * 2 : codes;
}

/** Bits of a code: 16, 8, or fewer in tensors whose pixels are packed. */
// @ts-ignore: decorator
@inline
export function bitsOf(tensor: usize): i32 {
  const dtype = word(tensor, TENSOR_DTYPE);
  if (dtype == DTYPE_INT16) return 16;
  return dtype < DTYPE_INT4 ? 8 : 4 >> (dtype - DTYPE_INT4);
}

/** Whether codes take two bytes. They are stored as they are: only bytes are flipped. */
// @ts-ignore: decorator
@inline
export function isWide(tensor: usize): bool {
  return word(tensor, TENSOR_DTYPE) == DTYPE_INT16;
}

/** Whether the codes are bytes. */
// @ts-ignore: decorator
@inline
export function isByte(tensor: usize): bool {
  return word(tensor, TENSOR_DTYPE) == DTYPE_INT8;
}

/** The code of 8 or 16 bits at a channel of the pixel. */
// @ts-ignore: decorator
@inline
export function loadCode(pixel: usize, channel: i32, wide: bool): i32 {
  return wide ? load<i16>(pixel + (channel << 1)) : load<i8>(pixel + channel) ^ flip;
}

/** Puts a code of 8 or 16 bits at a channel of the pixel. */
// @ts-ignore: decorator
@inline
export function storeCode(pixel: usize, channel: i32, code: i32, wide: bool): void {
  if (wide) {
    store<i16>(pixel + (channel << 1), <i16>code);
  } else {
    store<u8>(pixel + channel, <u8>(code ^ flip));
  }
}

// @ts-ignore: decorator
@inline
export function isPacked(tensor: usize): bool {
  return word(tensor, TENSOR_DTYPE) >= DTYPE_INT4;
}

export function minCode(tensor: usize): i32 {
  const bits = bitsOf(tensor);
  return bits == 1 ? 0 : -(1 << (bits - 1));
}

export function maxCode(tensor: usize): i32 {
  const bits = bitsOf(tensor);
  return bits == 1 ? 1 : (1 << (bits - 1)) - 1;
}

/** Bytes that the codes of a pixel take. */
export function pixelBytes(tensor: usize): i32 {
  return (word(tensor, TENSOR_CHANNELS) * bitsOf(tensor) + 7) >> 3;
}

/** Whether the pixels lie one behind the other without halo or gap. */
export function isDense(tensor: usize): bool {
  const bytes = pixelBytes(tensor);
  return (
    extentBytes(tensor) == <i64>word(tensor, TENSOR_HEIGHT) * word(tensor, TENSOR_WIDTH) * bytes &&
    word(tensor, TENSOR_PIXEL_PITCH) == bytes
  );
}
