import { describe, expect, test } from "vitest";
import { FloatNetwork } from "../../src/float/network.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { absorbBiases } from "../../src/passes/absorb-biases.ts";
import { equalise } from "../../src/passes/equalise.ts";
import { channelStatistics } from "../../src/quantize/channel-statistics.ts";
import { assetsDirectory } from "../cases/assets.ts";
import { type FloatLayer, floatChain } from "../cases/float-chain.ts";
import {
  calibratorBytes,
  randomFloatGraph,
  randomSamples,
  relativeError,
  runDefinitions,
} from "../cases/floats.ts";
import { subjectNamed } from "../cases/subjects.ts";

const module = await WebAssembly.compile(calibratorBytes());

function outputsOf(graph: Graph, inputs: readonly Float32Array[]): Float32Array[] {
  const values = runDefinitions(graph, inputs);
  return graph.outputs.map(({ tensor }) => values[tensor]!);
}

/** Largest weight of every output channel of a layer, or of every input channel. */
function largest(graph: Graph, name: string, of: "output" | "input"): number[] {
  const { inputs } = graph.nodes.find((node) => node.name === name)!;
  const { shape, data } = graph.tensors[inputs[1]!]!;
  const channels = of === "output" ? shape[0]! : shape.at(-1)!;
  const result = new Array<number>(channels).fill(0);
  data!.forEach((weight, i) => {
    const c = of === "output" ? Math.floor((i * channels) / data!.length) : i % channels;
    result[c] = Math.max(result[c]!, Math.abs(Number(weight)));
  });
  return result;
}

function biasesOf(graph: Graph, name: string): number[] {
  const { inputs } = graph.nodes.find((node) => node.name === name)!;
  return Array.from(graph.tensors[inputs[2]!]!.data!, Number);
}

const RELU: readonly FloatLayer[] = [
  { op: "conv", name: "a", channels: 6, kernel: 3, activation: "relu" },
  { op: "conv", name: "b", channels: 5, kernel: 1, activation: "relu" },
  { op: "conv", name: "c", channels: 4, kernel: 3, activation: "none" },
];

describe("cross-layer equalisation", () => {
  test("leaves the function of random float networks as it is, and is not idle", () => {
    let changed = 0;
    for (let seed = 0; seed < 120; seed++) {
      const graph = randomFloatGraph(seed);
      const equal = equalise(graph);
      if (equal.tensors.length > graph.tensors.length) changed++;
      const [inputs] = randomSamples(graph, seed, 1);
      const [before, after] = [outputsOf(graph, inputs!), outputsOf(equal, inputs!)];
      before.forEach((values, i) => {
        expect(relativeError(after[i]!, values), `seed ${seed}`).toBeLessThan(1e-4);
      });
    }
    expect(changed).toBeGreaterThan(10);
  });

  test("makes the largest weights on both sides of a channel equal (DFQ, equation 11)", () => {
    const equal = equalise(floatChain(RELU));
    const [write, read] = [largest(equal, "a", "output"), largest(equal, "b", "input")];
    write.forEach((own, c) => {
      expect(own / read[c]!).toBeCloseTo(1, 1);
    });
  });

  test("does nothing through a clip at 6, and scales a sum as one", () => {
    const clipped = floatChain(RELU.map((layer) => ({ ...layer, activation: "relu6" })));
    expect(equalise(clipped).nodes).toEqual(clipped.nodes);
    const sum = floatChain([
      { op: "conv", name: "in", channels: 6, kernel: 1, activation: "none" },
      { op: "residual", name: "sum", channels: 6, kernel: 3, activation: "relu" },
      { op: "conv", name: "out", channels: 3, kernel: 1, activation: "none" },
    ]);
    const equal = equalise(sum);
    const factors = ["in", "sum/conv"].map((name) => {
      const [before, after] = [sum, equal].map((graph) => biasesOf(graph, name));
      return before!.map((own, c) => after![c]! / own);
    });
    factors[0]!.forEach((own, c) => {
      expect(own).toBeCloseTo(factors[1]![c]!, 5);
      expect(own).not.toBeCloseTo(1, 3);
    });
    const [inputs] = randomSamples(sum, 1, 1);
    expect(relativeError(outputsOf(equal, inputs!)[0]!, outputsOf(sum, inputs!)[0]!)).toBeLessThan(1e-5);
  });

  test.skipIf(assetsDirectory === null).each(["resnet20", "mobilenet"] as const)(
    "leaves the logits of %s as they are and moves weights",
    async (name) => {
      const { graph, evaluation } = subjectNamed(name);
      const equal = equalise(graph);
      const networks = await Promise.all([graph, equal].map((own) => FloatNetwork.create(own, module)));
      for (const index of [0, 1, 2]) {
        const [before, after] = networks.map((network) => network.run(evaluation.at(index)!)[0]!);
        expect(relativeError(after!, before!)).toBeLessThan(1e-4);
      }
      const moved = equal.nodes.filter((node, i) => node.inputs[1] !== graph.nodes[i]!.inputs[1]).length;
      console.log(`${name}: ${moved} of ${graph.nodes.length} nodes have other weights`);
      expect(moved).toBeGreaterThan(10);
    },
    60_000,
  );
});

describe("bias absorption", () => {
  test("is exact where outputs stay above what is absorbed, and lowers the range between", async () => {
    const graph = floatChain(RELU, 20);
    const samples = randomSamples(graph, 3, 8);
    const seen = await channelStatistics(graph, samples, module);
    // Six deviations below the mean, where no value lies.
    const statistics = new Map(
      [...seen].map(([t, { mean, deviation }]) => [t, { mean, deviation: deviation.map((d) => 2 * d) }]),
    );
    const absorbed = absorbBiases(graph, statistics);
    expect(absorbed.nodes[1]!.inputs[2]).not.toBe(graph.nodes[1]!.inputs[2]);
    const between = graph.nodes[0]!.outputs[0]!;
    let [before, after] = [0, 0];
    for (const sample of samples) {
      const [old, own] = [runDefinitions(graph, sample), runDefinitions(absorbed, sample)];
      before = Math.max(before, ...old[between]!);
      after = Math.max(after, ...own[between]!);
      const output = graph.outputs[0]!.tensor;
      expect(relativeError(own[output]!, old[output]!)).toBeLessThan(1e-5);
    }
    expect(after).toBeLessThan(0.75 * before);
  });

  test("leaves layers that read padding, and clips at 6, alone", async () => {
    const padded = floatChain([RELU[0]!, { ...RELU[1]!, kernel: 3 }], 20);
    const clipped = floatChain(
      RELU.map((layer) => ({ ...layer, activation: "relu6" })),
      20,
    );
    for (const graph of [padded, clipped]) {
      const statistics = await channelStatistics(graph, randomSamples(graph, 3, 4), module);
      expect(absorbBiases(graph, statistics).nodes).toEqual(graph.nodes);
    }
  });
});
