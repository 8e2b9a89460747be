// 3x3 convolution with stride 1 by Winograd's F(2x2, 3x3) (Lavin and Gray 2016, section 4.1) in integers: 16 products
// for the 36 of a 2x2 output tile, the same bits. Weights are transformed with 2G, whose entries are whole, so the
// output transform gives four times the sum, exactly; a shift by two ends it.
// Ranges, for any bytes: |2G w 2G'| <= 9 * 128, |B' a B| <= 4 * 128, and with at most 1024 input channels
// |A' m A| <= 4 * 9 * 2^14 * 1024 < 2^30: nothing wraps, whatever the file holds.
// Used where the planner could spare the scratch at no cost of RAM; weights as conv.simd.ts has them (arrange.ts).
import {
  CHANNEL_BLOCK,
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
  OP_CONV,
  STEP_IN,
  STEP_OPCODE,
  STEP_OUT,
  STEP_SCRATCH_AT,
  TENSOR_CHANNELS,
  TENSOR_HEIGHT,
  TENSOR_PIXEL_PITCH,
  TENSOR_ROW_PITCH,
  TENSOR_WIDTH,
} from "../abi";
import { prepareEpilogue, requantizeStrip, STRIP } from "../numerics/requantize.simd";
import { OWN } from "../own";
import { arenaPtr, flip, pixels, tensorOf, weightsPtr, word } from "../state";
import { fillHalo } from "./border";

const TILES = 4; // 2x2 outputs each, side by side
const POINTS = 16; // of the 4x4 transformed domain
const MAX_DEPTH = 1024;
/** Sums in the transformed domain: POINTS x TILES x 8 channels, i32. */
const SUM_BYTES = POINTS * TILES * CHANNEL_BLOCK * 4;

/** Scratch for `depth` input channels: weights of one block, windows of one group of tiles, their sums. */
export function winogradScratch(depth: i32): i64 {
  return <i64>depth * POINTS * 2 * (CHANNEL_BLOCK + TILES) + SUM_BYTES;
}

/** Whether the step is one that this kernel computes, and these bytes of scratch are enough for it. */
export function takesWinograd(step: usize, scratch: i64): bool {
  const depth = word(tensorOf(step, STEP_IN), TENSOR_CHANNELS);
  const output = tensorOf(step, STEP_OUT);
  return (
    word(step, STEP_OPCODE) == OP_CONV &&
    word(step, CONV_KERNEL_H) == 3 &&
    word(step, CONV_KERNEL_W) == 3 &&
    (word(step, CONV_STRIDE_H) | word(step, CONV_STRIDE_W)) == 1 &&
    (word(step, CONV_DILATION_H) | word(step, CONV_DILATION_W) | word(step, CONV_GROUPS)) == 1 &&
    word(step, CONV_WEIGHT_ZERO) == 0 &&
    depth % 8 == 0 &&
    depth <= MAX_DEPTH &&
    ((word(output, TENSOR_HEIGHT) | word(output, TENSOR_WIDTH)) & 1) == 0 &&
    scratch >= winogradScratch(depth)
  );
}

/** Addresses of the present group's windows, and of its output pixels: the four of a tile one behind the other. */
const CORNERS: usize = OWN + memory.data(TILES * 4, 16);
const OUTPUTS: usize = OWN + memory.data(TILES * 4 * 4, 16);

export function conv_a8w8__simd_winograd(step: usize): void {
  const input = tensorOf(step, STEP_IN);
  const output = tensorOf(step, STEP_OUT);
  const depth = word(input, TENSOR_CHANNELS);
  const channels = word(output, TENSOR_CHANNELS);
  const weights = arenaPtr + word(step, STEP_SCRATCH_AT);
  const windows = weights + depth * POINTS * CHANNEL_BLOCK * 2;
  const sums = windows + depth * POINTS * TILES * 2;
  const across = word(output, TENSOR_WIDTH) >> 1;
  const tiles = across * (word(output, TENSOR_HEIGHT) >> 1);
  prepareEpilogue(output, word(step, CONV_SHIFT), word(step, CONV_MIN), word(step, CONV_MAX));
  for (let n = 0; n < channels; n += CHANNEL_BLOCK) {
    transformWeights(weightsPtr + word(step, CONV_WEIGHTS_AT) + n * depth * 9, depth, weights);
    for (let tile = 0; tile < tiles; tile += TILES) {
      placeTiles(step, input, output, tile, tiles, across);
      for (let i = 0; i < TILES; i++) {
        transformWindow(load<usize>(CORNERS + i * 4), word(input, TENSOR_ROW_PITCH), depth, windows + i * depth * 2);
      }
      for (let point = 0; point < POINTS; point++) {
        multiply(windows + point * depth * TILES * 2, weights + point * depth * 16, depth, sums + point * 128);
      }
      const bias = weightsPtr + word(step, CONV_BIAS_AT) + n * 4;
      for (let i = 0; i < TILES; i++) transformSums(sums + i * 32, bias, STRIP + i * 128);
      const multipliers = weightsPtr + word(step, CONV_MULTIPLIER_AT) + n * 4;
      requantizeStrip(OUTPUTS, TILES * 4, min(CHANNEL_BLOCK, channels - n), multipliers, n);
    }
  }
  fillHalo(output);
}

/** Addresses of the group's tiles; past the last one it repeats it, and the same bytes are stored twice. */
function placeTiles(step: usize, input: usize, output: usize, first: i32, tiles: i32, across: i32): void {
  const inputRow = word(input, TENSOR_ROW_PITCH);
  const inputPixel = word(input, TENSOR_PIXEL_PITCH);
  const corner = pixels(input) - word(step, CONV_PAD_TOP) * inputRow - word(step, CONV_PAD_LEFT) * inputPixel;
  for (let i = 0; i < TILES; i++) {
    const tile = min(first + i, tiles - 1);
    const y = tile / across << 1;
    const x = tile % across << 1;
    store<usize>(CORNERS + i * 4, corner + y * inputRow + x * inputPixel);
    const row = word(output, TENSOR_ROW_PITCH);
    const pixel = word(output, TENSOR_PIXEL_PITCH);
    const out = pixels(output) + y * row + x * pixel;
    store<usize>(OUTPUTS + i * 16, out);
    store<usize>(OUTPUTS + i * 16, out + pixel, 4);
    store<usize>(OUTPUTS + i * 16, out + row, 8);
    store<usize>(OUTPUTS + i * 16, out + row + pixel, 12);
  }
}

/** Sixteen bytes are a pair of input channels for eight outputs; of every pair, 9 taps become 16 points. */
function transformWeights(block: usize, depth: i32, target: usize): void {
  const tap = depth * 8; // bytes from one tap to the next
  const point = depth * 16;
  for (const end = block + depth * 8; block < end; block += 8) {
    transformTaps(block, tap, target, point);
    target += 16;
  }
}


function transformTaps(w: usize, tap: usize, target: usize, point: usize): void {
  const g00 = v128.load8x8_s(w + 0 * tap);
  const g01 = v128.load8x8_s(w + 1 * tap);
  const g02 = v128.load8x8_s(w + 2 * tap);
  const g10 = v128.load8x8_s(w + 3 * tap);
  const g11 = v128.load8x8_s(w + 4 * tap);
  const g12 = v128.load8x8_s(w + 5 * tap);
  const g20 = v128.load8x8_s(w + 6 * tap);
  const g21 = v128.load8x8_s(w + 7 * tap);
  const g22 = v128.load8x8_s(w + 8 * tap);
  const s0 = i16x8.add(g00, g20);
  const t00 = i16x8.shl(g00, 1);
  const t10 = i16x8.add(s0, g10);
  const t20 = i16x8.sub(s0, g10);
  const t30 = i16x8.shl(g20, 1);
  const s1 = i16x8.add(g01, g21);
  const t01 = i16x8.shl(g01, 1);
  const t11 = i16x8.add(s1, g11);
  const t21 = i16x8.sub(s1, g11);
  const t31 = i16x8.shl(g21, 1);
  const s2 = i16x8.add(g02, g22);
  const t02 = i16x8.shl(g02, 1);
  const t12 = i16x8.add(s2, g12);
  const t22 = i16x8.sub(s2, g12);
  const t32 = i16x8.shl(g22, 1);
  storeTransformed(target + 0 * point, point, t00, t01, t02);
  storeTransformed(target + 4 * point, point, t10, t11, t12);
  storeTransformed(target + 8 * point, point, t20, t21, t22);
  storeTransformed(target + 12 * point, point, t30, t31, t32);
}

// @ts-ignore: decorator
@inline
function storeTransformed(target: usize, point: usize, a: v128, b: v128, c: v128): void {
  const sum = i16x8.add(a, c);
  v128.store(target, i16x8.shl(a, 1));
  v128.store(target + point, i16x8.add(sum, b));
  v128.store(target + 2 * point, i16x8.sub(sum, b));
  v128.store(target + 3 * point, i16x8.shl(c, 1));
}

/** The 4x4 window of one tile, eight channels at a time; a tile's channels lie together, TILES of them at a point. */
function transformWindow(corner: usize, row: usize, depth: i32, target: usize): void {
  const flips = i8x16.splat(<i8>flip);
  const pixel: usize = depth;
  const point: usize = depth * TILES * 2;
  for (const end = corner + depth; corner < end; corner += 8) {
    windowColumns(corner, row, pixel, target, point, flips);
    target += 16;
  }
}

function windowColumns(a: usize, row: usize, pixel: usize, target: usize, point: usize, flips: v128): void {
  const d00 = codes(a, flips);
  const d10 = codes(a + row, flips);
  const d20 = codes(a + 2 * row, flips);
  const d30 = codes(a + 3 * row, flips);
  const d01 = codes(a + pixel, flips);
  const d11 = codes(a + row + pixel, flips);
  const d21 = codes(a + 2 * row + pixel, flips);
  const d31 = codes(a + 3 * row + pixel, flips);
  const d02 = codes(a + 2 * pixel, flips);
  const d12 = codes(a + row + 2 * pixel, flips);
  const d22 = codes(a + 2 * row + 2 * pixel, flips);
  const d32 = codes(a + 3 * row + 2 * pixel, flips);
  const d03 = codes(a + 3 * pixel, flips);
  const d13 = codes(a + row + 3 * pixel, flips);
  const d23 = codes(a + 2 * row + 3 * pixel, flips);
  const d33 = codes(a + 3 * row + 3 * pixel, flips);
  const t00 = i16x8.sub(d00, d20);
  const t10 = i16x8.add(d10, d20);
  const t20 = i16x8.sub(d20, d10);
  const t30 = i16x8.sub(d10, d30);
  const t01 = i16x8.sub(d01, d21);
  const t11 = i16x8.add(d11, d21);
  const t21 = i16x8.sub(d21, d11);
  const t31 = i16x8.sub(d11, d31);
  const t02 = i16x8.sub(d02, d22);
  const t12 = i16x8.add(d12, d22);
  const t22 = i16x8.sub(d22, d12);
  const t32 = i16x8.sub(d12, d32);
  const t03 = i16x8.sub(d03, d23);
  const t13 = i16x8.add(d13, d23);
  const t23 = i16x8.sub(d23, d13);
  const t33 = i16x8.sub(d13, d33);
  storeWindow(target + 0 * point, point, t00, t01, t02, t03);
  storeWindow(target + 4 * point, point, t10, t11, t12, t13);
  storeWindow(target + 8 * point, point, t20, t21, t22, t23);
  storeWindow(target + 12 * point, point, t30, t31, t32, t33);
}

// @ts-ignore: decorator
@inline
function codes(ptr: usize, flips: v128): v128 {
  return i16x8.extend_low_i8x16_s(v128.xor(v128.load64_zero(ptr), flips));
}

// @ts-ignore: decorator
@inline
function storeWindow(target: usize, point: usize, a: v128, b: v128, c: v128, d: v128): void {
  v128.store(target, i16x8.sub(a, c));
  v128.store(target + point, i16x8.add(b, c));
  v128.store(target + 2 * point, i16x8.sub(c, b));
  v128.store(target + 3 * point, i16x8.sub(b, d));
}

/** At one point: 4 tiles x `depth` channels times `depth` x 8 outputs; eight accumulators. */
function multiply(a0: usize, w: usize, depth: i32, sums: usize): void {
  let a1 = a0 + depth * 2;
  let a2 = a1 + depth * 2;
  let a3 = a2 + depth * 2;
  const end = a1;
  let l0 = i32x4.splat(0);
  let h0 = i32x4.splat(0);
  let l1 = i32x4.splat(0);
  let h1 = i32x4.splat(0);
  let l2 = i32x4.splat(0);
  let h2 = i32x4.splat(0);
  let l3 = i32x4.splat(0);
  let h3 = i32x4.splat(0);
  do {
    const wl = v128.load(w);
    const wh = v128.load(w, 16);
    let a = v128.load32_splat(a0);
    l0 = i32x4.add(l0, i32x4.dot_i16x8_s(a, wl));
    h0 = i32x4.add(h0, i32x4.dot_i16x8_s(a, wh));
    a = v128.load32_splat(a1);
    l1 = i32x4.add(l1, i32x4.dot_i16x8_s(a, wl));
    h1 = i32x4.add(h1, i32x4.dot_i16x8_s(a, wh));
    a = v128.load32_splat(a2);
    l2 = i32x4.add(l2, i32x4.dot_i16x8_s(a, wl));
    h2 = i32x4.add(h2, i32x4.dot_i16x8_s(a, wh));
    a = v128.load32_splat(a3);
    l3 = i32x4.add(l3, i32x4.dot_i16x8_s(a, wl));
    h3 = i32x4.add(h3, i32x4.dot_i16x8_s(a, wh));
    a0 += 4;
    a1 += 4;
    a2 += 4;
    a3 += 4;
    w += 32;
  } while (a0 < end);
  v128.store(sums, l0, 0);
  v128.store(sums, h0, 16);
  v128.store(sums, l1, 32);
  v128.store(sums, h1, 48);
  v128.store(sums, l2, 64);
  v128.store(sums, h2, 80);
  v128.store(sums, l3, 96);
  v128.store(sums, h3, 112);
}

/** Sixteen sums of one tile to the accumulators of its 2x2 pixels, eight channels: a quarter of A' m A, and the bias. */
function transformSums(sums: usize, bias: usize, strip: usize): void {
  outputs(sums, v128.load(bias), strip);
  outputs(sums + 16, v128.load(bias, 16), strip + 16);
}

// @ts-ignore: decorator
@inline
function outputs(sums: usize, bias: v128, strip: usize): void {
  const m00 = v128.load(sums, 0);
  const m01 = v128.load(sums, 128);
  const m02 = v128.load(sums, 256);
  const m03 = v128.load(sums, 384);
  const m10 = v128.load(sums, 512);
  const m11 = v128.load(sums, 640);
  const m12 = v128.load(sums, 768);
  const m13 = v128.load(sums, 896);
  const m20 = v128.load(sums, 1024);
  const m21 = v128.load(sums, 1152);
  const m22 = v128.load(sums, 1280);
  const m23 = v128.load(sums, 1408);
  const m30 = v128.load(sums, 1536);
  const m31 = v128.load(sums, 1664);
  const m32 = v128.load(sums, 1792);
  const m33 = v128.load(sums, 1920);
  const p0 = i32x4.add(i32x4.add(m00, m10), m20);
  const q0 = i32x4.sub(i32x4.sub(m10, m20), m30);
  const p1 = i32x4.add(i32x4.add(m01, m11), m21);
  const q1 = i32x4.sub(i32x4.sub(m11, m21), m31);
  const p2 = i32x4.add(i32x4.add(m02, m12), m22);
  const q2 = i32x4.sub(i32x4.sub(m12, m22), m32);
  const p3 = i32x4.add(i32x4.add(m03, m13), m23);
  const q3 = i32x4.sub(i32x4.sub(m13, m23), m33);
  v128.store(strip, quarter(i32x4.add(i32x4.add(p0, p1), p2), bias));
  v128.store(strip, quarter(i32x4.sub(i32x4.sub(p1, p2), p3), bias), 32);
  v128.store(strip, quarter(i32x4.add(i32x4.add(q0, q1), q2), bias), 64);
  v128.store(strip, quarter(i32x4.sub(i32x4.sub(q1, q2), q3), bias), 96);
}

// @ts-ignore: decorator
@inline
function quarter(sum: v128, bias: v128): v128 {
  return i32x4.add(i32x4.shr_s(sum, 2), bias);
}
