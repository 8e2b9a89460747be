// Twin of src/numerics/requantize.ts: same names, same equation numbers (README.md there).

// @ts-ignore: decorator
@inline
export function clamp(value: i64, min: i32, max: i32): i32 {
  return value < <i64>min ? min : value > <i64>max ? max : <i32>value;
}

/** Equation (4) before the zero point: floor((acc * b + 2^(c-1)) / 2^c), 1 <= c <= 62; |acc * b| <= 2^62, no overflow. */
// @ts-ignore: decorator
@inline
export function roundShift(acc: i32, b: i32, c: i32): i64 {
  return (<i64>acc * <i64>b + (<i64>1 << (c - 1))) >> c;
}

/** Equation (4): one rounding, half up. */
// @ts-ignore: decorator
@inline
export function requantize(acc: i32, b: i32, c: i32, z: i32, min: i32, max: i32): i32 {
  return clamp(<i64>z + roundShift(acc, b, c), min, max);
}

/** Equation (6): add and requantize; 64 bits hold the sums of codes of 16 bits. */
// @ts-ignore: decorator
@inline
export function requantizeSum(sum: i64, c: i32, z: i32, min: i32, max: i32): i32 {
  return clamp(z + ((sum + (<i64>1 << (c - 1))) >> c), min, max);
}

/** Equation (7): average pool; ties up, or away from zero. */
// @ts-ignore: decorator
@inline
export function requantizeMean(acc: i32, b: i32, c: i32, away: bool, z: i32, min: i32, max: i32): i32 {
  const rounded = away && acc < 0 ? -roundShift(-acc, b, c) : roundShift(acc, b, c);
  return clamp(<i64>z + rounded, min, max);
}
