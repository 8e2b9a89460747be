// Functions of one code by table. One scalar kernel for every build: a swizzle over 256 entries takes 16 of them.
import {
  LOOKUP_TABLE_AT,
  LOOKUP_TABLE_BYTES,
  OK,
  STEP_IN,
  STEP_OUT,
  TENSOR_CHANNELS,
  TENSOR_HEIGHT,
  TENSOR_PIXEL_PITCH,
  TENSOR_ROW_PITCH,
  TENSOR_WIDTH,
} from "../abi";
import { checkSameShape, claimConstant } from "../checks";
import { flip, pixels, tensorOf, weightsPtr, word } from "../state";
import { fillHalo } from "./border";

export function checkLookup(step: usize, index: i32): i32 {
  const status = checkSameShape(step, index, STEP_IN);
  return status != OK ? status : claimConstant(step, index, LOOKUP_TABLE_AT, LOOKUP_TABLE_BYTES);
}

/** In place is fine: a code is read before its place is written. */
export function lookup_a8(step: usize): void {
  const input = tensorOf(step, STEP_IN);
  const output = tensorOf(step, STEP_OUT);
  const channels = word(output, TENSOR_CHANNELS);
  const table = weightsPtr + word(step, LOOKUP_TABLE_AT);
  const toIndex = flip ^ 0x80; // stored byte to code + 128
  for (let y = 0; y < word(output, TENSOR_HEIGHT); y++) {
    for (let x = 0; x < word(output, TENSOR_WIDTH); x++) {
      const a = pixels(input) + y * word(input, TENSOR_ROW_PITCH) + x * word(input, TENSOR_PIXEL_PITCH);
      const out = pixels(output) + y * word(output, TENSOR_ROW_PITCH) + x * word(output, TENSOR_PIXEL_PITCH);
      for (let c = 0; c < channels; c++) {
        const index = <usize>((load<u8>(a + c) ^ toIndex) & 0xff);
        store<u8>(out + c, load<u8>(table + index) ^ <u8>flip);
      }
    }
  }
  fillHalo(output);
}
