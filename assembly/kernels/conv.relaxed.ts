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
import { prepareEpilogue, requantizeStrip, STRIP_PIXELS } from "../numerics/requantize.simd";
import { tensorOf, weightsPtr, word } from "../state";
import { fillHalo } from "./border";
import { groupChannels } from "./conv";
import { tile1, tile2, tile3, tile4, tile5, tile6 } from "./conv.relaxed.generated";
import { nextTile, OUTPUTS, quads, remaining, rows, segments, startTiles } from "./tiles";

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
  while (remaining > 0) {
    const size = tileSize();
    nextTile(size);
    const most = (STRIP_PIXELS / size) * CHANNEL_BLOCK;
    for (let n = 0; n < channels; n += most) {
      const count = min(most, channels - n);
      relaxedTile(size, weights + n * row, bias + n * 4, (count + CHANNEL_BLOCK - 1) / CHANNEL_BLOCK);
      requantizeStrip(OUTPUTS, size, count, multipliers + n * 4, n);
    }
  }
}

/** Six windows; the last ten or fewer in halves, as tiles below five wait for the dot product's latency anyway. */
function tileSize(): i32 {
  if (remaining > 10) return 6;
  return remaining > 6 ? (remaining + 1) >> 1 : remaining;
}

/** The tile of so many windows. */
export function relaxedTile(size: i32, weights: usize, bias: usize, blocks: i32): void {
  switch (size) {
    case 1:
      tile1(weights, bias, blocks);
      break;
    case 2:
      tile2(weights, bias, blocks);
      break;
    case 3:
      tile3(weights, bias, blocks);
      break;
    case 4:
      tile4(weights, bias, blocks);
      break;
    case 5:
      tile5(weights, bias, blocks);
      break;
    default:
      tile6(weights, bias, blocks);
  }
}
