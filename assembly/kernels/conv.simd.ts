// Convolution and dense on i32x4.dot_i16x8_s: up to four windows widened to 16 bits in scratch, times blocks of eight
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
} from "../abi";
import { prepareEpilogue, requantizeStrip, STRIP_PIXELS } from "../numerics/requantize.simd";
import { arenaPtr, flip, tensorOf, weightsPtr, word } from "../state";
import { fillHalo } from "./border";
import { groupChannels } from "./conv";
import { tile1, tile2, tile3, tile4 } from "./conv.simd.generated";
import {
  nextPixels,
  OUTPUTS,
  quads,
  remaining,
  rowPitch,
  rows,
  segmentPitch,
  segments,
  Shifted,
  startTiles,
  Symmetric,
  WINDOWS,
} from "./tiles";

const TILE_PIXELS = 4;

/** Bytes of scratch that the step needs: the widened windows of one tile. */
export function convScratch(packedRow: i64): i64 {
  return packedRow * 2 * TILE_PIXELS;
}

export function conv_a8w8__simd(step: usize): void {
  const output = tensorOf(step, STEP_OUT);
  prepareEpilogue(output, word(step, CONV_SHIFT), word(step, CONV_MIN), word(step, CONV_MAX));
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

function convolveGroup<Weights>(step: usize, group: i32): void {
  const channels = groupChannels(step);
  const scratch = arenaPtr + word(step, STEP_SCRATCH_AT);
  const totalQuads = rows * segments * quads;
  const row = totalQuads * QUAD;
  const first = group * ((channels + CHANNEL_BLOCK - 1) & -CHANNEL_BLOCK);
  const weights = weightsPtr + word(step, CONV_WEIGHTS_AT) + first * row;
  const bias = weightsPtr + word(step, CONV_BIAS_AT) + first * 4;
  const multipliers = weightsPtr + word(step, CONV_MULTIPLIER_AT) + first * 4;
  const zero = word(step, CONV_WEIGHT_ZERO);
  while (remaining > 0) {
    const size = min(TILE_PIXELS, remaining);
    nextPixels(size);
    for (let i = 0; i < size; i++) widen(load<usize>(WINDOWS + (i << 2)), scratch + i * totalQuads * 8);
    const most = (STRIP_PIXELS / size) * CHANNEL_BLOCK;
    for (let n = 0; n < channels; n += most) {
      const count = min(most, channels - n);
      const blocks = (count + CHANNEL_BLOCK - 1) / CHANNEL_BLOCK;
      tile<Weights>(size, scratch, totalQuads, weights + n * row, bias + n * 4, blocks, zero);
      requantizeStrip(OUTPUTS, size, count, multipliers + n * 4, n);
    }
  }
}

/** The tile of so many windows. */
function tile<Weights>(size: i32, a: usize, count: i32, w: usize, bias: usize, blocks: i32, zero: i32): void {
  switch (size) {
    case 1:
      tile1<Weights>(a, count, w, bias, blocks, zero);
      break;
    case 2:
      tile2<Weights>(a, count, w, bias, blocks, zero);
      break;
    case 3:
      tile3<Weights>(a, count, w, bias, blocks, zero);
      break;
    default:
      tile4<Weights>(a, count, w, bias, blocks, zero);
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
