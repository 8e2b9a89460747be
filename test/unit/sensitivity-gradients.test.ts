import { expect, test } from "vitest";
import type { WeightPerturbation } from "../../src/precision/sensitivity/index.ts";
import { PROVIDERS } from "../../src/precision/sensitivity/index.ts";
import { calibratorBytes } from "../cases/floats.ts";
import { classifier } from "../cases/gradients.ts";
import { Random } from "../cases/random.ts";

const threads = new URL("../../dist/src/precision/sensitivity/threads.js", import.meta.url).pathname;
const { SPREADABLE, spreadProvider } = (await import(
  threads
)) as typeof import("../../src/precision/sensitivity/threads.ts");
const module = await WebAssembly.compile(calibratorBytes());
const random = new Random(21);
const { graph, constants } = classifier(random);
const samples = Array.from({ length: 300 }, () => [
  Float32Array.from({ length: 90 }, () => random.between(-2, 2)),
]);
const evidence = { graph, samples, module: async () => module };

/** The convolution with every weight moved a little, at random. */
function moved(size: number): WeightPerturbation {
  const own = graph.tensors[constants.weights!]!.data as Float32Array;
  const bias = graph.tensors[constants.bias!]!.data as Float32Array;
  const weights = own.map((value) => value + random.between(-size, size));
  return { kind: "weights", node: 0, width: 8, weights, bias };
}

const perturbations = Array.from({ length: 24 }, (_, i) => moved(i < 12 ? 0.02 : 0.06));
const kl = await PROVIDERS.kl!.measure(evidence, perturbations);
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

test("fisher is the divergence of a small change: both are half of change' F change", async () => {
  const fisher = await PROVIDERS.fisher!.measure(evidence, perturbations);
  const ratios = fisher.map((loss, i) => loss / kl[i]!);
  expect(mean(ratios)).toBeGreaterThan(0.8);
  expect(mean(ratios)).toBeLessThan(1.25);
  for (const ratio of ratios) expect(Math.abs(Math.log(ratio))).toBeLessThan(Math.log(1.6));
});

test("hawq is the divergence of random changes on average", async () => {
  const hawq = await PROVIDERS.hawq!.measure(evidence, perturbations);
  const ratio = mean(hawq.map((loss, i) => loss / kl[i]!));
  expect(ratio).toBeGreaterThan(0.6);
  expect(ratio).toBeLessThan(1.7);
});

test("both see a narrower activation as worse, and take labels that are given", async () => {
  const tensor = graph.nodes[1]!.outputs[0]!;
  const at = (bits: 8 | 4 | 2, scale: number) =>
    ({ kind: "activation", node: 1, tensor, bits, affine: { scale, zeroPoint: 0 } }) as const;
  const activations = [at(8, 1 / 12), at(4, 4 / 3), at(2, 16 / 3)];
  const labels = samples.map((_, i) => i % 4);
  for (const provider of [PROVIDERS.fisher!, PROVIDERS.hawq!]) {
    for (const own of [evidence, { ...evidence, labels }]) {
      const [eight, four, two] = await provider.measure(own, activations);
      expect(four).toBeGreaterThan(eight! * 10);
      expect(two).toBeGreaterThan(four! * 2);
    }
  }
});

test("two threads measure what one does, to the bit, and a part that is known is not measured again", async () => {
  const tensor = graph.nodes[1]!.outputs[0]!;
  const narrow = {
    kind: "activation",
    node: 1,
    tensor,
    bits: 4,
    affine: { scale: 0.5, zeroPoint: 0 },
  } as const;
  const some = {
    ...evidence,
    samples: samples.slice(0, 40),
    labels: Array.from({ length: 40 }, (_, i) => i % 4),
  };
  const asked = [...perturbations.slice(0, 2), narrow];
  for (const name of SPREADABLE) {
    const expected = await PROVIDERS[name].measure(some, asked);
    expect(await spreadProvider(name, 2).measure(some, asked)).toEqual(expected);
  }
  for (const name of ["fisher", "hawq"] as const) {
    const known = new Map<string, readonly number[]>();
    const asks: string[] = [];
    const store = (most: number) => ({
      get: (part: string) => known.get(part),
      set(part: string, numbers: readonly number[]) {
        if (asks.push(part) > most) throw new Error("stopped");
        known.set(part, numbers);
      },
    });
    await expect(PROVIDERS[name].measure(some, asked, { parts: store(2) })).rejects.toThrow("stopped");
    expect(known.size).toBe(2);
    asks.length = 0;
    const done: number[] = [];
    const progress = {
      parts: store(Infinity),
      onProgress: (own: number, total: number) => done.push(own / total),
    };
    expect(await PROVIDERS[name].measure(some, asked, progress)).toEqual(
      await PROVIDERS[name].measure(some, asked),
    );
    expect(asks.length).toBe(known.size - 2);
    expect(done.at(-1)).toBe(1);
  }
});
