// Symmetric weights: one scale a channel, codes from -127 to 127.
import type { Tensor } from "../graph/graph.ts";
import { clamp } from "../numerics/requantize.ts";

const LARGEST = 127;
/** Shares of the largest weight that the search tries as the end of the codes. */
const STEPS = 80;

/** How a channel's scale is chosen: its largest weight, or the least squared error of its codes. */
export type WeightScale = "absmax" | "mse";

/** Codes of real weights. `least(c)` is a scale that channel c must not go below. */
export function quantizeWeights(
  weights: Tensor,
  reals: Float32Array,
  axis: number,
  method: WeightScale,
  least: (channel: number) => number,
): Tensor {
  const channels = weights.shape[axis]!;
  const inner = weights.shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const rows = channelRows(reals, channels, inner);
  const best = rows.map((row) => (method === "absmax" ? absmaxScale(row) : mseScale(row)));
  // Any scale is right for a channel of zeros: the finest that holds its bias, or else one like its neighbours', which
  // spoils no common shift.
  const idle = best.reduce((min, scale) => (scale > 0 && scale < min ? scale : min), 1);
  const scale = best.map((own, channel) => Math.fround(Math.max(own, least(channel)) || idle));
  const data = Int8Array.from(reals, (real, i) => code(real, scale[Math.floor(i / inner) % channels]!));
  const quantization = { scale, zeroPoint: scale.map(() => 0), axis };
  return { name: weights.name, dtype: "int8", shape: weights.shape, quantization, data };
}

function channelRows(reals: Float32Array, channels: number, inner: number): Float32Array[] {
  const rows = Array.from({ length: channels }, () => new Float32Array(reals.length / channels));
  const filled = new Uint32Array(channels);
  reals.forEach((real, i) => {
    const channel = Math.floor(i / inner) % channels;
    rows[channel]![filled[channel]!++] = real;
  });
  return rows;
}

function code(real: number, scale: number): number {
  return clamp(Math.floor(real / scale + 0.5), -LARGEST, LARGEST);
}

function absmaxScale(row: Float32Array): number {
  return Math.fround(row.reduce((max, real) => Math.max(max, Math.abs(real)), 0) / LARGEST);
}

function mseScale(row: Float32Array): number {
  const full = absmaxScale(row);
  let best = full;
  let least = squaredError(row, full);
  // Below half of the largest weight, clipping it costs more than any finer step gains at 8 bits.
  for (let step = STEPS / 2; step < STEPS && least > 0; step++) {
    const scale = Math.fround((full * step) / STEPS);
    const error = squaredError(row, scale);
    if (error < least) {
      best = scale;
      least = error;
    }
  }
  return best;
}

function squaredError(row: Float32Array, scale: number): number {
  if (scale === 0) return 0;
  let sum = 0;
  for (const real of row) {
    const error = real - scale * code(real, scale);
    sum += error * error;
  }
  return sum;
}
