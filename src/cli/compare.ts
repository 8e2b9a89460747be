import { DyadicError } from "../error.ts";
import type { PreparationFlags } from "./calibration.ts";
import { print, progress, table } from "./output.ts";
import { openTracer, type Tracer } from "./trace.ts";

interface Options extends PreparationFlags {
  readonly input: string;
  readonly count: number;
  readonly below: number;
  readonly json?: boolean;
}

/** How far a layer of two models is apart, over all samples. */
interface Apart {
  readonly name: string;
  readonly op: string;
  /** Power of A's values over that of the difference, in dB; null where there is no difference. */
  readonly signalToNoise: number | null;
  readonly maxDifference: number;
}

/** `dyadic compare`: every layer that two models have in common by name, and the first where they part. */
export async function compare(a: string, b: string, options: Options): Promise<void> {
  const [first, second] = [
    await openTracer(a, options.input, options),
    await openTracer(b, options.input, options),
  ];
  const count = Math.min(options.count, first.samples, second.samples);
  const layers = layersApart(first, second, count);
  progress("");
  if (layers.length === 0) {
    throw new DyadicError("BAD_ARGUMENT", "the models have no layer of one name and size in common", {
      file: b,
      expected: `layers as in ${a}`,
      hint: "compare models that were made from one source",
    });
  }
  const parts = layers.find(({ signalToNoise }) => signalToNoise !== null && signalToNoise < options.below);
  const result = {
    a: { model: a, kind: first.kind },
    b: { model: b, kind: second.kind },
    samples: count,
    below: options.below,
    firstApart: parts?.name ?? null,
    layers,
  };
  print(options.json === true, result, () => {
    const verdict = parts
      ? `they part at ${parts.name}: below ${options.below} dB\n`
      : `no layer is below ${options.below} dB\n`;
    const rows = layers.map(({ name, op, signalToNoise, maxDifference }) => {
      const decibels = signalToNoise === null ? "same" : signalToNoise.toFixed(1);
      return [op, decibels.padStart(6), maxDifference.toPrecision(3), name] as const;
    });
    return `${table([["op", "SNR dB", "max difference", "layer"], ...rows])}${verdict}`;
  });
}

function layersApart(a: Tracer, b: Tracer, count: number): Apart[] {
  const sums = new Map<string, { op: string; signal: number; noise: number; max: number }>();
  for (let sample = 0; sample < count; sample++) {
    progress(`${sample} of ${count}`);
    const others = new Map(b.trace(sample).map((layer) => [layer.name, layer.values]));
    for (const { name, op, values } of a.trace(sample)) {
      const other = others.get(name);
      if (other?.length !== values.length) continue;
      const sum = sums.get(name) ?? { op, signal: 0, noise: 0, max: 0 };
      sums.set(name, sum);
      values.forEach((value, i) => {
        const difference = value - other[i]!;
        sum.signal += value * value;
        sum.noise += difference * difference;
        sum.max = Math.max(sum.max, Math.abs(difference));
      });
    }
  }
  return [...sums].map(([name, { op, signal, noise, max }]) => ({
    name,
    op,
    // The smallest ratio stands for a signal of nothing but noise, which JSON could not say.
    signalToNoise: noise === 0 ? null : 10 * Math.log10(Math.max(signal / noise, 1e-30)),
    maxDifference: max,
  }));
}
