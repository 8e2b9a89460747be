// Steps that the 8-bit kernels cannot take as they are, cut into parts that they can: records of a step and its
// tensors, in static memory, over one block of eight channels whose planes were unpacked to bytes in scratch.
import {
  CHANNEL_BLOCK,
  CONV_BIAS_AT,
  CONV_GROUPS,
  CONV_MULTIPLIER_AT,
  CONV_STEP_BYTES,
  CONV_WEIGHTS_AT,
  OP_CONV,
  OP_DENSE,
  OP_DEPTHWISE,
  QUAD,
  STEP_BYTES,
  STEP_ENGINE,
  STEP_IN,
  STEP_OPCODE,
  STEP_OUT,
  STEP_SCRATCH_AT,
  STEP_SCRATCH_BYTES,
  TENSOR_BYTES,
  TENSOR_CHANNELS,
  TENSOR_OFFSET,
} from "./abi";
import { arrangeCodes, unpackQuads } from "./arrange";
import { blockBytes, groupChannels, groupDepth, packedChannels, packedRow } from "./kernels/conv";
import { hasPlanes } from "./numerics/unpack";
import { arenaPtr, tensorOf, tensorRecord, weightsPtr, word } from "./state";

const STEP: usize = memory.data(CONV_STEP_BYTES, 16);
const TENSORS: usize = memory.data(3 * TENSOR_BYTES, 16); // two records, in phase with the plan's;

let whole: usize = 0;
/** Address of the unpacked block. */
let unpacked: usize = 0;
let block: i32 = 0;
let blocks: i32 = 0;

/** Whether the step runs in parts. */
export function runsInParts(step: usize): bool {
  return isWeighted(step) && hasPlanes(step);
}

function isWeighted(step: usize): bool {
  const opcode = word(step, STEP_OPCODE);
  return opcode == OP_CONV || opcode == OP_DEPTHWISE || opcode == OP_DENSE;
}

/** Bytes of scratch that parts need in front of their kernel's. */
export function partsScratch(step: usize): i64 {
  return runsInParts(step) ? packedRow(step) * CHANNEL_BLOCK : 0;
}

/** The first part of a step; its record holds until the next one is asked for. */
export function firstPart(step: usize): usize {
  whole = step;
  memory.copy(STEP, step, word(step, STEP_BYTES));
  const scratch = word(step, STEP_SCRATCH_AT);
  unpacked = arenaPtr + scratch;
  const own = <i32>partsScratch(step);
  store<i32>(STEP, scratch + own, STEP_SCRATCH_AT);
  store<i32>(STEP, word(step, STEP_SCRATCH_BYTES) - own, STEP_SCRATCH_BYTES);
  store<i32>(STEP, partTensor(0, tensorOf(step, STEP_IN)), STEP_IN);
  store<i32>(STEP, partTensor(1, tensorOf(step, STEP_OUT)), STEP_OUT);
  blocks = packedChannels(step) / CHANNEL_BLOCK;
  block = -1;
  return nextPart();
}

/** The part behind the last one, or 0. */
export function nextPart(): usize {
  if (++block >= blocks) return 0;
  takeBlock();
  return STEP;
}

/** Copies a record; the index that a step names the copy by, wrapping around below the plan's own. */
function partTensor(place: i32, tensor: usize): i32 {
  const first = tensorRecord(0);
  const phase = (first - TENSORS) % TENSOR_BYTES;
  const record = TENSORS + phase + place * TENSOR_BYTES;
  memory.copy(record, tensor, TENSOR_BYTES);
  return <i32>(record - first) >> 6;
}

/** Eight output channels of one group, fewer where the group ends. */
function takeBlock(): void {
  const perGroup = groupChannels(whole);
  const groupBlocks = (perGroup + CHANNEL_BLOCK - 1) / CHANNEL_BLOCK;
  const group = block / groupBlocks;
  const n = (block % groupBlocks) * CHANNEL_BLOCK;
  const count = min(CHANNEL_BLOCK, perGroup - n);
  const depthwise = word(whole, STEP_OPCODE) == OP_DEPTHWISE;
  takeChannels(STEP_IN, depthwise ? n : group * groupDepth(whole), depthwise ? count : groupDepth(whole));
  takeChannels(STEP_OUT, group * perGroup + n, count);
  const packed = weightsPtr + word(whole, CONV_WEIGHTS_AT) + block * <i32>blockBytes(whole);
  const row = <i32>packedRow(whole);
  unpackQuads(whole, unpacked, packed, row / QUAD, 0, row / QUAD);
  if (ASC_FEATURE_SIMD) arrangeCodes(unpacked, row * CHANNEL_BLOCK, word(whole, STEP_ENGINE), true);
  store<i32>(STEP, <i32>(unpacked - weightsPtr), CONV_WEIGHTS_AT);
  store<i32>(STEP, word(whole, CONV_BIAS_AT) + block * CHANNEL_BLOCK * 4, CONV_BIAS_AT);
  store<i32>(STEP, word(whole, CONV_MULTIPLIER_AT) + block * CHANNEL_BLOCK * 4, CONV_MULTIPLIER_AT);
  store<i32>(STEP, 1, CONV_GROUPS);
}

/** The part's tensor at word `at` becomes `count` channels of the whole one's. */
function takeChannels(at: i32, first: i32, count: i32): void {
  const tensor = tensorOf(STEP, at);
  store<i32>(tensor, word(tensorOf(whole, at), TENSOR_OFFSET) + first, TENSOR_OFFSET);
  store<i32>(tensor, count, TENSOR_CHANNELS);
}
