// Add and requantize: equation (6), codes times b <= 2^21 in 32 bits.
import {
  ADD_IN_B,
  ADD_MAX,
  ADD_MIN,
  ADD_MULTIPLIER_A,
  ADD_MULTIPLIER_B,
  ADD_SHIFT,
  MAX_SMALL_MULTIPLIER,
  MAX_SMALL_SHIFT,
  OK,
  OP_ADD,
  REQUANTIZE_MAX,
  REQUANTIZE_MIN,
  REQUANTIZE_MULTIPLIER,
  REQUANTIZE_SHIFT,
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
import { checkClamp, checkRange, checkSameShape } from "../checks";
import { requantizeSum } from "../numerics/requantize";
import { finishCodes, prepareEpilogue, storeBytes } from "../numerics/requantize.simd";
import { flip, pixels, tensorOf, word } from "../state";
import { fillHalo } from "./border";

export function checkAdd(step: usize, index: i32): i32 {
  let status = checkSameShape(step, index, STEP_IN);
  if (status == OK) status = checkSameShape(step, index, ADD_IN_B);
  if (status == OK) status = checkRange(step, index, ADD_MULTIPLIER_A, 0, MAX_SMALL_MULTIPLIER);
  if (status == OK) status = checkRange(step, index, ADD_MULTIPLIER_B, 0, MAX_SMALL_MULTIPLIER);
  if (status == OK) status = checkRange(step, index, ADD_SHIFT, 1, MAX_SMALL_SHIFT);
  return status != OK ? status : checkClamp(step, index, ADD_MIN, ADD_MAX);
}

export function checkRequantize(step: usize, index: i32): i32 {
  let status = checkSameShape(step, index, STEP_IN);
  if (status == OK) status = checkRange(step, index, REQUANTIZE_MULTIPLIER, 0, MAX_SMALL_MULTIPLIER);
  if (status == OK) status = checkRange(step, index, REQUANTIZE_SHIFT, 1, MAX_SMALL_SHIFT);
  return status != OK ? status : checkClamp(step, index, REQUANTIZE_MIN, REQUANTIZE_MAX);
}

// A requantize is an add whose second branch is the first again, with multiplier 0.
let multiplierA: i32 = 0;
let multiplierB: i32 = 0;
/** -(zA * bA + zB * bB): the codes' zero points, taken out of the loop. */
let constant: i32 = 0;
let shift: i32 = 0;
let min: i32 = 0;
let max: i32 = 0;

function prepare(step: usize, a: usize, b: usize): void {
  const isAdd = word(step, STEP_OPCODE) == OP_ADD;
  multiplierA = word(step, isAdd ? ADD_MULTIPLIER_A : REQUANTIZE_MULTIPLIER);
  multiplierB = isAdd ? word(step, ADD_MULTIPLIER_B) : 0;
  shift = word(step, isAdd ? ADD_SHIFT : REQUANTIZE_SHIFT);
  min = word(step, isAdd ? ADD_MIN : REQUANTIZE_MIN);
  max = word(step, isAdd ? ADD_MAX : REQUANTIZE_MAX);
  constant = -(word(a, TENSOR_ZERO_POINT) * multiplierA + word(b, TENSOR_ZERO_POINT) * multiplierB);
}

/** add_a8 and requantize_a8, scalar and SIMD: rows of pixels, codes independent of each other; in place is fine. */
export function add_a8(step: usize): void {
  const a = tensorOf(step, STEP_IN);
  const b = word(step, STEP_OPCODE) == OP_ADD ? tensorOf(step, ADD_IN_B) : a;
  const output = tensorOf(step, STEP_OUT);
  const z = word(output, TENSOR_ZERO_POINT);
  const channels = word(output, TENSOR_CHANNELS);
  const touching =
    word(a, TENSOR_PIXEL_PITCH) == channels &&
    word(b, TENSOR_PIXEL_PITCH) == channels &&
    word(output, TENSOR_PIXEL_PITCH) == channels;
  const width = word(output, TENSOR_WIDTH);
  prepare(step, a, b);
  if (ASC_FEATURE_SIMD) prepareEpilogue(shift, z, min, max, flip);
  for (let y = 0; y < word(output, TENSOR_HEIGHT); y++) {
    const rowA = pixels(a) + y * word(a, TENSOR_ROW_PITCH);
    const rowB = pixels(b) + y * word(b, TENSOR_ROW_PITCH);
    const out = pixels(output) + y * word(output, TENSOR_ROW_PITCH);
    if (touching) {
      run(rowA, rowB, out, width * channels, z);
      continue;
    }
    for (let x = 0; x < width; x++) {
      run(
        rowA + x * word(a, TENSOR_PIXEL_PITCH),
        rowB + x * word(b, TENSOR_PIXEL_PITCH),
        out + x * word(output, TENSOR_PIXEL_PITCH),
        channels,
        z,
      );
    }
  }
  fillHalo(output);
}

function run(a: usize, b: usize, out: usize, count: i32, z: i32): void {
  if (ASC_FEATURE_SIMD) {
    run__simd(a, b, out, count);
  } else {
    run__scalar(a, b, out, count, z);
  }
}

function run__scalar(a: usize, b: usize, out: usize, count: i32, z: i32): void {
  const f = flip;
  for (let i = 0; i < count; i++) {
    const sum = (load<i8>(a + i) ^ f) * multiplierA + (load<i8>(b + i) ^ f) * multiplierB + constant;
    store<u8>(out + i, <u8>(requantizeSum(sum, shift, z, min, max) ^ f));
  }
}

function run__simd(a: usize, b: usize, out: usize, count: i32): void {
  const flips = i8x16.splat(<i8>flip);
  const bA = i32x4.splat(multiplierA);
  const bB = i32x4.splat(multiplierB);
  const addend = i32x4.splat(constant + (1 << (shift - 1)));
  const c = shift;
  for (let i = 0; i < count; i += 16) {
    // The last vector may read bytes that are not its own; it stores only its own.
    const codesA = v128.xor(v128.load(a + i), flips);
    const codesB = v128.xor(v128.load(b + i), flips);
    const lowA = i16x8.extend_low_i8x16_s(codesA);
    const lowB = i16x8.extend_low_i8x16_s(codesB);
    const highA = i16x8.extend_high_i8x16_s(codesA);
    const highB = i16x8.extend_high_i8x16_s(codesB);
    const low = i16x8.narrow_i32x4_s(
      branch(i32x4.extend_low_i16x8_s(lowA), i32x4.extend_low_i16x8_s(lowB), bA, bB, addend, c),
      branch(i32x4.extend_high_i16x8_s(lowA), i32x4.extend_high_i16x8_s(lowB), bA, bB, addend, c),
    );
    const high = i16x8.narrow_i32x4_s(
      branch(i32x4.extend_low_i16x8_s(highA), i32x4.extend_low_i16x8_s(highB), bA, bB, addend, c),
      branch(i32x4.extend_high_i16x8_s(highA), i32x4.extend_high_i16x8_s(highB), bA, bB, addend, c),
    );
    storeBytes(out + i, finishCodes(low, high), count - i);
  }
}

// @ts-ignore: decorator
@inline
function branch(a: v128, b: v128, bA: v128, bB: v128, addend: v128, c: i32): v128 {
  return i32x4.shr_s(i32x4.add(i32x4.add(i32x4.mul(a, bA), i32x4.mul(b, bB)), addend), c);
}
