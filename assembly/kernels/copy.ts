// Pad and reshape: bytes move, codes do not change.
import {
  BAD_STEP,
  MAX_EXTENT,
  OK,
  PAD_CHANNEL,
  PAD_LEFT,
  PAD_TOP,
  STEP_IN,
  STEP_OUT,
  TENSOR_CHANNELS,
  TENSOR_HEIGHT,
  TENSOR_PIXEL_PITCH,
  TENSOR_ROW_PITCH,
  TENSOR_WIDTH,
  TENSOR_ZERO_POINT,
} from "../abi";
import { checkRange } from "../checks";
import { bitsOf, denseBytes, extentBytes, fail, flip, isDense, isPacked, pixels, tensorOf, word } from "../state";
import { fillHalo } from "./border";

export function checkPad(step: usize, index: i32): i32 {
  let status = checkInside(step, index, PAD_TOP, TENSOR_HEIGHT);
  if (status == OK) status = checkInside(step, index, PAD_LEFT, TENSOR_WIDTH);
  return status != OK ? status : checkInside(step, index, PAD_CHANNEL, TENSOR_CHANNELS);
}

function checkInside(step: usize, index: i32, before: i32, size: i32): i32 {
  const status = checkRange(step, index, before, 0, MAX_EXTENT);
  if (status != OK) return status;
  const end = word(step, before) + word(tensorOf(step, STEP_IN), size);
  return end <= word(tensorOf(step, STEP_OUT), size) ? OK : fail(BAD_STEP, index, before, end);
}

export function pad_a8(step: usize): void {
  const input = tensorOf(step, STEP_IN);
  const output = tensorOf(step, STEP_OUT);
  const channels = word(input, TENSOR_CHANNELS);
  const fill = <u8>(word(output, TENSOR_ZERO_POINT) ^ flip);
  for (let y = 0; y < word(output, TENSOR_HEIGHT); y++) {
    const row = pixels(output) + y * word(output, TENSOR_ROW_PITCH);
    const y0 = y - word(step, PAD_TOP);
    memory.fill(row, fill, word(output, TENSOR_WIDTH) * word(output, TENSOR_PIXEL_PITCH));
    if (y0 < 0 || y0 >= word(input, TENSOR_HEIGHT)) continue;
    for (let x = 0; x < word(input, TENSOR_WIDTH); x++) {
      memory.copy(
        row + (x + word(step, PAD_LEFT)) * word(output, TENSOR_PIXEL_PITCH) + word(step, PAD_CHANNEL),
        pixels(input) + y0 * word(input, TENSOR_ROW_PITCH) + x * word(input, TENSOR_PIXEL_PITCH),
        channels,
      );
    }
  }
  fillHalo(output);
}

export function checkReshape(step: usize, index: i32): i32 {
  const input = tensorOf(step, STEP_IN);
  const output = tensorOf(step, STEP_OUT);
  if (denseBytes(input) != denseBytes(output)) return fail(BAD_STEP, index, STEP_OUT, <i32>denseBytes(output));
  return isPacked(input) || isPacked(output) ? checkPackedReshape(step, index) : OK;
}

/** Packed codes stay where they are in their bytes: whole bytes a pixel on both sides, one behind the other. */
function checkPackedReshape(step: usize, index: i32): i32 {
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
