import { DyadicError } from "../error.ts";
import { layersApart } from "../report/apart.ts";
import { shortName } from "../report/page/numbers.ts";
import type { PreparationFlags } from "./calibration.ts";
import { print, progress, table } from "./output.ts";
import { openTracer } from "./trace.ts";

interface Options extends PreparationFlags {
  readonly input: string;
  readonly count: number;
  readonly below: number;
  readonly json?: boolean;
}

/** `dyadic compare`: every layer that two models have in common by name, and the first where they part. */
export async function compare(a: string, b: string, options: Options): Promise<void> {
  const [first, second] = [
    await openTracer(a, options.input, options),
    await openTracer(b, options.input, options),
  ];
  const count = Math.min(options.count, first.samples, second.samples);
  const layers = layersApart(first, second, count, (i) => progress(`${i} of ${count}`));
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
      return [op, decibels.padStart(6), maxDifference.toPrecision(3), shortName(name)] as const;
    });
    return `${table([["op", "SNR dB", "max difference", "layer"], ...rows])}${verdict}`;
  });
}
