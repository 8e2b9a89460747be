// Depthwise: strips of pixels, eight channels at a time. Any kernel on i32x4.dot_i16x8_s, taps in pairs [pair][8][2];
// 3x3 of stride 1 and 2 by columns, on that or on the relaxed dot product (arrange.ts, depthwise.relaxed.ts).
// Reads up to 7 bytes behind the last channel; stores only its own.
import {
  CHANNEL_BLOCK,
  CONV_BIAS_AT,
  CONV_DILATION_H,
  CONV_DILATION_W,
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
  QUAD,
  STEP_ENGINE,
  STEP_IN,
  STEP_OUT,
  STEP_SCRATCH_AT,
  TENSOR_CHANNELS,
  TENSOR_HEIGHT,
  TENSOR_PIXEL_PITCH,
  TENSOR_ROW_PITCH,
  TENSOR_WIDTH,
} from "../abi";
import { COLUMNS, RELAXED } from "../arrange";
import { HAS_RELAXED_DOT } from "../build";
import { prepareEpilogue, requantizeStrip, STRIP, STRIP_PIXELS } from "../numerics/requantize.simd";
import { arenaPtr, flip, pixels, tensorOf, weightsPtr, word } from "../state";
import { fillHalo } from "./border";
import { packedRow } from "./conv";
import { columns1__relaxed, columns2__relaxed } from "./depthwise.relaxed";
import { load8, OUTPUTS, Shifted, Symmetric } from "./tiles";

/** Bytes of scratch that the step needs: the offset of every tap, of a padded row. */
export function depthwiseScratch(packedRow: i64): i64 {
  return packedRow * 4;
}

// How windows lie in the input; of the step that runs.
let row: i32 = 0;
let pixel: i32 = 0;
let rowStep: i32 = 0;
let pixelStep: i32 = 0;
let offsets: usize = 0;
let pairs: i32 = 0;
let weightZero: i32 = 0;

/** Strips of whole rows, as many as fit, or of parts of one row; all channels of a strip before the next. */
export function depthwise_a8w8__simd(step: usize): void {
  const input = tensorOf(step, STEP_IN);
  const output = tensorOf(step, STEP_OUT);
  const inputRow = word(input, TENSOR_ROW_PITCH);
  const inputPixel = word(input, TENSOR_PIXEL_PITCH);
  row = inputRow * word(step, CONV_DILATION_H);
  pixel = inputPixel * word(step, CONV_DILATION_W);
  rowStep = inputRow * word(step, CONV_STRIDE_H);
  pixelStep = inputPixel * word(step, CONV_STRIDE_W);
  offsets = arenaPtr + word(step, STEP_SCRATCH_AT);
  pairs = (word(step, CONV_KERNEL_H) * word(step, CONV_KERNEL_W) + 1) >> 1;
  weightZero = word(step, CONV_WEIGHT_ZERO);
  tapOffsets(step);
  prepareEpilogue(output, word(step, CONV_SHIFT), word(step, CONV_MIN), word(step, CONV_MAX));
  const width = word(output, TENSOR_WIDTH);
  const height = word(output, TENSOR_HEIGHT);
  const parts = (width + STRIP_PIXELS - 1) / STRIP_PIXELS;
  const columns = (width + parts - 1) / parts;
  const rows = parts > 1 ? 1 : STRIP_PIXELS / width;
  const corner = pixels(input) - word(step, CONV_PAD_TOP) * inputRow - word(step, CONV_PAD_LEFT) * inputPixel;
  for (let y = 0; y < height; y += rows) {
    for (let x = 0; x < width; x += columns) {
      const a = corner + y * rowStep + x * pixelStep;
      strip(step, output, a, y, x, min(rows, height - y), min(columns, width - x));
    }
  }
  fillHalo(output);
}

/** All channels of the output pixels in `rows` x `columns` from (y, x). */
function strip(step: usize, output: usize, a: usize, y: i32, x: i32, rows: i32, columns: i32): void {
  const pitch = word(output, TENSOR_PIXEL_PITCH);
  let list = OUTPUTS;
  for (let r = 0; r < rows; r++) {
    let out = pixels(output) + (y + r) * word(output, TENSOR_ROW_PITCH) + x * pitch;
    for (let i = 0; i < columns; i++) {
      store<usize>(list, out);
      list += 4;
      out += pitch;
    }
  }
  const channels = word(output, TENSOR_CHANNELS);
  const arrangement = word(step, STEP_ENGINE);
  const twice = word(step, CONV_STRIDE_W) == 2;
  const block = <usize>packedRow(step) * CHANNEL_BLOCK;
  let w = weightsPtr + word(step, CONV_WEIGHTS_AT);
  let bias = weightsPtr + word(step, CONV_BIAS_AT);
  let multipliers = weightsPtr + word(step, CONV_MULTIPLIER_AT);
  for (let c = 0; c < channels; c += CHANNEL_BLOCK) {
    if (HAS_RELAXED_DOT && arrangement & RELAXED) {
      if (twice) {
        columns2__relaxed(a + c, row, pixel, rowStep, w, bias, rows, columns);
      } else {
        columns1__relaxed(a + c, row, pixel, rowStep, w, bias, rows, columns);
      }
    } else if (weightZero == 0) {
      sums<Symmetric>(arrangement & COLUMNS, twice, a + c, w, bias, rows, columns);
    } else {
      sums<Shifted>(arrangement & COLUMNS, twice, a + c, w, bias, rows, columns);
    }
    requantizeStrip(OUTPUTS, rows * columns, min(CHANNEL_BLOCK, channels - c), multipliers, c);
    w += block;
    bias += CHANNEL_BLOCK * 4;
    multipliers += CHANNEL_BLOCK * 4;
  }
}

/** Byte offset of every tap from the window's corner; the taps that pad the row read the corner, times real 0. */
function tapOffsets(step: usize): void {
  const taps = word(step, CONV_KERNEL_H) * word(step, CONV_KERNEL_W);
  const count = <i32>packedRow(step);
  for (let tap = 0; tap < count; tap++) {
    const offset = (tap / word(step, CONV_KERNEL_W)) * row + (tap % word(step, CONV_KERNEL_W)) * pixel;
    store<i32>(offsets + (tap << 2), tap < taps ? offset : 0);
  }
}

function sums<Weights>(byColumns: i32, twice: bool, a: usize, w: usize, bias: usize, rows: i32, columns: i32): void {
  if (!byColumns) {
    taps<Weights>(a, w, bias, rows, columns);
  } else if (twice) {
    columns2<Weights>(a, w, bias, rows, columns);
  } else {
    columns1<Weights>(a, w, bias, rows, columns);
  }
}

/** Bytes of eight channels of two taps, in pairs. */
// @ts-ignore: decorator
@inline
function pair(first: v128, second: v128, flips: v128): v128 {
  return v128.xor(v128.shuffle<i8>(first, second, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23), flips);
}

/** sum + four channels' pairs times weights: the low or the high half of what `pair` gives. */
// @ts-ignore: decorator
@inline
function addLow(sum: v128, codes: v128, weights: v128): v128 {
  return i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(codes), weights));
}

// @ts-ignore: decorator
@inline
function addHigh(sum: v128, codes: v128, weights: v128): v128 {
  return i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(codes), weights));
}

/** Any kernel. */
function taps<Weights>(a: usize, weights: usize, bias: usize, rows: i32, columns: i32): void {
  const flips = i8x16.splat(<i8>flip);
  const zero = i16x8.splat(<i16>weightZero);
  const end = offsets + pairs * 8;
  let out = STRIP;
  for (; rows > 0; rows--) {
    let at = a;
    for (let x = columns; x > 0; x--) {
      let w = weights;
      let low = v128.load(bias);
      let high = v128.load(bias, 16);
      for (let offset = offsets; offset < end; offset += 8) {
        const first = v128.load64_zero(at + load<i32>(offset));
        const codes = pair(first, v128.load64_zero(at + load<i32>(offset, 4)), flips);
        low = addLow(low, codes, load8<Weights>(w, zero));
        high = addHigh(high, codes, load8<Weights>(w + 8, zero));
        w += CHANNEL_BLOCK * QUAD / 2;
      }
      v128.store(out, low);
      v128.store(out, high, 16);
      out += 32;
      at += pixelStep;
    }
    a += rowStep;
  }
}

/**
 * 3x3, stride 1: rows 0 and 1 of a column are a pair that three outputs take; row 2 pairs with its left neighbour:
 * one output takes both, one the right tap alone (the weight beside it is 0).
 */
function columns1<Weights>(a: usize, w: usize, bias: usize, rows: i32, columns: i32): void {
  const flips = i8x16.splat(<i8>flip);
  const zero = i16x8.splat(<i16>weightZero);
  const w0 = load8<Weights>(w, zero);
  const v0 = load8<Weights>(w + 8, zero);
  const w1 = load8<Weights>(w + 16, zero);
  const v1 = load8<Weights>(w + 24, zero);
  const w2 = load8<Weights>(w + 32, zero);
  const v2 = load8<Weights>(w + 40, zero);
  const wBoth = load8<Weights>(w + 48, zero);
  const vBoth = load8<Weights>(w + 56, zero);
  const wRight = load8<Weights>(w + 64, zero);
  const vRight = load8<Weights>(w + 72, zero);
  let out = STRIP;
  for (; rows > 0; rows--) {
    let at = a;
    let top = pair(v128.load64_zero(at), v128.load64_zero(at + row), flips);
    let left = v128.load64_zero(at + 2 * row);
    let l0 = addLow(v128.load(bias), top, w0);
    let h0 = addHigh(v128.load(bias, 16), top, v0);
    at += pixel;
    top = pair(v128.load64_zero(at), v128.load64_zero(at + row), flips);
    let right = v128.load64_zero(at + 2 * row);
    let bottom = pair(left, right, flips);
    left = right;
    l0 = addLow(addLow(l0, top, w1), bottom, wBoth);
    h0 = addHigh(addHigh(h0, top, v1), bottom, vBoth);
    let l1 = addLow(v128.load(bias), top, w0);
    let h1 = addHigh(v128.load(bias, 16), top, v0);
    const end = out + (columns << 5);
    do {
      at += pixel;
      top = pair(v128.load64_zero(at), v128.load64_zero(at + row), flips);
      right = v128.load64_zero(at + 2 * row);
      bottom = pair(left, right, flips);
      left = right;
      v128.store(out, addLow(addLow(l0, top, w2), bottom, wRight));
      v128.store(out, addHigh(addHigh(h0, top, v2), bottom, vRight), 16);
      l0 = addLow(addLow(l1, top, w1), bottom, wBoth);
      h0 = addHigh(addHigh(h1, top, v1), bottom, vBoth);
      l1 = addLow(v128.load(bias), top, w0);
      h1 = addHigh(v128.load(bias, 16), top, v0);
      out += 32;
    } while (out != end);
    a += rowStep;
  }
}

/** The same for stride 2: of three columns, the last is the next output's first. */
function columns2<Weights>(a: usize, w: usize, bias: usize, rows: i32, columns: i32): void {
  const flips = i8x16.splat(<i8>flip);
  const zero = i16x8.splat(<i16>weightZero);
  const w0 = load8<Weights>(w, zero);
  const v0 = load8<Weights>(w + 8, zero);
  const w1 = load8<Weights>(w + 16, zero);
  const v1 = load8<Weights>(w + 24, zero);
  const w2 = load8<Weights>(w + 32, zero);
  const v2 = load8<Weights>(w + 40, zero);
  const wBoth = load8<Weights>(w + 48, zero);
  const vBoth = load8<Weights>(w + 56, zero);
  const wRight = load8<Weights>(w + 64, zero);
  const vRight = load8<Weights>(w + 72, zero);
  let out = STRIP;
  for (; rows > 0; rows--) {
    let at = a;
    let top = pair(v128.load64_zero(at), v128.load64_zero(at + row), flips);
    let left = v128.load64_zero(at + 2 * row);
    let l = addLow(v128.load(bias), top, w0);
    let h = addHigh(v128.load(bias, 16), top, v0);
    const end = out + (columns << 5);
    do {
      at += pixel;
      top = pair(v128.load64_zero(at), v128.load64_zero(at + row), flips);
      const middle = v128.load64_zero(at + 2 * row);
      let bottom = pair(left, middle, flips);
      l = addLow(addLow(l, top, w1), bottom, wBoth);
      h = addHigh(addHigh(h, top, v1), bottom, vBoth);
      at += pixel;
      top = pair(v128.load64_zero(at), v128.load64_zero(at + row), flips);
      left = v128.load64_zero(at + 2 * row);
      bottom = pair(middle, left, flips);
      v128.store(out, addLow(addLow(l, top, w2), bottom, wRight));
      v128.store(out, addHigh(addHigh(h, top, v2), bottom, vRight), 16);
      l = addLow(v128.load(bias), top, w0);
      h = addHigh(v128.load(bias, 16), top, v0);
      out += 32;
    } while (out != end);
    a += rowStep;
  }
}
