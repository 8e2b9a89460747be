// The end of every kernel: clamp to the fused activation, store what is valid of a vector.

/** Bounds of the fused activation; infinite where there is none. */
export let low: f32 = 0;
export let high: f32 = 0;

export function setBounds(min: f32, max: f32): void {
  low = min;
  high = max;
}

/** Keeps NaN, so that the host sees it: pmin and pmax return their first operand where a comparison fails. */
// @ts-ignore: decorator
@inline
export function clampVector(x: v128): v128 {
  return f32x4.pmin(f32x4.pmax(x, f32x4.splat(low)), f32x4.splat(high));
}

// @ts-ignore: decorator
@inline
export function clampScalar(x: f32): f32 {
  return x < low ? low : high < x ? high : x;
}

/** Clamps and stores the first `valid` (1 to 8) of the eight channels of a pixel. */
export function finish(out: usize, first: v128, second: v128, valid: i32): void {
  const a = clampVector(first);
  const b = clampVector(second);
  if (valid >= 8) {
    v128.store(out, a);
    v128.store(out, b, 16);
  } else if (valid >= 4) {
    v128.store(out, a);
    storeLanes(out + 16, b, valid - 4);
  } else {
    storeLanes(out, a, valid);
  }
}

/** Stores the first 0 to 3 lanes. */
function storeLanes(out: usize, x: v128, count: i32): void {
  if (count > 0) v128.store32_lane(out, x, 0);
  if (count > 1) v128.store32_lane(out, x, 1, 4);
  if (count > 2) v128.store32_lane(out, x, 2, 8);
}
