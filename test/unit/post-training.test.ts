import { describe, expect, it } from "vitest";
import { calibrate } from "../../src/calibrate/calibrate.ts";
import { FloatNetwork } from "../../src/float/network.ts";
import type { Graph, Tensor } from "../../src/graph/graph.ts";
import { quantizeValue } from "../../src/numerics/affine.ts";
import { opNamed } from "../../src/ops/index.ts";
import { layerOf } from "../../src/quantize/layer.ts";
import { nearestLayer } from "../../src/quantize/layer-weights.ts";
import { lower } from "../../src/quantize/lower.ts";
import { quantizePostTraining } from "../../src/quantize/post-training.ts";
import { runReference } from "../../src/quantize/reference.ts";
import { calibratorBytes, randomFloatGraph, randomSamples } from "../cases/floats.ts";
import { WIDTHS } from "../cases/roundings.ts";

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

describe("nearestLayer", () => {
  const NEAREST = { width: 8, method: "nearest" } as const;
  /** A dense layer, or a depthwise one, of three outputs without a bias. */
  function layer(weights: Float32Array, op = "dense") {
    const shape = op === "dense" ? [3, weights.length / 3] : [1, weights.length / 3, 1, 3];
    const tensor = (name: string, own: number[]): Tensor => ({ name, dtype: "float32", shape: own });
    const from =
      op === "dense" ? tensor("x", [1, weights.length / 3]) : tensor("x", [1, weights.length / 3, 1, 3]);
    const to = op === "dense" ? tensor("y", [1, 3]) : tensor("y", [1, 1, 1, 3]);
    const node = {
      name: "layer",
      op,
      inputs: [0, 1],
      outputs: [2],
      attributes: { activation: "none", stride: [1, 1], dilation: [1, 1], padding: [0, 0, 0, 0] },
    };
    const tensors = [from, { ...tensor("w", shape), data: weights }, to];
    return layerOf(node, { name: "one", tensors, nodes: [node], inputs: [], outputs: [] });
  }
  const reals = Float32Array.of(1, -2, 0, 0, 0, 0, 0.001, 0.002, -0.127);

  it("has a scale a channel; a dead one takes its neighbours'", () => {
    const { codes, scales } = nearestLayer(layer(reals), NEAREST, 1);
    expect(Array.from(codes)).toEqual([64, -127, 0, 0, 0, 0, 1, 2, -127]);
    expect(scales[1]).toBe(scales[2]);
  });

  it("runs over the last dimension of depthwise weights", () => {
    const { codes } = nearestLayer(layer(reals, "depthwise"), NEAREST, 1);
    expect(Array.from(codes)).toEqual([127, 0, 0, -127, 0, 0, 0, 0, -127]);
  });

  it("keeps weights that lie on a grid of 127 steps exactly", () => {
    const grid = Float32Array.from({ length: 9 }, (_, i) => [127, -3, 50][i % 3]! * 0.25);
    const { codes, scales } = nearestLayer(layer(grid), NEAREST, 1);
    expect(scales).toEqual([0.25, 0.25, 0.25]);
    expect(Array.from(codes.subarray(0, 3))).toEqual([127, -3, 50]);
  });

  it("shares one scale where the granularity says so", () => {
    for (const width of WIDTHS) {
      const { codes, scales } = nearestLayer(layer(reals), { ...NEAREST, width, granularity: "tensor" }, 1);
      expect(new Set(scales).size).toBe(1);
      expect(codes[1]).toBeLessThan(0);
    }
  });

  it("has a scale that its bias can be told in", () => {
    const own = { ...layer(reals), biases: Float64Array.of(2 ** 40, 0, 0) };
    const { bias, scales } = nearestLayer(own, NEAREST, 1);
    expect(bias[0]! * scales[0]!).toBeCloseTo(2 ** 40, -20);
    expect(Math.abs(bias[0]!)).toBeLessThanOrEqual(2 ** 30);
  });
});
