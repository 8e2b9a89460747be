// Arg-max and L2 normalisation: what looks at all channels of a pixel. Scalar in every build.
import {
  BAD_STEP,
  MAX_ARG_MAX_CHANNELS,
  OK,
  OP_ARG_MAX,
  STEP_IN,
  STEP_OPCODE,
  STEP_OUT,
  TENSOR_CHANNELS,
  TENSOR_HEIGHT,
  TENSOR_PIXEL_PITCH,
  TENSOR_ROW_PITCH,
  TENSOR_WIDTH,
  TENSOR_ZERO_POINT,
} from "../abi";
import { checkSameShape } from "../checks";
import { normalizedCode, squareRoot } from "../numerics/normalize";
import { fail, flip, pixels, tensorOf, word } from "../state";
import { fillHalo } from "./border";

/** Channels of an output that is an i32, little-endian. */
const INDEX_BYTES = 4;

export function checkArgMax(step: usize, index: i32): i32 {
  const input = tensorOf(step, STEP_IN);
  const output = tensorOf(step, STEP_OUT);
  const fits =
    word(input, TENSOR_HEIGHT) == word(output, TENSOR_HEIGHT) &&
    word(input, TENSOR_WIDTH) == word(output, TENSOR_WIDTH) &&
    (word(output, TENSOR_CHANNELS) == INDEX_BYTES ||
      (word(output, TENSOR_CHANNELS) == 1 && word(input, TENSOR_CHANNELS) <= MAX_ARG_MAX_CHANNELS));
  return fits ? OK : fail(BAD_STEP, index, STEP_IN, word(input, TENSOR_CHANNELS));
}

export function checkL2Normalize(step: usize, index: i32): i32 {
  return checkSameShape(step, index, STEP_IN);
}

/** arg_max_a8 and l2_normalize_a8, pixel by pixel. */
export function channels_a8(step: usize): void {
  const input = tensorOf(step, STEP_IN);
  const output = tensorOf(step, STEP_OUT);
  const count = word(input, TENSOR_CHANNELS);
  const isArgMax = word(step, STEP_OPCODE) == OP_ARG_MAX;
  for (let y = 0; y < word(input, TENSOR_HEIGHT); y++) {
    let a = pixels(input) + y * word(input, TENSOR_ROW_PITCH);
    let out = pixels(output) + y * word(output, TENSOR_ROW_PITCH);
    for (let x = 0; x < word(input, TENSOR_WIDTH); x++) {
      if (isArgMax) {
        const index = argMax(a, count);
        if (word(output, TENSOR_CHANNELS) == 1) {
          store<u8>(out, <u8>((index - 128) ^ flip));
        } else {
          store<u32>(out, index ^ (flip & 0x80808080));
        }
      } else {
        normalize(a, out, count, word(input, TENSOR_ZERO_POINT), word(output, TENSOR_ZERO_POINT));
      }
      a += word(input, TENSOR_PIXEL_PITCH);
      out += word(output, TENSOR_PIXEL_PITCH);
    }
  }
  fillHalo(output);
}

/** Index of the first largest code. */
function argMax(a: usize, count: i32): i32 {
  const f = flip;
  let best = 0;
  let top = load<i8>(a) ^ f;
  for (let c = 1; c < count; c++) {
    const code = load<i8>(a + c) ^ f;
    if (code <= top) continue;
    top = code;
    best = c;
  }
  return best;
}

function normalize(a: usize, out: usize, count: i32, inZero: i32, outZero: i32): void {
  const f = flip;
  let squares: u64 = 0;
  for (let c = 0; c < count; c++) {
    const value = (load<i8>(a + c) ^ f) - inZero;
    squares += value * value;
  }
  const root = squareRoot(squares << 16);
  for (let c = 0; c < count; c++) {
    const code = normalizedCode((load<i8>(a + c) ^ f) - inZero, root, outZero);
    store<u8>(out + c, <u8>(code ^ f));
  }
}
