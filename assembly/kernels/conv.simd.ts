// Convolution and dense on i32x4.dot_i16x8_s: four windows widened to 16 bits in scratch, times blocks of eight
// channels. Weights are the canonical blocks with each quad's 8 channels x 4 taps turned into 2 pairs x 8 channels
// (arrange.ts). Reads up to 16 bytes behind a segment, where weights are real 0 or nothing is used of them.
import {
  CHANNEL_BLOCK,
  CONV_BIAS_AT,
  CONV_GROUPS,
  CONV_MAX,
  CONV_MIN,
  CONV_MULTIPLIER_AT,
  CONV_SHIFT,
  CONV_WEIGHT_ZERO,
  CONV_WEIGHTS_AT,
  QUAD,
  STEP_OUT,
  STEP_SCRATCH_AT,
  TENSOR_ZERO_POINT,
} from "../abi";
import { prepareEpilogue, requantize8, storeBytes } from "../numerics/requantize.simd";
import { arenaPtr, flip, tensorOf, weightsPtr, word } from "../state";
import { fillHalo } from "./border";
import { groupChannels } from "./conv";
import {
  nextTile,
  OUTPUTS,
  quads,
  remaining,
  rowPitch,
  rows,
  segmentPitch,
  segments,
  startTiles,
  WINDOWS,
} from "./tiles";

const TILE_PIXELS = 4;

/** Bytes of scratch that the step needs: the widened windows of one tile. */
export function convScratch(packedRow: i64): i64 {
  return packedRow * 2 * TILE_PIXELS;
}

export function conv_a8w8__simd(step: usize): void {
  const output = tensorOf(step, STEP_OUT);
  prepareEpilogue(
    word(step, CONV_SHIFT),
    word(output, TENSOR_ZERO_POINT),
    word(step, CONV_MIN),
    word(step, CONV_MAX),
    flip,
  );
  const shifted = word(step, CONV_WEIGHT_ZERO) != 0;
  for (let group = 0; group < word(step, CONV_GROUPS); group++) {
    startTiles(step, group);
    if (shifted) {
      convolveGroup<Shifted>(step, group);
    } else {
      convolveGroup<Symmetric>(step, group);
    }
  }
  fillHalo(output);
}

/** Weights whose zero point is 0, as they come; and weights that first lose theirs. A boolean at compile time. */
export type Symmetric = i32;
export type Shifted = bool;

function convolveGroup<Weights>(step: usize, group: i32): void {
  const channels = groupChannels(step);
  const scratch = arenaPtr + word(step, STEP_SCRATCH_AT);
  const totalQuads = rows * segments * quads;
  const first = group * ((channels + CHANNEL_BLOCK - 1) & -CHANNEL_BLOCK);
  const weights = weightsPtr + word(step, CONV_WEIGHTS_AT) + first * totalQuads * QUAD;
  const bias = weightsPtr + word(step, CONV_BIAS_AT) + first * 4;
  const multipliers = weightsPtr + word(step, CONV_MULTIPLIER_AT) + first * 4;
  const zero = word(step, CONV_WEIGHT_ZERO);
  const single = remaining == 1;
  while (remaining > 0) {
    const size = single ? 1 : TILE_PIXELS;
    nextTile(size);
    for (let i = 0; i < size; i++) widen(load<usize>(WINDOWS + (i << 2)), scratch + i * totalQuads * 8);
    for (let n = 0; n < channels; n += CHANNEL_BLOCK) {
      const block = weights + n * totalQuads * QUAD;
      const count = min(CHANNEL_BLOCK, channels - n);
      if (single) {
        tile1<Weights>(scratch, block, totalQuads, bias + n * 4, multipliers + n * 4, n, count, zero);
      } else {
        tile4<Weights>(scratch, block, totalQuads, bias + n * 4, multipliers + n * 4, n, count, zero);
      }
    }
  }
}

/** One window, segment behind segment, as 16-bit codes; whole quads. */
function widen(window: usize, target: usize): void {
  const flips = i8x16.splat(<i8>flip);
  for (let y = 0; y < rows; y++) {
    let segment = window + y * rowPitch;
    for (let x = 0; x < segments; x++) {
      const end = target + quads * 8;
      let a = segment;
      for (; target + 32 <= end; target += 32) {
        const codes = v128.xor(v128.load(a), flips);
        v128.store(target, i16x8.extend_low_i8x16_s(codes));
        v128.store(target, i16x8.extend_high_i8x16_s(codes), 16);
        a += 16;
      }
      for (; target < end; target += 8) {
        v128.store64_lane(target, i16x8.extend_low_i8x16_s(v128.xor(v128.load32_zero(a), flips)), 0);
        a += QUAD;
      }
      segment += segmentPitch;
    }
  }
}

/** Eight weights as 16-bit values. */
// @ts-ignore: decorator
@inline
export function load8<Weights>(w: usize, zero: v128): v128 {
  const codes = v128.load8x8_s(w);
  return isBoolean<Weights>() ? i16x8.sub(codes, zero) : codes;
}

/** 4 pixels x 8 channels: 8 accumulators; `a` are the widened windows one behind the other. */
function tile4<Weights>(
  a0: usize,
  w: usize,
  count: i32,
  bias: usize,
  multipliers: usize,
  n: usize,
  valid: i32,
  weightZero: i32,
): void {
  const zero = i16x8.splat(<i16>weightZero);
  let a1 = a0 + count * 8;
  let a2 = a1 + count * 8;
  let a3 = a2 + count * 8;
  const end = a0 + count * 8;
  let l0 = v128.load(bias);
  let h0 = v128.load(bias, 16);
  let l1 = l0;
  let h1 = h0;
  let l2 = l0;
  let h2 = h0;
  let l3 = l0;
  let h3 = h0;
  do {
    let wl = load8<Weights>(w, zero);
    let wh = load8<Weights>(w + 8, zero);
    let a = v128.load32_splat(a0);
    l0 = i32x4.add(l0, i32x4.dot_i16x8_s(a, wl));
    h0 = i32x4.add(h0, i32x4.dot_i16x8_s(a, wh));
    a = v128.load32_splat(a1);
    l1 = i32x4.add(l1, i32x4.dot_i16x8_s(a, wl));
    h1 = i32x4.add(h1, i32x4.dot_i16x8_s(a, wh));
    a = v128.load32_splat(a2);
    l2 = i32x4.add(l2, i32x4.dot_i16x8_s(a, wl));
    h2 = i32x4.add(h2, i32x4.dot_i16x8_s(a, wh));
    a = v128.load32_splat(a3);
    l3 = i32x4.add(l3, i32x4.dot_i16x8_s(a, wl));
    h3 = i32x4.add(h3, i32x4.dot_i16x8_s(a, wh));
    wl = load8<Weights>(w + 16, zero);
    wh = load8<Weights>(w + 24, zero);
    a = v128.load32_splat(a0, 4);
    l0 = i32x4.add(l0, i32x4.dot_i16x8_s(a, wl));
    h0 = i32x4.add(h0, i32x4.dot_i16x8_s(a, wh));
    a = v128.load32_splat(a1, 4);
    l1 = i32x4.add(l1, i32x4.dot_i16x8_s(a, wl));
    h1 = i32x4.add(h1, i32x4.dot_i16x8_s(a, wh));
    a = v128.load32_splat(a2, 4);
    l2 = i32x4.add(l2, i32x4.dot_i16x8_s(a, wl));
    h2 = i32x4.add(h2, i32x4.dot_i16x8_s(a, wh));
    a = v128.load32_splat(a3, 4);
    l3 = i32x4.add(l3, i32x4.dot_i16x8_s(a, wl));
    h3 = i32x4.add(h3, i32x4.dot_i16x8_s(a, wh));
    a0 += 8;
    a1 += 8;
    a2 += 8;
    a3 += 8;
    w += 32;
  } while (a0 < end);
  storeBytes(load<usize>(OUTPUTS) + n, requantize8(l0, h0, multipliers), valid);
  storeBytes(load<usize>(OUTPUTS, 4) + n, requantize8(l1, h1, multipliers), valid);
  storeBytes(load<usize>(OUTPUTS, 8) + n, requantize8(l2, h2, multipliers), valid);
  storeBytes(load<usize>(OUTPUTS, 12) + n, requantize8(l3, h3, multipliers), valid);
}

/** 1 pixel x 8 channels: 2 accumulators; `a` are the widened windows one behind the other. */
function tile1<Weights>(
  a0: usize,
  w: usize,
  count: i32,
  bias: usize,
  multipliers: usize,
  n: usize,
  valid: i32,
  weightZero: i32,
): void {
  const zero = i16x8.splat(<i16>weightZero);
  const end = a0 + count * 8;
  let l0 = v128.load(bias);
  let h0 = v128.load(bias, 16);
  do {
    let wl = load8<Weights>(w, zero);
    let wh = load8<Weights>(w + 8, zero);
    let a = v128.load32_splat(a0);
    l0 = i32x4.add(l0, i32x4.dot_i16x8_s(a, wl));
    h0 = i32x4.add(h0, i32x4.dot_i16x8_s(a, wh));
    wl = load8<Weights>(w + 16, zero);
    wh = load8<Weights>(w + 24, zero);
    a = v128.load32_splat(a0, 4);
    l0 = i32x4.add(l0, i32x4.dot_i16x8_s(a, wl));
    h0 = i32x4.add(h0, i32x4.dot_i16x8_s(a, wh));
    a0 += 8;
    w += 32;
  } while (a0 < end);
  storeBytes(load<usize>(OUTPUTS) + n, requantize8(l0, h0, multipliers), valid);
}
