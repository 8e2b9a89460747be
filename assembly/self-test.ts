// Which kind of relaxed dot product this engine has, found by running the very tile on known vectors.
import { DOT_NONE, DOT_PAIR_SATURATING, DOT_SIGNED, DOT_UNSIGNED, QUAD } from "./abi";
import { tile1, tile6 } from "./kernels/conv.relaxed";
import { OUTPUTS, setSegments, WINDOWS } from "./kernels/tiles";
import { prepareEpilogue } from "./numerics/requantize.simd";

const QUADS = 8;
const PIXELS = 6;
const CHANNELS = 8;
const WEIGHTS: usize = memory.data(QUADS * CHANNELS * QUAD, 16);
const INPUT: usize = memory.data(QUADS * QUAD, 16);
const RESULTS: usize = memory.data(PIXELS * CHANNELS, 16);
const BIASES: usize = memory.data(CHANNELS * 4, 16);
const MULTIPLIERS: usize = memory.data(CHANNELS * 4, 16);
const ROUNDS = 8;

/** The class whose arithmetic explains every result; DOT_NONE when none does, or when tiles disagree. */
export function selfTest(): i32 {
  setSegments(QUADS);
  prepareEpilogue(30, 0, -128, 127, 0); // with b = 2^30 the scale is 1: codes are accumulators
  for (let n = 0; n < CHANNELS; n++) store<i32>(MULTIPLIERS + (n << 2), 1 << 30);
  for (let i = 0; i < PIXELS; i++) {
    store<usize>(WINDOWS + (i << 2), INPUT);
    store<usize>(OUTPUTS + (i << 2), RESULTS + i * CHANNELS);
  }
  if (explains(DOT_UNSIGNED)) return DOT_UNSIGNED;
  if (explains(DOT_PAIR_SATURATING)) return DOT_PAIR_SATURATING;
  return explains(DOT_SIGNED) ? DOT_SIGNED : DOT_NONE;
}

/** Whether both tiles give, on every vector, exactly the sums that the class's scalar arithmetic gives. */
function explains(dotClass: i32): bool {
  for (let round = 0; round < ROUNDS; round++) {
    fillVectors(round);
    // Biases cancel the expected sums, so that a result off by one shows: channel n must come out as n.
    for (let n = 0; n < CHANNELS; n++) store<i32>(BIASES + (n << 2), n - channelSum(n, dotClass));
    memory.fill(RESULTS, 0xff, PIXELS * CHANNELS);
    tile6(WEIGHTS, BIASES, MULTIPLIERS, 0, CHANNELS);
    if (!cancelled(PIXELS)) return false;
    memory.fill(RESULTS, 0xff, PIXELS * CHANNELS);
    tile1(WEIGHTS, BIASES, MULTIPLIERS, 0, CHANNELS);
    if (!cancelled(1)) return false;
  }
  return true;
}

function cancelled(pixels: i32): bool {
  for (let i = 0; i < pixels * CHANNELS; i++) {
    if (<i32>load<u8>(RESULTS + i) != i % CHANNELS) return false;
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
  for (let i = 0; i < QUADS * QUAD; i++) {
    seed = seed * 1103515245 + 12345;
    store<u8>(INPUT + i, round < 2 ? 0xff : <u8>(seed >> 16));
  }
}

function channelSum(n: i32, dotClass: i32): i32 {
  let sum = 0;
  for (let q = 0; q < QUADS; q++) {
    const w = WEIGHTS + (q * CHANNELS + n) * QUAD;
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
