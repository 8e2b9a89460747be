import { describe, expect, it } from "vitest";
import { GradientNetwork } from "../../src/float/gradients.ts";
import { FloatNetwork } from "../../src/float/network.ts";
import { OPS, opNamed } from "../../src/ops/index.ts";
import { calibratorBytes, randomFloatGraph, randomSamples } from "../cases/floats.ts";
import { freshInputs, gradientsByDefinition, randomSeeds, SPACING } from "../cases/gradients.ts";
import { Random } from "../cases/random.ts";

const module = await WebAssembly.compile(calibratorBytes());
const GRAPHS = 120;

function range(values: Float32Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

function difference(a: Float32Array, b: Float32Array): number {
  return range(a.map((value, i) => value - b[i]!));
}

describe("the ops' gradients", () => {
  it("are what central differences say, in every input of every op", () => {
    const worst = new Map<string, number>();
    for (let seed = 0; seed < GRAPHS; seed++) {
      const graph = randomFloatGraph(seed);
      const random = new Random(seed + 1);
      for (const node of graph.nodes) {
        const op = opNamed(node.op);
        if (op.gradient === undefined) continue;
        const attributes = { ...(node.attributes as object), activation: "none" };
        const inputs = freshInputs(graph, node, random);
        const output = op.float(inputs, attributes);
        const weights = output.data.map(() => random.between(-1, 1));
        const gradients = op.gradient(weights, inputs, output, attributes);
        inputs.forEach((input, i) => {
          if (input === undefined || gradients[i] === undefined) return;
          // All elements at once, each a small step up or down: the sum of their slopes.
          const signs = input.data.map(() => (random.chance(0.5) ? -1 : 1));
          const step = SPACING / 8;
          const loss = (sign: number) => {
            const moved = input.data.map((value, k) => value + sign * step * signs[k]!);
            const { data } = op.float(
              inputs.map((other, k) => (k === i ? { shape: input.shape, data: moved } : other)),
              attributes,
            );
            return data.reduce((sum, value, k) => sum + value * weights[k]!, 0);
          };
          const measured = (loss(1) - loss(-1)) / (2 * step);
          const claimed = gradients[i].reduce((sum, value, k) => sum + value * signs[k]!, 0);
          const size = Math.sqrt(gradients[i].reduce((sum, value) => sum + value * value, 0));
          const error = Math.abs(measured - claimed) / Math.max(size, 1e-3);
          worst.set(node.op, Math.max(worst.get(node.op) ?? 0, error));
        });
      }
    }
    console.log(Object.fromEntries([...worst].map(([op, error]) => [op, error.toExponential(1)])));
    const missing = OPS.filter((op) => op.gradient !== undefined && !worst.has(op.name)).map(
      ({ name }) => name,
    );
    expect(missing.filter((name) => name !== "batchNormalization")).toEqual([]);
    for (const [op, error] of worst) expect(error, op).toBeLessThan(1e-3);
  });
});

describe("GradientNetwork", () => {
  it("computes what the ops define, on random graphs over every op, and the same values forward", async () => {
    let compared = 0;
    for (let seed = 0; seed < GRAPHS; seed++) {
      const graph = randomFloatGraph(seed);
      const seeds = randomSeeds(graph, seed);
      if (seeds.size === 0) continue;
      const [sample] = randomSamples(graph, seed, 1);
      const network = await GradientNetwork.create(graph, module);
      const outputs = network.run(sample!);
      expect(outputs).toEqual((await FloatNetwork.create(graph, module)).run(sample!));
      network.backward(seeds);
      const expected = gradientsByDefinition(graph, (tensor) => network.value(tensor), seeds);
      // Sums may cancel out: what is left of float32's rounding is then seen against the others.
      const largest = Math.max(...[...expected.values()].map(range));
      for (const [tensor, gradient] of expected) {
        compared++;
        const error = difference(network.gradient(tensor), gradient);
        const most = 1e-4 * Math.max(range(gradient), largest / 100);
        expect(error, `seed ${seed}, ${graph.tensors[tensor]!.name}`).toBeLessThan(most);
      }
    }
    expect(compared).toBeGreaterThan(800);
  });
});
