// View: every output axis walks an input axis from a begin, with a stride: slice, strided slice, reverse, transpose.
import {
  AXIS_CHANNELS,
  AXIS_HEIGHT,
  AXIS_WIDTH,
  BAD_STEP,
  MAX_EXTENT,
  OK,
  STEP_IN,
  STEP_OUT,
  TENSOR_CHANNELS,
  TENSOR_HEIGHT,
  TENSOR_PIXEL_PITCH,
  TENSOR_ROW_PITCH,
  TENSOR_WIDTH,
  VIEW_AXIS,
  VIEW_BEGIN,
  VIEW_STRIDE,
} from "../abi";
import { checkRange, sizeWord } from "../checks";
import { OWN } from "../own";
import { bitsOf, fail, isByte, pitchOf, pixels, tensorOf, word } from "../state";
import { fillHalo } from "./border";
import { fillCodes, moveCodes } from "./move";

export function checkView(step: usize, index: i32): i32 {
  const input = tensorOf(step, STEP_IN);
  const output = tensorOf(step, STEP_OUT);
  let seen = 0;
  for (let axis = 0; axis <= AXIS_CHANNELS; axis++) {
    let status = checkRange(step, index, VIEW_AXIS + 4 * axis, AXIS_HEIGHT, AXIS_CHANNELS);
    if (status != OK) return status;
    const from = word(step, VIEW_AXIS + 4 * axis);
    const size = word(input, sizeWord(from));
    status = checkRange(step, index, VIEW_BEGIN + 4 * axis, 0, size - 1);
    if (status == OK) status = checkRange(step, index, VIEW_STRIDE + 4 * axis, -MAX_EXTENT, MAX_EXTENT);
    if (status != OK) return status;
    const stride = <i64>word(step, VIEW_STRIDE + 4 * axis);
    const last = word(step, VIEW_BEGIN + 4 * axis) + (word(output, sizeWord(axis)) - 1) * stride;
    if (stride == 0 || last < 0 || last >= size) return fail(BAD_STEP, index, VIEW_STRIDE + 4 * axis, <i32>stride);
    seen |= 1 << from;
  }
  return seen == 7 ? OK : fail(BAD_STEP, index, VIEW_AXIS, seen);
}

/** Bytes in the input from one element of an output axis to the next. */
function strideOf(step: usize, axis: i32): i32 {
  return word(step, VIEW_STRIDE + 4 * axis) * pitchOf(tensorOf(step, STEP_IN), word(step, VIEW_AXIS + 4 * axis));
}

function beginOf(step: usize, axis: i32): i32 {
  return word(step, VIEW_BEGIN + 4 * axis) * pitchOf(tensorOf(step, STEP_IN), word(step, VIEW_AXIS + 4 * axis));
}

/** Where an output axis is on its input axis. */
function positionOf(step: usize, axis: i32, at: i32): i32 {
  return word(step, VIEW_BEGIN + 4 * axis) + at * word(step, VIEW_STRIDE + 4 * axis);
}

const PLACE: usize = OWN + memory.data(12);

/** Codes that are no bytes: one by one, or in runs where channels stay channels. */
function view__codes(step: usize, input: usize, output: usize): void {
  const bits = bitsOf(output);
  const channels = word(output, TENSOR_CHANNELS);
  const runs = word(step, VIEW_AXIS + 4 * AXIS_CHANNELS) == AXIS_CHANNELS && word(step, VIEW_STRIDE + 4 * AXIS_CHANNELS) == 1;
  for (let y = 0; y < word(output, TENSOR_HEIGHT); y++) {
    store<i32>(PLACE + (word(step, VIEW_AXIS) << 2), positionOf(step, AXIS_HEIGHT, y));
    for (let x = 0; x < word(output, TENSOR_WIDTH); x++) {
      store<i32>(PLACE + (word(step, VIEW_AXIS + 4) << 2), positionOf(step, AXIS_WIDTH, x));
      const out = pixels(output) + y * word(output, TENSOR_ROW_PITCH) + x * word(output, TENSOR_PIXEL_PITCH);
      fillCodes(out, channels, 0, bits);
      for (let c = 0; c < channels; c += runs ? channels : 1) {
        store<i32>(PLACE + (word(step, VIEW_AXIS + 8) << 2), positionOf(step, AXIS_CHANNELS, c));
        const a =
          pixels(input) +
          load<i32>(PLACE) * word(input, TENSOR_ROW_PITCH) +
          load<i32>(PLACE, 4) * word(input, TENSOR_PIXEL_PITCH);
        moveCodes(out, c, a, load<i32>(PLACE, 8), runs ? channels : 1, bits);
      }
    }
  }
}

export function view_a8(step: usize): void {
  const output = tensorOf(step, STEP_OUT);
  if (!isByte(output)) {
    view__codes(step, tensorOf(step, STEP_IN), output);
    return;
  }
  const width = word(output, TENSOR_WIDTH);
  const channels = word(output, TENSOR_CHANNELS);
  const outStep = word(output, TENSOR_PIXEL_PITCH);
  const rowStep = strideOf(step, AXIS_HEIGHT);
  const pixelStep = strideOf(step, AXIS_WIDTH);
  const channelStep = strideOf(step, AXIS_CHANNELS);
  let row =
    pixels(tensorOf(step, STEP_IN)) +
    beginOf(step, AXIS_HEIGHT) +
    beginOf(step, AXIS_WIDTH) +
    beginOf(step, AXIS_CHANNELS);
  let outRow = pixels(output);
  for (let y = word(output, TENSOR_HEIGHT); y > 0; y--) {
    let a = row;
    let out = outRow;
    if (channelStep == 1 && pixelStep == channels && outStep == channels) {
      memory.copy(out, a, width * channels);
    } else {
      for (let x = width; x > 0; x--) {
        if (channelStep == 1) {
          memory.copy(out, a, channels);
        } else {
          for (let c = 0; c < channels; c++) store<u8>(out + c, load<u8>(a + c * channelStep));
        }
        a += pixelStep;
        out += outStep;
      }
    }
    row += rowStep;
    outRow += word(output, TENSOR_ROW_PITCH);
  }
  fillHalo(output);
}
