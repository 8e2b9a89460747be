// Gradients that ops share. Sums are made in float64 and rounded once.
import { DyadicError } from "../error.ts";
import type { FloatValue } from "./op.ts";
import { visitWindows, type Window } from "./window.ts";

const HALF_STEP = 2 ** -17;

/** Derivative of a function by central difference in float64: exact to some 1e-10; at a kink, the mean of both sides. */
export function slopeOf(real: (x: number) => number, x: number): number {
  return (real(x + HALF_STEP) - real(x - HALF_STEP)) / (2 * HALF_STEP);
}

/** Float32 tells this many integers apart. */
const MOST_ELEMENTS = 2 ** 24;

/**
 * Of an op that moves elements and puts zeros between them: it is run on the elements' numbers, and every gradient goes
 * back to where its element came from.
 */
export function movedBack(
  gradient: Float32Array,
  inputs: readonly FloatValue[],
  run: (inputs: readonly FloatValue[]) => FloatValue,
): Float32Array[] {
  let count = 0;
  const numbers = inputs.map(({ shape, data }) => ({ shape, data: data.map(() => ++count) }));
  if (count >= MOST_ELEMENTS) {
    throw new DyadicError("OUT_OF_MEMORY", "the tensors are too large to be differentiated", {
      expected: `fewer than ${MOST_ELEMENTS} elements`,
      found: `${count}`,
    });
  }
  const sums = new Float64Array(count + 1);
  run(numbers).data.forEach((source, i) => {
    sums[source]! += gradient[i]!;
  });
  let end = 1;
  return inputs.map(({ data }) => {
    end += data.length;
    return Float32Array.from(sums.subarray(end - data.length, end));
  });
}

/** Of an average over windows: every pixel inside gets `share(count)` of what the output has. */
export function spreadWindows(
  gradient: Float32Array,
  window: Window,
  input: readonly number[],
  output: readonly number[],
  share: (count: number) => number,
): Float32Array {
  const [, height, width, channels] = input as [number, number, number, number];
  const [rows, columns] = output.slice(1, 3) as [number, number];
  const counts = new Int32Array(rows * columns);
  const sums = new Float64Array(height * width * channels);
  visitWindows(window, [rows, columns], [height, width], (pixel) => counts[pixel]!++);
  visitWindows(window, [rows, columns], [height, width], (pixel, source) => {
    const part = share(counts[pixel]!);
    for (let c = 0; c < channels; c++) {
      sums[source * channels + c]! += gradient[pixel * channels + c]! * part;
    }
  });
  return Float32Array.from(sums);
}

/** Sum over all pixels: what a bias gets. */
export function channelSums(gradient: Float32Array, channels: number): Float32Array {
  const sums = new Float64Array(channels);
  gradient.forEach((value, i) => {
    sums[i % channels]! += value;
  });
  return Float32Array.from(sums);
}
