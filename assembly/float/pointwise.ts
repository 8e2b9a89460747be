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
