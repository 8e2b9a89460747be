// Convolution and dense on the relaxed dot product: six windows straight from the arena times blocks of eight
// channels, canonical blocks [K/4][8][4] as they are in the file. Weights are operand 1, activations operand 2.
// 12 accumulators, two weight vectors and one splat: the fifteen registers that V8 has for vectors.
import {
  CHANNEL_BLOCK,
  CONV_BIAS_AT,
  CONV_GROUPS,
  CONV_MAX,
  CONV_MIN,
  CONV_MULTIPLIER_AT,
  CONV_SHIFT,
  CONV_WEIGHTS_AT,
  QUAD,
  STEP_OUT,
  TENSOR_ZERO_POINT,
} from "../abi";
import { relaxedDot } from "../numerics/dot.relaxed";
import { prepareEpilogue, requantize8, storeBytes } from "../numerics/requantize.simd";
import { flip, tensorOf, weightsPtr, word } from "../state";
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

const TILE_PIXELS = 6;

export function conv_a8w8__relaxed(step: usize): void {
  const output = tensorOf(step, STEP_OUT);
  prepareEpilogue(
    word(step, CONV_SHIFT),
    word(output, TENSOR_ZERO_POINT),
    word(step, CONV_MIN),
    word(step, CONV_MAX),
    flip,
  );
  for (let group = 0; group < word(step, CONV_GROUPS); group++) {
    startTiles(step, group);
    convolveGroup(step, group);
  }
  fillHalo(output);
}

function convolveGroup(step: usize, group: i32): void {
  const channels = groupChannels(step);
  const blockBytes = rows * segments * quads * (CHANNEL_BLOCK * QUAD);
  const blocks = group * ((channels + CHANNEL_BLOCK - 1) / CHANNEL_BLOCK);
  const weights = weightsPtr + word(step, CONV_WEIGHTS_AT) + blocks * blockBytes;
  const bias = weightsPtr + word(step, CONV_BIAS_AT) + blocks * (CHANNEL_BLOCK * 4);
  const multipliers = weightsPtr + word(step, CONV_MULTIPLIER_AT) + blocks * (CHANNEL_BLOCK * 4);
  const single = remaining == 1;
  while (remaining > 0) {
    nextTile(single ? 1 : TILE_PIXELS);
    let block = weights;
    for (let n = 0; n < channels; n += CHANNEL_BLOCK) {
      const count = min(CHANNEL_BLOCK, channels - n);
      if (single) {
        tile1(block, bias + n * 4, multipliers + n * 4, n, count);
      } else {
        tile6(block, bias + n * 4, multipliers + n * 4, n, count);
      }
      block += blockBytes;
    }
  }
}

/** 6 pixels x 8 channels; windows and outputs are those of the tile (tiles.ts). */
export function tile6(w: usize, bias: usize, multipliers: usize, n: usize, valid: i32): void {
  let a0 = load<usize>(WINDOWS);
  let a1 = load<usize>(WINDOWS, 4);
  let a2 = load<usize>(WINDOWS, 8);
  let a3 = load<usize>(WINDOWS, 12);
  let a4 = load<usize>(WINDOWS, 16);
  let a5 = load<usize>(WINDOWS, 20);
  let l0 = v128.load(bias);
  let h0 = v128.load(bias, 16);
  let l1 = l0;
  let h1 = h0;
  let l2 = l0;
  let h2 = h0;
  let l3 = l0;
  let h3 = h0;
  let l4 = l0;
  let h4 = h0;
  let l5 = l0;
  let h5 = h0;
  const bytes = quads * QUAD;
  const toSegment = segmentPitch - bytes;
  const toRow = rowPitch - segments * segmentPitch;
  for (let y = rows; y > 0; y--) {
    for (let x = segments; x > 0; x--) {
      const end = a0 + bytes;
      do {
        const wl = v128.load(w);
        const wh = v128.load(w, 16);
        let a = v128.load32_splat(a0);
        l0 = relaxedDot(wl, a, l0);
        h0 = relaxedDot(wh, a, h0);
        a = v128.load32_splat(a1);
        l1 = relaxedDot(wl, a, l1);
        h1 = relaxedDot(wh, a, h1);
        a = v128.load32_splat(a2);
        l2 = relaxedDot(wl, a, l2);
        h2 = relaxedDot(wh, a, h2);
        a = v128.load32_splat(a3);
        l3 = relaxedDot(wl, a, l3);
        h3 = relaxedDot(wh, a, h3);
        a = v128.load32_splat(a4);
        l4 = relaxedDot(wl, a, l4);
        h4 = relaxedDot(wh, a, h4);
        a = v128.load32_splat(a5);
        l5 = relaxedDot(wl, a, l5);
        h5 = relaxedDot(wh, a, h5);
        a0 += QUAD;
        a1 += QUAD;
        a2 += QUAD;
        a3 += QUAD;
        a4 += QUAD;
        a5 += QUAD;
        w += CHANNEL_BLOCK * QUAD;
      } while (a0 != end);
      a0 += toSegment;
      a1 += toSegment;
      a2 += toSegment;
      a3 += toSegment;
      a4 += toSegment;
      a5 += toSegment;
    }
    a0 += toRow;
    a1 += toRow;
    a2 += toRow;
    a3 += toRow;
    a4 += toRow;
    a5 += toRow;
  }
  storeBytes(load<usize>(OUTPUTS) + n, requantize8(l0, h0, multipliers), valid);
  storeBytes(load<usize>(OUTPUTS, 4) + n, requantize8(l1, h1, multipliers), valid);
  storeBytes(load<usize>(OUTPUTS, 8) + n, requantize8(l2, h2, multipliers), valid);
  storeBytes(load<usize>(OUTPUTS, 12) + n, requantize8(l3, h3, multipliers), valid);
  storeBytes(load<usize>(OUTPUTS, 16) + n, requantize8(l4, h4, multipliers), valid);
  storeBytes(load<usize>(OUTPUTS, 20) + n, requantize8(l5, h5, multipliers), valid);
}

/** 1 pixel x 8 channels; windows and outputs are those of the tile (tiles.ts). */
export function tile1(w: usize, bias: usize, multipliers: usize, n: usize, valid: i32): void {
  let a0 = load<usize>(WINDOWS);
  let l0 = v128.load(bias);
  let h0 = v128.load(bias, 16);
  const bytes = quads * QUAD;
  const toSegment = segmentPitch - bytes;
  const toRow = rowPitch - segments * segmentPitch;
  for (let y = rows; y > 0; y--) {
    for (let x = segments; x > 0; x--) {
      const end = a0 + bytes;
      do {
        const wl = v128.load(w);
        const wh = v128.load(w, 16);
        let a = v128.load32_splat(a0);
        l0 = relaxedDot(wl, a, l0);
        h0 = relaxedDot(wh, a, h0);
        a0 += QUAD;
        w += CHANNEL_BLOCK * QUAD;
      } while (a0 != end);
      a0 += toSegment;
    }
    a0 += toRow;
  }
  storeBytes(load<usize>(OUTPUTS) + n, requantize8(l0, h0, multipliers), valid);
}
