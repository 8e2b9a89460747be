import { DyadicError } from "../error.ts";
import type { CalibratorExports } from "../float/calibrator.ts";
import type { Codes } from "../numerics/pack.ts";
import { congruential } from "../numerics/random.ts";
import type { Affine } from "../numerics/range.ts";
import type { Layer } from "./layer.ts";

/** Columns of one call of the kernel, and the bytes from a row of i16 to the next. */
const CHUNK = 256;
const PITCH = CHUNK * 2;
/** The kernel's range of cross-moment rows: values are scaled to 15 bits, so that their sums are exact too. */
const LARGEST = 2 ** 15 - 1;

/** What a bias needs of one group of a layer. */
export interface Means {
  /** Of the taps' inputs, [taps], and of the float outputs before the activation, [rows]. */
  readonly inputMean: Float64Array;
  readonly outputMean: Float64Array;
}

/** What rounding needs besides, about the mean: a bias makes up for the means. */
export interface Moments extends Means {
  /** E[x' x'], [taps][taps]; E[y x'], [rows][taps]. */
  readonly second: Float64Array;
  readonly cross: Float64Array;
}

/** The layer's side of some samples of the calibration set: one array a sample. */
export interface Observations {
  /** Codes of the layer's input in the quantized network, NHWC; Int16Array where they are less zero points by channel. */
  readonly codes: readonly Codes[];
  readonly affine: Affine;
  /** Wanted outputs before the activation, NHWC. */
  readonly targets: readonly Float32Array[];
}

/** What a group's moments are made of: sums of integers, so that those of parts add up to the same in any order. */
export interface MomentSums {
  readonly second: Float64Array;
  readonly cross: Float64Array;
}

/** A window of the calibration set: an output pixel of a sample. */
export interface Place {
  readonly sample: number;
  readonly pixel: number;
}

/** Which windows of a layer are taken: so many, and with `half` of the samples at even (0) or odd (1) places alone. */
export interface Windows {
  readonly columns: number;
  readonly half?: 0 | 1 | undefined;
}

/** How many windows a collection takes. */
export function windowCount({ output }: Layer, samples: number, { columns, half }: Windows): number {
  const each = Math.min(output[0] * output[1], Math.max(1, Math.ceil(columns / samples)));
  return each * (half === undefined ? samples : Math.floor((samples + 1 - half) / 2));
}

/**
 * At most `columns` windows, spread evenly over samples and pixels: the same number of output pixels of every sample,
 * one at a pseudo-random place of each of as many strata.
 */
export function choosePlaces(layer: Layer, samples: number, { columns, half }: Windows): Place[] {
  const pixels = layer.output[0] * layer.output[1];
  const count = windowCount(layer, samples, { columns }) / samples;
  const random = congruential(0x9e3779b9);
  const all = Array.from({ length: samples * count }, (_, i) => {
    const share = count === pixels ? 0 : random();
    return {
      sample: Math.floor(i / count),
      pixel: Math.floor((((i % count) + share) * pixels) / count),
    };
  });
  return half === undefined ? all : all.filter(({ sample }) => sample % 2 === half);
}

/** Adds those of another part. */
export function addSums(sums: MomentSums, more: MomentSums): void {
  for (const kind of ["second", "cross"] as const) {
    const [own, other] = [sums[kind], more[kind]];
    for (let i = 0; i < own.length; i++) own[i]! += other[i]!;
  }
}

/** The largest magnitude of every wanted output, by channel. */
export function targetPeaks({ output }: Layer, { targets }: Observations, places: readonly Place[]) {
  const channels = output[2];
  const largest = new Float64Array(channels);
  for (const { sample, pixel } of places) {
    const values = targets[sample]!;
    const at = pixel * channels;
    for (let n = 0; n < channels; n++) largest[n] = Math.max(largest[n]!, Math.abs(values[at + n]!));
  }
  return largest;
}

/** What one step of the scaled outputs is worth, by their peaks over the whole set. */
export function unitsOf(peaks: Float64Array): Float64Array {
  return peaks.map((value) => value / LARGEST || 1);
}

/** Sums a layer's moments in an instance of calibrator.wasm. */
export class MomentCollector {
  private readonly wasm: CalibratorExports;

  constructor(wasm: CalibratorExports) {
    this.wasm = wasm;
  }

  /** One entry a group. Throws OUT_OF_MEMORY, naming the layer. */
  collect(layer: Layer, seen: Observations, places: readonly Place[], units: Float64Array): MomentSums[] {
    const buffers = new Buffers(this.wasm, layer);
    return Array.from({ length: layer.groups }, (_, group) => {
      buffers.clear();
      const own = units.subarray(group * layer.rows, (group + 1) * layer.rows);
      for (let first = 0; first < places.length; first += CHUNK) {
        const chunk = places.slice(first, first + CHUNK);
        buffers.inputs.fill(0);
        buffers.outputs.fill(0);
        gatherInputs(layer, seen, chunk, group, buffers.inputs);
        gatherOutputs(layer, seen, chunk, group, own, buffers.outputs);
        buffers.accumulate();
      }
      return buffers.sums();
    });
  }
}

/** Windows as columns: row k is tap k's code less the zero point, 0 in the padding; behind the taps a row of ones. */
function gatherInputs(
  { window, input, output, groups, taps }: Layer,
  { codes, affine }: Observations,
  places: readonly Place[],
  group: number,
  into: Int16Array,
): void {
  const { kernel, stride, dilation, padding } = window;
  const [height, width, channels] = input;
  const depth = channels / groups;
  places.forEach(({ sample, pixel }, column) => {
    const values = codes[sample]!;
    const top = Math.floor(pixel / output[1]) * stride[0] - padding[0];
    const left = (pixel % output[1]) * stride[1] - padding[1];
    for (let tap = 0; tap < kernel[0] * kernel[1]; tap++) {
      const y = top + Math.floor(tap / kernel[1]) * dilation[0];
      const x = left + (tap % kernel[1]) * dilation[1];
      if (y < 0 || y >= height || x < 0 || x >= width) continue;
      const from = (y * width + x) * channels + group * depth;
      const to = tap * depth * CHUNK + column;
      for (let c = 0; c < depth; c++) into[to + c * CHUNK] = values[from + c]! - affine.zeroPoint;
    }
    into[taps * CHUNK + column] = 1;
  });
}

function gatherOutputs(
  { rows, output }: Layer,
  { targets }: Observations,
  places: readonly Place[],
  group: number,
  units: Float64Array,
  into: Int16Array,
): void {
  places.forEach(({ sample, pixel }, column) => {
    const from = pixel * output[2] + group * rows;
    for (let n = 0; n < rows; n++) {
      into[n * CHUNK + column] = Math.floor(targets[sample]![from + n]! / units[n]! + 0.5);
    }
  });
}

function tooMany({ node, taps }: Layer, bytes: number): DyadicError {
  return new DyadicError("OUT_OF_MEMORY", `the second moments of ${taps} inputs do not fit in memory`, {
    node: node.name,
    op: node.op,
    expected: "below 4 GiB",
    found: `${bytes} bytes`,
    hint: 'give this layer the rounding "nearest" in the policy',
  });
}

/** One layer's part of the module's memory: columns in, sums out. */
class Buffers {
  readonly inputs: Int16Array;
  readonly outputs: Int16Array;
  private readonly wasm: CalibratorExports;
  private readonly inputRows: number;
  private readonly outputRows: number;
  private readonly second: Float64Array;
  private readonly cross: Float64Array;

  /** Throws OUT_OF_MEMORY, naming the layer. */
  constructor(wasm: CalibratorExports, layer: Layer) {
    const { rows, taps } = layer;
    this.wasm = wasm;
    this.inputRows = paddedTaps(taps);
    this.outputRows = Math.ceil(rows / 2) * 2;
    const base = wasm.heap_base();
    const outputs = base + this.inputRows * PITCH;
    const second = outputs + this.outputRows * PITCH;
    const cross = second + this.inputRows ** 2 * 8;
    const bytes = cross + this.outputRows * this.inputRows * 8;
    if (bytes >= 2 ** 32 || wasm.reserve(bytes) === 0) throw tooMany(layer, bytes);
    const { buffer } = wasm.memory;
    this.inputs = new Int16Array(buffer, base, this.inputRows * CHUNK);
    this.outputs = new Int16Array(buffer, outputs, this.outputRows * CHUNK);
    this.second = new Float64Array(buffer, second, this.inputRows ** 2);
    this.cross = new Float64Array(buffer, cross, this.outputRows * this.inputRows);
  }

  clear(): void {
    this.second.fill(0);
    this.cross.fill(0);
  }

  accumulate(): void {
    const { wasm, inputs, outputs, inputRows, outputRows, second, cross } = this;
    const [x, y] = [inputs.byteOffset, outputs.byteOffset];
    const pitch = inputRows * 8;
    wasm.moments(x, inputRows, x, inputRows, PITCH, CHUNK, second.byteOffset, pitch, 1);
    wasm.moments(y, outputRows, x, inputRows, PITCH, CHUNK, cross.byteOffset, pitch, 0);
  }

  /** Copies: the next group takes the same bytes. */
  sums(): MomentSums {
    return { second: this.second.slice(), cross: this.cross.slice() };
  }
}

/**
 * From a group's sums of integers, over `count` windows, to moments of reals about the mean.
 *
 * @param units of the group's outputs
 */
export function momentsOf(
  { rows, taps }: Layer,
  { second, cross }: MomentSums,
  count: number,
  scale: number,
  units: Float64Array,
): Moments {
  const pitch = paddedTaps(taps);
  const sum = (i: number, j: number) => second[Math.min(i, j) * pitch + Math.max(i, j)]! / count;
  const mean = Float64Array.from({ length: taps }, (_, k) => sum(k, taps));
  const outputMean = units.map((_, n) => cross[n * pitch + taps]! / count);
  const centred = new Float64Array(taps * taps);
  for (let i = 0; i < taps; i++) {
    for (let j = 0; j < taps; j++) {
      centred[i * taps + j] = scale * scale * (sum(i, j) - mean[i]! * mean[j]!);
    }
  }
  const products = new Float64Array(rows * taps);
  for (let n = 0; n < rows; n++) {
    for (let k = 0; k < taps; k++) {
      const own = cross[n * pitch + k]! / count - outputMean[n]! * mean[k]!;
      products[n * taps + k] = scale * units[n]! * own;
    }
  }
  return {
    inputMean: mean.map((value) => value * scale),
    outputMean: outputMean.map((value, n) => value * units[n]!),
    second: centred,
    cross: products,
  };
}

/** Rows of a layer's inputs: its taps, one of ones, and what makes them a multiple of 4. */
function paddedTaps(taps: number): number {
  return Math.ceil((taps + 1) / 4) * 4;
}
