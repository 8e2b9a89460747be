// Constant, pad and reshape: bytes move, codes do not change.
import {
  BAD_STEP,
  CONSTANT_AT,
  MAX_EXTENT,
  OK,
  PAD_CHANNEL,
  PAD_FILL,
  PAD_LEFT,
  PAD_STRIDE_H,
  PAD_STRIDE_W,
  PAD_TOP,
  STEP_IN,
  STEP_OUT,
  TENSOR_CHANNELS,
  TENSOR_HEIGHT,
  TENSOR_PIXEL_PITCH,
  TENSOR_ROW_PITCH,
  TENSOR_WIDTH,
} from "../abi";
import { checkRange, claimConstant } from "../checks";
import {
  bitsOf,
  denseBytes,
  extentBytes,
  fail,
  flip,
  isByte,
  isDense,
  maxCode,
  minCode,
  pixels,
  tensorOf,
  weightsPtr,
  word,
} from "../state";
import { fillHalo, spread } from "./border";
import { fillCodes, moveCodes } from "./move";

export function checkConstant(step: usize, index: i32): i32 {
  const status = checkRange(step, index, STEP_IN, -1, -1);
  return status != OK ? status : claimConstant(step, index, CONSTANT_AT, denseBytes(tensorOf(step, STEP_OUT)));
}

export function constant_a8(step: usize): void {
  spread(tensorOf(step, STEP_OUT), weightsPtr + word(step, CONSTANT_AT));
}

export function checkPad(step: usize, index: i32): i32 {
  let status = checkRange(step, index, PAD_STRIDE_H, 1, MAX_EXTENT);
  if (status == OK) status = checkRange(step, index, PAD_FILL, minCode(tensorOf(step, STEP_OUT)), maxCode(tensorOf(step, STEP_OUT)));
  if (status == OK) status = checkRange(step, index, PAD_STRIDE_W, 1, MAX_EXTENT);
  if (status == OK) status = checkInside(step, index, PAD_TOP, TENSOR_HEIGHT, word(step, PAD_STRIDE_H));
  if (status == OK) status = checkInside(step, index, PAD_LEFT, TENSOR_WIDTH, word(step, PAD_STRIDE_W));
  return status != OK ? status : checkInside(step, index, PAD_CHANNEL, TENSOR_CHANNELS, 1);
}

function checkInside(step: usize, index: i32, before: i32, size: i32, stride: i32): i32 {
  const status = checkRange(step, index, before, 0, MAX_EXTENT);
  if (status != OK) return status;
  const last = word(step, before) + <i64>(word(tensorOf(step, STEP_IN), size) - 1) * stride;
  return last < <i64>word(tensorOf(step, STEP_OUT), size) ? OK : fail(BAD_STEP, index, before, <i32>last);
}

export function pad_a8(step: usize): void {
  const input = tensorOf(step, STEP_IN);
  const output = tensorOf(step, STEP_OUT);
  const channels = word(input, TENSOR_CHANNELS);
  const width = word(input, TENSOR_WIDTH);
  const pitch = word(output, TENSOR_PIXEL_PITCH);
  const outStep = word(step, PAD_STRIDE_W) * pitch;
  const bits = bitsOf(output);
  // In a band, as many rows as are due.
  const rows = min(word(input, TENSOR_HEIGHT), word(output, TENSOR_HEIGHT));
  // Whole pixels that touch are copied by rows; where nothing is padded, that is all there is.
  const touch = channels == word(output, TENSOR_CHANNELS) && outStep == word(input, TENSOR_PIXEL_PITCH);
  const full = touch && rows == word(output, TENSOR_HEIGHT) && width == word(output, TENSOR_WIDTH);
  if (!full) fillRows(output, word(step, PAD_FILL), bits);
  for (let y = 0; y < rows; y++) {
    let a = pixels(input) + y * word(input, TENSOR_ROW_PITCH);
    let out =
      pixels(output) +
      (word(step, PAD_TOP) + y * word(step, PAD_STRIDE_H)) * word(output, TENSOR_ROW_PITCH) +
      word(step, PAD_LEFT) * pitch;
    if (touch) {
      memory.copy(out, a, width * outStep);
      continue;
    }
    for (let x = 0; x < width; x++) {
      moveCodes(out, word(step, PAD_CHANNEL), a, 0, channels, bits);
      a += word(input, TENSOR_PIXEL_PITCH);
      out += outStep;
    }
  }
  fillHalo(output);
}

function fillRows(tensor: usize, fill: i32, bits: i32): void {
  const width = word(tensor, TENSOR_WIDTH);
  const pitch = word(tensor, TENSOR_PIXEL_PITCH);
  for (let y = 0; y < word(tensor, TENSOR_HEIGHT); y++) {
    let row = pixels(tensor) + y * word(tensor, TENSOR_ROW_PITCH);
    if (bits == 8) {
      memory.fill(row, <u8>(fill ^ flip), width * pitch);
      continue;
    }
    for (let x = 0; x < width; x++) {
      fillCodes(row, word(tensor, TENSOR_CHANNELS), fill, bits);
      row += pitch;
    }
  }
}

export function checkReshape(step: usize, index: i32): i32 {
  const input = tensorOf(step, STEP_IN);
  const output = tensorOf(step, STEP_OUT);
  if (denseBytes(input) != denseBytes(output)) return fail(BAD_STEP, index, STEP_OUT, <i32>denseBytes(output));
  return isByte(input) && isByte(output) ? OK : checkWholeReshape(step, index);
}

/** Codes that are no bytes stay where they are: whole bytes a pixel on both sides, one behind the other. */
function checkWholeReshape(step: usize, index: i32): i32 {
  const input = tensorOf(step, STEP_IN);
  const output = tensorOf(step, STEP_OUT);
  const bits = bitsOf(input);
  const tails = (word(input, TENSOR_CHANNELS) | word(output, TENSOR_CHANNELS)) * bits;
  const same = bits == bitsOf(output) && tails % 8 == 0 && isDense(input) && isDense(output);
  return same ? OK : fail(BAD_STEP, index, STEP_IN, bits);
}

/** Copies in the order of the elements; nothing to do where the planner gave both the same dense bytes. */
export function reshape_a8(step: usize): void {
  const input = tensorOf(step, STEP_IN);
  const output = tensorOf(step, STEP_OUT);
  if (isDense(input) && isDense(output)) {
    if (pixels(input) != pixels(output)) memory.copy(pixels(output), pixels(input), <usize>extentBytes(input));
    return;
  }
  const outChannels = word(output, TENSOR_CHANNELS);
  const inChannels = word(input, TENSOR_CHANNELS);
  let c = 0;
  let x = 0;
  let source = pixels(input);
  let sourceRow = source;
  for (let y = 0; y < word(output, TENSOR_HEIGHT); y++) {
    for (let column = 0; column < word(output, TENSOR_WIDTH); column++) {
      const out = pixels(output) + y * word(output, TENSOR_ROW_PITCH) + column * word(output, TENSOR_PIXEL_PITCH);
      for (let channel = 0; channel < outChannels; channel++) {
        store<u8>(out + channel, load<u8>(source + c));
        if (++c < inChannels) continue;
        c = 0;
        source += word(input, TENSOR_PIXEL_PITCH);
        if (++x < word(input, TENSOR_WIDTH)) continue;
        x = 0;
        sourceRow += word(input, TENSOR_ROW_PITCH);
        source = sourceRow;
      }
    }
  }
  fillHalo(output);
}
