// Depthwise on i32x4.dot_i16x8_s: eight channels at a time, taps in pairs, weights arranged [pair][8][2] (arrange.ts).
// Reads up to 7 bytes behind the last channel; stores only its own.
import {
  CHANNEL_BLOCK,
  CONV_BIAS_AT,
  CONV_DILATION_H,
  CONV_DILATION_W,
  CONV_KERNEL_H,
  CONV_KERNEL_W,
  CONV_MAX,
  CONV_MIN,
  CONV_MULTIPLIER_AT,
  CONV_SHIFT,
  CONV_WEIGHT_ZERO,
  CONV_WEIGHTS_AT,
  QUAD,
  STEP_IN,
  STEP_OUT,
  STEP_SCRATCH_AT,
  TENSOR_CHANNELS,
  TENSOR_PIXEL_PITCH,
  TENSOR_ROW_PITCH,
  TENSOR_ZERO_POINT,
} from "../abi";
import { prepareEpilogue, requantize8, storeBytes } from "../numerics/requantize.simd";
import { arenaPtr, flip, tensorOf, weightsPtr, word } from "../state";
import { fillHalo } from "./border";
import { packedRow } from "./conv";
import { load8, Shifted, Symmetric } from "./conv.simd";
import { nextTile, OUTPUTS, remaining, startTiles, WINDOWS } from "./tiles";

/** Bytes of scratch that the step needs: the offset of every tap, of a padded row. */
export function depthwiseScratch(packedRow: i64): i64 {
  return packedRow * 4;
}

export function depthwise_a8w8__simd(step: usize): void {
  const output = tensorOf(step, STEP_OUT);
  tapOffsets(step, arenaPtr + word(step, STEP_SCRATCH_AT), <i32>packedRow(step));
  prepareEpilogue(
    word(step, CONV_SHIFT),
    word(output, TENSOR_ZERO_POINT),
    word(step, CONV_MIN),
    word(step, CONV_MAX),
    flip,
  );
  if (word(step, CONV_WEIGHT_ZERO) != 0) {
    convolve<Shifted>(step, output);
  } else {
    convolve<Symmetric>(step, output);
  }
  fillHalo(output);
}

function convolve<Weights>(step: usize, output: usize): void {
  const channels = word(output, TENSOR_CHANNELS);
  const offsets = arenaPtr + word(step, STEP_SCRATCH_AT);
  const row = <i32>packedRow(step);
  const weights = weightsPtr + word(step, CONV_WEIGHTS_AT);
  const bias = weightsPtr + word(step, CONV_BIAS_AT);
  const multipliers = weightsPtr + word(step, CONV_MULTIPLIER_AT);
  const zero = i16x8.splat(<i16>word(step, CONV_WEIGHT_ZERO));
  const pairs = (word(step, CONV_KERNEL_H) * word(step, CONV_KERNEL_W) + 1) >> 1;
  for (let c = 0; c < channels; c += CHANNEL_BLOCK) {
    const block = weights + c * row;
    const count = min(CHANNEL_BLOCK, channels - c);
    startTiles(step, 0);
    while (remaining > 0) {
      nextTile(1);
      const a = load<usize>(WINDOWS) + c;
      const code = window<Weights>(a, offsets, pairs, block, bias + c * 4, multipliers + c * 4, zero);
      storeBytes(load<usize>(OUTPUTS) + c, code, count);
    }
  }
}

/** Byte offset of every tap from the window's corner; the taps that pad the row read the corner, times real 0. */
function tapOffsets(step: usize, offsets: usize, row: i32): void {
  const input = tensorOf(step, STEP_IN);
  const taps = word(step, CONV_KERNEL_H) * word(step, CONV_KERNEL_W);
  for (let tap = 0; tap < row; tap++) {
    const y = tap / word(step, CONV_KERNEL_W);
    const x = tap % word(step, CONV_KERNEL_W);
    const offset =
      y * word(step, CONV_DILATION_H) * word(input, TENSOR_ROW_PITCH) +
      x * word(step, CONV_DILATION_W) * word(input, TENSOR_PIXEL_PITCH);
    store<i32>(offsets + (tap << 2), tap < taps ? offset : 0);
  }
}

// @ts-ignore: decorator
@inline
function window<Weights>(
  a: usize,
  offsets: usize,
  pairs: i32,
  w: usize,
  bias: usize,
  multipliers: usize,
  zero: v128,
): v128 {
  const flips = i8x16.splat(<i8>flip);
  let low = v128.load(bias);
  let high = v128.load(bias, 16);
  for (const end = offsets + pairs * 8; offsets < end; offsets += 8) {
    const first = v128.load64_zero(a + load<i32>(offsets));
    const second = v128.load64_zero(a + load<i32>(offsets, 4));
    const taps = v128.xor(
      v128.shuffle<i8>(first, second, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23),
      flips,
    );
    low = i32x4.add(low, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(taps), load8<Weights>(w, zero)));
    high = i32x4.add(high, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(taps), load8<Weights>(w + 8, zero)));
    w += CHANNEL_BLOCK * QUAD / 2;
  }
  return requantize8(low, high, multipliers);
}
