import type { FloatNetwork } from "../float/network.ts";

/** How values are looked through. */
export interface Scan {
  /** Smallest and largest value, and a check that is 0 where all are finite. */
  extremes(values: Float32Array): readonly [min: number, max: number, check: number];
  /** Adds 1 to counts[floor(value * inverse) + bins], of 2 * bins, for every value; all lie inside. */
  count(values: Float32Array, inverse: number, counts: Float64Array): void;
}

/** Anything, anywhere. */
export const plainScan: Scan = {
  extremes(values) {
    let [min, max, check] = [Infinity, -Infinity, 0];
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (value < min) min = value;
      if (value > max) max = value;
      check += value - value; // NaN where the value is NaN or infinite
    }
    return [min, max, check];
  },
  count(values, inverse, counts) {
    const bins = counts.length / 2;
    for (let i = 0; i < values.length; i++) counts[Math.floor(values[i]! * inverse) + bins]!++;
  },
};

/**
 * A network's own activations where they lie, by the kernels of calibrator.wasm.
 *
 * @param bins as many as are ever counted in
 */
export function networkScan(network: FloatNetwork, bins: number): Scan {
  const { wasm } = network;
  const room = network.behind(2 * bins * 4);
  const { buffer } = wasm.memory;
  return {
    extremes(values) {
      wasm.extremes(values.byteOffset, values.length, room);
      const [min, max, check] = new Float32Array(buffer, room, 3);
      return [min!, max!, check!];
    },
    count(values, inverse, counts) {
      wasm.clear(room, counts.length * 4);
      wasm.count_bins(values.byteOffset, values.length, inverse, counts.length / 2, room);
      const found = new Uint32Array(buffer, room, counts.length);
      for (let i = 0; i < found.length; i++) counts[i]! += found[i]!;
    },
  };
}
