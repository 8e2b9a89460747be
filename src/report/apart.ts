import type { LayerValues, Tracer } from "./trace.ts";

/** How far a layer of two models is apart, over all samples. */
export interface Apart {
  readonly name: string;
  readonly op: string;
  /** Power of A's values over that of the difference, in dB; null where there is no difference. */
  readonly signalToNoise: number | null;
  readonly maxDifference: number;
}

/** Sums up the differences of the layers that two models have in common, by name and size, in A's order. */
export class Differences {
  private readonly sums = new Map<string, { op: string; signal: number; noise: number; max: number }>();

  /** Takes in what both did to one sample. */
  take(a: readonly LayerValues[], b: readonly LayerValues[]): void {
    const others = new Map(b.map(({ name, values }) => [name, values]));
    for (const { name, op, values } of a) {
      const other = others.get(name);
      if (other?.length !== values.length) continue;
      const sum = this.sums.get(name) ?? { op, signal: 0, noise: 0, max: 0 };
      this.sums.set(name, sum);
      values.forEach((value, i) => {
        const difference = value - other[i]!;
        sum.signal += value * value;
        sum.noise += difference * difference;
        sum.max = Math.max(sum.max, Math.abs(difference));
      });
    }
  }

  layers(): Apart[] {
    return [...this.sums].map(([name, { op, signal, noise, max }]) => ({
      name,
      op,
      // The smallest ratio stands for a signal of nothing but noise, which JSON could not say.
      signalToNoise: noise === 0 ? null : 10 * Math.log10(Math.max(signal / noise, 1e-30)),
      maxDifference: max,
    }));
  }
}

export function layersApart(a: Tracer, b: Tracer, count: number, onSample: (i: number) => void): Apart[] {
  const differences = new Differences();
  for (let sample = 0; sample < count; sample++) {
    onSample(sample);
    differences.take(a.trace(sample), b.trace(sample));
  }
  return differences.layers();
}
