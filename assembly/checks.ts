// Checks that the records of every op share. All return OK or a status whose details are noted.
import {
  BAD_STEP,
  OK,
  STEP_IN,
  STEP_OUT,
  TENSOR_CHANNELS,
  TENSOR_HEIGHT,
  TENSOR_WIDTH,
  WEIGHTS_ALIGNMENT,
} from "./abi";
import { fail, tensorCount, tensorOf, weightsBytes, word } from "./state";

/** End of the constants claimed so far. */
let claimed: i64 = 0;

export function resetClaims(): void {
  claimed = 0;
}

/**
 * Claims `bytes` of the weights section at the offset in a word of the record. Constants lie in the order of the
 * steps and never overlap, because builds permute them in place while loading.
 */
export function claimConstant(record: usize, index: i32, at: i32, bytes: i64): i32 {
  const offset = <i64>word(record, at);
  if (offset < claimed || offset % WEIGHTS_ALIGNMENT != 0 || bytes > <i64>weightsBytes - offset) {
    return fail(BAD_STEP, index, at, <i32>offset);
  }
  claimed = offset + bytes;
  return OK;
}

export function checkRange(record: usize, index: i32, at: i32, min: i32, max: i32): i32 {
  const value = word(record, at);
  return value >= min && value <= max ? OK : fail(BAD_STEP, index, at, value);
}

/** Clamp bounds are int8 codes in order. */
export function checkClamp(record: usize, index: i32, min: i32, max: i32): i32 {
  const status = checkRange(record, index, min, -128, 127);
  return status != OK ? status : checkRange(record, index, max, word(record, min), 127);
}

/** A word that holds the index of a tensor. */
export function checkTensor(record: usize, index: i32, at: i32): i32 {
  return checkRange(record, index, at, 0, tensorCount - 1);
}

/** An operand at word `at` and the output have one shape. */
export function checkSameShape(step: usize, index: i32, at: i32): i32 {
  const a = tensorOf(step, at);
  const b = tensorOf(step, STEP_OUT);
  const same =
    word(a, TENSOR_HEIGHT) == word(b, TENSOR_HEIGHT) &&
    word(a, TENSOR_WIDTH) == word(b, TENSOR_WIDTH) &&
    word(a, TENSOR_CHANNELS) == word(b, TENSOR_CHANNELS);
  return same ? OK : fail(BAD_STEP, index, at, word(step, STEP_IN));
}

/** One of AXIS_*, as the word of a tensor record that holds its size. */
// @ts-ignore: decorator
@inline
export function sizeWord(axis: i32): i32 {
  return TENSOR_HEIGHT + 4 * axis;
}
