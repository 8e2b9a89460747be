import { describe, expect, it } from "vitest";
import { calibrate } from "../../src/calibrate/calibrate.ts";
import { FloatNetwork } from "../../src/float/network.ts";
import type { Graph, Tensor } from "../../src/graph/graph.ts";
import { quantizeValue } from "../../src/numerics/affine.ts";
import { opNamed } from "../../src/ops/index.ts";
import { lower } from "../../src/quantize/lower.ts";
import { quantizePostTraining } from "../../src/quantize/post-training.ts";
import { runReference } from "../../src/quantize/reference.ts";
import { quantizeWeights } from "../../src/quantize/weights.ts";
import { calibratorBytes, randomFloatGraph, randomSamples } from "../cases/floats.ts";

const module = await WebAssembly.compile(calibratorBytes());

function affine(tensor: Tensor) {
  return { scale: tensor.quantization!.scale[0]!, zeroPoint: tensor.quantization!.zeroPoint[0]! };
}

async function quantized(graph: Graph, samples: readonly Float32Array[][]): Promise<Graph> {
  const calibration = await calibrate(graph, samples, module);
  return quantizePostTraining(graph, calibration.ranges({ method: "minmax" }));
}

function readsSoftmax(graph: Graph): boolean {
  const made = new Set(graph.nodes.filter(({ op }) => op === "softmax").map(({ outputs }) => outputs[0]!));
  return graph.nodes.some(({ inputs }) => inputs.some((input) => made.has(input)));
}

describe("quantizePostTraining", () => {
  it("stays close to the float network, on random graphs over every op", async () => {
    let [signal, noise] = [0, 0];
    for (let seed = 0; seed < 80; seed++) {
      const graph = randomFloatGraph(seed);
      if (readsSoftmax(graph)) continue; // steps of 1/256 are all that is left of it
      const samples = randomSamples(graph, seed, 4);
      const integer = await quantized(graph, samples);
      const network = await FloatNetwork.create(graph, module);
      const inputs = graph.inputs.map(({ tensor }, i) => {
        const { scale, zeroPoint } = affine(integer.tensors[tensor]!);
        return Int8Array.from(samples[0]![i]!, (x) => quantizeValue(x, scale, zeroPoint, -128, 127));
      });
      // lower keeps the order of the activations that anything mentions.
      const lowered = lower(integer);
      const codes = runReference(lowered, inputs);
      const names = new Map(lowered.tensors.map(({ name }, i) => [name, i]));
      network.run(samples[0]!, (tensor, values) => {
        const { name } = graph.tensors[tensor]!;
        const { scale, zeroPoint } = affine(integer.tensors[tensor]!);
        values.forEach((value, i) => {
          signal += (value / scale) ** 2;
          noise += (value / scale - (codes[names.get(name)!]![i]! - zeroPoint)) ** 2;
        });
      });
    }
    expect(signal / noise).toBeGreaterThan(100);
  });

  it("ties the scales that codes pass through, and fixes softmax's", async () => {
    for (let seed = 0; seed < 40; seed++) {
      const graph = randomFloatGraph(seed);
      const { tensors } = await quantized(graph, randomSamples(graph, seed, 2));
      for (const node of graph.nodes) {
        const op = opNamed(node.op);
        const output = affine(tensors[node.outputs[0]!]!);
        if (op.keepsScale) expect(affine(tensors[node.inputs[0]!]!)).toEqual(output);
        if (node.op === "softmax") expect(output).toEqual({ scale: 1 / 256, zeroPoint: -128 });
      }
    }
  });

  it("is the same for the same graph and ranges, and declares the borders as asked", async () => {
    const graph = randomFloatGraph(3);
    const ranges = (await calibrate(graph, randomSamples(graph, 3, 2), module)).ranges();
    expect(quantizePostTraining(graph, ranges)).toEqual(quantizePostTraining(graph, ranges));
    const { inputs, outputs } = quantizePostTraining(graph, ranges, { input: "uint8" });
    expect([inputs[0]!.dtype, outputs[0]!.dtype]).toEqual(["uint8", "int8"]);
  });

  it("refuses activations without a range", () => {
    expect(() => quantizePostTraining(randomFloatGraph(3), new Map())).toThrow(/there is no range for/);
  });

  it("keeps a huge bias inside the accumulator", async () => {
    const graph = randomFloatGraph(0);
    const base = graph.nodes.find(
      ({ op, inputs }) => opNamed(op).weightAxis !== undefined && inputs[2]! >= 0,
    );
    const tensors = graph.tensors.map((tensor, i) =>
      i === base?.inputs[2] ? { ...tensor, data: new Float32Array(tensor.data!.length).fill(1e12) } : tensor,
    );
    const huge = { ...graph, tensors };
    const integer = await quantized(huge, randomSamples(huge, 0, 2));
    expect(base).toBeDefined();
    expect(() => lower(integer)).not.toThrow();
  });
});

describe("quantizeWeights", () => {
  const reals = Float32Array.of(1, -2, 0, 0, 0, 0, 0.001, 0.002, -0.127);
  const weights: Tensor = { name: "w", dtype: "float32", shape: [3, 3], data: reals };
  const none = () => 0;

  it("has a scale a channel; a dead one takes its neighbours'", () => {
    const { data, quantization } = quantizeWeights(weights, reals, 0, "absmax", none);
    expect(Array.from(data!)).toEqual([64, -127, 0, 0, 0, 0, 1, 2, -127]);
    expect(quantization!.scale[1]).toBe(quantization!.scale[2]);
  });

  it("runs over the last dimension of depthwise weights", () => {
    const { data } = quantizeWeights({ ...weights, shape: [1, 3, 1, 3] }, reals, 3, "absmax", none);
    expect(Array.from(data!)).toEqual([127, -127, 0, 0, 0, 0, 0, 0, -127]);
  });

  it("keeps weights that lie on a grid of 127 steps exactly, searching or not", () => {
    const grid = Float32Array.from({ length: 9 }, (_, i) => [127, -3, 50][i % 3]! * 0.25);
    for (const method of ["absmax", "mse"] as const) {
      const { data, quantization } = quantizeWeights({ ...weights, data: grid }, grid, 0, method, none);
      expect(quantization!.scale).toEqual([0.25, 0.25, 0.25]);
      expect(Array.from(data!.slice(0, 3))).toEqual([127, -3, 50]);
    }
  });

  it("clips an outlier where that lowers the squared error, and not below the least scale", () => {
    const row = Float32Array.from({ length: 4000 }, (_, i) =>
      i === 0 ? 1 : ((i * 7919) % 1000) / 1000 - 0.5,
    );
    const tensor: Tensor = { name: "w", dtype: "float32", shape: [1, 4000], data: row };
    const scale = (least: number) =>
      quantizeWeights(tensor, row, 0, "mse", () => least).quantization!.scale[0]!;
    expect(scale(0)).toBeLessThanOrEqual(1 / 127);
    expect(scale(1)).toBe(1);
  });
});
