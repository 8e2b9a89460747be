// Concat along any axis: equation (6) with one branch at a time.
import {
  AXIS_CHANNELS,
  AXIS_HEIGHT,
  BAD_STEP,
  CONCAT_AXIS,
  CONCAT_MULTIPLIERS,
  CONCAT_SHIFT,
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
import { OWN } from "../own";
import { bitsOf, extentBytes, fail, flip, isPacked, isWide, pitchOf, pixels, tensorOf, word } from "../state";
import { packPixels, widenPixels } from "../numerics/packed";
import { fillHalo } from "./border";
import { moveCodes } from "./move";
import { checkShift, mostMultiplier, prepareRequantize, run } from "./pointwise";

/** Offset in the record of the words behind the inputs. */
function parametersAt(step: usize): i32 {
  return STEP_OUT + 4 * inputCount(step);
}

/** Codes of a pixel on their way, as bytes and packed; vectors may read and write 16 bytes more. */
const CHUNK = 64;
const FROM: usize = OWN + memory.data(CHUNK + 16, 16);
const TO: usize = OWN + memory.data(CHUNK + 16, 16);
const PACKED: usize = OWN + memory.data(CHUNK, 16);

/** A pixel's codes under another scale, in chunks where one side is packed. */
function requantizePixel(output: usize, out: usize, first: i32, input: usize, a: usize, channels: i32): void {
  const fromBits = bitsOf(input);
  const toBits = bitsOf(output);
  const direct = fromBits >= 8 && toBits >= 8;
  const chunk = direct ? channels : CHUNK;
  for (let c = 0; c < channels; c += chunk) {
    const count = min(chunk, channels - c);
    let source = a + ((c * fromBits) >> 3);
    const target = out + (((first + c) * toBits) >> 3);
    if (fromBits < 8) {
      widenPixels(FROM, source, 1, count, 0, fromBits, flip);
      source = FROM;
    }
    run(source, source, toBits < 8 ? TO : target, count, 1, 1);
    if (toBits >= 8) continue;
    packPixels(PACKED, TO, 1, count, 0, toBits, flip);
    moveCodes(out, first + c, PACKED, 0, count, toBits);
  }
}

/** Whether a tensor has 16 bits: c and all b are then for 64 bits. */
function hasWide(step: usize): bool {
  let wide = isWide(tensorOf(step, STEP_OUT));
  for (let i = 0; i < inputCount(step); i++) wide = wide || isWide(tensorOf(step, inputAt(i)));
  return wide;
}

export function checkConcat(step: usize, index: i32): i32 {
  const at = parametersAt(step);
  const output = tensorOf(step, STEP_OUT);
  const wide = hasWide(step);
  let status = checkRange(step, index, at + CONCAT_AXIS, AXIS_HEIGHT, AXIS_CHANNELS);
  if (status == OK) status = checkShift(step, index, at + CONCAT_SHIFT, wide);
  if (status != OK) return status;
  const along = sizeWord(word(step, at + CONCAT_AXIS));
  let total: i64 = 0;
  for (let i = 0; i < inputCount(step); i++) {
    status = checkRange(step, index, at + CONCAT_MULTIPLIERS + 4 * i, 0, mostMultiplier(wide));
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
  const wide = hasWide(step);
  if (isPacked(output)) {
    // Codes are put between others: what no input reaches, behind the last code of a pixel, is 0.
    memory.fill(pixels(output), 0, <usize>extentBytes(output));
  }
  let target = pixels(output);
  let first = 0;
  for (let i = 0; i < inputCount(step); i++) {
    const input = tensorOf(step, inputAt(i));
    copyInto(output, target, first, input, word(step, at + CONCAT_MULTIPLIERS + 4 * i), c, wide);
    if (axis == AXIS_CHANNELS) first += word(input, TENSOR_CHANNELS);
    else target += word(input, sizeWord(axis)) * pitchOf(output, axis);
  }
  fillHalo(output);
}

/** Writes the input's codes from channel `first` of the output's pixel at `target` on; as they are where scale and zero point agree. */
function copyInto(output: usize, target: usize, first: i32, input: usize, b: i32, c: i32, wide: bool): void {
  const sameZero = word(input, TENSOR_ZERO_POINT) == word(output, TENSOR_ZERO_POINT);
  const same = <i64>b == <i64>1 << c && sameZero && bitsOf(input) == bitsOf(output);
  const channels = word(input, TENSOR_CHANNELS);
  const bits = bitsOf(output);
  if (!same) prepareRequantize(input, output, b, c, wide);
  for (let y = 0; y < word(input, TENSOR_HEIGHT); y++) {
    let a = pixels(input) + y * word(input, TENSOR_ROW_PITCH);
    let out = target + y * word(output, TENSOR_ROW_PITCH);
    for (let x = 0; x < word(input, TENSOR_WIDTH); x++) {
      if (same) {
        moveCodes(out, first, a, 0, channels, bits);
      } else {
        requantizePixel(output, out, first, input, a, channels);
      }
      a += word(input, TENSOR_PIXEL_PITCH);
      out += word(output, TENSOR_PIXEL_PITCH);
    }
  }
}
