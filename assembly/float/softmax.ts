// Twin of src/numerics/exponential.ts: e^x from +, -, *, / and powers of two alone, the same bits on every host.

const LN2_HIGH: f64 = 0.6931471803691238; // the first 32 bits of ln 2
const LN2_LOW: f64 = 1.9082149292705877e-10; // ln 2 - LN2_HIGH

/** e^x for x <= 0. */
function exponential(x: f64): f64 {
  if (x < -700) return 0;
  const k = floor(x / (LN2_HIGH + LN2_LOW) + 0.5);
  const r = x - k * LN2_HIGH - k * LN2_LOW;
  let sum: f64 = 1;
  for (let n: f64 = 18; n >= 1; n--) sum = 1 + (r / n) * sum;
  return sum * reinterpret<f64>((<i64>k + 1023) << 52);
}

/** Softmax of beta * x over each of `rows` runs of `channels` elements; beta is not negative. */
export function softmax(x: usize, output: usize, rows: i32, channels: i32, beta: f64): void {
  const bytes = <usize>channels * 4;
  for (; rows > 0; rows--) {
    let top: f32 = -Infinity;
    for (let c: usize = 0; c < bytes; c += 4) top = max(top, load<f32>(x + c));
    let sum: f64 = 0;
    for (let c: usize = 0; c < bytes; c += 4) {
      const e = <f32>exponential(beta * (<f64>load<f32>(x + c) - <f64>top));
      store<f32>(output + c, e);
      sum += <f64>e;
    }
    for (let c: usize = 0; c < bytes; c += 4) store<f32>(output + c, <f32>(<f64>load<f32>(output + c) / sum));
    x += bytes;
    output += bytes;
  }
}
