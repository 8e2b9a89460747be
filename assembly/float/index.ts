// The calibrator's exports: float kernels for calibration and evaluation, never part of the engine. Strict f32, zero
// imports. Memory belongs to the module and is laid out by the host: constants, activations and scratch behind
// `heap_base`. Activations are dense NHWC; pitches and lengths are bytes unless said otherwise.
//
// Every output element is summed in one order (kernel row, kernel column, channel; the bias first), whatever tile it
// falls into: results do not depend on the shape of the tile, on the thread or on the host.

/** First byte that the host may use, aligned to 16. */
export function heap_base(): usize {
  return (__heap_base + 15) & ~15;
}

/** Grows the memory so that addresses below `end` exist. 1 where the host has that much, else 0. */
export function reserve(end: usize): i32 {
  const pages = <i32>((<u64>end + 0xffff) >> 16);
  const missing = pages - memory.size();
  return missing <= 0 || memory.grow(missing) >= 0 ? 1 : 0;
}

export { decode, encode } from "./codes";
export { conv } from "./conv";
export { depthwise } from "./depthwise";
export { moments } from "./moments";
export { channel_sums, conv_weights, depthwise_weights, mask } from "./gradients";
export { add, clamp, fake_quantize } from "./pointwise";
export { average_pool, average_pool_gradient, max_pool, max_pool_gradient } from "./pool";
export { clear, copy_blocks } from "./copy";
export { softmax } from "./softmax";
export { channel_totals, count_bins, extremes } from "./statistics";
