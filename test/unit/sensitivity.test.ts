import { describe, expect, test } from "vitest";
import { calibrate } from "../../src/calibrate/calibrate.ts";
import { FloatNetwork } from "../../src/float/network.ts";
import { realsOf } from "../../src/graph/reals.ts";
import { directProvider, divergence, rounded, squaredError } from "../../src/precision/sensitivity/direct.ts";
import { defaultProvider, PROVIDERS } from "../../src/precision/sensitivity/index.ts";
import { perturbActivations, perturbWeights } from "../../src/precision/sensitivity/perturbations.ts";
import type { Perturbation, WeightPerturbation } from "../../src/precision/sensitivity/provider.ts";
import { liveInputs, suffixNetwork } from "../../src/precision/sensitivity/suffix.ts";
import { layersOf } from "../../src/quantize/layer.ts";
import { calibratorBytes, randomFloatGraph, randomSamples } from "../cases/floats.ts";

const module = await WebAssembly.compile(calibratorBytes());
const GRAPHS = Array.from({ length: 20 }, (_, seed) => randomFloatGraph(seed)).filter(
  (graph) => layersOf(graph).length > 1 && graph.inputs.length === 1,
);

describe("networks that start in the middle", () => {
  test("end as the whole network does, wherever they start", async () => {
    for (const graph of GRAPHS.slice(0, 6)) {
      const [sample] = randomSamples(graph, 1, 1);
      const seen = new Map<number, Float32Array>();
      const whole = (await FloatNetwork.create(graph, module)).run(sample!, (tensor, values) => {
        seen.set(tensor, values.slice());
      });
      for (let position = 0; position <= graph.nodes.length - 1; position++) {
        const { network, inputs } = await suffixNetwork(graph, position, module);
        expect(inputs).toEqual(liveInputs(graph, position));
        expect(network.run(inputs.map((tensor) => seen.get(tensor)!))).toEqual(whole);
      }
    }
  });
});

describe("providers", () => {
  test("see nothing in what changes nothing, and more in narrower widths", async () => {
    for (const graph of GRAPHS.slice(0, 4)) {
      const samples = randomSamples(graph, 1, 4);
      const seen = await calibrate(graph, samples, module);
      const { position } = layersOf(graph)[0]!;
      const [, weights, bias] = graph.nodes[position]!.inputs.map((tensor) => graph.tensors[tensor]);
      const same: WeightPerturbation = {
        kind: "weights",
        node: position,
        width: 8,
        weights: Float32Array.from(realsOf(weights!)),
        bias: bias
          ? Float32Array.from(realsOf(bias))
          : new Float32Array(graph.tensors[graph.nodes[position]!.outputs[0]!]!.shape.at(-1)!),
      };
      const candidates = ([8, 4, 2] as const).map((width) => ({
        layer: 0,
        width,
        method: "nearest" as const,
      }));
      const changed = await perturbWeights(graph, seen, samples, module, candidates, {});
      const evidence = { graph, samples, module: async () => module };
      for (const name of ["kl", "mse", "noise"] as const) {
        const [none, w8, w4, w2] = await PROVIDERS[name].measure(evidence, [same, ...changed]);
        expect(none).toBe(0);
        expect(w8!).toBeGreaterThanOrEqual(-1e-12);
        expect(w4!, name).toBeGreaterThanOrEqual(w8!);
        expect(w2!, name).toBeGreaterThan(w8!);
      }
      const bytes = await PROVIDERS.bytes.measure(evidence, changed);
      const count = same.weights.length;
      expect(bytes).toEqual([0, count / 2, (count * 3) / 4]);
    }
  });

  test("measure two layers together as the network that has both", async () => {
    for (const graph of GRAPHS.slice(0, 4)) {
      const samples = randomSamples(graph, 3, 3);
      const seen = await calibrate(graph, samples, module);
      const candidates = [0, 1].map((layer) => ({ layer, width: 2, method: "nearest" }) as const);
      const both = await perturbWeights(graph, seen, samples, module, candidates, {});
      const evidence = { graph, samples, module: async () => module };
      const [loss] = await PROVIDERS.clado.measurePairs!(evidence, [both]);
      const { network } = await suffixNetwork(graph, 0, module, both);
      const float = await FloatNetwork.create(graph, module);
      const isSoftmax = (tensor: number) =>
        graph.nodes.some(({ op, outputs }) => op === "softmax" && outputs.includes(tensor));
      const distances = samples.map((sample) => {
        const [a, b] = [float.run(sample), network.run(sample)];
        return a.reduce(
          (sum, own, i) => sum + divergence(own, b[i]!, isSoftmax(graph.outputs[i]!.tensor)),
          0,
        );
      });
      expect(loss).toBe(distances.reduce((a, b) => a + b, 0) / samples.length);
    }
  });

  test("activations are rounded as they are written; the order of the questions does not matter", async () => {
    const [graph] = GRAPHS;
    const samples = randomSamples(graph!, 2, 3);
    const seen = await calibrate(graph!, samples, module);
    const tensors = graph!.nodes.map(({ outputs }) => outputs[0]!);
    const candidates = tensors.flatMap((tensor) =>
      [8, 4, 2].map((bits) => ({ tensor, bits: bits as 8 | 4 | 2 })),
    );
    const questions = perturbActivations(graph!, seen, candidates);
    const evidence = { graph: graph!, samples, module: async () => module };
    const losses = await PROVIDERS.mse.measure(evidence, questions);
    const reversed: Perturbation[] = [...questions].reverse();
    const known: number[] = [];
    const backwards = await PROVIDERS.mse.measure(evidence, reversed, {
      onLoss: (index, loss) => {
        known[index] = loss;
      },
    });
    expect(backwards).toEqual([...losses].reverse());
    expect(known).toEqual(backwards);
    const mean = (bits: number) => {
      const own = losses.filter((_, i) => candidates[i]!.bits === bits);
      return own.reduce((a, b) => a + b, 0) / own.length;
    };
    expect(mean(2)).toBeGreaterThan(mean(4));
    expect(mean(4)).toBeGreaterThan(mean(8));
  });

  test("an aborted measurement stops", async () => {
    const [graph] = GRAPHS;
    const samples = randomSamples(graph!, 2, 3);
    const seen = await calibrate(graph!, samples, module);
    const questions = perturbActivations(graph!, seen, [{ tensor: graph!.nodes[0]!.outputs[0]!, bits: 4 }]);
    const signal = AbortSignal.abort(new Error("stop"));
    const evidence = { graph: graph!, samples, module: async () => module };
    await expect(directProvider("kl", "kl").measure(evidence, questions, { signal })).rejects.toThrow("stop");
  });
});

test("divergence is that of the softmax, whether the network ends in one or not", () => {
  const [a, b] = [Float32Array.of(2, -1, 0.5), Float32Array.of(1, 0, 0.5)];
  const softmax = (logits: Float32Array) => {
    const sum = logits.reduce((total, x) => total + Math.exp(x), 0);
    return logits.map((x) => Math.exp(x) / sum);
  };
  const [p, q] = [softmax(a), softmax(b)];
  const expected = p.reduce((sum, own, i) => sum + own * Math.log(own / q[i]!), 0);
  expect(divergence(a, b, false)).toBeCloseTo(expected, 6);
  expect(divergence(p, q, true)).toBeCloseTo(expected, 6);
  expect(divergence(a, a, false)).toBe(0);
  expect(divergence(Float32Array.of(1, 0), Float32Array.of(0, 1), true)).toBeGreaterThan(20);
});

test("errors are relative to the power of the output, rounding is to the codes of a width", () => {
  expect(squaredError(Float32Array.of(3, 4), Float32Array.of(3, 9))).toBe(1);
  expect(squaredError(Float32Array.of(0, 0), Float32Array.of(1, 0))).toBe(1);
  const own = {
    kind: "activation",
    node: 0,
    tensor: 0,
    bits: 2,
    affine: { scale: 0.5, zeroPoint: -2 },
  } as const;
  expect([...rounded(Float32Array.of(-1, 0.2, 0.25, 1.4, 9), own)]).toEqual([0, 0, 0.5, 1.5, 1.5]);
});

test("divergence is for classes, squared error for everything else", () => {
  const graph = GRAPHS[0]!;
  const shaped = (shape: readonly number[]) => {
    const tensors = [...graph.tensors];
    const { tensor } = graph.outputs[0]!;
    tensors[tensor] = { ...tensors[tensor]!, shape };
    return defaultProvider({ ...graph, tensors, outputs: [graph.outputs[0]!] });
  };
  expect(shaped([1, 10])).toBe("kl");
  expect(shaped([1, 1])).toBe("mse");
  expect(shaped([1, 4, 4, 10])).toBe("mse");
});
