// Concat along any axis: equation (6) with one branch at a time.
import {
  AXIS_CHANNELS,
  AXIS_HEIGHT,
  BAD_STEP,
  CONCAT_AXIS,
  CONCAT_MULTIPLIERS,
  CONCAT_SHIFT,
  MAX_SMALL_MULTIPLIER,
  MAX_SMALL_SHIFT,
  OK,
  STEP_OUT,
  TENSOR_CHANNELS,
  TENSOR_HEIGHT,
  TENSOR_PIXEL_PITCH,
  TENSOR_ROW_PITCH,
  TENSOR_WIDTH,
  TENSOR_ZERO_POINT,
} from "../abi";
import { checkRange, sizeWord } from "../checks";
import { inputAt, inputCount } from "../operands";
import { fail, pitchOf, pixels, tensorOf, word } from "../state";
import { fillHalo } from "./border";
import { prepareRequantize, run } from "./pointwise";

/** Offset in the record of the words behind the inputs. */
function parametersAt(step: usize): i32 {
  return STEP_OUT + 4 * inputCount(step);
}

export function checkConcat(step: usize, index: i32): i32 {
  const at = parametersAt(step);
  let status = checkRange(step, index, at + CONCAT_AXIS, AXIS_HEIGHT, AXIS_CHANNELS);
  if (status == OK) status = checkRange(step, index, at + CONCAT_SHIFT, 1, MAX_SMALL_SHIFT);
  if (status != OK) return status;
  const along = sizeWord(word(step, at + CONCAT_AXIS));
  const output = tensorOf(step, STEP_OUT);
  let total: i64 = 0;
  for (let i = 0; i < inputCount(step); i++) {
    status = checkRange(step, index, at + CONCAT_MULTIPLIERS + 4 * i, 0, MAX_SMALL_MULTIPLIER);
    if (status != OK) return status;
    const input = tensorOf(step, inputAt(i));
    for (let size = TENSOR_HEIGHT; size <= TENSOR_CHANNELS; size += 4) {
      if (size != along && word(input, size) != word(output, size)) {
        return fail(BAD_STEP, index, inputAt(i), word(input, size));
      }
    }
    total += word(input, along);
  }
  return total == <i64>word(output, along) ? OK : fail(BAD_STEP, index, STEP_OUT, word(output, along));
}

export function concat_a8(step: usize): void {
  const output = tensorOf(step, STEP_OUT);
  const at = parametersAt(step);
  const axis = word(step, at + CONCAT_AXIS);
  const c = word(step, at + CONCAT_SHIFT);
  let target = pixels(output);
  for (let i = 0; i < inputCount(step); i++) {
    const input = tensorOf(step, inputAt(i));
    copyInto(output, target, input, word(step, at + CONCAT_MULTIPLIERS + 4 * i), c);
    target += word(input, sizeWord(axis)) * pitchOf(output, axis);
  }
  fillHalo(output);
}

/** Writes the input's codes from the output's byte `target` on; as they are where scale and zero point agree. */
function copyInto(output: usize, target: usize, input: usize, b: i32, c: i32): void {
  const same = b == 1 << c && word(input, TENSOR_ZERO_POINT) == word(output, TENSOR_ZERO_POINT);
  const channels = word(input, TENSOR_CHANNELS);
  if (!same) prepareRequantize(input, output, b, c);
  for (let y = 0; y < word(input, TENSOR_HEIGHT); y++) {
    let a = pixels(input) + y * word(input, TENSOR_ROW_PITCH);
    let out = target + y * word(output, TENSOR_ROW_PITCH);
    for (let x = 0; x < word(input, TENSOR_WIDTH); x++) {
      if (same) {
        memory.copy(out, a, channels);
      } else {
        run(a, a, out, channels, 1, 1);
      }
      a += word(input, TENSOR_PIXEL_PITCH);
      out += word(output, TENSOR_PIXEL_PITCH);
    }
  }
}
