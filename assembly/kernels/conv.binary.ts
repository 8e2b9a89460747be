// Convolution and dense of codes of 1 bit by weights of 1 bit, 64 at a time. A weight is 1 - 2m, m its bit, so
// sum(w * q) = sum(q) - 2 sum(m q) = popcount(q xor m) - popcount(m); what does not depend on q is in the bias.
// Windows are gathered as runs of bits, whole bytes a pixel, with the zero point's bit around the input and zeros
// behind the last tap. The relaxed build looks sums of four bits up (conv.binary.relaxed.ts), the others have one scalar
// kernel: V8's i64.popcnt is one instruction, its i8x16.popcnt is eight, its strict swizzle four.
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
  CONV_WEIGHT_ZERO,
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
import { HAS_RELAXED_DOT } from "../build";
import { prepareTables, spreadBits } from "../numerics/bit-tables";
import { requantize } from "../numerics/requantize";
import { prepareEpilogue, requantizeStrip, STRIP } from "../numerics/requantize.simd";
import { arenaPtr, isWide, pixels, storeCode, tensorOf, weightsPtr, word } from "../state";
import { blockBytes, packedChannels, packedRow } from "./conv";
import { GROUP_BLOCKS, groupSums, groupWindows, storeQuads } from "./conv.binary.relaxed";
import { OUTPUTS } from "./tiles";

/** Codes that 16 bytes of the file hold of one channel (numerics/unpack.ts). */
const UNIT = 16;
/** Windows gathered at a time, and blocks of a strip: one pixel more than its sums has room behind them. */
const MOST_PIXELS = 8;
const STRIP_BLOCKS = HAS_RELAXED_DOT ? GROUP_BLOCKS : 5;

/** s of scaleSums: planes of weights have no zero point. */
const SUM_SHIFT = CONV_WEIGHT_ZERO;

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
 * then what is left of every channel; or tables' indices by groups of blocks. And takes popcount(m) off the biases. The
 * step's scratch holds a block, or a group, meanwhile: 32 channels by whole units take at most its eight bytes a tap.
 */
export function arrangeBits(step: usize): void {
  const taps = <i32>packedRow(step);
  const units = (taps + UNIT - 1) / UNIT;
  const bytes: usize = units * UNIT;
  const copy = arenaPtr + word(step, STEP_SCRATCH_AT);
  let at = weightsPtr + word(step, CONV_WEIGHTS_AT);
  let bias = weightsPtr + word(step, CONV_BIAS_AT);
  let blocks = packedChannels(step) / CHANNEL_BLOCK;
  if (HAS_RELAXED_DOT) prepareTables();
  while (blocks > 0) {
    const group = HAS_RELAXED_DOT ? min(GROUP_BLOCKS, blocks) : 1;
    memory.copy(copy, at, bytes * group);
    for (let c = 0; c < group * CHANNEL_BLOCK; c++) {
      let ones = 0;
      for (let u = 0; u < units; u++) {
        const left = taps - u * UNIT;
        const bits = unitBits(copy + (c >> 3) * bytes + u * UNIT, c & 7) & (left < UNIT ? (1 << left) - 1 : 0xffff);
        ones += popcnt(bits);
        if (HAS_RELAXED_DOT) storeQuads(at, group, c, u * 4, min(left >> 2, 4), bits);
        else storeUnit(at, units, c, u, bits);
      }
      store<i32>(bias, load<i32>(bias) - ones);
      bias += 4;
    }
    at += bytes * group;
    blocks -= group;
  }
  if (ASC_FEATURE_SIMD) scaleSums(step, taps);
}

/**
 * Sums of bits are small and their scales large: c is mostly below 33, which takes the longest epilogue. 2^s times the
 * sums and biases with c + s = 33 are the same codes, where they fit 32 bits (and bytes' sums 16: s <= 8).
 */
function scaleSums(step: usize, taps: i32): void {
  const s = 33 - word(step, CONV_SHIFT);
  if (s < 1 || s > 8) return;
  const first = weightsPtr + word(step, CONV_BIAS_AT);
  const end = first + packedChannels(step) * 4;
  for (let at = first; at < end; at += 4) {
    if ((abs<i64>(load<i32>(at)) + taps) >> (31 - s)) return;
  }
  for (let at = first; at < end; at += 4) store<i32>(at, load<i32>(at) << s);
  store<i32>(step, 33, CONV_SHIFT);
  store<i32>(step, s, SUM_SHIFT);
}

/** Unit u of channel c to its place in the block. */
function storeUnit(block: usize, units: i32, c: i32, u: i32, bits: i32): void {
  const words = units >> 2;
  const rest = units & 3;
  const whole = u >> 2 < words;
  const at = whole ? ((u >> 2) * CHANNEL_BLOCK + c) * 8 + (u & 3) * 2 : words * 64 + (c * rest + (u & 3)) * 2;
  store<u16>(block + at, <u16>bits);
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
  const blockStride = <i32>blockBytes(step);
  // Bytes of a window, with room for what copyBits writes behind it; scratch is eight bytes a tap.
  const stride = HAS_RELAXED_DOT ? (taps >> 2) + 16 : ((taps >> 3) + 15) & ~7;
  const room = (taps << 3) / stride;
  const shift = word(step, SUM_SHIFT);
  if (ASC_FEATURE_SIMD) prepareEpilogue(output, word(step, CONV_SHIFT), word(step, CONV_MIN), word(step, CONV_MAX));
  let size = 0;
  for (let x = 0; x < width; x += size) {
    size = HAS_RELAXED_DOT ? min(groupWindows(width - x), room) : min(min(MOST_PIXELS, room & ~1), width - x);
    gather(step, x, size, windows, stride);
    for (let i = 0; i < size; i++) store<usize>(OUTPUTS + (i << 2), pixels(output) + (x + i) * pitch);
    for (let n = 0; n < channels; n += STRIP_BLOCKS * CHANNEL_BLOCK) {
      const count = min(STRIP_BLOCKS * CHANNEL_BLOCK, channels - n);
      const blocks = (count + CHANNEL_BLOCK - 1) / CHANNEL_BLOCK;
      let block = weightsPtr + word(step, CONV_WEIGHTS_AT) + (n >> 3) * blockStride;
      let bias = weightsPtr + word(step, CONV_BIAS_AT) + n * 4;
      if (HAS_RELAXED_DOT) {
        groupSums(size, windows, stride, taps >> 2, block, blocks, bias, shift);
      } else {
        const end = STRIP + blocks * size * 32;
        for (let strip = STRIP; strip < end; strip += size * 32) {
          sums(windows, stride, size, block, taps >> 3, bias, strip, shift);
          block += blockStride;
          bias += CHANNEL_BLOCK * 4;
        }
      }
      finish(step, output, size, count, n);
    }
  }
}

/** Bytes of a window for one of the input. */
const SPREAD = HAS_RELAXED_DOT ? 2 : 1;

/** The bits of windows from output pixel x on, and zeros to the next 64; for tables, spread. */
function gather(step: usize, x: i32, count: i32, windows: usize, stride: i32): void {
  const input = tensorOf(step, STEP_IN);
  const pixel = word(input, TENSOR_PIXEL_PITCH);
  const columns = word(step, CONV_KERNEL_W);
  const apart = word(step, CONV_DILATION_W);
  const width = word(input, TENSOR_WIDTH);
  const zeros: u8 = word(input, TENSOR_ZERO_POINT) ? (HAS_RELAXED_DOT ? 0xf0 : 0xff) : 0;
  const end = windows + count * stride;
  for (let k = 0; k < word(step, CONV_KERNEL_H); k++) {
    const y = k * word(step, CONV_DILATION_H) - word(step, CONV_PAD_TOP);
    const inside = y >= 0 && y < word(input, TENSOR_HEIGHT);
    const row = pixels(input) + y * word(input, TENSOR_ROW_PITCH);
    let left = x * word(step, CONV_STRIDE_W) - word(step, CONV_PAD_LEFT);
    for (let window = windows; window < end; window += stride) {
      let target = window + k * columns * pixel * SPREAD;
      if (inside && apart == 1 && left >= 0 && left + columns <= width) {
        copyBits(target, row + left * pixel, columns * pixel);
      } else {
        for (let at = left; at < left + columns * apart; at += apart) {
          if (inside && at >= 0 && at < width) {
            copyBits(target, row + at * pixel, pixel);
          } else {
            memory.fill(target, zeros, pixel * SPREAD);
          }
          target += pixel * SPREAD;
        }
      }
      left += word(step, CONV_STRIDE_W);
    }
  }
  if (HAS_RELAXED_DOT) return;
  const bytes = word(step, CONV_KERNEL_H) * columns * pixel;
  for (let window = windows; window < end; window += stride) store<u64>(window + bytes, 0);
}

/** Eight bytes at a time: up to seven more than asked for, which the next run overwrites, or which lie behind the window. */
// @ts-ignore: decorator
@inline
function copyBits(target: usize, source: usize, bytes: i32): void {
  if (HAS_RELAXED_DOT) {
    spreadBits(target, source, bytes);
    return;
  }
  for (const end = source + bytes; source < end; source += 8) {
    store<u64>(target, load<u64>(source));
    target += 8;
  }
}

/**
 * Windows times the eight channels of a block, to the strip: two by four at a time, eight accumulators. An odd last
 * window is a pair with what lies behind it, whose sums the next block overwrites.
 */
function sums(windows: usize, stride: usize, size: i32, block: usize, bytes: i32, bias: usize, strip: usize, shift: i32): void {
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
    store<i32>(strip, load<i32>(bias) + (<i32>a0 << shift));
    store<i32>(strip, load<i32>(bias, 4) + (<i32>a1 << shift), 4);
    store<i32>(strip, load<i32>(bias, 8) + (<i32>a2 << shift), 8);
    store<i32>(strip, load<i32>(bias, 12) + (<i32>a3 << shift), 12);
    store<i32>(strip, load<i32>(bias) + (<i32>b0 << shift), 32);
    store<i32>(strip, load<i32>(bias, 4) + (<i32>b1 << shift), 36);
    store<i32>(strip, load<i32>(bias, 8) + (<i32>b2 << shift), 40);
    store<i32>(strip, load<i32>(bias, 12) + (<i32>b3 << shift), 44);
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
