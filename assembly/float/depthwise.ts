// Depthwise convolution: 4 pixels x 8 channels in 8 accumulators. Weights are packed [channels / 8][taps][8]; the
// input's pixels are padded to whole blocks of 8 channels by the host.
import { finish, setBounds } from "./epilogue";
import { nextTile, OUTPUTS, remaining, rowPitch, rows, segmentPitch, segments, shapeWindow, startWalk, WINDOWS } from "./windows";

const TILE = 4;
const BLOCK = 8;

/** As conv: `segmentBytes` from a tap to the next one of its row, `rowBytes` from a row of taps to the next. */
export function depthwise(
  input: usize,
  weights: usize,
  bias: usize,
  output: usize,
  height: i32,
  width: i32,
  channels: i32,
  rowCount: i32,
  columnCount: i32,
  rowBytes: usize,
  segmentBytes: usize,
  windowStep: usize,
  windowRowStep: usize,
  low: f32,
  high: f32,
): void {
  setBounds(low, high);
  shapeWindow(rowCount, columnCount, BLOCK * 4, rowBytes, segmentBytes);
  startWalk(input, output, height, width, windowStep, windowRowStep, channels * 4);
  const block = <usize>(rowCount * columnCount) * 4;
  while (remaining > 0) {
    nextTile(TILE);
    for (let n = 0; n < channels; n += BLOCK) {
      tile4(weights + n * block, bias + n * 4, n * 4, min(BLOCK, channels - n));
    }
  }
}

function tile4(w: usize, bias: usize, at: usize, valid: i32): void {
  const a0 = load<usize>(WINDOWS) + at;
  const a1 = load<usize>(WINDOWS, 4) + at;
  const a2 = load<usize>(WINDOWS, 8) + at;
  const a3 = load<usize>(WINDOWS, 12) + at;
  let l0 = v128.load(bias);
  let h0 = v128.load(bias, 16);
  let l1 = l0;
  let h1 = h0;
  let l2 = l0;
  let h2 = h0;
  let l3 = l0;
  let h3 = h0;
  for (let y = 0; y < rows; y++) {
    let tap = y * rowPitch;
    for (let x = 0; x < segments; x++) {
      const wl = v128.load(w);
      const wh = v128.load(w, 16);
      l0 = f32x4.add(l0, f32x4.mul(v128.load(a0 + tap), wl));
      h0 = f32x4.add(h0, f32x4.mul(v128.load(a0 + tap, 16), wh));
      l1 = f32x4.add(l1, f32x4.mul(v128.load(a1 + tap), wl));
      h1 = f32x4.add(h1, f32x4.mul(v128.load(a1 + tap, 16), wh));
      l2 = f32x4.add(l2, f32x4.mul(v128.load(a2 + tap), wl));
      h2 = f32x4.add(h2, f32x4.mul(v128.load(a2 + tap, 16), wh));
      l3 = f32x4.add(l3, f32x4.mul(v128.load(a3 + tap), wl));
      h3 = f32x4.add(h3, f32x4.mul(v128.load(a3 + tap, 16), wh));
      tap += segmentPitch;
      w += 32;
    }
  }
  finish(load<usize>(OUTPUTS) + at, l0, h0, valid);
  finish(load<usize>(OUTPUTS, 4) + at, l1, h1, valid);
  finish(load<usize>(OUTPUTS, 8) + at, l2, h2, valid);
  finish(load<usize>(OUTPUTS, 12) + at, l3, h3, valid);
}
