// Which kind of relaxed dot product this engine has, found by running the very kernels on known vectors.
import { CHANNEL_BLOCK, DOT_NONE, DOT_PAIR_SATURATING, DOT_SIGNED, DOT_UNSIGNED, QUAD } from "./abi";
import { relaxedTile } from "./kernels/conv.relaxed";
import { columns1__relaxed, columns2__relaxed } from "./kernels/depthwise.relaxed";
import { setSegments, setStripPixels, WINDOWS } from "./kernels/tiles";
import { STRIP } from "./numerics/requantize.simd";

const QUADS = 8;
const PIXELS = 6;
/** One row takes four blocks at once, then one. */
const BLOCKS = 5;
const CHANNELS = BLOCKS * CHANNEL_BLOCK;
const WEIGHTS: usize = memory.data(QUADS * CHANNELS * QUAD, 16);
const INPUT_BYTES = 192;
const INPUT: usize = memory.data(INPUT_BYTES, 16);
const TAPS: usize = memory.data(QUAD);
const BIASES: usize = memory.data(CHANNELS * 4, 16);
const ROUNDS = 8;
/** Depthwise: outputs of one row; the input is three rows of pixels of eight channels. */
const OUTPUTS = 3;
const INPUT_ROW = INPUT_BYTES / 3;

/** The class whose arithmetic explains every result; DOT_NONE when none does, or when tiles disagree. */
export function selfTest(): i32 {
  setSegments(QUADS);
  for (let i = 0; i < PIXELS; i++) store<usize>(WINDOWS + (i << 2), INPUT);
  if (explains(DOT_UNSIGNED)) return DOT_UNSIGNED;
  if (explains(DOT_PAIR_SATURATING)) return DOT_PAIR_SATURATING;
  return explains(DOT_SIGNED) ? DOT_SIGNED : DOT_NONE;
}

/** Whether every kernel gives, on every vector, exactly the sums that the class's scalar arithmetic gives. */
function explains(dotClass: i32): bool {
  for (let round = 0; round < ROUNDS; round++) {
    fillVectors(round);
    // Biases cancel the expected sums: channel n must come out as n.
    for (let n = 0; n < CHANNELS; n++) store<i32>(BIASES + (n << 2), n - channelSum(n, dotClass));
    for (let size = 1; size <= PIXELS; size++) {
      memory.fill(STRIP, 0xff, PIXELS * CHANNELS * 4);
      setStripPixels(size);
      relaxedTile(size, 0, WEIGHTS, BIASES, BLOCKS);
      if (!cancelled(size)) return false;
    }
    columns1__relaxed(INPUT, INPUT_ROW, CHANNEL_BLOCK, 0, WEIGHTS, BIASES, 1, OUTPUTS);
    if (!isDepthwise(1, dotClass)) return false;
    columns2__relaxed(INPUT, INPUT_ROW, CHANNEL_BLOCK, 0, WEIGHTS, BIASES, 1, OUTPUTS);
    if (!isDepthwise(2, dotClass)) return false;
  }
  return true;
}

/** Sums of the strip: blocks of pixels of eight channels. */
function cancelled(pixels: i32): bool {
  const blockSums = pixels * CHANNEL_BLOCK;
  for (let i = 0; i < BLOCKS * blockSums; i++) {
    const n = (i / blockSums) * CHANNEL_BLOCK + (i & 7);
    if (load<i32>(STRIP + (i << 2)) != n) return false;
  }
  return true;
}

/** Whether the strip is the depthwise convolution: quads of three rows and a 0. */
function isDepthwise(stride: i32, dotClass: i32): bool {
  for (let i = 0; i < OUTPUTS * CHANNEL_BLOCK; i++) {
    const n = i & 7;
    let sum = load<i32>(BIASES + (n << 2));
    for (let column = 0; column < 3; column++) {
      const w = WEIGHTS + (column * CHANNEL_BLOCK + n) * QUAD;
      const a = INPUT + ((i >> 3) * stride + column) * CHANNEL_BLOCK + n;
      store<u8>(TAPS, load<u8>(a));
      store<u8>(TAPS, load<u8>(a + INPUT_ROW), 1);
      store<u8>(TAPS, load<u8>(a + 2 * INPUT_ROW), 2);
      sum += pairSum(w, TAPS, dotClass) + pairSum(w + 2, TAPS + 2, dotClass);
    }
    if (load<i32>(STRIP + (i << 2)) != sum) return false;
  }
  return true;
}

/** Extremes in the first rounds, then a linear congruential sequence. */
function fillVectors(round: i32): void {
  let seed = 12345 + round * 7919;
  for (let i = 0; i < QUADS * CHANNELS * QUAD; i++) {
    seed = seed * 1103515245 + 12345;
    store<u8>(WEIGHTS + i, round == 0 ? 0x80 : round == 1 ? 0x7f : <u8>(seed >> 16));
  }
  for (let i = 0; i < INPUT_BYTES; i++) {
    seed = seed * 1103515245 + 12345;
    store<u8>(INPUT + i, round < 2 ? 0xff : <u8>(seed >> 16));
  }
}

function channelSum(n: i32, dotClass: i32): i32 {
  let sum = 0;
  for (let q = 0; q < QUADS; q++) {
    const w = WEIGHTS + (((n >> 3) * QUADS + q) * CHANNEL_BLOCK + (n & 7)) * QUAD;
    const a = INPUT + q * QUAD;
    sum += pairSum(w, a, dotClass) + pairSum(w + 2, a + 2, dotClass);
  }
  return sum;
}

function pairSum(w: usize, a: usize, dotClass: i32): i32 {
  if (dotClass == DOT_SIGNED) return load<i8>(w) * load<i8>(a) + load<i8>(w, 1) * load<i8>(a, 1);
  const sum = load<i8>(w) * <i32>load<u8>(a) + load<i8>(w, 1) * <i32>load<u8>(a, 1);
  return dotClass == DOT_PAIR_SATURATING ? max(min(sum, 32767), -32768) : sum;
}
