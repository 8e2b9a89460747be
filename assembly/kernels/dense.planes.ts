// Dense of one row by weights of 4 or 2 bits, straight from their planes: each weight is used once, so nothing is
// unpacked to memory. A code with its sign bit turned, once a load, is the weight plus half its range, which the relaxed dot
// product takes in every class; half the range times the sum of the row comes off the biases instead.
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
import { blockBytes, packedChannels } from "./conv";
import { OUTPUTS } from "./tiles";

/** Most taps of a row: the half of them that an accumulator sums up, of at most 240 * 128 each, stays within 32 bits. */
const MOST_DEPTH = 1 << 17;

/** Whether the step is one row by one plane of weights, in whole pairs of quads. */
export function isPlaneRow(step: usize): bool {
  const bits = weightBits(step);
  const output = tensorOf(step, STEP_OUT);
  const ones = word(step, CONV_KERNEL_H) | word(step, CONV_KERNEL_W) | word(step, CONV_GROUPS);
  const depth = word(tensorOf(step, STEP_IN), TENSOR_CHANNELS);
  return (
    (bits == 4 || bits == 2) &&
    word(step, STEP_OPCODE) != OP_DEPTHWISE &&
    (ones | word(output, TENSOR_HEIGHT) | word(output, TENSOR_WIDTH)) == 1 &&
    depth % (2 * QUAD) == 0 &&
    depth <= MOST_DEPTH
  );
}

/** Turns the sign bit of every weight's code, or turns it back. */
export function turnPlanes(step: usize): void {
  const signs = i8x16.splat(<i8>(weightBits(step) == 4 ? 0x88 : 0xaa));
  let at = weightsPtr + word(step, CONV_WEIGHTS_AT);
  const end = at + ((<usize>blockBytes(step) * packedChannels(step)) >> 3);
  for (; at < end; at += 16) v128.store(at, v128.xor(v128.load(at), signs));
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

/**
 * To every lane of `sums`, the products of a quad of codes with one of activations; `mask` says which bits of a byte are
 * the code. Activations are stored bytes in `first`; in strict SIMD, words of their even bytes and of their odd ones, and
 * so are the codes: `odd` is `codes` a byte further down.
 */
// @ts-ignore: decorator
@inline
function quadSums(codes: v128, odd: v128, mask: v128, first: v128, second: v128, sums: v128): v128 {
  if (HAS_RELAXED_DOT) return relaxedDot(v128.and(codes, mask), first, sums);
  const products = i32x4.dot_i16x8_s(v128.and(codes, mask), first);
  return i32x4.add(sums, i32x4.add(products, i32x4.dot_i16x8_s(v128.and(odd, mask), second)));
}

// @ts-ignore: decorator
@inline
function oddBytes(codes: v128): v128 {
  return HAS_RELAXED_DOT ? codes : i16x8.shr_u(codes, 8);
}

/** The bit at which the higher codes of four bits are multiplied: classes of the relaxed dot product agree on seven. */
const HIGH_AT = HAS_RELAXED_DOT ? 0 : 4;

// @ts-ignore: decorator
@inline
function highCodes(codes: v128): v128 {
  return HAS_RELAXED_DOT ? i16x8.shr_u(codes, 4) : codes;
}

/** The activations of a quad as quadSums takes them. */
// @ts-ignore: decorator
@inline
function firstOf(a: v128): v128 {
  return HAS_RELAXED_DOT ? a : i16x8.shr_s(i16x8.shl(a, 8), 8);
}

// @ts-ignore: decorator
@inline
function secondOf(a: v128): v128 {
  return HAS_RELAXED_DOT ? a : i16x8.shr_s(a, 8);
}

// @ts-ignore: decorator
@inline
function maskOf(bits: i32): v128 {
  return HAS_RELAXED_DOT ? i8x16.splat(<i8>bits) : i16x8.splat(<i16>bits);
}

/** `half` times the sum of a row as the products take it. */
function halves(row: usize, depth: i32, half: i32): i32 {
  const codes = i8x16.splat(<i8>half);
  const mask = maskOf(half);
  let sums = i32x4.splat(0);
  for (; depth > 0; depth -= 16) {
    const a = depth < 16 ? v128.load64_zero(row) : v128.load(row);
    sums = quadSums(codes, oddBytes(codes), mask, firstOf(a), secondOf(a), sums);
    row += 16;
  }
  sums = i32x4.add(sums, v128.shuffle<i32>(sums, sums, 2, 3, 0, 1));
  return i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1);
}

/**
 * The sums of two blocks at a time, two quads a turn, each in accumulators of its own: a relaxed dot product waits five cycles
 * for the one before. Codes of two bits stay where they are in their byte, so that sums are 4 or 16 times too
 * large. Behind an odd last block, nobody looks.
 */
function sums(row: usize, depth: i32, w: usize, bytes: usize, bias: usize, blocks: i32, bits: i32, less: i32): void {
  // Of both widths' values: constants would be made anew in the loops.
  const firstMask = maskOf((1 << bits) - 1);
  const secondMask = maskOf(bits == 2 ? 0x0c : 0x0f << HIGH_AT);
  const thirdMask = maskOf(bits == 2 ? 0x30 : 0);
  const secondAt = bits == 2 ? 2 : HIGH_AT;
  const thirdAt = bits == 2 ? 4 : 0;
  const topAt = bits == 2 ? 4 : HIGH_AT;
  const end = row + depth;
  let strip = STRIP;
  for (; blocks > 0; blocks -= 2) {
    const other = blocks > 1 ? bytes : 0;
    let l0 = i32x4.splat(0);
    let h0 = l0;
    let m0 = l0;
    let n0 = l0;
    let l1 = l0;
    let h1 = l0;
    let m1 = l0;
    let n1 = l0;
    let at = row;
    do {
      let a = v128.load32_splat(at);
      const first = firstOf(a);
      const second = secondOf(a);
      a = v128.load32_splat(at, 4);
      const third = firstOf(a);
      const fourth = secondOf(a);
      let codes = v128.load(w);
      let odd = oddBytes(codes);
      if (bits == 4) {
        l0 = quadSums(codes, odd, firstMask, first, second, l0);
        h0 = quadSums(highCodes(codes), highCodes(odd), secondMask, first, second, h0);
        codes = v128.load(w + other);
        odd = oddBytes(codes);
        l1 = quadSums(codes, odd, firstMask, first, second, l1);
        h1 = quadSums(highCodes(codes), highCodes(odd), secondMask, first, second, h1);
        codes = v128.load(w, 16);
        odd = oddBytes(codes);
        m0 = quadSums(codes, odd, firstMask, third, fourth, m0);
        n0 = quadSums(highCodes(codes), highCodes(odd), secondMask, third, fourth, n0);
        codes = v128.load(w + other, 16);
        odd = oddBytes(codes);
        m1 = quadSums(codes, odd, firstMask, third, fourth, m1);
        n1 = quadSums(highCodes(codes), highCodes(odd), secondMask, third, fourth, n1);
        w += 32;
      } else {
        l0 = quadSums(codes, odd, firstMask, first, second, l0);
        h0 = quadSums(codes, odd, secondMask, first, second, h0);
        m0 = quadSums(codes, odd, thirdMask, third, fourth, m0);
        n0 = quadSums(i16x8.shr_u(codes, 2), i16x8.shr_u(odd, 2), thirdMask, third, fourth, n0);
        codes = v128.load(w + other);
        odd = oddBytes(codes);
        l1 = quadSums(codes, odd, firstMask, first, second, l1);
        h1 = quadSums(codes, odd, secondMask, first, second, h1);
        m1 = quadSums(codes, odd, thirdMask, third, fourth, m1);
        n1 = quadSums(i16x8.shr_u(codes, 2), i16x8.shr_u(odd, 2), thirdMask, third, fourth, n1);
        w += 16;
      }
      at += 2 * QUAD;
    } while (at != end);
    storeSums(strip, bias, l0, m0, 0, thirdAt, less);
    storeSums(strip + 16, bias + 16, h0, n0, secondAt, topAt, less);
    storeSums(strip + 32, bias + 32, l1, m1, 0, thirdAt, less);
    storeSums(strip + 48, bias + 48, h1, n1, secondAt, topAt, less);
    strip += 64;
    bias += 64;
    w += other;
  }
}

/** To the strip: the bias and both sums, shifted to where they belong. */
function storeSums(strip: usize, bias: usize, first: v128, second: v128, firstAt: i32, secondAt: i32, less: i32): void {
  const sum = i32x4.add(i32x4.shr_s(first, firstAt), i32x4.shr_s(second, secondAt));
  v128.store(strip, i32x4.add(sum, i32x4.sub(v128.load(bias), i32x4.splat(less))));
}
