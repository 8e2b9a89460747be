// Sub-byte weights to canonical codes. A block [K/4][8][4] of canonical bytes is cut into vectors of 16; a plane of
// `width` bits holds 8 / width of them in 16 bytes, vector s in bits [s * width, (s + 1) * width) of every byte:
//
//   4 bits   byte i:  | vector 1, code i | vector 0, code i |
//   2 bits   byte i:  | v 3 | v 2 | v 1 | v 0 |
//
// Codes of 6, 5 and 3 bits are a plane of their low 4, 4 and 2 bits, and behind it one of the bits above.
import { CONTRACT_A8W7, PLANE_BYTES, STEP_CONTRACT } from "../abi";
import { word } from "../state";

/** Bits of the weights of a conv, depthwise or dense step: 8 to 1. */
// @ts-ignore: decorator
@inline
export function weightBits(step: usize): i32 {
  return 10 - word(step, STEP_CONTRACT);
}

/** Whether a step's weights are smaller than bytes. */
// @ts-ignore: decorator
@inline
export function hasPlanes(step: usize): bool {
  return word(step, STEP_CONTRACT) > CONTRACT_A8W7;
}

/** Width of the first plane; what is above it is the second. */
// @ts-ignore: decorator
@inline
function lowWidth(bits: i32): i32 {
  return bits >= 4 ? 4 : bits >= 2 ? 2 : 1;
}

function planeBytes(vectors: i64, width: i32): i64 {
  const each = 8 / width;
  return ((vectors + each - 1) / each) * PLANE_BYTES;
}

/** Bytes of a block of so many canonical vectors, for fewer than 7 bits. */
export function packedBytes(vectors: i64, bits: i32): i64 {
  const low = lowWidth(bits);
  return planeBytes(vectors, low) + (bits > low ? planeBytes(vectors, bits - low) : 0);
}

/** Widest codes that are looked up, and so may come scaled. */
export const MOST_TABLE_BITS = 4;

/**
 * Canonical codes of vectors [from, from + count) of a block that has `vectors`; `from` is a multiple of 8. Codes of at
 * most MOST_TABLE_BITS come times 2^scale from the builds with SIMD.
 */
export function unpack(target: usize, block: usize, vectors: i32, bits: i32, scale: i32, from: i32, count: i32): void {
  const low = lowWidth(bits);
  const high = block + <usize>planeBytes(vectors, low);
  unpackPlane(target, block + from * 2 * low, low, 0, bits == low ? bits : 0, scale, count);
  if (bits > low) unpackPlane(target, high + from * 2 * (bits - low), bits - low, low, bits, scale, count);
}

/** One plane at bit `at` of the codes, upon those below it; `bits`, unless 0, is the width they then have in all. */
function unpackPlane(target: usize, source: usize, width: i32, at: i32, bits: i32, scale: i32, count: i32): void {
  if (!ASC_FEATURE_SIMD) {
    unpackPlane__scalar(target, source, width, at, bits, count);
  } else if (width == 4) {
    unpackPlane__simd(target, source, 4, at, weightsOfCodes(bits, scale), count);
  } else if (bits > MOST_TABLE_BITS) {
    unpackHighPlane__simd(target, source, width, bits, count);
  } else if (width == 2) {
    unpackPlane__simd(target, source, 2, at, weightsOfCodes(bits, scale), count);
  } else {
    unpackPlane__simd(target, source, 1, at, weightsOfCodes(bits, scale), count);
  }
}

function unpackPlane__scalar(target: usize, source: usize, width: i32, at: i32, bits: i32, count: i32): void {
  const each = 8 / width;
  const mask = (1 << width) - 1;
  for (let v = 0; v < count; v++) {
    const shift = (v % each) * width;
    for (let i: usize = 0; i < <usize>PLANE_BYTES; i++) {
      let code = (<i32>load<u8>(source + i) >> shift) & mask;
      if (at > 0) code = <i32>load<u8>(target + i) | (code << at);
      store<u8>(target + i, <u8>(bits == 0 ? code : signed(code, bits)));
    }
    target += PLANE_BYTES;
    if (v % each == each - 1) source += PLANE_BYTES;
  }
}

/** Two's complement of `bits` bits to a number; a single bit is the sign of 1. */
// @ts-ignore: decorator
@inline
function signed(code: i32, bits: i32): i32 {
  const half = 1 << (bits - 1);
  return bits == 1 ? 1 - 2 * code : (code ^ half) - half;
}

/** The weights of codes 0 to 15, times 2^scale; the codes themselves where `bits` is 0. */
function weightsOfCodes(bits: i32, scale: i32): v128 {
  const codes = i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  if (bits == 0) return codes;
  // No bit reaches the next byte: codes are below 2^bits, and bits + scale at most 7.
  const ones: i32 = (1 << bits) - 1;
  const used = i16x8.shl(v128.and(codes, i8x16.splat(<i8>ones)), scale);
  // A single bit is 1 - 2 * code, others are (code ^ half) - half.
  const one: i32 = 1 << scale;
  if (bits == 1) return i8x16.sub(i8x16.splat(<i8>one), i8x16.add(used, used));
  const half = i8x16.splat(<i8>(one << (bits - 1)));
  return i8x16.sub(v128.xor(used, half), half);
}

/** Two vectors at a time, of which there are pairs. `width` is a constant wherever this is inlined: V8 shifts by a variable in four instructions. */
// @ts-ignore: decorator
@inline
function unpackPlane__simd(target: usize, source: usize, width: i32, at: i32, weights: v128, count: i32): void {
  const each = 8 / width;
  const ones: i32 = (1 << width) - 1;
  const mask = i8x16.splat(<i8>ones);
  const end = target + count * PLANE_BYTES;
  while (target < end) {
    let rest = v128.load(source);
    source += PLANE_BYTES;
    let unit = target;
    if (width < 4) unit = min(target + each * PLANE_BYTES, end);
    do {
      let first = v128.and(rest, mask);
      let second = v128.and(i16x8.shr_u(rest, width), mask);
      if (width < 4) rest = i16x8.shr_u(rest, 2 * width);
      if (width == 1 && at > 0) {
        first = v128.or(v128.load(target), i16x8.shl(first, at));
        second = v128.or(v128.load(target, 16), i16x8.shl(second, at));
      }
      v128.store(target, lookUp(weights, first));
      v128.store(target, lookUp(weights, second), 16);
      target += 2 * PLANE_BYTES;
    } while (width < 4 && target < unit);
  }
}

/** Bytes of `table` at indices below 16. */
// @ts-ignore: decorator
@inline
function lookUp(table: v128, indices: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i8x16.relaxed_swizzle(table, indices);
  return i8x16.swizzle(table, indices);
}

/** The plane above four bits, of one or two. */
function unpackHighPlane__simd(target: usize, source: usize, width: i32, bits: i32, count: i32): void {
  const each = 8 / width;
  const ones: i32 = (1 << width) - 1;
  const mask = i8x16.splat(<i8>ones);
  const sign: i32 = 1 << (bits - 1);
  const half = i8x16.splat(<i8>sign);
  const end = target + count * PLANE_BYTES;
  while (target < end) {
    let rest = v128.load(source);
    source += PLANE_BYTES;
    for (const unit = min(target + each * PLANE_BYTES, end); target < unit; target += PLANE_BYTES) {
      const codes = v128.or(v128.load(target), i16x8.shl(v128.and(rest, mask), 4));
      rest = i16x8.shr_u(rest, width);
      v128.store(target, i8x16.sub(v128.xor(codes, half), half));
    }
  }
}
