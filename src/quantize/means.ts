// Means over every window of the calibration set: all that a bias asks of samples.
import type { Codes } from "../numerics/pack.ts";
import type { Layer } from "./layer.ts";
import type { Means } from "./moments.ts";

/** Sums over every window of some samples. */
export interface WindowSums {
  /** Of what every tap reads, codes less their zero point: integers. [groups][taps] */
  readonly taps: readonly Float64Array[];
  /** By sample, of the wanted outputs of every channel: added up in the order of the samples, whoever has summed them. */
  readonly outputs: readonly Float64Array[];
}

/** What every tap reads in all windows together, [groups][taps]: rows are added up first, and columns of what that leaves. */
export function tapSums(
  { window, input, output, groups, taps }: Layer,
  codes: readonly Codes[],
  zeroPoint: number,
): Float64Array[] {
  const { kernel, stride, dilation, padding } = window;
  const [height, width, channels] = input;
  const sums = new Float64Array(kernel[0] * kernel[1] * channels);
  for (let ky = 0; ky < kernel[0]; ky++) {
    const rows = Array.from({ length: output[0] }, (_, y) => y * stride[0] - padding[0] + ky * dilation[0]);
    const inside = rows.filter((y) => y >= 0 && y < height);
    const columns = columnSums(codes, inside, width * channels);
    const zero = zeroPoint * inside.length * codes.length;
    for (let kx = 0; kx < kernel[1]; kx++) {
      const tap = (ky * kernel[1] + kx) * channels;
      for (let ox = 0; ox < output[1]; ox++) {
        const x = ox * stride[1] - padding[1] + kx * dilation[1];
        if (x < 0 || x >= width) continue;
        for (let c = 0; c < channels; c++) sums[tap + c]! += columns[x * channels + c]! - zero;
      }
    }
  }
  const depth = channels / groups;
  const place = (k: number) => Math.floor(k / depth) * channels + (k % depth);
  return Array.from({ length: groups }, (_, group) =>
    Float64Array.from({ length: taps }, (_, k) => sums[place(k) + group * depth]!),
  );
}

/** Sums of rows of codes, over all samples. */
function columnSums(samples: readonly Codes[], rows: readonly number[], length: number): Float64Array {
  const total = new Float64Array(length);
  const sums = new Int32Array(length); // of one sample: at most 2^16 rows of 2^15
  for (const codes of samples) {
    sums.fill(0);
    for (const row of rows) {
      const at = row * length;
      for (let i = 0; i < length; i++) sums[i]! += codes[at + i]!;
    }
    for (let i = 0; i < length; i++) total[i]! += sums[i]!;
  }
  return total;
}

/** Means of what every tap reads, as reals, and of every wanted output, of the sums of consecutive parts of the set. */
export function meansOf(
  { groups, rows, taps, output }: Layer,
  parts: readonly WindowSums[],
  scale: number,
): Means[] {
  const samples = parts.flatMap(({ outputs }) => outputs);
  const count = samples.length * output[0] * output[1];
  const wanted = new Float64Array(groups * rows);
  for (const sums of samples) {
    for (let n = 0; n < wanted.length; n++) wanted[n]! += sums[n]!;
  }
  return Array.from({ length: groups }, (_, group) => {
    const inputs = new Float64Array(taps);
    for (const part of parts) {
      for (let k = 0; k < taps; k++) inputs[k]! += part.taps[group]![k]!;
    }
    return {
      inputMean: inputs.map((sum) => (sum / count) * scale),
      outputMean: wanted.slice(group * rows, (group + 1) * rows).map((sum) => sum / count),
    };
  });
}
