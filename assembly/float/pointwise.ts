import { clampScalar, clampVector, setBounds } from "./epilogue";

/** output = clamp(a + b) over `count` elements; `output` may be `a` or `b`. */
export function add(a: usize, b: usize, output: usize, count: i32, low: f32, high: f32): void {
  setBounds(low, high);
  let at: usize = 0;
  const end = <usize>count * 4;
  for (; at + 16 <= end; at += 16) {
    v128.store(output + at, clampVector(f32x4.add(v128.load(a + at), v128.load(b + at))));
  }
  for (; at < end; at += 4) store<f32>(output + at, clampScalar(load<f32>(a + at) + load<f32>(b + at)));
}

/** output = clamp(x) over `count` elements: a stand-alone activation. */
export function clamp(x: usize, output: usize, count: i32, low: f32, high: f32): void {
  setBounds(low, high);
  let at: usize = 0;
  const end = <usize>count * 4;
  for (; at + 16 <= end; at += 16) v128.store(output + at, clampVector(v128.load(x + at)));
  for (; at < end; at += 4) store<f32>(output + at, clampScalar(load<f32>(x + at)));
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
