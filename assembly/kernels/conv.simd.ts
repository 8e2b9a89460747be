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
import { HAS_RELAXED_DOT } from "../build";
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
  tilesOfStrip,
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
  const row = rows * segments * quads * QUAD;
  const first = group * ((channels + CHANNEL_BLOCK - 1) & -CHANNEL_BLOCK);
  const weights = weightsPtr + word(step, CONV_WEIGHTS_AT) + first * row;
  const bias = weightsPtr + word(step, CONV_BIAS_AT) + first * 4;
  const multipliers = weightsPtr + word(step, CONV_MULTIPLIER_AT) + first * 4;
  const zero = word(step, CONV_WEIGHT_ZERO);
  const mostTiles = HAS_RELAXED_DOT ? 1 : tilesOfStrip(TILE_PIXELS, channels);
  while (remaining > 0) {
    const size = min(TILE_PIXELS, remaining);
    const pixels = size * min(mostTiles, remaining / size);
    nextPixels(pixels);
    const most = (STRIP_PIXELS / pixels) * CHANNEL_BLOCK;
    for (let n = 0; n < channels; n += most) {
      const count = min(most, channels - n);
      const blocks = (count + CHANNEL_BLOCK - 1) / CHANNEL_BLOCK;
      for (let i = 0; i < pixels; i += size) {
        // Where a strip has several tiles, it has all their channels.
        if (n == 0) widenTile(i, size, scratch);
        tile<Weights>(size, i, scratch, weights + n * row, bias + n * 4, blocks, zero);
      }
      requantizeStrip(OUTPUTS, pixels, count, multipliers + n * 4, n);
    }
  }
}

/** The tile of so many windows, from the strip's pixel `first` on. */
function tile<Weights>(size: i32, first: i32, a: usize, w: usize, bias: usize, blocks: i32, zero: i32): void {
  switch (size) {
    case 1:
      tile1<Weights>(first, a, apart, run, runs, gap, w, bias, blocks, zero);
      break;
    case 2:
      tile2<Weights>(first, a, apart, run, runs, gap, w, bias, blocks, zero);
      break;
    case 3:
      tile3<Weights>(first, a, apart, run, runs, gap, w, bias, blocks, zero);
      break;
    default:
      tile4<Weights>(first, a, apart, run, runs, gap, w, bias, blocks, zero);
  }
}

// How widened windows lie in scratch: `runs` of `run` bytes, `gap` bytes between them, and windows `apart` bytes apart.
let apart: usize = 0;
let run: usize = 0;
let runs: i32 = 0;
let gap: usize = 0;

/**
 * The windows of `size` pixels from `first` on as 16-bit codes; whole quads. Windows that overlap or touch share their
 * rows, which takes no more room: (size - 1) * step + quads * 4 codes of each, for a step of at most quads * 4. The
 * relaxed build, whose convolutions seldom come here, does without the code for it.
 */
function widenTile(first: i32, size: i32, target: usize): void {
  const flips = i8x16.splat(<i8>flip);
  const windows = WINDOWS + (first << 2);
  let line = load<usize>(windows);
  const step = size > 1 ? load<usize>(windows, 4) - line : 0;
  run = quads * 8;
  const last = load<usize>(windows + ((size - 1) << 2));
  const even = last - line == (size - 1) * step && step <= <usize>quads * QUAD;
  if (!HAS_RELAXED_DOT && segments == 1 && even) {
    const pitch = ((size - 1) * step * 2 + run + 7) & -8;
    apart = step * 2;
    runs = rows;
    gap = pitch - run;
    for (let y = rows; y > 0; y--) {
      widen(line, target, pitch, flips);
      target += pitch;
      line += rowPitch;
    }
    return;
  }
  apart = run * segments * rows;
  const end = windows + (size << 2);
  for (let at = windows; at < end; at += 4) {
    line = load<usize>(at);
    for (let y = rows; y > 0; y--) {
      let segment = line;
      for (let x = segments; x > 0; x--) {
        widen(segment, target, run, flips);
        target += run;
        segment += segmentPitch;
      }
      line += rowPitch;
    }
  }
  run = apart;
  runs = 1;
}

/** `bytes` of 16-bit codes, in eights. */
function widen(a: usize, target: usize, bytes: usize, flips: v128): void {
  const end = target + bytes;
  for (; target + 32 <= end; target += 32) {
    const codes = v128.xor(v128.load(a), flips);
    v128.store(target, i16x8.extend_low_i8x16_s(codes));
    v128.store(target, i16x8.extend_high_i8x16_s(codes), 16);
    a += 16;
  }
  if (bytes & 16) {
    v128.store(target, i16x8.extend_low_i8x16_s(v128.xor(v128.load64_zero(a), flips)));
    target += 16;
    a += 8;
  }
  if (bytes & 8) v128.store64_lane(target, i16x8.extend_low_i8x16_s(v128.xor(v128.load32_zero(a), flips)), 0);
}
