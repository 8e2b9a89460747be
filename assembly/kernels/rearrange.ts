// Space to depth and depth to space: a square of pixels is one deep pixel, row by row.
import {
  BAD_STEP,
  MAX_EXTENT,
  OK,
  OP_SPACE_TO_DEPTH,
  REARRANGE_BLOCK,
  STEP_IN,
  STEP_OPCODE,
  STEP_OUT,
  TENSOR_CHANNELS,
  TENSOR_HEIGHT,
  TENSOR_PIXEL_PITCH,
  TENSOR_ROW_PITCH,
  TENSOR_WIDTH,
} from "../abi";
import { checkRange } from "../checks";
import { bitsOf, fail, isPacked, pixels, tensorOf, word } from "../state";
import { fillHalo } from "./border";
import { fillCodes, moveCodes } from "./move";

/** The tensor with many pixels, and the one with many channels. */
function wideOf(step: usize): usize {
  return tensorOf(step, word(step, STEP_OPCODE) == OP_SPACE_TO_DEPTH ? STEP_IN : STEP_OUT);
}

function deepOf(step: usize): usize {
  return tensorOf(step, word(step, STEP_OPCODE) == OP_SPACE_TO_DEPTH ? STEP_OUT : STEP_IN);
}

export function checkRearrange(step: usize, index: i32): i32 {
  const status = checkRange(step, index, REARRANGE_BLOCK, 1, MAX_EXTENT);
  if (status != OK) return status;
  const wide = wideOf(step);
  const deep = deepOf(step);
  const block = <i64>word(step, REARRANGE_BLOCK);
  const fits =
    word(deep, TENSOR_HEIGHT) * block == <i64>word(wide, TENSOR_HEIGHT) &&
    word(deep, TENSOR_WIDTH) * block == <i64>word(wide, TENSOR_WIDTH) &&
    word(wide, TENSOR_CHANNELS) * block * block == <i64>word(deep, TENSOR_CHANNELS);
  return fits ? OK : fail(BAD_STEP, index, REARRANGE_BLOCK, <i32>block);
}

export function rearrange_a8(step: usize): void {
  const wide = wideOf(step);
  const deep = deepOf(step);
  const block = word(step, REARRANGE_BLOCK);
  const toDepth = word(step, STEP_OPCODE) == OP_SPACE_TO_DEPTH;
  const channels = word(wide, TENSOR_CHANNELS);
  const bits = bitsOf(wide);
  const packed = isPacked(wide);
  for (let y = 0; y < word(wide, TENSOR_HEIGHT); y++) {
    const inBlock = (y % block) * block * channels;
    const row = pixels(deep) + (y / block) * word(deep, TENSOR_ROW_PITCH);
    let shallow = pixels(wide) + y * word(wide, TENSOR_ROW_PITCH);
    for (let x = 0; x < word(wide, TENSOR_WIDTH); x++) {
      const stacked = row + (x / block) * word(deep, TENSOR_PIXEL_PITCH);
      const first = inBlock + (x % block) * channels;
      if (toDepth) {
        if (first == 0 && packed) fillCodes(stacked, word(deep, TENSOR_CHANNELS), 0, bits);
        moveCodes(stacked, first, shallow, 0, channels, bits);
      } else {
        if (packed) fillCodes(shallow, channels, 0, bits);
        moveCodes(shallow, 0, stacked, first, channels, bits);
      }
      shallow += word(wide, TENSOR_PIXEL_PITCH);
    }
  }
  fillHalo(tensorOf(step, STEP_OUT));
}
