// The scratch of steps that run in parts (parts.ts): how many bytes each part of it takes, and which steps have it.
import {
  BINARY_IN_B,
  CHANNEL_BLOCK,
  CONV_DILATION_W,
  CONV_KERNEL_H,
  CONV_KERNEL_W,
  CONV_STRIDE_W,
  OP_AVERAGE_POOL,
  OP_CONV,
  OP_DENSE,
  OP_DEPTHWISE,
  OP_LOOKUP,
  OP_MAX_POOL,
  OP_REQUANTIZE,
  OP_SOFTMAX,
  POOL_KERNEL_H,
  STEP_ENGINE,
  STEP_IN,
  STEP_OPCODE,
  STEP_OUT,
  STEP_SCRATCH_BYTES,
  TENSOR_CHANNELS,
  TENSOR_HEIGHT,
  TENSOR_WIDTH,
} from "./abi";
import { PLANES, RELAXED } from "./arrange";
import { groupChannels, packedRow, roundUp } from "./kernels/conv";
import { isBinaryProduct } from "./kernels/conv.binary";
import { convScratch } from "./kernels/conv.simd";
import { takesWinograd } from "./kernels/conv.winograd";
import { depthwiseScratch } from "./kernels/depthwise.simd";
import { hasPlanes } from "./numerics/unpack";
import { isBinary } from "./operands";
import { isPacked, pixels, tensorOf, word } from "./state";

const ROW_ALIGNMENT = 16;
/** Channels that a pool widens at a time: whole bytes at every width. */
export const POOL_CHANNELS = 16;

// @ts-ignore: decorator
@inline
export function isWeighted(opcode: i32): bool {
  return opcode == OP_CONV || opcode == OP_DEPTHWISE || opcode == OP_DENSE;
}

// @ts-ignore: decorator
@inline
export function isPool(opcode: i32): bool {
  return opcode == OP_AVERAGE_POOL || opcode == OP_MAX_POOL;
}

/** Whether an op's operands and output may be packed and are widened here. A reshape moves packed bytes as they are. */
export function takesPacked(opcode: i32): bool {
  const single = opcode == OP_REQUANTIZE || opcode == OP_LOOKUP || opcode == OP_SOFTMAX;
  return single || isWeighted(opcode) || isPool(opcode) || isBinary(opcode);
}

/** Whether a step touches packed pixels. */
export function runsByRows(step: usize): bool {
  const opcode = word(step, STEP_OPCODE);
  if (!takesPacked(opcode)) return false;
  if (isPacked(tensorOf(step, STEP_IN)) || isPacked(tensorOf(step, STEP_OUT))) return true;
  return isBinary(opcode) && isPacked(tensorOf(step, BINARY_IN_B));
}

/** Whether planes of weights are unpacked for the step's kernel. */
function unpacksPlanes(step: usize): bool {
  return isWeighted(word(step, STEP_OPCODE)) && hasPlanes(step) && !isBinaryProduct(step) && !(word(step, STEP_ENGINE) & PLANES);
}

/** Whether the step runs in parts. */
export function runsInParts(step: usize): bool {
  return unpacksPlanes(step) || runsByRows(step);
}

/** Bytes from one widened row of the first input to the next: what the windows of an output row touch. */
export function widenedPitch(step: usize): i64 {
  const input = tensorOf(step, STEP_IN);
  const opcode = word(step, STEP_OPCODE);
  let columns: i64 = word(input, TENSOR_WIDTH);
  let channels: i64 = word(input, TENSOR_CHANNELS);
  if (isWeighted(opcode)) {
    columns =
      <i64>(word(tensorOf(step, STEP_OUT), TENSOR_WIDTH) - 1) * word(step, CONV_STRIDE_W) +
      <i64>(word(step, CONV_KERNEL_W) - 1) * word(step, CONV_DILATION_W) +
      1;
  } else if (isPool(opcode)) {
    channels = POOL_CHANNELS;
  }
  return roundUp(columns * channels, ROW_ALIGNMENT);
}

function widenedRows(step: usize): i64 {
  const opcode = word(step, STEP_OPCODE);
  if (isWeighted(opcode)) return word(step, CONV_KERNEL_H);
  const height = word(tensorOf(step, STEP_IN), TENSOR_HEIGHT);
  return isPool(opcode) ? min(word(step, POOL_KERNEL_H), height) : 1;
}

/** Bytes of the parts of scratch, in their order; 0 for what a step does not need. */
export function rowsBytes(step: usize): i64 {
  if (isWeighted(word(step, STEP_OPCODE)) && isBinaryProduct(step)) return 0;
  return isPacked(tensorOf(step, STEP_IN)) ? widenedRows(step) * widenedPitch(step) : 0;
}

export function rowBytes(step: usize, at: i32): i64 {
  const tensor = tensorOf(step, at);
  const bytes = <i64>word(tensor, TENSOR_WIDTH) * word(tensor, TENSOR_CHANNELS);
  return isPacked(tensor) ? roundUp(bytes, ROW_ALIGNMENT) : 0;
}

export function planeScratch(step: usize): i64 {
  return unpacksPlanes(step) ? packedRow(step) * CHANNEL_BLOCK : 0;
}

/** Bytes of scratch that parts need in front of their kernel's. */
export function partsScratch(step: usize): i64 {
  if (!runsInParts(step)) return 0;
  const second = isBinary(word(step, STEP_OPCODE)) ? rowBytes(step, BINARY_IN_B) : 0;
  return rowsBytes(step) + second + rowBytes(step, STEP_OUT) + planeScratch(step);
}

/** Bytes that a run of the step widens and packs. */
export function partsWork(step: usize): i64 {
  if (!runsByRows(step)) return 0;
  const input = tensorOf(step, STEP_IN);
  const chunks = isPool(word(step, STEP_OPCODE)) ? <i64>word(input, TENSOR_CHANNELS) / POOL_CHANNELS + 1 : 1;
  return partsScratch(step) * chunks * word(tensorOf(step, STEP_OUT), TENSOR_HEIGHT);
}
/** Blocks of one group, and how many panels they make. */
export function groupBlocks(step: usize): i32 {
  return (groupChannels(step) + CHANNEL_BLOCK - 1) / CHANNEL_BLOCK;
}

/** Blocks that scratch beyond what the step needs has room for, and one; a kernel that wants the rest for itself gets it. */
export function panelBlocks(step: usize): i32 {
  const bytes = planeScratch(step);
  if (bytes == 0) return 1;
  const spare = <i64>word(step, STEP_SCRATCH_BYTES) - partsScratch(step);
  if (ASC_FEATURE_SIMD && !(word(step, STEP_ENGINE) & RELAXED) && takesWinograd(step, spare)) return 1;
  const own = word(step, STEP_OPCODE) == OP_DEPTHWISE ? depthwiseScratch(packedRow(step)) : convScratch(packedRow(step));
  return <i32>min((spare - own) / bytes + 1, <i64>groupBlocks(step));
}
