// The share of a step that one thread computes: records of the step and its tensors, in the thread's own memory, that
// say some of the output's rows alone, or some of its channels. To kernels they are a step like any other.
import {
  BINARY_IN_B,
  CHANNEL_BLOCK,
  CONV_BIAS_AT,
  CONV_GROUPS,
  CONV_MULTIPLIER_AT,
  CONV_PAD_TOP,
  CONV_STEP_BYTES,
  CONV_STRIDE_H,
  CONV_WEIGHTS_AT,
  OP_DEPTHWISE,
  POOL_PAD_TOP,
  POOL_STRIDE_H,
  STEP_BYTES,
  STEP_ENGINE,
  STEP_IN,
  STEP_OPCODE,
  STEP_OUT,
  STEP_SCRATCH_AT,
  TENSOR_BYTES,
  TENSOR_CHANNELS,
  TENSOR_HEIGHT,
  TENSOR_OFFSET,
} from "./abi";
import { BITS } from "./arrange";
import { skipRows } from "./bands";
import { HAS_THREADS } from "./build";
import { blockBytes, convolutionWork } from "./kernels/conv";
import { poolWork } from "./kernels/pool";
import { hasPlanes } from "./numerics/unpack";
import { isBinary } from "./operands";
import { OWN } from "./own";
import { isPool, isWeighted, takesPacked } from "./parts-scratch";
import { bitsOf, denseBytes, tensorOf, tensorRecord, word } from "./state";
import { leastWork, scratchAt, threads } from "./threads";

const STEP: usize = HAS_THREADS ? OWN + memory.data(CONV_STEP_BYTES, 16) : 0;
const TENSORS: usize = HAS_THREADS ? OWN + memory.data(4 * TENSOR_BYTES, 16) : 0; // three records, in phase with the plan's

/** What a byte written by an element-wise op or an epilogue, and a multiply-add of a depthwise kernel, count as. */
const BYTE_WORK = 16;
const DEPTHWISE_WORK = 3;

/** How many shares a step is worth: 1 for one that is small, or that no rows or channels can be taken from. */
export function shareCount(step: usize): i32 {
  if (threads == 1 || !takesPacked(word(step, STEP_OPCODE))) return 1;
  const most = max(word(tensorOf(step, STEP_OUT), TENSOR_HEIGHT), channelBlocks(step));
  return <i32>max(min(min(stepWork(step) / leastWork, <i64>threads), <i64>most), 1);
}

function stepWork(step: usize): i64 {
  const opcode = word(step, STEP_OPCODE);
  const bytes = denseBytes(tensorOf(step, STEP_OUT)) * BYTE_WORK;
  if (opcode == OP_DEPTHWISE) return bytes + convolutionWork(step) * DEPTHWISE_WORK;
  if (isWeighted(opcode)) return bytes + convolutionWork(step);
  return isPool(opcode) ? bytes + poolWork(step) : bytes;
}

/** Blocks of output channels that can be computed each alone: none where groups, or bits in words, are in the way. */
function channelBlocks(step: usize): i32 {
  if (!isWeighted(word(step, STEP_OPCODE)) || word(step, CONV_GROUPS) > 1 || word(step, STEP_ENGINE) == BITS) return 0;
  return (word(tensorOf(step, STEP_OUT), TENSOR_CHANNELS) + CHANNEL_BLOCK - 1) / CHANNEL_BLOCK;
}

/** The record of a share, until the thread takes another one. */
export function shareRecord(step: usize, share: i32, count: i32): usize {
  const opcode = word(step, STEP_OPCODE);
  memory.copy(STEP, step, word(step, STEP_BYTES));
  store<i32>(STEP, scratchAt(word(step, STEP_SCRATCH_AT)), STEP_SCRATCH_AT);
  copyTensor(step, 0, STEP_IN);
  copyTensor(step, 1, STEP_OUT);
  if (isBinary(opcode)) copyTensor(step, 2, BINARY_IN_B);
  const rows = word(tensorOf(step, STEP_OUT), TENSOR_HEIGHT);
  const blocks = channelBlocks(step);
  if (sharesChannels(step, rows, blocks, count)) {
    takeBlocks((blocks * share) / count, (blocks * (share + 1)) / count);
  } else {
    takeRows(opcode, (rows * share) / count, (rows * (share + 1)) / count);
  }
  return STEP;
}

/**
 * Rows keep threads' bytes apart. Channels are for what has too few rows to share them evenly, as 7 between 2 threads (where
 * each then reads half of the weights), and for weights that every share would have to unpack.
 */
function sharesChannels(step: usize, rows: i32, blocks: i32, count: i32): bool {
  if (blocks < count) return false;
  const uneven = (rows + count - 1) / count * count - rows; // rows that the last threads lack
  return uneven * 16 > rows || hasPlanes(step);
}

/** Copies the record of the tensor at word `at`; the share names it by an index that wraps around below the plan. */
function copyTensor(step: usize, place: i32, at: i32): void {
  const first = tensorRecord(0);
  const record = TENSORS + ((first - TENSORS) % TENSOR_BYTES) + place * TENSOR_BYTES;
  memory.copy(record, tensorOf(step, at), TENSOR_BYTES);
  store<i32>(STEP + at, <i32>(record - first) >> 6);
}

/** Rows [from, to) of the output, as bands take them (bands.ts). */
function takeRows(opcode: i32, from: i32, to: i32): void {
  const output = tensorOf(STEP, STEP_OUT);
  skipRows(output, from);
  store<i32>(output, to - from, TENSOR_HEIGHT);
  if (isWeighted(opcode)) {
    store<i32>(STEP, word(STEP, CONV_PAD_TOP) - from * word(STEP, CONV_STRIDE_H), CONV_PAD_TOP);
  } else if (isPool(opcode)) {
    store<i32>(STEP, word(STEP, POOL_PAD_TOP) - from * word(STEP, POOL_STRIDE_H), POOL_PAD_TOP);
  } else {
    skipRows(tensorOf(STEP, STEP_IN), from);
    if (isBinary(opcode)) skipRows(tensorOf(STEP, BINARY_IN_B), from);
  }
}

/** Blocks [from, to) of the output's channels. */
function takeBlocks(from: i32, to: i32): void {
  const weights = <i32>blockBytes(STEP);
  takeChannels(tensorOf(STEP, STEP_OUT), from, to);
  if (word(STEP, STEP_OPCODE) == OP_DEPTHWISE) takeChannels(tensorOf(STEP, STEP_IN), from, to);
  store<i32>(STEP, word(STEP, CONV_WEIGHTS_AT) + from * weights, CONV_WEIGHTS_AT);
  store<i32>(STEP, word(STEP, CONV_BIAS_AT) + from * CHANNEL_BLOCK * 4, CONV_BIAS_AT);
  store<i32>(STEP, word(STEP, CONV_MULTIPLIER_AT) + from * CHANNEL_BLOCK * 4, CONV_MULTIPLIER_AT);
}

function takeChannels(tensor: usize, from: i32, to: i32): void {
  const first = from * CHANNEL_BLOCK;
  store<i32>(tensor, word(tensor, TENSOR_OFFSET) + ((first * bitsOf(tensor)) >> 3), TENSOR_OFFSET);
  store<i32>(tensor, min(to * CHANNEL_BLOCK, word(tensor, TENSOR_CHANNELS)) - first, TENSOR_CHANNELS);
}
