// Softmax over channels, equation (8). One scalar kernel for every build: a table lookup a code, which SIMD lacks.
import {
  OK,
  SOFTMAX_TABLE_AT,
  SOFTMAX_TABLE_BYTES,
  STEP_IN,
  STEP_OUT,
  TENSOR_CHANNELS,
  TENSOR_HEIGHT,
  TENSOR_PIXEL_PITCH,
  TENSOR_ROW_PITCH,
  TENSOR_WIDTH,
} from "../abi";
import { checkSameShape, claimConstant } from "../checks";
import { softmaxCode } from "../numerics/softmax";
import { flip, pixels, tensorOf, weightsPtr, word } from "../state";
import { fillHalo } from "./border";

export function checkSoftmax(step: usize, index: i32): i32 {
  const status = checkSameShape(step, index, STEP_IN);
  return status != OK ? status : claimConstant(step, index, SOFTMAX_TABLE_AT, SOFTMAX_TABLE_BYTES);
}

export function softmax_a8(step: usize): void {
  const input = tensorOf(step, STEP_IN);
  const output = tensorOf(step, STEP_OUT);
  const table = weightsPtr + word(step, SOFTMAX_TABLE_AT);
  for (let y = 0; y < word(output, TENSOR_HEIGHT); y++) {
    for (let x = 0; x < word(output, TENSOR_WIDTH); x++) {
      pixel(
        pixels(input) + y * word(input, TENSOR_ROW_PITCH) + x * word(input, TENSOR_PIXEL_PITCH),
        pixels(output) + y * word(output, TENSOR_ROW_PITCH) + x * word(output, TENSOR_PIXEL_PITCH),
        word(output, TENSOR_CHANNELS),
        table,
      );
    }
  }
  fillHalo(output);
}

/** `out` may be `a`: a code is read before its place is written. */
function pixel(a: usize, out: usize, channels: i32, table: usize): void {
  const f = flip;
  let top = -128;
  for (let c = 0; c < channels; c++) top = max(top, load<i8>(a + c) ^ f);
  let sum: u64 = 0;
  for (let c = 0; c < channels; c++) sum += load<u32>(table + ((top - (load<i8>(a + c) ^ f)) << 2));
  // A table of a hostile file may sum to 0; the largest distance is inside the table by construction.
  sum = max<u64>(sum, 1);
  for (let c = 0; c < channels; c++) {
    const e = load<u32>(table + ((top - (load<i8>(a + c) ^ f)) << 2));
    store<u8>(out + c, <u8>(softmaxCode(e, sum) ^ f));
  }
}
