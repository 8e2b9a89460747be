// Convolution and dense without im2col: in a padded NHWC input a window is `rows` x `segments` contiguous runs, and
// the tile walks them. 6 pixels x 8 channels in 12 accumulators, which with two weight vectors and a splat is what
// 16 SSE registers hold. Weights are packed [channels / 8][taps][8], the last block filled with zeros.
import { finish, setBounds } from "./epilogue";
import { nextTile, OUTPUTS, remaining, rowPitch, rows, run, segmentPitch, segments, shapeWindow, startWalk, WINDOWS } from "./windows";

const TILE = 6;
const BLOCK = 8;
/** Weights that a walk over all pixels reads again for every tile: half of a small L2 cache. */
const GROUP_BYTES = 1 << 18;

/**
 * output[height][width][channels] = clamp(bias + sum over the window, low, high).
 *
 * `input` is the top left of the first window; every byte that a window touches must exist (padding is copied by the
 * host). An output pixel takes `pixelBytes`: more than the channels' own where groups share it. `bias` has `channels`
 * rounded up to 8 elements.
 */
export function conv(
  input: usize,
  weights: usize,
  bias: usize,
  output: usize,
  height: i32,
  width: i32,
  channels: i32,
  pixelBytes: usize,
  rowCount: i32,
  segmentCount: i32,
  runBytes: usize,
  rowBytes: usize,
  segmentBytes: usize,
  windowStep: usize,
  windowRowStep: usize,
  low: f32,
  high: f32,
): void {
  setBounds(low, high);
  shapeWindow(rowCount, segmentCount, runBytes, rowBytes, segmentBytes);
  const channelBytes = <usize>(rowCount * segmentCount) * runBytes;
  const group = max<i32>(BLOCK, <i32>(GROUP_BYTES / channelBytes) & -BLOCK);
  for (let first = 0; first < channels; first += group) {
    startWalk(input, output, height, width, windowStep, windowRowStep, pixelBytes);
    const end = min(channels, first + group);
    while (remaining > 0) {
      const single = remaining == 1;
      nextTile(single ? 1 : TILE);
      for (let n = first; n < end; n += BLOCK) {
        const block = weights + n * channelBytes;
        const valid = min(BLOCK, channels - n);
        if (single) tile1(block, bias + n * 4, n * 4, valid);
        else tile6(block, bias + n * 4, n * 4, valid);
      }
    }
  }
}

/** 6 pixels x 8 channels; `at` is the block's place in an output pixel. */
function tile6(w: usize, bias: usize, at: usize, valid: i32): void {
  let l0 = v128.load(bias);
  let h0 = v128.load(bias, 16);
  let l1 = l0;
  let h1 = h0;
  let l2 = l0;
  let h2 = h0;
  let l3 = l0;
  let h3 = h0;
  let l4 = l0;
  let h4 = h0;
  let l5 = l0;
  let h5 = h0;
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < segments; x++) {
      const offset = y * rowPitch + x * segmentPitch;
      let a0 = load<usize>(WINDOWS) + offset;
      let a1 = load<usize>(WINDOWS, 4) + offset;
      let a2 = load<usize>(WINDOWS, 8) + offset;
      let a3 = load<usize>(WINDOWS, 12) + offset;
      let a4 = load<usize>(WINDOWS, 16) + offset;
      let a5 = load<usize>(WINDOWS, 20) + offset;
      const end = a0 + run;
      do {
        const wl = v128.load(w);
        const wh = v128.load(w, 16);
        let a = v128.load32_splat(a0);
        l0 = f32x4.add(l0, f32x4.mul(a, wl));
        h0 = f32x4.add(h0, f32x4.mul(a, wh));
        a = v128.load32_splat(a1);
        l1 = f32x4.add(l1, f32x4.mul(a, wl));
        h1 = f32x4.add(h1, f32x4.mul(a, wh));
        a = v128.load32_splat(a2);
        l2 = f32x4.add(l2, f32x4.mul(a, wl));
        h2 = f32x4.add(h2, f32x4.mul(a, wh));
        a = v128.load32_splat(a3);
        l3 = f32x4.add(l3, f32x4.mul(a, wl));
        h3 = f32x4.add(h3, f32x4.mul(a, wh));
        a = v128.load32_splat(a4);
        l4 = f32x4.add(l4, f32x4.mul(a, wl));
        h4 = f32x4.add(h4, f32x4.mul(a, wh));
        a = v128.load32_splat(a5);
        l5 = f32x4.add(l5, f32x4.mul(a, wl));
        h5 = f32x4.add(h5, f32x4.mul(a, wh));
        a0 += 4;
        a1 += 4;
        a2 += 4;
        a3 += 4;
        a4 += 4;
        a5 += 4;
        w += 32;
      } while (a0 != end);
    }
  }
  finish(load<usize>(OUTPUTS) + at, l0, h0, valid);
  finish(load<usize>(OUTPUTS, 4) + at, l1, h1, valid);
  finish(load<usize>(OUTPUTS, 8) + at, l2, h2, valid);
  finish(load<usize>(OUTPUTS, 12) + at, l3, h3, valid);
  finish(load<usize>(OUTPUTS, 16) + at, l4, h4, valid);
  finish(load<usize>(OUTPUTS, 20) + at, l5, h5, valid);
}

/** 1 pixel x 8 channels, for dense and for what is left of 6. */
function tile1(w: usize, bias: usize, at: usize, valid: i32): void {
  let l = v128.load(bias);
  let h = v128.load(bias, 16);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < segments; x++) {
      let a = load<usize>(WINDOWS) + y * rowPitch + x * segmentPitch;
      const end = a + run;
      do {
        const value = v128.load32_splat(a);
        l = f32x4.add(l, f32x4.mul(value, v128.load(w)));
        h = f32x4.add(h, f32x4.mul(value, v128.load(w, 16)));
        a += 4;
        w += 32;
      } while (a != end);
    }
  }
  finish(load<usize>(OUTPUTS) + at, l, h, valid);
}
