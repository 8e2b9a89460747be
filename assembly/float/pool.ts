// Pools over the pixels of each window that lie inside the input.
import { clampScalar, clampVector, setBounds } from "./epilogue";

/** Where a window lies: rows and columns of the input, the end excluded. */
let top: i32 = 0;
let bottom: i32 = 0;
let left: i32 = 0;
let right: i32 = 0;

function clip(y: i32, x: i32, kernelHeight: i32, kernelWidth: i32, height: i32, width: i32): void {
  top = max(y, 0);
  bottom = min(y + kernelHeight, height);
  left = max(x, 0);
  right = min(x + kernelWidth, width);
}

/** Sums row by row, then divides by the number of pixels. Padding must be narrower than the kernel. */
export function average_pool(
  input: usize,
  output: usize,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  kernelHeight: i32,
  kernelWidth: i32,
  strideHeight: i32,
  strideWidth: i32,
  padTop: i32,
  padLeft: i32,
  low: f32,
  high: f32,
): void {
  setBounds(low, high);
  const pixel: usize = channels * 4;
  for (let y = 0; y < outHeight; y++) {
    for (let x = 0; x < outWidth; x++) {
      clip(y * strideHeight - padTop, x * strideWidth - padLeft, kernelHeight, kernelWidth, height, width);
      averageWindow(input, output, width, pixel);
      output += pixel;
    }
  }
}

function averageWindow(input: usize, output: usize, width: i32, pixel: usize): void {
  const count = <f32>((bottom - top) * (right - left));
  let c: usize = 0;
  for (; c + 16 <= pixel; c += 16) {
    let sum = f32x4.splat(0);
    for (let y = top; y < bottom; y++) {
      let at = input + <usize>(y * width + left) * pixel + c;
      for (let x = left; x < right; x++, at += pixel) sum = f32x4.add(sum, v128.load(at));
    }
    v128.store(output + c, clampVector(f32x4.div(sum, f32x4.splat(count))));
  }
  for (; c < pixel; c += 4) {
    let sum: f32 = 0;
    for (let y = top; y < bottom; y++) {
      let at = input + <usize>(y * width + left) * pixel + c;
      for (let x = left; x < right; x++, at += pixel) sum += load<f32>(at);
    }
    store<f32>(output + c, clampScalar(sum / count));
  }
}

/** Largest value of each window; padding takes no part. Padding must be narrower than the kernel. */
export function max_pool(
  input: usize,
  output: usize,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  kernelHeight: i32,
  kernelWidth: i32,
  strideHeight: i32,
  strideWidth: i32,
  padTop: i32,
  padLeft: i32,
  low: f32,
  high: f32,
): void {
  setBounds(low, high);
  const pixel: usize = channels * 4;
  for (let y = 0; y < outHeight; y++) {
    for (let x = 0; x < outWidth; x++) {
      clip(y * strideHeight - padTop, x * strideWidth - padLeft, kernelHeight, kernelWidth, height, width);
      maxWindow(input, output, width, pixel);
      output += pixel;
    }
  }
}

/** NaN wins over everything, as in Math.max. */
function maxWindow(input: usize, output: usize, width: i32, pixel: usize): void {
  let c: usize = 0;
  for (; c + 16 <= pixel; c += 16) {
    let largest = f32x4.splat(-Infinity);
    for (let y = top; y < bottom; y++) {
      let at = input + <usize>(y * width + left) * pixel + c;
      for (let x = left; x < right; x++, at += pixel) largest = f32x4.max(largest, v128.load(at));
    }
    v128.store(output + c, clampVector(largest));
  }
  for (; c < pixel; c += 4) {
    let largest: f32 = -Infinity;
    for (let y = top; y < bottom; y++) {
      let at = input + <usize>(y * width + left) * pixel + c;
      for (let x = left; x < right; x++, at += pixel) largest = max(largest, load<f32>(at));
    }
    store<f32>(output + c, clampScalar(largest));
  }
}

/** Backward of average_pool: every pixel of a window gets its share of what the output has; adds to `target`. */
export function average_pool_gradient(
  gradient: usize,
  target: usize,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  kernelHeight: i32,
  kernelWidth: i32,
  strideHeight: i32,
  strideWidth: i32,
  padTop: i32,
  padLeft: i32,
): void {
  const pixel: usize = channels * 4;
  for (let y = 0; y < outHeight; y++) {
    for (let x = 0; x < outWidth; x++, gradient += pixel) {
      clip(y * strideHeight - padTop, x * strideWidth - padLeft, kernelHeight, kernelWidth, height, width);
      const count = <f32>((bottom - top) * (right - left));
      for (let row = top; row < bottom; row++) {
        let at = target + <usize>(row * width + left) * pixel;
        for (let column = left; column < right; column++, at += pixel) {
          for (let c: usize = 0; c < pixel; c += 4) {
            store<f32>(at + c, load<f32>(at + c) + load<f32>(gradient + c) / count);
          }
        }
      }
    }
  }
}

/** Backward of max_pool: the first pixel that has the largest value gets all; adds to `target`. */
export function max_pool_gradient(
  gradient: usize,
  input: usize,
  target: usize,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  kernelHeight: i32,
  kernelWidth: i32,
  strideHeight: i32,
  strideWidth: i32,
  padTop: i32,
  padLeft: i32,
): void {
  const pixel: usize = channels * 4;
  for (let y = 0; y < outHeight; y++) {
    for (let x = 0; x < outWidth; x++, gradient += pixel) {
      clip(y * strideHeight - padTop, x * strideWidth - padLeft, kernelHeight, kernelWidth, height, width);
      for (let c: usize = 0; c < pixel; c += 4) {
        const largest = target + (largestOfWindow(input + c, width, pixel) - input);
        store<f32>(largest, load<f32>(largest) + load<f32>(gradient + c));
      }
    }
  }
}

/** Address of the first largest value of one channel in the window. */
function largestOfWindow(input: usize, width: i32, pixel: usize): usize {
  let best = input + <usize>(top * width + left) * pixel;
  for (let y = top; y < bottom; y++) {
    let at = input + <usize>(y * width + left) * pixel;
    for (let x = left; x < right; x++, at += pixel) {
      if (load<f32>(at) > load<f32>(best)) best = at;
    }
  }
  return best;
}
