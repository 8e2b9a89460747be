import { describe, expect, it } from "vitest";
import { GradientNetwork } from "../../src/float/gradients.ts";
import { crossEntropy, logitsOf } from "../../src/float/loss.ts";
import { FloatNetwork } from "../../src/float/network.ts";
import type { Node } from "../../src/graph/graph.ts";
import { OPS, opNamed } from "../../src/ops/index.ts";
import { calibratorBytes, randomFloatGraph, randomSamples } from "../cases/floats.ts";
import { classifier, freshInputs, gradientsByDefinition, randomSeeds, SPACING } from "../cases/gradients.ts";
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
    expect(compared).toBeGreaterThan(700);
  });
});

describe("training", () => {
  it("knows the gradient of cross-entropy in weights, biases and normalization", async () => {
    const random = new Random(3);
    const { graph, constants } = classifier(random);
    const network = await GradientNetwork.create(graph, module);
    const sample = [Float32Array.from({ length: 90 }, () => random.between(-1, 1))];
    const loss = () => crossEntropy(network.run(sample)[0]!, 2);
    network.backward(new Map([[logitsOf(graph), loss().gradient]]));
    for (const name of ["weights", "bias", "gamma", "beta", "rows"]) {
      const tensor = constants[name]!;
      const [gradient, own] = [network.gradient(tensor).slice(), network.value(tensor).slice()];
      const direction = own.map(() => (random.chance(0.5) ? -1 : 1));
      const at = (step: number) => {
        network.setConstant(
          tensor,
          own.map((value, i) => value + step * direction[i]!),
        );
        return loss().loss;
      };
      const measured = (at(1 / 128) - at(-1 / 128)) * 64;
      network.setConstant(tensor, own);
      const claimed = gradient.reduce((sum, value, i) => sum + value * direction[i]!, 0);
      expect(Math.abs(measured - claimed), name).toBeLessThan(1e-3 * Math.hypot(...gradient));
    }
  });

  it("adds the gradients of constants up until they are cleared; those of activations are the last sample's", async () => {
    const random = new Random(4);
    const { graph, constants } = classifier(random);
    const network = await GradientNetwork.create(graph, module);
    const samples = [1, 2].map(() => [Float32Array.from({ length: 90 }, () => random.between(-1, 1))]);
    const step = (sample: Float32Array[]) => {
      const { gradient } = crossEntropy(network.run(sample)[0]!, 1);
      network.backward(new Map([[logitsOf(graph), gradient]]));
      return network.gradient(constants.weights!).slice();
    };
    const first = step(samples[0]!);
    const both = step(samples[1]!);
    const input = network.gradient(graph.inputs[0]!.tensor).slice();
    network.clear();
    const second = step(samples[1]!);
    expect(
      difference(
        first.map((value, i) => value + second[i]!),
        both,
      ),
    ).toBeLessThan(1e-6);
    expect(network.gradient(graph.inputs[0]!.tensor)).toEqual(input);
  });

  it("learns: a few steps down the gradient lower the loss of every sample", async () => {
    const random = new Random(5);
    const { graph } = classifier(random);
    const network = await GradientNetwork.create(graph, module);
    const samples = [0, 1, 2, 3].map((label) => ({
      label,
      x: [Float32Array.from({ length: 90 }, () => random.between(-1, 1))],
    }));
    const epoch = (rate: number) =>
      samples.map(({ label, x }) => {
        const { loss, gradient } = crossEntropy(network.run(x)[0]!, label);
        network.backward(new Map([[logitsOf(graph), gradient]]));
        for (const tensor of network.parameters) {
          if (rate === 0 || /mean|variance/.test(graph.tensors[tensor]!.name)) continue;
          const down = network.gradient(tensor);
          network.setConstant(
            tensor,
            network.value(tensor).map((value, i) => value - rate * down[i]!),
          );
        }
        network.clear();
        return loss;
      });
    const before = epoch(0);
    for (let i = 0; i < 150; i++) epoch(0.2);
    const after = epoch(0);
    after.forEach((loss, i) => void expect(loss).toBeLessThan(before[i]! / 4));
  });

  it("refuses a way back through an op without a derivative, naming the node", async () => {
    const { graph } = classifier(new Random(6));
    const tensors = [...graph.tensors, { name: "top", dtype: "float32" as const, shape: [1] }];
    const top: Node = {
      name: "top",
      op: "argMax",
      inputs: [graph.outputs[0]!.tensor],
      outputs: [tensors.length - 1],
      attributes: {},
    };
    const ending = opNamed("argMax").shape([[1, 4]], {});
    tensors[tensors.length - 1] = { ...tensors.at(-1)!, shape: [...ending] };
    const network = await GradientNetwork.create({ ...graph, tensors, nodes: [...graph.nodes, top] }, module);
    network.run([new Float32Array(90)]);
    const seed = new Map([[tensors.length - 1, new Float32Array(1)]]);
    expect(() => network.backward(seed)).toThrow(/no derivative.*top|top.*no derivative/s);
  });
});
