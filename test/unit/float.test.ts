import { describe, expect, it } from "vitest";
import { DyadicError } from "../../src/error.ts";
import { placeActivations } from "../../src/float/arena.ts";
import { bindKernel } from "../../src/float/kernels.ts";
import { FloatNetwork } from "../../src/float/network.ts";
import type { Graph, Tensor } from "../../src/graph/graph.ts";
import { OPS } from "../../src/ops/index.ts";
import {
  calibratorBytes,
  randomFloatGraph,
  randomSamples,
  relativeError,
  runDefinitions,
} from "../cases/floats.ts";
import { randomGraph } from "../cases/graphs.ts";

const module = await WebAssembly.compile(calibratorBytes());

function activation(shape: readonly number[], data?: Float32Array): Tensor {
  return { name: "x", dtype: "float32", shape, ...(data && { data }) };
}

describe("FloatNetwork", () => {
  it("computes what the ops define, on random graphs over every op", async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 120; seed++) {
      const graph = randomFloatGraph(seed);
      const network = await FloatNetwork.create(graph, module);
      const [sample] = randomSamples(graph, seed, 1);
      const expected = runDefinitions(graph, sample!);
      const visited = new Set<number>();
      const outputs = network.run(sample!, (tensor, values) => {
        visited.add(tensor);
        expect(relativeError(values, expected[tensor]!), `seed ${seed}, tensor ${tensor}`).toBeLessThan(1e-5);
      });
      for (const node of graph.nodes) {
        seen.add(node.op);
        expect(visited).toContain(node.outputs[0]);
      }
      graph.outputs.forEach(({ tensor }, i) => {
        expect(relativeError(outputs[i]!, expected[tensor]!)).toBeLessThan(1e-5);
      });
    }
    const ops = OPS.filter((op) => op.activations > 0 && !op.intoState && !op.stateInputs);
    expect([...seen].sort()).toEqual(ops.map(({ name }) => name).sort());
  });

  it("gives the same values whatever ran before", async () => {
    const graph = randomFloatGraph(21);
    const network = await FloatNetwork.create(graph, module);
    const samples = randomSamples(graph, 21, 3);
    const first = samples.map((sample) => network.run(sample));
    expect(samples.toReversed().map((sample) => network.run(sample))).toEqual(first.toReversed());
  });

  it("sums a pixel in one order, whatever tile it falls into", async () => {
    const weights = Float32Array.from({ length: 40 * 9 * 7 }, (_, i) =>
      Math.fround(((i * 7919) % 1000) / 997 - 0.5),
    );
    const column = Float32Array.from({ length: 9 * 7 }, (_, i) =>
      Math.fround(((i * 104729) % 1000) / 991 - 0.4),
    );
    const values: Float32Array[] = [];
    // Images 3 rows high and of one repeated column: every pixel is the same dot product.
    for (const width of [3, 4, 8, 9, 15]) {
      const graph: Graph = {
        name: "one",
        tensors: [
          activation([1, 3, width, 7]),
          activation([40, 3, 3, 7], weights),
          activation([1, 1, width - 2, 40]),
        ],
        nodes: [
          {
            name: "conv",
            op: "conv",
            inputs: [0, 1],
            outputs: [2],
            attributes: { stride: [1, 1], dilation: [1, 1], padding: [0, 0, 0, 0], activation: "none" },
          },
        ],
        inputs: [{ name: "x", tensor: 0, dtype: "float32", shape: [1, 3, width, 7], layout: "NHWC" }],
        outputs: [{ name: "y", tensor: 2, dtype: "float32", shape: [1, 1, width - 2, 40], layout: "NHWC" }],
      };
      const image = Float32Array.from(
        { length: 3 * width * 7 },
        (_, i) => column[Math.floor(i / (width * 7)) * 7 + (i % 7)]!,
      );
      const [out] = (await FloatNetwork.create(graph, module)).run([image]);
      for (let at = 0; at < out!.length; at += 40) values.push(out!.subarray(at, at + 40));
    }
    for (const value of values) expect(value).toEqual(values[0]);
  });

  it("has kernels for what networks spend their time in", () => {
    const names = ["conv", "depthwise", "dense", "add", "averagePool", "maxPool", "mean", "softmax", "pad"];
    const bound = new Set<string>();
    for (let seed = 0; seed < 60; seed++) {
      const graph = randomFloatGraph(seed);
      for (const node of graph.nodes) {
        const step = bindKernel({
          wasm: {} as never,
          node,
          inputs: node.inputs.map((input) => graph.tensors[input]),
          output: graph.tensors[node.outputs[0]!]!,
          from: [0, 0],
          to: 0,
          reals: (input) => graph.tensors[node.inputs[input]!]?.data as Float32Array | undefined,
          constant: () => 0,
          scratch: () => {},
        });
        if (step !== undefined) bound.add(node.op);
      }
    }
    expect([...bound]).toEqual(expect.arrayContaining([...names, "requantize"]));
  });

  it("refuses quantized activations and inputs of the wrong size", async () => {
    await expect(FloatNetwork.create(randomGraph(1), module)).rejects.toThrow(/is quantized/);
    const graph = randomFloatGraph(1);
    const network = await FloatNetwork.create(graph, module);
    expect(() => network.run([])).toThrow(DyadicError);
    expect(() => network.run([new Float32Array(1)])).toThrow(/wrong size/);
  });

  it("passes NaN on through every activation", async () => {
    for (let seed = 0; seed < 30; seed++) {
      const graph = randomFloatGraph(seed);
      const sample = graph.inputs.map(({ shape }) =>
        new Float32Array(shape.reduce((a, b) => a * b)).fill(NaN),
      );
      const network = await FloatNetwork.create(graph, module);
      const expected = runDefinitions(graph, sample);
      network.run(sample, (tensor, values) => {
        expect(values.findIndex(Number.isNaN), `seed ${seed}`).toBe(
          expected[tensor]!.findIndex(Number.isNaN),
        );
      });
    }
  });
});

describe("evaluate", () => {
  it("gives the same on one and two threads", async () => {
    // Compiled, because a Node that strips no types cannot run src/float/worker.ts as a thread.
    const compiled = new URL("../../dist/src/float/evaluate.js", import.meta.url).pathname;
    const { evaluate } = (await import(compiled)) as typeof import("../../src/float/evaluate.ts");
    const graph = randomFloatGraph(5);
    const samples = randomSamples(graph, 5, 7);
    const network = await FloatNetwork.create(graph, module);
    const expected = samples.map((sample) => network.run(sample));
    for (const threads of [1, 2]) expect(await evaluate(graph, samples, { threads })).toEqual(expected);
  });
});

describe("placeActivations", () => {
  it("never lets two live activations share bytes", () => {
    for (let seed = 0; seed < 200; seed++) {
      const graph = randomFloatGraph(seed);
      const { offsets, bytes } = placeActivations(graph);
      const size = (tensor: number) => graph.tensors[tensor]!.shape.reduce((a, b) => a * b, 4);
      const lastRead = (tensor: number) =>
        graph.outputs.some((border) => border.tensor === tensor)
          ? Infinity
          : graph.nodes.findLastIndex((node) => node.inputs.includes(tensor));
      const held: number[] = graph.inputs.map(({ tensor }) => tensor);
      graph.nodes.forEach((node, step) => {
        const output = node.outputs[0]!;
        for (const tensor of held.filter((t) => lastRead(t) >= step)) {
          const [a, b] = [offsets[tensor]!, offsets[output]!];
          const apart = a + size(tensor) <= b || b + size(output) <= a;
          expect(apart || (node.op === "reshape" && a === b), `seed ${seed}, step ${step}`).toBe(true);
        }
        held.push(output);
        expect(offsets[output]! + size(output)).toBeLessThanOrEqual(bytes);
      });
    }
  });
});
