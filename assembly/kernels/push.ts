// Push: a state moves up by the input's extent along one axis, and the input follows it.
import {
  AXIS_HEIGHT,
  AXIS_WIDTH,
  BAD_STEP,
  OK,
  PUSH_AXIS,
  STEP_IN,
  STEP_OUT,
  TENSOR_CHANNELS,
  TENSOR_HEIGHT,
  TENSOR_PIXEL_PITCH,
  TENSOR_ROW_PITCH,
  TENSOR_WIDTH,
} from "../abi";
import { checkRange, sizeWord } from "../checks";
import { fail, pitchOf, pixels, tensorOf, word } from "../state";
import { fillHalo } from "./border";

export function checkPush(step: usize, index: i32): i32 {
  const status = checkRange(step, index, PUSH_AXIS, AXIS_HEIGHT, AXIS_WIDTH);
  if (status != OK) return status;
  const along = sizeWord(word(step, PUSH_AXIS));
  const input = tensorOf(step, STEP_IN);
  const output = tensorOf(step, STEP_OUT);
  for (let size = TENSOR_HEIGHT; size <= TENSOR_CHANNELS; size += 4) {
    const fits = size == along ? word(input, size) <= word(output, size) : word(input, size) == word(output, size);
    if (!fits) return fail(BAD_STEP, index, STEP_IN, word(input, size));
  }
  return OK;
}

/** Pixel by pixel in their order: what is copied lies ahead of where it goes. */
export function push_a8(step: usize): void {
  const axis = word(step, PUSH_AXIS);
  const input = tensorOf(step, STEP_IN);
  const output = tensorOf(step, STEP_OUT);
  const channels: usize = word(output, TENSOR_CHANNELS);
  const moved = word(input, sizeWord(axis));
  const kept = word(output, sizeWord(axis)) - moved;
  const ahead = moved * pitchOf(output, axis);
  const behind = kept * pitchOf(input, axis);
  for (let y = 0; y < word(output, TENSOR_HEIGHT); y++) {
    let out = pixels(output) + y * word(output, TENSOR_ROW_PITCH);
    let a = pixels(input) + y * word(input, TENSOR_ROW_PITCH) - behind;
    for (let x = 0; x < word(output, TENSOR_WIDTH); x++) {
      memory.copy(out, (axis == AXIS_HEIGHT ? y : x) < kept ? out + ahead : a, channels);
      out += word(output, TENSOR_PIXEL_PITCH);
      a += word(input, TENSOR_PIXEL_PITCH);
    }
  }
  fillHalo(output);
}
