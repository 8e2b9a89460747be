// What a build does to the packed constants of a step while loading, in place and reversibly.
import {
  CHANNEL_BLOCK,
  CONTRACT_A8W8,
  CONV_BIAS_AT,
  CONV_DILATION_W,
  CONV_KERNEL_H,
  CONV_KERNEL_W,
  CONV_MULTIPLIER_AT,
  CONV_SHIFT,
  CONV_STRIDE_W,
  CONV_WEIGHT_ZERO,
  CONV_WEIGHTS_AT,
  DOT_PAIR_SATURATING,
  DOT_SIGNED,
  DOT_UNSIGNED,
  OP_CONV,
  OP_DENSE,
  OP_DEPTHWISE,
  QUAD,
  STEP_CONTRACT,
  STEP_ENGINE,
  STEP_OPCODE,
} from "./abi";
import { HAS_RELAXED_DOT } from "./build";
import { blockBytes, packedChannels, packedRow, segmentTaps } from "./kernels/conv";
import { arrangeBits, isBinaryProduct } from "./kernels/conv.binary";
import { isPlaneRow, turnPlanes } from "./kernels/dense.planes";
import { SUM_SHIFT_AT } from "./numerics/requantize.simd";
import { hasPlanes, MOST_TABLE_BITS, unpack, weightBits } from "./numerics/unpack";
import { OWN } from "./own";
import { weightsPtr, word } from "./state";

// An arrangement is a sum of these.
/** Blocks of [K/4][8][4] as in the file, canonical biases. */
export const CANONICAL = 0;
/** Quads turned into [2 pairs][8][2] for the 16-bit dot product. */
export const PAIRED = 1;
/** Taps of a 3x3 depthwise kernel by columns: RELAXED_COLUMNS or PAIRED_COLUMNS. */
export const COLUMNS = 2;
/** Read by the relaxed dot product. */
export const RELAXED = 4;
/** Biases less 128 * sum(w), because the relaxed dot product takes the stored activation, which is code + 128. */
export const UNSIGNED = 8;
/** Bits of weights in words, for the product of bits by bits (conv.binary.ts): the same in every build and class. */
export const BITS = 16;
/** Planes that are not unpacked (dense.planes.ts). */
export const PLANES = 32;
/** In the bits behind an arrangement: k, where planes are unpacked to weights times 2^k (scaleSums). */
const SCALE_AT = 8;
const LARGEST_SCALE = 20;

/** Taps (9 to 11 are padding) in the order of the columns: a column's three rows and a 0. */
const RELAXED_COLUMNS: usize = memory.data<u8>([0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]);
/** Two rows of each column, then the third row: a pair, and a 0 before the last. */
const PAIRED_COLUMNS: usize = memory.data<u8>([0, 3, 1, 4, 2, 5, 6, 7, 9, 8, 10, 11]);
const COLUMN_TAPS = 12;

/**
 * The arrangement a step gets, by the class of the relaxed dot. Eight-bit weights need an exact one, seven bits fit a
 * saturating one too; codes less a zero point need nine bits, which the 16-bit dot product has.
 */
export function arrangementOf(step: usize, dotClass: i32): i32 {
  const opcode = word(step, STEP_OPCODE);
  if (opcode != OP_CONV && opcode != OP_DENSE && opcode != OP_DEPTHWISE) return CANONICAL;
  if (isBinaryProduct(step)) return BITS;
  if (!ASC_FEATURE_SIMD) return CANONICAL;
  const columns = opcode == OP_DEPTHWISE && hasColumns(step) ? COLUMNS : 0;
  const narrow = word(step, STEP_CONTRACT) != CONTRACT_A8W8;
  const unsigned = dotClass == DOT_UNSIGNED || (dotClass == DOT_PAIR_SATURATING && narrow);
  const exact = unsigned || dotClass == DOT_SIGNED;
  if (HAS_RELAXED_DOT && exact && word(step, CONV_WEIGHT_ZERO) == 0 && (opcode != OP_DEPTHWISE || columns)) {
    return RELAXED + columns + (unsigned ? UNSIGNED : 0) + (isPlaneRow(step) ? PLANES : 0);
  }
  // The build for every host multiplies them by the 16-bit dot product; where it is a class of the relaxed one, they are rare.
  return PAIRED + columns + (!HAS_RELAXED_DOT && isPlaneRow(step) ? PLANES : 0);
}

/** Whether a depthwise step runs by columns (depthwise.simd.ts). */
function hasColumns(step: usize): bool {
  return (
    word(step, CONV_KERNEL_H) == 3 &&
    word(step, CONV_KERNEL_W) == 3 &&
    word(step, CONV_DILATION_W) == 1 &&
    word(step, CONV_STRIDE_W) <= 2
  );
}

/** Brings a step's constants into an arrangement, from the one they are in. */
export function arrange(step: usize, arrangement: i32): void {
  const current = word(step, STEP_ENGINE);
  if ((current & ((1 << SCALE_AT) - 1)) == arrangement) return;
  if (ASC_FEATURE_SIMD) doubleMultipliers(step);
  if (arrangement == BITS) {
    arrangeBits(step);
  } else if (ASC_FEATURE_SIMD) {
    if (current == CANONICAL) scaleSums(step);
    const scale = word(step, STEP_ENGINE) & -(1 << SCALE_AT);
    rearrange(step, current, arrangement);
    arrangement |= scale;
  }
  store<i32>(step, arrangement, STEP_ENGINE);
}

/** With every b below 2^30, c = 32 becomes 2b with c = 33: the same codes, from a shorter epilogue (requantize.simd.ts). */
function doubleMultipliers(step: usize): void {
  if (word(step, CONV_SHIFT) != 32) return;
  const first = weightsPtr + word(step, CONV_MULTIPLIER_AT);
  const end = first + packedChannels(step) * 4;
  for (let at = first; at < end; at += 4) {
    if (load<u32>(at) >> 30) return;
  }
  for (let at = first; at < end; at += 4) store<i32>(at, load<i32>(at) << 1);
  store<i32>(step, 33, CONV_SHIFT);
}

/**
 * Narrow weights have large scales: c is mostly below 33, which takes the longest epilogue. 2^k times the sums with
 * c + k = 33 are the same codes, where they fit 32 bits: weights and biases come scaled where weights then fit 7 bits, or
 * else the epilogue shifts the sums.
 */
function scaleSums(step: usize): void {
  const k = 33 - word(step, CONV_SHIFT);
  if (k < 1 || k > LARGEST_SCALE) return;
  const bits = weightBits(step);
  const first = weightsPtr + word(step, CONV_BIAS_AT);
  const end = first + packedChannels(step) * 4;
  // Less a zero point, a code takes one more bit.
  const most = (packedRow(step) * 255) << (word(step, CONV_WEIGHT_ZERO) != 0 ? bits : bits - 1);
  for (let at = first; at < end; at += 4) {
    if ((abs<i64>(load<i32>(at)) + most) >> (31 - k)) return;
  }
  if (bits > MOST_TABLE_BITS || bits + k > 7 || isPlaneRow(step)) {
    store<i32>(step, 33 | (k << SUM_SHIFT_AT), CONV_SHIFT);
    return;
  }
  for (let at = first; at < end; at += 4) store<i32>(at, load<i32>(at) << k);
  store<i32>(step, 33, CONV_SHIFT);
  store<i32>(step, k << SCALE_AT, STEP_ENGINE);
}

function rearrange(step: usize, current: i32, arrangement: i32): void {
  const weights = weightsPtr + word(step, CONV_WEIGHTS_AT);
  const bytes = hasPlanes(step) ? 0 : <usize>packedRow(step) * packedChannels(step);
  arrangeCodes(weights, bytes, current, false);
  if (current & PLANES) turnPlanes(step);
  if (current & UNSIGNED) shiftBiases(step, 128);
  if (arrangement & UNSIGNED) shiftBiases(step, -128);
  arrangeCodes(weights, bytes, arrangement, true);
  if (arrangement & PLANES) turnPlanes(step);
}

/** Brings whole blocks of canonical codes into an arrangement, or back. Planes get theirs once unpacked (parts.ts). */
export function arrangeCodes(at: usize, bytes: usize, arrangement: i32, forward: bool): void {
  if (!forward && arrangement & PAIRED) pairQuads(at, bytes, false);
  if (arrangement & COLUMNS) permuteTaps(at, bytes, arrangement, forward);
  if (forward && arrangement & PAIRED) pairQuads(at, bytes, true);
}

/** Of each vector of four channels' quads, which bytes of the three that there are go where; 128: none. */
const ORDERED: usize = OWN + memory.data(9 * 16, 16);
/** The order that it holds, and its direction. */
let ordered: usize = 0;

/** The taps of every channel to the order of an arrangement, or back to that of the file. */
function permuteTaps(weights: usize, bytes: usize, arrangement: i32, forward: bool): void {
  const order = arrangement & RELAXED ? RELAXED_COLUMNS : PAIRED_COLUMNS;
  if (ordered != order + <usize>forward) prepareOrder(order, forward);
  for (const end = weights + bytes; weights < end; weights += COLUMN_TAPS * CHANNEL_BLOCK) {
    for (let at = weights; at < weights + 32; at += 16) {
      const a = v128.load(at);
      const b = v128.load(at, 32);
      const c = v128.load(at, 64);
      v128.store(at, orderedQuads(a, b, c, 0));
      v128.store(at, orderedQuads(a, b, c, 48), 32);
      v128.store(at, orderedQuads(a, b, c, 96), 64);
    }
  }
}

// @ts-ignore: decorator
@inline
function orderedQuads(a: v128, b: v128, c: v128, at: usize): v128 {
  const first = v128.or(i8x16.swizzle(a, v128.load(ORDERED + at)), i8x16.swizzle(b, v128.load(ORDERED + at, 16)));
  return v128.or(first, i8x16.swizzle(c, v128.load(ORDERED + at, 32)));
}

function prepareOrder(order: usize, forward: bool): void {
  memory.fill(ORDERED, 128, 9 * 16);
  for (let i = 0; i < COLUMN_TAPS; i++) {
    const tap = <i32>load<u8>(order + i);
    const to = forward ? i : tap;
    const from = forward ? tap : i;
    for (let c = 0; c < 4; c++) {
      store<u8>(ORDERED + (to >> 2) * 48 + (from >> 2) * 16 + c * QUAD + (to & 3), <u8>(c * QUAD + (from & 3)));
    }
  }
  ordered = order + <usize>forward;
}

/** 32 bytes at a time: eight channels of four taps to and from two pairs of eight channels. */
function pairQuads(at: usize, bytes: usize, forward: bool): void {
  for (const end = at + bytes; at < end; at += CHANNEL_BLOCK * QUAD) {
    const a = v128.load(at);
    const b = v128.load(at, 16);
    if (forward) {
      v128.store(at, v128.shuffle<i16>(a, b, 0, 2, 4, 6, 8, 10, 12, 14));
      v128.store(at, v128.shuffle<i16>(a, b, 1, 3, 5, 7, 9, 11, 13, 15), 16);
    } else {
      v128.store(at, v128.shuffle<i16>(a, b, 0, 8, 1, 9, 2, 10, 3, 11));
      v128.store(at, v128.shuffle<i16>(a, b, 4, 12, 5, 13, 6, 14, 7, 15), 16);
    }
  }
}

/** Quads that planes are unpacked by at a time, outside a run: whole units of the narrowest plane. */
const CHUNK_QUADS = 4;
const CHUNK: usize = memory.data(CHUNK_QUADS * CHANNEL_BLOCK * QUAD, 16);

/** Adds `factor` times the sum of its weights to the bias of every channel; canonical blocks. */
function shiftBiases(step: usize, factor: i32): void {
  let block = weightsPtr + word(step, CONV_WEIGHTS_AT);
  let bias = weightsPtr + word(step, CONV_BIAS_AT);
  const planes = hasPlanes(step);
  const bytes = <usize>blockBytes(step);
  const quads = <i32>packedRow(step) / QUAD;
  const factors = i32x4.splat(factor);
  for (let n = packedChannels(step); n > 0; n -= CHANNEL_BLOCK) {
    let low = i32x4.splat(0);
    let high = low;
    let at = block;
    for (let q = 0; q < quads; q++) {
      if (planes && q % CHUNK_QUADS == 0) {
        at = CHUNK;
        unpackQuads(step, CHUNK, block, quads, q, min(CHUNK_QUADS, quads - q));
      }
      low = i32x4.add(low, i32x4.extadd_pairwise_i16x8_s(i16x8.extadd_pairwise_i8x16_s(v128.load(at))));
      high = i32x4.add(high, i32x4.extadd_pairwise_i16x8_s(i16x8.extadd_pairwise_i8x16_s(v128.load(at, 16))));
      at += CHANNEL_BLOCK * QUAD;
    }
    v128.store(bias, i32x4.add(v128.load(bias), i32x4.mul(low, factors)));
    v128.store(bias, i32x4.add(v128.load(bias, 16), i32x4.mul(high, factors)), 16);
    block += bytes;
    bias += 32;
  }
}

/** Canonical codes of quads [from, from + count) of a block of planes, real 0 behind every segment's last tap. */
export function unpackQuads(step: usize, target: usize, block: usize, quads: i32, from: i32, count: i32): void {
  unpack(target, block, quads * 2, weightBits(step), word(step, STEP_ENGINE) >> SCALE_AT, from * 2, count * 2);
  const taps = <i32>segmentTaps(step);
  const used = taps % QUAD;
  if (used == 0) return;
  const mask = <u32>((1 << (used * 8)) - 1);
  const perSegment = (taps + QUAD - 1) / QUAD;
  // The next quad that ends a segment.
  let q = perSegment - 1 - (from % perSegment);
  for (; q < count; q += perSegment) {
    const end = target + (q + 1) * (CHANNEL_BLOCK * QUAD);
    for (let at = end - CHANNEL_BLOCK * QUAD; at < end; at += QUAD) store<u32>(at, load<u32>(at) & mask);
  }
}
