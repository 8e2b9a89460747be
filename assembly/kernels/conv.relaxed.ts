// Convolution and dense on the relaxed dot product: up to six windows straight from the arena times blocks of eight
// channels, canonical blocks [K/4][8][4] as they are in the file. Weights are operand 1, activations operand 2.
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
} from "../abi";
import { isNear, prepareEpilogue, requantizeStrip, STRIP_PIXELS } from "../numerics/requantize.simd";
import { tensorOf, weightsPtr, word } from "../state";
import { fillHalo } from "./border";
import { groupChannels } from "./conv";
import { tile1, tile2, tile3, tile4, tile5, tile6 } from "./conv.relaxed.generated";
import { nextPixels, OUTPUTS, quads, remaining, rows, segments, startTiles, tilesOfStrip } from "./tiles";

const TILE_PIXELS = 6;

export function conv_a8w8__relaxed(step: usize): void {
  const output = tensorOf(step, STEP_OUT);
  prepareEpilogue(output, word(step, CONV_SHIFT), word(step, CONV_MIN), word(step, CONV_MAX));
  for (let group = 0; group < word(step, CONV_GROUPS); group++) {
    startTiles(step, group);
    convolveGroup(step, group);
  }
  fillHalo(output);
}

function convolveGroup(step: usize, group: i32): void {
  const channels = groupChannels(step);
  const row = rows * segments * quads * QUAD;
  const first = group * ((channels + CHANNEL_BLOCK - 1) & -CHANNEL_BLOCK);
  const weights = weightsPtr + word(step, CONV_WEIGHTS_AT) + first * row;
  const bias = weightsPtr + word(step, CONV_BIAS_AT) + first * 4;
  const multipliers = weightsPtr + word(step, CONV_MULTIPLIER_AT) + first * 4;
  const finishes = isNear() && channels % CHANNEL_BLOCK == 0;
  const mostTiles = tilesOfStrip(TILE_PIXELS, channels);
  while (remaining > 0) {
    const size = tileSize();
    let pixels = size;
    if (mostTiles > 1 && remaining > 10) pixels *= min(mostTiles, (remaining - 5) / TILE_PIXELS);
    nextPixels(pixels);
    if (size == TILE_PIXELS && finishes) {
      for (let i = 0; i < pixels; i += size) tile6(i, weights, bias, channels / CHANNEL_BLOCK, multipliers);
      continue;
    }
    const most = (STRIP_PIXELS / pixels) * CHANNEL_BLOCK;
    for (let n = 0; n < channels; n += most) {
      const count = min(most, channels - n);
      const blocks = (count + CHANNEL_BLOCK - 1) / CHANNEL_BLOCK;
      for (let i = 0; i < pixels; i += size) relaxedTile(size, i, weights + n * row, bias + n * 4, blocks);
      requantizeStrip(OUTPUTS, pixels, count, multipliers + n * 4, n);
    }
  }
}

/** Six windows; the last ten or fewer in halves, as tiles below five wait for the dot product's latency anyway. */
function tileSize(): i32 {
  if (remaining > 10) return TILE_PIXELS;
  return remaining > TILE_PIXELS ? (remaining + 1) >> 1 : remaining;
}

/** The tile of so many windows, from the strip's pixel `first` on. */
export function relaxedTile(size: i32, first: i32, weights: usize, bias: usize, blocks: i32): void {
  switch (size) {
    case 1:
      tile1(first, weights, bias, blocks);
      break;
    case 2:
      tile2(first, weights, bias, blocks);
      break;
    case 3:
      tile3(first, weights, bias, blocks);
      break;
    case 4:
      tile4(first, weights, bias, blocks);
      break;
    case 5:
      tile5(first, weights, bias, blocks);
      break;
    default:
      tile6(first, weights, bias, blocks, 0);
  }
}
