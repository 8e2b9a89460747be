// What calibration keeps of values. Every result is that of JavaScript's numbers, to the bit.

/**
 * The smallest and the largest of `count` values, f32 each, to `out`, and behind them the sum of x - x: 0 where all
 * values are finite. Of zeros of both signs either may come out.
 */
export function extremes(x: usize, count: i32, out: usize): void {
  let low = f32x4.splat(Infinity);
  let high = f32x4.splat(-Infinity);
  let check = f32x4.splat(0);
  let at: usize = 0;
  const end = <usize>count << 2;
  for (; at + 16 <= end; at += 16) {
    const values = v128.load(x + at);
    low = f32x4.pmin(low, values);
    high = f32x4.pmax(high, values);
    check = f32x4.add(check, f32x4.sub(values, values));
  }
  let least = min(min(f32x4.extract_lane(low, 0), f32x4.extract_lane(low, 1)), min(f32x4.extract_lane(low, 2), f32x4.extract_lane(low, 3)));
  let most = max(max(f32x4.extract_lane(high, 0), f32x4.extract_lane(high, 1)), max(f32x4.extract_lane(high, 2), f32x4.extract_lane(high, 3)));
  let sum = f32x4.extract_lane(check, 0) + f32x4.extract_lane(check, 1) + f32x4.extract_lane(check, 2) + f32x4.extract_lane(check, 3);
  for (; at < end; at += 4) {
    const value = load<f32>(x + at);
    least = min(least, value);
    most = max(most, value);
    sum += value - value;
  }
  store<f32>(out, least);
  store<f32>(out, most, 4);
  store<f32>(out, sum, 8);
}

/** counts[floor(x * inverse) + bins]++, u32 each, for `count` finite values: the caller knows that all lie inside. */
export function count_bins(x: usize, count: i32, inverse: f64, bins: i32, counts: usize): void {
  const end = x + (<usize>count << 2);
  const middle = counts + (<usize>bins << 2);
  for (; x < end; x += 4) {
    const bin = middle + (<isize>floor(<f64>load<f32>(x) * inverse) << 2);
    store<u32>(bin, load<u32>(bin) + 1);
  }
}

/** totals[c] += the sum over `pixels` of x[pixel][c], in f64, pixel by pixel. */
export function channel_totals(x: usize, totals: usize, pixels: i32, channels: i32): void {
  const row = <usize>channels << 2;
  const even = row & ~7;
  for (let pixel = 0; pixel < pixels; pixel++) {
    let to = totals;
    const end = x + row;
    for (const stop = x + even; x < stop; x += 8) {
      v128.store(to, f64x2.add(v128.load(to), f64x2.promote_low_f32x4(v128.load64_zero(x))));
      to += 16;
    }
    if (x < end) {
      store<f64>(to, load<f64>(to) + <f64>load<f32>(x));
      x = end;
    }
  }
}
