// 2D convolution, int8 activations, int8 weights: the record's checks and the scalar truth.
// Accumulators: |sum w * a + beta| < 2^31 is proved at compile time; on the way they wrap, the same in every build.
import {
  BAD_STEP,
  CHANNEL_BLOCK,
  CONTRACT_A8W8,
  CONV_BIAS_AT,
  CONV_DILATION_H,
  CONV_DILATION_W,
  CONV_GROUPS,
  CONV_KERNEL_H,
  CONV_KERNEL_W,
  CONV_MAX,
  CONV_MIN,
  CONV_MULTIPLIER_AT,
  CONV_PAD_LEFT,
  CONV_PAD_TOP,
  CONV_SHIFT,
  CONV_STRIDE_H,
  CONV_STRIDE_W,
  CONV_WEIGHT_ZERO,
  CONV_WEIGHTS_AT,
  MAX_EXTENT,
  MAX_SHIFT,
  OK,
  OP_CONV,
  OP_DENSE,
  OP_DEPTHWISE,
  PLANE_BYTES,
  QUAD,
  STEP_CONTRACT,
  STEP_IN,
  STEP_OPCODE,
  STEP_OUT,
  TENSOR_CHANNELS,
  TENSOR_HALO_BOTTOM,
  TENSOR_HALO_LEFT,
  TENSOR_HALO_RIGHT,
  TENSOR_HALO_TOP,
  TENSOR_HEIGHT,
  TENSOR_PIXEL_PITCH,
  TENSOR_ROW_PITCH,
  TENSOR_WIDTH,
  TENSOR_ZERO_POINT,
} from "../abi";
import { claimConstant, checkClamp, checkRange } from "../checks";
import { requantize } from "../numerics/requantize";
import { hasPlanes, packedBytes, weightBits } from "../numerics/unpack";
import { fail, flip, isPacked, isWide, pixelBytes, pixels, storeCode, tensorOf, weightsPtr, word } from "../state";
import { fillHalo } from "./border";

/** Taps of one segment: what lies contiguous in the input and is padded to whole quads. Depthwise packs all as one. */
export function segmentTaps(step: usize): i64 {
  const columns = <i64>word(step, CONV_KERNEL_W);
  if (word(step, STEP_OPCODE) == OP_DEPTHWISE) return columns * word(step, CONV_KERNEL_H);
  const depth = <i64>groupDepth(step);
  return wholeRows(step) ? columns * depth : depth;
}

/** Packed bytes of one channel: its segments, each a whole number of quads. */
export function packedRow(step: usize): i64 {
  let segments: i64 = 1;
  if (word(step, STEP_OPCODE) != OP_DEPTHWISE) {
    segments = word(step, CONV_KERNEL_H);
    if (!wholeRows(step)) segments *= word(step, CONV_KERNEL_W);
  }
  return segments * roundUp(segmentTaps(step), QUAD);
}

// @ts-ignore: decorator
@inline
export function roundUp(value: i64, multiple: i64): i64 {
  return ((value + multiple - 1) / multiple) * multiple;
}

/** Input channels that one output channel sees. */
// @ts-ignore: decorator
@inline
export function groupDepth(step: usize): i32 {
  return word(tensorOf(step, STEP_IN), TENSOR_CHANNELS) / word(step, CONV_GROUPS);
}

/** Output channels of one group. */
// @ts-ignore: decorator
@inline
export function groupChannels(step: usize): i32 {
  return word(tensorOf(step, STEP_OUT), TENSOR_CHANNELS) / word(step, CONV_GROUPS);
}

/**
 * Whether the taps of a kernel row touch in the input, so that a row is one segment. In a part over one group
 * (parts.ts), pixels lie further apart than their channels.
 */
export function wholeRows(step: usize): bool {
  const input = tensorOf(step, STEP_IN);
  const touching = word(input, TENSOR_PIXEL_PITCH) <= word(input, TENSOR_CHANNELS);
  return word(step, CONV_DILATION_W) == 1 && word(step, CONV_GROUPS) == 1 && touching;
}

/** Output channels with every group rounded up to whole blocks. */
export function packedChannels(step: usize): i32 {
  return <i32>roundUp(groupChannels(step), CHANNEL_BLOCK) * word(step, CONV_GROUPS);
}

/** Stored bytes of a block of eight channels. */
export function blockBytes(step: usize): i64 {
  const bytes = packedRow(step) * CHANNEL_BLOCK;
  return hasPlanes(step) ? packedBytes(bytes / PLANE_BYTES, weightBits(step)) : bytes;
}

/** Multiply-adds of one run of the step. */
export function convolutionWork(step: usize): i64 {
  const output = tensorOf(step, STEP_OUT);
  const pixelCount = <i64>word(output, TENSOR_HEIGHT) * word(output, TENSOR_WIDTH);
  return pixelCount * word(output, TENSOR_CHANNELS) * packedRow(step);
}

/** Checks the record of conv, depthwise or dense: every read that its kernels will make lies inside its tensors. */
export function checkConvolution(step: usize, index: i32): i32 {
  const input = tensorOf(step, STEP_IN);
  const output = tensorOf(step, STEP_OUT);
  for (let at = CONV_KERNEL_H; at <= CONV_DILATION_W; at += 4) {
    const status = checkRange(step, index, at, 1, MAX_EXTENT);
    if (status != OK) return status;
  }
  let status = checkRange(step, index, CONV_SHIFT, 1, MAX_SHIFT);
  if (status == OK) status = checkClamp(step, index, CONV_MIN, CONV_MAX);
  const zeros = word(step, STEP_CONTRACT) == CONTRACT_A8W8 ? 128 : 0;
  if (status == OK) status = checkRange(step, index, CONV_WEIGHT_ZERO, -zeros, max(zeros - 1, 0));
  if (status == OK) status = checkGroups(step, index);
  if (status == OK) status = checkWindow(step, index, CONV_KERNEL_H, CONV_STRIDE_H, CONV_DILATION_H, CONV_PAD_TOP, 0);
  if (status == OK) status = checkWindow(step, index, CONV_KERNEL_W, CONV_STRIDE_W, CONV_DILATION_W, CONV_PAD_LEFT, 1);
  if (status != OK) return status;
  const channels = word(input, TENSOR_CHANNELS);
  if (word(step, STEP_OPCODE) == OP_DEPTHWISE && word(output, TENSOR_CHANNELS) != channels) {
    return fail(BAD_STEP, index, STEP_OUT, word(output, TENSOR_CHANNELS));
  }
  if (word(step, STEP_OPCODE) == OP_DENSE && (word(step, CONV_KERNEL_H) | word(step, CONV_KERNEL_W)) != 1) {
    return fail(BAD_STEP, index, CONV_KERNEL_H, word(step, CONV_KERNEL_H));
  }
  // Kernel rows are read as one segment, so pixels of the input must touch.
  if (word(input, TENSOR_PIXEL_PITCH) != pixelBytes(input)) return fail(BAD_STEP, index, STEP_IN, channels);
  const padded = packedChannels(step);
  status = claimConstant(step, index, CONV_WEIGHTS_AT, blockBytes(step) * (padded / CHANNEL_BLOCK));
  if (status == OK) status = claimConstant(step, index, CONV_BIAS_AT, <i64>padded * 4);
  if (status == OK) status = claimConstant(step, index, CONV_MULTIPLIER_AT, <i64>padded * 4);
  if (status != OK || hasPlanes(step)) return status;
  status = checkPadding(step, index);
  return status != OK || word(step, STEP_CONTRACT) == CONTRACT_A8W8 ? status : checkSevenBits(step, index);
}

/** Weights that a saturating dot product (class P) may take: two of them times 255 stay within 16 bits. */
function checkSevenBits(step: usize, index: i32): i32 {
  const start = weightsPtr + word(step, CONV_WEIGHTS_AT);
  const end = start + <usize>packedRow(step) * packedChannels(step);
  for (let at = start; at < end; at++) {
    const code = load<i8>(at);
    if (code < -64 || code > 63) return fail(BAD_STEP, index, CONV_WEIGHTS_AT, <i32>(at - weightsPtr));
  }
  return OK;
}

/** Weights behind a segment's last tap are real 0: kernels multiply them by whatever bytes lie behind the segment. Planes get theirs where they are unpacked. */
function checkPadding(step: usize, index: i32): i32 {
  const taps = segmentTaps(step);
  const used = <u32>(taps % QUAD);
  if (used == 0) return OK;
  const padding = u32.MAX_VALUE << (used * 8);
  const bytes = <usize>roundUp(taps, QUAD) * CHANNEL_BLOCK;
  const zeros = <u32>(word(step, CONV_WEIGHT_ZERO) & 0xff) * 0x01010101;
  const start = weightsPtr + word(step, CONV_WEIGHTS_AT);
  const end = start + <usize>packedRow(step) * packedChannels(step);
  // The last quads of a segment's eight channels lie together, at its end.
  for (let segment = start + bytes; segment <= end; segment += bytes) {
    for (let quad = segment - CHANNEL_BLOCK * QUAD; quad < segment; quad += QUAD) {
      if ((load<u32>(quad) ^ zeros) & padding) return fail(BAD_STEP, index, CONV_WEIGHTS_AT, <i32>(quad - weightsPtr));
    }
  }
  return OK;
}

/** Groups divide the channels of both sides; only conv has more than one. */
function checkGroups(step: usize, index: i32): i32 {
  const status = checkRange(step, index, CONV_GROUPS, 1, word(step, STEP_OPCODE) == OP_CONV ? MAX_EXTENT : 1);
  if (status != OK) return status;
  const groups = word(step, CONV_GROUPS);
  const channels = word(tensorOf(step, STEP_IN), TENSOR_CHANNELS);
  const outputs = word(tensorOf(step, STEP_OUT), TENSOR_CHANNELS);
  return (channels % groups | outputs % groups) == 0 ? OK : fail(BAD_STEP, index, CONV_GROUPS, groups);
}

/** One axis (0 height, 1 width): padding within the halo, and the last window within size + halo. */
function checkWindow(step: usize, index: i32, kernel: i32, stride: i32, dilation: i32, pad: i32, axis: i32): i32 {
  const input = tensorOf(step, STEP_IN);
  const output = tensorOf(step, STEP_OUT);
  // Around packed pixels there may be any padding: parts.ts makes it in scratch.
  const packed = isPacked(input);
  const before = packed ? MAX_EXTENT : word(input, axis == 0 ? TENSOR_HALO_TOP : TENSOR_HALO_LEFT);
  const after = packed ? MAX_EXTENT : word(input, axis == 0 ? TENSOR_HALO_BOTTOM : TENSOR_HALO_RIGHT);
  const size = word(input, axis == 0 ? TENSOR_HEIGHT : TENSOR_WIDTH);
  const count = word(output, axis == 0 ? TENSOR_HEIGHT : TENSOR_WIDTH);
  const status = checkRange(step, index, pad, 0, before);
  if (status != OK) return status;
  const last = <i64>(count - 1) * word(step, stride) + <i64>(word(step, kernel) - 1) * word(step, dilation) - word(step, pad);
  return last < <i64>size + after ? OK : fail(BAD_STEP, index, kernel, word(step, kernel));
}

/** Contract a8w8: canonical packed weights [N/8][K/4][8][4]. */
export function conv_a8w8__scalar(step: usize): void {
  const input = tensorOf(step, STEP_IN);
  const output = tensorOf(step, STEP_OUT);
  const height = word(output, TENSOR_HEIGHT);
  const width = word(output, TENSOR_WIDTH);
  const rowStride = word(step, CONV_STRIDE_H) * word(input, TENSOR_ROW_PITCH);
  const pixelStride = word(step, CONV_STRIDE_W) * word(input, TENSOR_PIXEL_PITCH);
  const corner =
    pixels(input) -
    word(step, CONV_PAD_TOP) * word(input, TENSOR_ROW_PITCH) -
    word(step, CONV_PAD_LEFT) * word(input, TENSOR_PIXEL_PITCH);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const out = pixels(output) + y * word(output, TENSOR_ROW_PITCH) + x * word(output, TENSOR_PIXEL_PITCH);
      window(step, input, output, corner + y * rowStride + x * pixelStride, out);
    }
  }
  fillHalo(output);
}

function window(step: usize, input: usize, output: usize, corner: usize, out: usize): void {
  const channels = word(output, TENSOR_CHANNELS);
  const block: usize = <usize>packedRow(step) * CHANNEL_BLOCK;
  const bias = weightsPtr + word(step, CONV_BIAS_AT);
  const multipliers = weightsPtr + word(step, CONV_MULTIPLIER_AT);
  const perGroup = groupChannels(step);
  const packed = <i32>roundUp(perGroup, CHANNEL_BLOCK);
  const wide = isWide(output);
  for (let n = 0; n < channels; n++) {
    const group = n / perGroup;
    const place = group * packed + (n % perGroup); // among the packed channels
    const weights = weightsPtr + word(step, CONV_WEIGHTS_AT) + <usize>(place >> 3) * block + ((place & 7) << 2);
    const acc = load<i32>(bias + (place << 2)) + channelSum(step, input, corner + group * groupDepth(step), weights);
    const code = requantize(
      acc,
      load<i32>(multipliers + (place << 2)),
      word(step, CONV_SHIFT),
      word(output, TENSOR_ZERO_POINT),
      word(step, CONV_MIN),
      word(step, CONV_MAX),
    );
    storeCode(out, n, code, wide);
  }
}

/** Sum over one window of one channel; bytes behind a segment meet weights of real 0. */
function channelSum(step: usize, input: usize, corner: usize, weights: usize): i32 {
  const depth = groupDepth(step);
  const whole = wholeRows(step);
  const segments = whole ? 1 : word(step, CONV_KERNEL_W);
  const quads = ((whole ? word(step, CONV_KERNEL_W) * depth : depth) + QUAD - 1) >> 2;
  const step0 = word(step, CONV_DILATION_H) * word(input, TENSOR_ROW_PITCH);
  const step1 = word(step, CONV_DILATION_W) * word(input, TENSOR_PIXEL_PITCH);
  const f = flip;
  const z = word(step, CONV_WEIGHT_ZERO);
  let sum = 0;
  for (let ky = 0; ky < word(step, CONV_KERNEL_H); ky++) {
    for (let kx = 0; kx < segments; kx++) {
      let a = corner + ky * step0 + kx * step1;
      for (let q = 0; q < quads; q++) {
        sum +=
          (load<i8>(a) ^ f) * (load<i8>(weights) - z) +
          (load<i8>(a, 1) ^ f) * (load<i8>(weights, 1) - z) +
          (load<i8>(a, 2) ^ f) * (load<i8>(weights, 2) - z) +
          (load<i8>(a, 3) ^ f) * (load<i8>(weights, 3) - z);
        a += QUAD;
        weights += CHANNEL_BLOCK * QUAD;
      }
    }
  }
  return sum;
}
