// The walk over output pixels that the fast convolutions share: pixels in tiles, window and output addresses of each.
import {
  CHANNEL_BLOCK,
  CONV_DILATION_H,
  CONV_DILATION_W,
  CONV_KERNEL_H,
  CONV_KERNEL_W,
  CONV_PAD_LEFT,
  CONV_PAD_TOP,
  CONV_STRIDE_H,
  CONV_STRIDE_W,
  QUAD,
  STEP_IN,
  STEP_OUT,
  TENSOR_HEIGHT,
  TENSOR_PIXEL_PITCH,
  TENSOR_ROW_PITCH,
  TENSOR_WIDTH,
} from "../abi";
import { STRIP_PIXELS } from "../numerics/requantize.simd";
import { OWN } from "../own";
import { bitsOf, pixels, tensorOf, word } from "../state";
import { groupChannels, groupDepth, wholeRows } from "./conv";

/** Address of the window's first byte, of every pixel of the strip. */
export const WINDOWS: usize = OWN + memory.data(STRIP_PIXELS * 4, 16);
/** Address of the output pixel, of every pixel of the strip; and one more (requantize.simd.ts). */
export const OUTPUTS: usize = OWN + memory.data(STRIP_PIXELS * 4 + 4, 16);

/** Pixels that no tile has taken yet. */
export let remaining: i32 = 0;
let column: i32 = 0;
let width: i32 = 0;
let windowRow: usize = 0;
let window: usize = 0;
let outRow: usize = 0;
let out: usize = 0;
let windowStep: i32 = 0;
let windowRowStep: i32 = 0;
let outStep: i32 = 0;
let outRowStep: i32 = 0;

/** How a window lies in the input: `rows` x `segments` runs of `quads` quads. */
export let rows: i32 = 0;
export let segments: i32 = 0;
export let quads: i32 = 0;
/** Bytes from the start of a segment to the next one of the row, and from a row to the next. */
export let segmentPitch: i32 = 0;
export let rowPitch: i32 = 0;
/** Bytes from a block's sums in the strip to the next one's. */
export let stripPitch: i32 = 0;

/** Starts the walk over all pixels, for the channels of one group. */
export function startTiles(step: usize, group: i32): void {
  const input = tensorOf(step, STEP_IN);
  const output = tensorOf(step, STEP_OUT);
  const inputRow = word(input, TENSOR_ROW_PITCH);
  const inputPixel = word(input, TENSOR_PIXEL_PITCH);
  width = word(output, TENSOR_WIDTH);
  remaining = width * word(output, TENSOR_HEIGHT);
  column = 0;
  const depth = groupDepth(step);
  const corner = pixels(input) + group * depth;
  windowRow = corner - word(step, CONV_PAD_TOP) * inputRow - word(step, CONV_PAD_LEFT) * inputPixel;
  window = windowRow;
  outRow = pixels(output) + ((group * groupChannels(step) * bitsOf(output)) >> 3);
  out = outRow;
  windowStep = word(step, CONV_STRIDE_W) * inputPixel;
  windowRowStep = word(step, CONV_STRIDE_H) * inputRow;
  outStep = word(output, TENSOR_PIXEL_PITCH);
  outRowStep = word(output, TENSOR_ROW_PITCH);
  const whole = wholeRows(step);
  rows = word(step, CONV_KERNEL_H);
  segments = whole ? 1 : word(step, CONV_KERNEL_W);
  quads = ((whole ? word(step, CONV_KERNEL_W) * depth : depth) + QUAD - 1) >> 2;
  segmentPitch = word(step, CONV_DILATION_W) * inputPixel;
  rowPitch = word(step, CONV_DILATION_H) * inputRow;
}

/** Quads of a window below which tiles share a strip. */
const FEW_QUADS = 16;

/**
 * Tiles of `size` pixels, with all their channels, that share a strip and its epilogue: several where windows are
 * short or there is one block (of a panel, parts.ts), so that calls weigh; long ones do better alone, as the processor
 * overlaps their products with the epilogue.
 */
export function tilesOfStrip(size: i32, channels: i32): i32 {
  const blocks = (channels + CHANNEL_BLOCK - 1) / CHANNEL_BLOCK;
  return blocks == 1 || rows * segments * quads < FEW_QUADS ? max(STRIP_PIXELS / (size * blocks), 1) : 1;
}

/** Fills WINDOWS and OUTPUTS for the next `size` pixels, no more than remain. */
export function nextPixels(size: i32): void {
  remaining -= size;
  setStripPixels(size);
  let at: usize = 0;
  for (;;) {
    const count = min(size, width - column);
    let from = window;
    let to = out;
    const end = at + (count << 2);
    for (; at < end; at += 4) {
      store<usize>(WINDOWS + at, from);
      store<usize>(OUTPUTS + at, to);
      from += windowStep;
      to += outStep;
    }
    window = from;
    out = to;
    column += count;
    if (column == width) {
      column = 0;
      windowRow += windowRowStep;
      outRow += outRowStep;
      window = windowRow;
      out = outRow;
    }
    size -= count;
    if (size == 0) return;
  }
}

/** Lays the strip out for blocks of so many pixels. */
// @ts-ignore: decorator
@inline
export function setStripPixels(count: i32): void {
  stripPitch = count * CHANNEL_BLOCK * 4;
}

/** Describes one window of a single run of quads, for the self-test. */
export function setSegments(count: i32): void {
  rows = 1;
  segments = 1;
  quads = count;
  segmentPitch = 0;
  rowPitch = 0;
}

/** Weights whose zero point is 0, as they come; and weights that first lose theirs. A boolean at compile time. */
export type Symmetric = i32;
export type Shifted = bool;

/** Eight weights as 16-bit values. */
// @ts-ignore: decorator
@inline
export function load8<Weights>(w: usize, zero: v128): v128 {
  const codes = v128.load8x8_s(w);
  return isBoolean<Weights>() ? i16x8.sub(codes, zero) : codes;
}
