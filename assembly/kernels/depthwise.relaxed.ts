// Depthwise 3x3 on the relaxed dot product. The three rows of a column of eight channels are interleaved once into
// quads (x0, x1, x2, 0), which feed the outputs that the column belongs to: three of stride 1, two or one of stride 2.
// Weights are arranged in the same quads (arrange.ts). Six vectors of weights and four of sums stay in registers.
import { relaxedDot } from "../numerics/dot.relaxed";
import { STRIP } from "../numerics/requantize.simd";

/** Quads of eight channels of one column: the low and the high four. */
// @ts-ignore: decorator
@inline
function lowQuads(a: usize, row: usize): v128 {
  return v128.shuffle<i16>(topRows(a, row), v128.load8x8_u(a + 2 * row), 0, 8, 1, 9, 2, 10, 3, 11);
}

// @ts-ignore: decorator
@inline
function highQuads(a: usize, row: usize): v128 {
  return v128.shuffle<i16>(topRows(a, row), v128.load8x8_u(a + 2 * row), 4, 12, 5, 13, 6, 14, 7, 15);
}

// @ts-ignore: decorator
@inline
function topRows(a: usize, row: usize): v128 {
  const first = v128.load64_zero(a);
  const second = v128.load64_zero(a + row);
  return v128.shuffle<i8>(first, second, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

/**
 * Sums of `rows` x `columns` outputs of eight channels, stride 1 along the row, to STRIP. `row` is the distance of the
 * window's rows, `pixel` of its columns, `rowStep` of the windows of two output rows.
 */
export function columns1__relaxed(
  a: usize,
  row: usize,
  pixel: usize,
  rowStep: usize,
  w: usize,
  bias: usize,
  rows: i32,
  columns: i32,
): void {
  const w0 = v128.load(w);
  const v0 = v128.load(w, 16);
  const w1 = v128.load(w, 32);
  const v1 = v128.load(w, 48);
  const w2 = v128.load(w, 64);
  const v2 = v128.load(w, 80);
  let strip = STRIP;
  for (; rows > 0; rows--) {
    let at = a;
    let low = lowQuads(at, row);
    let high = highQuads(at, row);
    let l0 = relaxedDot(w0, low, v128.load(bias));
    let h0 = relaxedDot(v0, high, v128.load(bias, 16));
    at += pixel;
    low = lowQuads(at, row);
    high = highQuads(at, row);
    l0 = relaxedDot(w1, low, l0);
    h0 = relaxedDot(v1, high, h0);
    let l1 = relaxedDot(w0, low, v128.load(bias));
    let h1 = relaxedDot(v0, high, v128.load(bias, 16));
    const end = strip + (columns << 5);
    do {
      at += pixel;
      low = lowQuads(at, row);
      high = highQuads(at, row);
      v128.store(strip, relaxedDot(w2, low, l0));
      v128.store(strip, relaxedDot(v2, high, h0), 16);
      l0 = relaxedDot(w1, low, l1);
      h0 = relaxedDot(v1, high, h1);
      l1 = relaxedDot(w0, low, v128.load(bias));
      h1 = relaxedDot(v0, high, v128.load(bias, 16));
      strip += 32;
    } while (strip != end);
    a += rowStep;
  }
}

/** The same for stride 2: of three columns, the last is the next output's first. */
export function columns2__relaxed(
  a: usize,
  row: usize,
  pixel: usize,
  rowStep: usize,
  w: usize,
  bias: usize,
  rows: i32,
  columns: i32,
): void {
  const w0 = v128.load(w);
  const v0 = v128.load(w, 16);
  const w1 = v128.load(w, 32);
  const v1 = v128.load(w, 48);
  const w2 = v128.load(w, 64);
  const v2 = v128.load(w, 80);
  let strip = STRIP;
  for (; rows > 0; rows--) {
    let at = a;
    let l = relaxedDot(w0, lowQuads(at, row), v128.load(bias));
    let h = relaxedDot(v0, highQuads(at, row), v128.load(bias, 16));
    const end = strip + (columns << 5);
    do {
      at += pixel;
      l = relaxedDot(w1, lowQuads(at, row), l);
      h = relaxedDot(v1, highQuads(at, row), h);
      at += pixel;
      const low = lowQuads(at, row);
      const high = highQuads(at, row);
      v128.store(strip, relaxedDot(w2, low, l));
      v128.store(strip, relaxedDot(v2, high, h), 16);
      l = relaxedDot(w0, low, v128.load(bias));
      h = relaxedDot(v0, high, v128.load(bias, 16));
      strip += 32;
    } while (strip != end);
    a += rowStep;
  }
}
