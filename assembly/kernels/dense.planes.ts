// Dense of one row by weights of 4 or 2 bits, straight from their planes: each weight is used once, so nothing is
// unpacked to memory. A code with its sign bit turned is the weight plus half its range, which the relaxed dot product
// takes in every class; half the range times the sum of the row comes off the biases instead.
import {
  CHANNEL_BLOCK,
  CONV_BIAS_AT,
  CONV_GROUPS,
  CONV_KERNEL_H,
  CONV_KERNEL_W,
  CONV_MAX,
  CONV_MIN,
  CONV_MULTIPLIER_AT,
  CONV_SHIFT,
  CONV_WEIGHTS_AT,
  OP_DEPTHWISE,
  QUAD,
  STEP_IN,
  STEP_OPCODE,
  STEP_OUT,
  TENSOR_CHANNELS,
  TENSOR_HEIGHT,
  TENSOR_WIDTH,
} from "../abi";
import { HAS_RELAXED_DOT } from "../build";
import { relaxedDot } from "../numerics/dot.relaxed";
import { prepareEpilogue, requantizeStrip, STRIP, STRIP_PIXELS } from "../numerics/requantize.simd";
import { weightBits } from "../numerics/unpack";
import { pixels, tensorOf, weightsPtr, word } from "../state";
import { fillHalo } from "./border";
import { blockBytes } from "./conv";
import { OUTPUTS } from "./tiles";

/** Whether the step is one row by one plane of weights, in whole pairs of quads. */
export function isPlaneRow(step: usize): bool {
  const bits = weightBits(step);
  const output = tensorOf(step, STEP_OUT);
  const ones = word(step, CONV_KERNEL_H) | word(step, CONV_KERNEL_W) | word(step, CONV_GROUPS);
  return (
    (bits == 4 || bits == 2) &&
    word(step, STEP_OPCODE) != OP_DEPTHWISE &&
    (ones | word(output, TENSOR_HEIGHT) | word(output, TENSOR_WIDTH)) == 1 &&
    word(tensorOf(step, STEP_IN), TENSOR_CHANNELS) % (2 * QUAD) == 0
  );
}

/** Contracts a8w4 and a8w2. */
export function dense_planes(step: usize): void {
  const output = tensorOf(step, STEP_OUT);
  const channels = word(output, TENSOR_CHANNELS);
  const depth = word(tensorOf(step, STEP_IN), TENSOR_CHANNELS);
  const bits = weightBits(step);
  const row = pixels(tensorOf(step, STEP_IN));
  const bytes = <usize>blockBytes(step);
  const less = halves(row, depth, 1 << (bits - 1));
  prepareEpilogue(output, word(step, CONV_SHIFT), word(step, CONV_MIN), word(step, CONV_MAX));
  store<usize>(OUTPUTS, pixels(output));
  for (let n = 0; n < channels; n += STRIP_PIXELS * CHANNEL_BLOCK) {
    const count = min(STRIP_PIXELS * CHANNEL_BLOCK, channels - n);
    const weights = weightsPtr + word(step, CONV_WEIGHTS_AT) + <usize>(n >> 3) * bytes;
    const bias = weightsPtr + word(step, CONV_BIAS_AT) + n * 4;
    sums(row, depth, weights, bytes, bias, (count + CHANNEL_BLOCK - 1) >> 3, bits, less);
    requantizeStrip(OUTPUTS, 1, count, weightsPtr + word(step, CONV_MULTIPLIER_AT) + n * 4, n);
  }
  fillHalo(output);
}

/** To every lane of `sums`, four products of bytes: of quads of weights with the quad of activations that is in all of `a`. */
// @ts-ignore: decorator
@inline
function quadSums(w: v128, a: v128, sums: v128): v128 {
  if (HAS_RELAXED_DOT) return relaxedDot(w, a, sums);
  const words = i16x8.extend_low_i8x16_s(a);
  const low = i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(w), words);
  const high = i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(w), words);
  const pairs = i32x4.add(v128.shuffle<i32>(low, high, 0, 2, 4, 6), v128.shuffle<i32>(low, high, 1, 3, 5, 7));
  return i32x4.add(sums, pairs);
}

/** `half` times the sum of a row as the dot product takes it, in every lane. */
function halves(a: usize, depth: i32, half: i32): i32 {
  const factor = i8x16.splat(<i8>half);
  let first = i32x4.splat(0);
  let second = first;
  for (const end = a + depth; a < end; a += 2 * QUAD) {
    first = quadSums(factor, v128.load32_splat(a), first);
    second = quadSums(factor, v128.load32_splat(a, 4), second);
  }
  return i32x4.extract_lane(i32x4.add(first, second), 0);
}

/** The sums of two blocks at a time; behind an odd last one, nobody looks. */
function sums(row: usize, depth: i32, w: usize, bytes: usize, bias: usize, blocks: i32, bits: i32, less: i32): void {
  // Of both widths' values: constants would be made anew in the loops.
  const ones = i8x16.splat(<i8>((<i32>1 << bits) - 1));
  const signs = i8x16.splat(<i8>(bits == 4 ? 0x88 : 0xaa));
  const end = row + depth;
  let strip = STRIP;
  for (; blocks > 0; blocks -= 2) {
    const other = blocks > 1 ? bytes : 0;
    let l0 = i32x4.sub(v128.load(bias), i32x4.splat(less));
    let h0 = i32x4.sub(v128.load(bias, 16), i32x4.splat(less));
    let l1 = i32x4.sub(v128.load(bias, 32), i32x4.splat(less));
    let h1 = i32x4.sub(v128.load(bias, 48), i32x4.splat(less));
    let at = row;
    if (bits == 4) {
      do {
        const a = v128.load32_splat(at);
        let codes = v128.xor(v128.load(w), signs);
        l0 = quadSums(v128.and(codes, ones), a, l0);
        h0 = quadSums(v128.and(i16x8.shr_u(codes, 4), ones), a, h0);
        codes = v128.xor(v128.load(w + other), signs);
        l1 = quadSums(v128.and(codes, ones), a, l1);
        h1 = quadSums(v128.and(i16x8.shr_u(codes, 4), ones), a, h1);
        at += QUAD;
        w += 16;
      } while (at != end);
    } else {
      do {
        const a = v128.load32_splat(at);
        const b = v128.load32_splat(at, 4);
        let codes = v128.xor(v128.load(w), signs);
        l0 = quadSums(v128.and(codes, ones), a, l0);
        h0 = quadSums(v128.and(i16x8.shr_u(codes, 2), ones), a, h0);
        l0 = quadSums(v128.and(i16x8.shr_u(codes, 4), ones), b, l0);
        h0 = quadSums(v128.and(i16x8.shr_u(codes, 6), ones), b, h0);
        codes = v128.xor(v128.load(w + other), signs);
        l1 = quadSums(v128.and(codes, ones), a, l1);
        h1 = quadSums(v128.and(i16x8.shr_u(codes, 2), ones), a, h1);
        l1 = quadSums(v128.and(i16x8.shr_u(codes, 4), ones), b, l1);
        h1 = quadSums(v128.and(i16x8.shr_u(codes, 6), ones), b, h1);
        at += 2 * QUAD;
        w += 16;
      } while (at != end);
    }
    v128.store(strip, l0);
    v128.store(strip, h0, 16);
    v128.store(strip, l1, 32);
    v128.store(strip, h1, 48);
    strip += 64;
    bias += 64;
    w += other;
  }
}
