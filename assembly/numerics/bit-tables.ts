// Products of four bits by four by table, for the byte swizzle: table q has popcount(q xor m) of all 16 values of m.
// Indices stay below 16, where the relaxed swizzle is deterministic.
import { OWN } from "../own";

/** Table q: popcount(q xor m) of every m. */
export const TABLES: usize = memory.data(256, 16);
/** The low halves of bytes: from memory, as V8 builds a constant that it sees anew at each use. */
export const MASK: usize = memory.data(16, 16);
/** Sums of a tile's windows in bytes: of the low halves, of the high ones. */
export const SUMS: usize = OWN + memory.data(4 * 32, 16);

/** Fills the tables and the mask. */
export function prepareTables(): void {
  for (let i: u32 = 0; i < 256; i++) store<u8>(TABLES + i, <u8>popcnt((i >> 4) ^ (i & 15)));
  v128.store(MASK, i8x16.splat(15));
}

/** Bits of a window, sixteen bytes for eight: each four of them as the offset of their table. Writes whole sixteens. */
// @ts-ignore: decorator
@inline
export function spreadBits(target: usize, source: usize, bytes: i32): void {
  const mask = v128.load(MASK);
  for (const end = source + bytes; source < end; source += 8) {
    const bits = v128.load64_zero(source);
    const low = i16x8.shl(v128.and(bits, mask), 4);
    const high = v128.andnot(bits, mask);
    v128.store(target, v128.shuffle<i8>(low, high, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
    target += 16;
  }
}

/** What a table has for sixteen channels. */
// @ts-ignore: decorator
@inline
export function lookUp(table: v128, indices: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) {
    return i8x16.relaxed_swizzle(table, indices);
  } else {
    return i8x16.swizzle(table, indices);
  }
}
