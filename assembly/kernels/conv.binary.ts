// Convolution and dense of codes of 1 bit by weights of 1 bit, 64 at a time. A weight is 1 - 2m, m its bit, so
// sum(w * q) = sum(q) - 2 sum(m q) = popcount(q xor m) - popcount(m); what does not depend on q is in the bias.
// Windows are gathered as runs of bits, whole bytes a pixel, with the zero point's bit around the input and zeros
// behind the last tap. One scalar kernel for every build: V8's i64.popcnt is one instruction, its i8x16.popcnt is eight.
import {
  CHANNEL_BLOCK,
  CONTRACT_A8W1,
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
  CONV_STRIDE_W,
  CONV_WEIGHTS_AT,
  DTYPE_UINT1,
  OP_DEPTHWISE,
  STEP_CONTRACT,
  STEP_IN,
  STEP_OPCODE,
  STEP_OUT,
  STEP_SCRATCH_AT,
  TENSOR_CHANNELS,
  TENSOR_DTYPE,
  TENSOR_HEIGHT,
  TENSOR_PIXEL_PITCH,
  TENSOR_ROW_PITCH,
  TENSOR_WIDTH,
  TENSOR_ZERO_POINT,
} from "../abi";
import { requantize } from "../numerics/requantize";
import { prepareEpilogue, requantizeStrip, STRIP } from "../numerics/requantize.simd";
import { arenaPtr, isWide, pixels, storeCode, tensorOf, weightsPtr, word } from "../state";
import { blockBytes, packedChannels, packedRow } from "./conv";
import { OUTPUTS } from "./tiles";

/** Codes that 16 bytes of the file hold of one channel (numerics/unpack.ts). */
const UNIT = 16;
/** Windows gathered at a time, and blocks of a strip: one pixel more than its sums has room behind them. */
const MOST_PIXELS = 8;
const STRIP_BLOCKS = 5;

/** Whether the step multiplies bits by bits; channels fill their bytes, so that taps lie in one run. */
export function isBinaryProduct(step: usize): bool {
  const input = tensorOf(step, STEP_IN);
  return (
    word(step, STEP_CONTRACT) == CONTRACT_A8W1 &&
    word(input, TENSOR_DTYPE) == DTYPE_UINT1 &&
    word(step, STEP_OPCODE) != OP_DEPTHWISE &&
    word(step, CONV_GROUPS) == 1 &&
    word(input, TENSOR_CHANNELS) % 8 == 0
  );
}

/**
 * Brings the weights into the order of the kernel, once a load: of every block, words of 64 taps of eight channels,
 * then what is left of every channel; and takes popcount(m) off the biases. The step's scratch holds a block meanwhile.
 */
export function arrangeBits(step: usize): void {
  const taps = <i32>packedRow(step);
  const units = (taps + UNIT - 1) / UNIT;
  const words = units >> 2;
  const rest = units & 3;
  const bytes: usize = units * UNIT;
  const copy = arenaPtr + word(step, STEP_SCRATCH_AT);
  let block = weightsPtr + word(step, CONV_WEIGHTS_AT);
  let bias = weightsPtr + word(step, CONV_BIAS_AT);
  for (let n = packedChannels(step); n > 0; n -= CHANNEL_BLOCK) {
    memory.copy(copy, block, bytes);
    for (let c = 0; c < CHANNEL_BLOCK; c++) {
      let ones = 0;
      for (let u = 0; u < units; u++) {
        const left = taps - u * UNIT;
        const bits = unitBits(copy + u * UNIT, c) & (left < UNIT ? (1 << left) - 1 : 0xffff);
        ones += popcnt(bits);
        const whole = u >> 2 < words;
        const at = whole ? ((u >> 2) * CHANNEL_BLOCK + c) * 8 + (u & 3) * 2 : words * 64 + (c * rest + (u & 3)) * 2;
        store<u16>(block + at, <u16>bits);
      }
      store<i32>(bias, load<i32>(bias) - ones);
      bias += 4;
    }
    block += <usize>blockBytes(step);
  }
}

/** Sixteen taps of a channel: of quad j, tap t, bit 2j + c / 4 of byte 4 (c mod 4) + t. */
function unitBits(unit: usize, c: i32): i32 {
  const quads = load<u32>(unit + ((c & 3) << 2)) >> (c >> 2);
  let bits: u32 = 0;
  for (let j = 0; j < 4; j++) {
    // The lowest bits of four bytes to four neighbours: no two products of the multiplication meet.
    bits |= ((((quads >> (2 * j)) & 0x01010101) * 0x10204080) >> 28) << (4 * j);
  }
  return <i32>bits;
}

/** Contract a1w1, one output row; the row's distance from the input's first one is in the padding. */
export function conv_a1w1(step: usize): void {
  const output = tensorOf(step, STEP_OUT);
  const channels = word(output, TENSOR_CHANNELS);
  const width = word(output, TENSOR_WIDTH);
  const pitch = word(output, TENSOR_PIXEL_PITCH);
  const taps = <i32>packedRow(step);
  const windows = arenaPtr + word(step, STEP_SCRATCH_AT);
  const stride = ((taps >> 3) + 15) & ~7; // bytes of a window, zeros behind it included
  const most = min(MOST_PIXELS, ((taps << 3) / stride) & ~1); // scratch is eight bytes a tap
  const blockStride = <i32>blockBytes(step);
  if (ASC_FEATURE_SIMD) prepareEpilogue(output, word(step, CONV_SHIFT), word(step, CONV_MIN), word(step, CONV_MAX));
  for (let x = 0; x < width; x += most) {
    const size = min(most, width - x);
    for (let i = 0; i < size; i++) {
      gather(step, x + i, windows + i * stride);
      store<usize>(OUTPUTS + (i << 2), pixels(output) + (x + i) * pitch);
    }
    for (let n = 0; n < channels; n += STRIP_BLOCKS * CHANNEL_BLOCK) {
      const count = min(STRIP_BLOCKS * CHANNEL_BLOCK, channels - n);
      let strip = STRIP;
      for (let c = n; c < n + count; c += CHANNEL_BLOCK) {
        const block = weightsPtr + word(step, CONV_WEIGHTS_AT) + (c >> 3) * blockStride;
        const bias = weightsPtr + word(step, CONV_BIAS_AT) + c * 4;
        sums(windows, stride, size, block, taps >> 3, bias, strip);
        strip += size * 32;
      }
      finish(step, output, size, count, n);
    }
  }
}

/** The bits of one window, and zeros to the next 64. */
function gather(step: usize, x: i32, target: usize): void {
  const input = tensorOf(step, STEP_IN);
  const pixel = word(input, TENSOR_PIXEL_PITCH);
  const columns = word(step, CONV_KERNEL_W);
  const apart = word(step, CONV_DILATION_W);
  const width = word(input, TENSOR_WIDTH);
  const left = x * word(step, CONV_STRIDE_W) - word(step, CONV_PAD_LEFT);
  const zeros: u64 = word(input, TENSOR_ZERO_POINT) ? -1 : 0;
  const whole = apart == 1 && left >= 0 && left + columns <= width;
  for (let k = 0; k < word(step, CONV_KERNEL_H); k++) {
    const y = k * word(step, CONV_DILATION_H) - word(step, CONV_PAD_TOP);
    const inside = y >= 0 && y < word(input, TENSOR_HEIGHT);
    const row = pixels(input) + y * word(input, TENSOR_ROW_PITCH);
    if (inside && whole) {
      copyBits(target, row + left * pixel, columns * pixel);
      target += columns * pixel;
      continue;
    }
    for (let i = 0; i < columns; i++) {
      const at = left + i * apart;
      if (inside && at >= 0 && at < width) {
        copyBits(target, row + at * pixel, pixel);
      } else {
        for (let to = target; to < target + pixel; to += 8) store<u64>(to, zeros);
      }
      target += pixel;
    }
  }
  store<u64>(target, 0);
}

/** Eight bytes at a time: up to seven more than asked for, which the next run overwrites. */
// @ts-ignore: decorator
@inline
function copyBits(target: usize, source: usize, bytes: i32): void {
  for (const end = target + bytes; target < end; target += 8) {
    store<u64>(target, load<u64>(source));
    source += 8;
  }
}

/**
 * Windows times the eight channels of a block, to the strip: two by four at a time, eight accumulators. An odd last
 * window is a pair with what lies behind it, whose sums the next block overwrites.
 */
function sums(windows: usize, stride: usize, size: i32, block: usize, bytes: i32, bias: usize, strip: usize): void {
  const units = (bytes + 1) >> 1;
  const rest = units & 3;
  const mask: u64 = (<u64>1 << (rest * 16)) - 1;
  for (let half = 0; half < ((size + 1) & ~1); half++) {
    const c = (half & 1) << 2;
    let a = windows;
    let b = a + stride;
    let a0: i64 = 0;
    let a1: i64 = 0;
    let a2: i64 = 0;
    let a3: i64 = 0;
    let b0: i64 = 0;
    let b1: i64 = 0;
    let b2: i64 = 0;
    let b3: i64 = 0;
    let w = block + c * 8;
    for (const end = a + ((units >> 2) << 3); a < end; a += 8) {
      const x = load<u64>(a);
      const y = load<u64>(b);
      let m = load<u64>(w);
      a0 += popcnt(x ^ m);
      b0 += popcnt(y ^ m);
      m = load<u64>(w, 8);
      a1 += popcnt(x ^ m);
      b1 += popcnt(y ^ m);
      m = load<u64>(w, 16);
      a2 += popcnt(x ^ m);
      b2 += popcnt(y ^ m);
      m = load<u64>(w, 24);
      a3 += popcnt(x ^ m);
      b3 += popcnt(y ^ m);
      b += 8;
      w += 64;
    }
    if (rest) {
      const x = load<u64>(a);
      const y = load<u64>(b);
      w += c * (rest * 2 - 8);
      let m = load<u64>(w) & mask;
      a0 += popcnt(x ^ m);
      b0 += popcnt(y ^ m);
      m = load<u64>(w + rest * 2) & mask;
      a1 += popcnt(x ^ m);
      b1 += popcnt(y ^ m);
      m = load<u64>(w + rest * 4) & mask;
      a2 += popcnt(x ^ m);
      b2 += popcnt(y ^ m);
      m = load<u64>(w + rest * 6) & mask;
      a3 += popcnt(x ^ m);
      b3 += popcnt(y ^ m);
    }
    store<i32>(strip, load<i32>(bias) + <i32>a0);
    store<i32>(strip, load<i32>(bias, 4) + <i32>a1, 4);
    store<i32>(strip, load<i32>(bias, 8) + <i32>a2, 8);
    store<i32>(strip, load<i32>(bias, 12) + <i32>a3, 12);
    store<i32>(strip, load<i32>(bias) + <i32>b0, 32);
    store<i32>(strip, load<i32>(bias, 4) + <i32>b1, 36);
    store<i32>(strip, load<i32>(bias, 8) + <i32>b2, 40);
    store<i32>(strip, load<i32>(bias, 12) + <i32>b3, 44);
    // The other half of the block, then the next pair.
    bias += c ? -16 : 16;
    strip += c ? 48 : 16;
    if (c) windows += stride << 1;
  }
}

/** Codes of the strip: blocks of `size` pixels of eight channels, from channel n on. */
function finish(step: usize, output: usize, size: i32, count: i32, n: i32): void {
  const multipliers = weightsPtr + word(step, CONV_MULTIPLIER_AT) + n * 4;
  if (ASC_FEATURE_SIMD) {
    requantizeStrip(OUTPUTS, size, count, multipliers, n);
    return;
  }
  const z = word(output, TENSOR_ZERO_POINT);
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < count; c++) {
      const acc = load<i32>(STRIP + ((((c >> 3) * size + i) * CHANNEL_BLOCK + (c & 7)) << 2));
      const b = load<i32>(multipliers + (c << 2));
      const code = requantize(acc, b, word(step, CONV_SHIFT), z, word(step, CONV_MIN), word(step, CONV_MAX));
      storeCode(load<usize>(OUTPUTS + (i << 2)), n + c, code, isWide(output));
    }
  }
}
