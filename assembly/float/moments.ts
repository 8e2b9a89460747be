// Sums of products of integer rows, for second moments of activations. Integers, so that they are exact: no order of
// the samples and no number of threads changes a bit. Tiles of 2 x 4 rows, 8 columns at a time.

const LANES = 8;

/**
 * out[i][j] += sum over columns of a[i][c] * b[j][c].
 *
 * Rows are i16, `pitch` bytes apart; `columns` is a multiple of 8 and at most 256, with which no 32-bit lane can
 * overflow while |a| < 2^15 and |b| < 2^9. `rowsA` is a multiple of 2, `rowsB` of 4. `out` is f64, `outPitch` bytes
 * a row. With `triangle`, where a is b, only j >= (i rounded down to 4) is computed.
 */
export function moments(
  a: usize,
  rowsA: i32,
  b: usize,
  rowsB: i32,
  pitch: usize,
  columns: i32,
  out: usize,
  outPitch: usize,
  triangle: i32,
): void {
  for (let i = 0; i < rowsA; i += 2) {
    const row = a + i * pitch;
    const sums = out + i * outPitch;
    for (let j = triangle ? i & ~3 : 0; j < rowsB; j += 4) {
      tile(row, b + j * pitch, pitch, columns, sums + (j << 3), outPitch);
    }
  }
}

function tile(a: usize, b: usize, pitch: usize, columns: i32, out: usize, outPitch: usize): void {
  let s00 = i32x4.splat(0);
  let s01 = s00;
  let s02 = s00;
  let s03 = s00;
  let s10 = s00;
  let s11 = s00;
  let s12 = s00;
  let s13 = s00;
  const b1 = b + pitch;
  const b2 = b1 + pitch;
  const b3 = b2 + pitch;
  const a1 = a + pitch;
  const end = <usize>columns * 2;
  for (let at: usize = 0; at < end; at += LANES * 2) {
    const x0 = v128.load(a + at);
    const x1 = v128.load(a1 + at);
    let y = v128.load(b + at);
    s00 = i32x4.add(s00, i32x4.dot_i16x8_s(x0, y));
    s10 = i32x4.add(s10, i32x4.dot_i16x8_s(x1, y));
    y = v128.load(b1 + at);
    s01 = i32x4.add(s01, i32x4.dot_i16x8_s(x0, y));
    s11 = i32x4.add(s11, i32x4.dot_i16x8_s(x1, y));
    y = v128.load(b2 + at);
    s02 = i32x4.add(s02, i32x4.dot_i16x8_s(x0, y));
    s12 = i32x4.add(s12, i32x4.dot_i16x8_s(x1, y));
    y = v128.load(b3 + at);
    s03 = i32x4.add(s03, i32x4.dot_i16x8_s(x0, y));
    s13 = i32x4.add(s13, i32x4.dot_i16x8_s(x1, y));
  }
  accumulate(out, s00);
  accumulate(out + 8, s01);
  accumulate(out + 16, s02);
  accumulate(out + 24, s03);
  out += outPitch;
  accumulate(out, s10);
  accumulate(out + 8, s11);
  accumulate(out + 16, s12);
  accumulate(out + 24, s13);
}

// @ts-ignore: decorator
@inline
function accumulate(at: usize, lanes: v128): void {
  const low = f64x2.convert_low_i32x4_s(lanes);
  const high = f64x2.convert_low_i32x4_s(i8x16.shuffle(lanes, lanes, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  const sum = f64x2.add(low, high);
  store<f64>(at, load<f64>(at) + f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1));
}
