// What a build does to the packed constants of a step while loading, in place and reversibly.
import {
  CHANNEL_BLOCK,
  CONTRACT_A8W8,
  CONV_BIAS_AT,
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
import { hasPlanes, unpack, weightBits } from "./numerics/unpack";
import { weightsPtr, word } from "./state";

/** As in the file: blocks of [K/4][8][4], canonical biases. Also what the relaxed kernels take with signed bytes. */
export const CANONICAL = 0;
/** Quads turned into [2 pairs][8][2] for the 16-bit dot product. */
export const PAIRED = 1;
/** Canonical blocks, biases less 128 * sum(w), because the stored activation is code + 128. */
export const UNSIGNED = 2;
/** Canonical, read by the relaxed kernel with signed bytes. */
export const SIGNED = 3;

/**
 * The arrangement a step gets, by the class of the relaxed dot. Eight-bit weights need an exact one, seven bits fit a
 * saturating one too; codes less a zero point need nine bits, which the 16-bit dot product has.
 */
export function arrangementOf(step: usize, dotClass: i32): i32 {
  const opcode = word(step, STEP_OPCODE);
  if (!ASC_FEATURE_SIMD) return CANONICAL;
  if (opcode == OP_DEPTHWISE) return PAIRED;
  if (opcode != OP_CONV && opcode != OP_DENSE) return CANONICAL;
  if (HAS_RELAXED_DOT && word(step, CONV_WEIGHT_ZERO) == 0) {
    if (dotClass == DOT_UNSIGNED) return UNSIGNED;
    if (dotClass == DOT_PAIR_SATURATING && word(step, STEP_CONTRACT) != CONTRACT_A8W8) return UNSIGNED;
    if (dotClass == DOT_SIGNED) return SIGNED;
  }
  return PAIRED;
}

/** Brings a step's constants into an arrangement, from the one they are in. */
export function arrange(step: usize, arrangement: i32): void {
  const current = word(step, STEP_ENGINE);
  if (!ASC_FEATURE_SIMD || current == arrangement) return;
  if (current == PAIRED) pair(step, false);
  if (current == UNSIGNED) shiftBiases(step, 128);
  if (arrangement == PAIRED) pair(step, true);
  if (arrangement == UNSIGNED) shiftBiases(step, -128);
  store<i32>(step, arrangement, STEP_ENGINE);
}

/** Planes are paired where they are unpacked (parts.ts). */
function pair(step: usize, forward: bool): void {
  if (hasPlanes(step)) return;
  const at = weightsPtr + word(step, CONV_WEIGHTS_AT);
  pairQuads(at, at + <usize>packedRow(step) * packedChannels(step), forward);
}

/** 32 bytes at a time: eight channels of four taps to and from two pairs of eight channels. */
export function pairQuads(at: usize, end: usize, forward: bool): void {
  for (; at < end; at += CHANNEL_BLOCK * QUAD) {
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
  unpack(target, block, quads * 2, weightBits(step), from * 2, count * 2);
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
