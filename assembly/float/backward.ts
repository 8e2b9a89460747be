// Backward kernels: what reconstruction (src/quantize/reconstruction) needs besides the forward ones. The gradient of
// a convolution by its input is a convolution again.
import { clampScalar, clampVector, setBounds } from "./epilogue";

const ROWS = 4;
const COLUMNS = 8;

/**
 * out[n][k] += sum over height x width pixels of a[pixel][n] * b[pixel][k]: the gradient of a convolution by its weights,
 * one kernel row at a time, and of a dense layer.
 *
 * `rows` is a multiple of 4, `columns` of 8: what lies behind the last n and k of a pixel is read, and its products are
 * left in `out`. Pitches are bytes.
 */
export function outer(
  a: usize,
  aPixel: usize,
  aRow: usize,
  b: usize,
  bPixel: usize,
  bRow: usize,
  height: i32,
  width: i32,
  out: usize,
  outPitch: usize,
  rows: i32,
  columns: i32,
): void {
  for (let n = 0; n < rows; n += ROWS) {
    for (let k = 0; k < columns; k += COLUMNS) {
      outerTile(a + n * 4, aPixel, aRow, b + k * 4, bPixel, bRow, height, width, out + n * outPitch + k * 4, outPitch);
    }
  }
}

function outerTile(
  a: usize,
  aPixel: usize,
  aRow: usize,
  b: usize,
  bPixel: usize,
  bRow: usize,
  height: i32,
  width: i32,
  out: usize,
  pitch: usize,
): void {
  let l0 = v128.load(out);
  let h0 = v128.load(out, 16);
  let l1 = v128.load(out + pitch);
  let h1 = v128.load(out + pitch, 16);
  let l2 = v128.load(out + 2 * pitch);
  let h2 = v128.load(out + 2 * pitch, 16);
  let l3 = v128.load(out + 3 * pitch);
  let h3 = v128.load(out + 3 * pitch, 16);
  for (; height > 0; height--) {
    let x = a;
    let y = b;
    for (let left = width; left > 0; left--) {
      const low = v128.load(y);
      const high = v128.load(y, 16);
      let value = v128.load32_splat(x);
      l0 = f32x4.add(l0, f32x4.mul(value, low));
      h0 = f32x4.add(h0, f32x4.mul(value, high));
      value = v128.load32_splat(x, 4);
      l1 = f32x4.add(l1, f32x4.mul(value, low));
      h1 = f32x4.add(h1, f32x4.mul(value, high));
      value = v128.load32_splat(x, 8);
      l2 = f32x4.add(l2, f32x4.mul(value, low));
      h2 = f32x4.add(h2, f32x4.mul(value, high));
      value = v128.load32_splat(x, 12);
      l3 = f32x4.add(l3, f32x4.mul(value, low));
      h3 = f32x4.add(h3, f32x4.mul(value, high));
      x += aPixel;
      y += bPixel;
    }
    a += aRow;
    b += bRow;
  }
  v128.store(out, l0);
  v128.store(out, h0, 16);
  v128.store(out + pitch, l1);
  v128.store(out + pitch, h1, 16);
  v128.store(out + 2 * pitch, l2);
  v128.store(out + 2 * pitch, h2, 16);
  v128.store(out + 3 * pitch, l3);
  v128.store(out + 3 * pitch, h3, 16);
}

/** out[c] += sum over `pixels` of x[pixel][c]: the gradient by a bias. Pixels are dense. */
export function sum_channels(x: usize, pixels: i32, channels: i32, out: usize): void {
  const bytes = <usize>channels * 4;
  for (; pixels > 0; pixels--, x += bytes) {
    let c: usize = 0;
    for (; c + 16 <= bytes; c += 16) v128.store(out + c, f32x4.add(v128.load(out + c), v128.load(x + c)));
    for (; c < bytes; c += 4) store<f32>(out + c, load<f32>(out + c) + load<f32>(x + c));
  }
}

/** output = scale * clamp(floor(x * inverse + 0.5), low, high): the reals of the codes, less their zero point. */
export function fake_quantize(x: usize, output: usize, count: i32, inverse: f32, scale: f32, low: f32, high: f32): void {
  setBounds(low, high);
  const factor = f32x4.splat(inverse);
  const half = f32x4.splat(0.5);
  const step = f32x4.splat(scale);
  let at: usize = 0;
  const end = <usize>count * 4;
  for (; at + 16 <= end; at += 16) {
    const code = clampVector(f32x4.floor(f32x4.add(f32x4.mul(v128.load(x + at), factor), half)));
    v128.store(output + at, f32x4.mul(code, step));
  }
  for (; at < end; at += 4) {
    store<f32>(output + at, scale * clampScalar(floor<f32>(load<f32>(x + at) * inverse + 0.5)));
  }
}

/** gradient = 0 where x lies outside of [low, high]: the straight-through gradient of a clamp. */
export function gate(x: usize, gradient: usize, count: i32, low: f32, high: f32): void {
  const least = f32x4.splat(low);
  const most = f32x4.splat(high);
  let at: usize = 0;
  const end = <usize>count * 4;
  for (; at + 16 <= end; at += 16) {
    const value = v128.load(x + at);
    const inside = v128.and(f32x4.ge(value, least), f32x4.le(value, most));
    v128.store(gradient + at, v128.and(v128.load(gradient + at), inside));
  }
  for (; at < end; at += 4) {
    const value = load<f32>(x + at);
    if (value < low || value > high) store<f32>(gradient + at, 0);
  }
}
