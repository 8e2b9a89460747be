import { afterAll, describe, expect, test } from "vitest";
import { compileGraph } from "../../src/compile.ts";
import { DyadicError } from "../../src/error.ts";
import { exportOnnx } from "../../src/export/onnx/index.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { importOnnx } from "../../src/import/onnx/index.ts";
import { simplify } from "../../src/passes/index.ts";
import { runReference } from "../../src/quantize/reference.ts";
import { randomFloatGraph, randomSamples, relativeError, runDefinitions } from "../cases/floats.ts";
import { randomGraph } from "../cases/graphs.ts";

const SEEDS = Array.from({ length: 100 }, (_, seed) => seed);
const CODES = { activations: "int8", borders: "codes" } as const;

/** Seeds whose graph came back; the others have what ONNX, or our importer of it, does not know. */
const returned = { float: 0, codes: 0 };

/** Undefined where the writer or the reader refuses an op by its name. */
function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof DyadicError && error.code === "UNSUPPORTED_OP") return undefined;
    throw error;
  }
}

/** Whether a graph resizes by the positions of TensorFlow Lite's integer kernel, which ONNX cannot say. */
function hasTenBits({ nodes }: Graph): boolean {
  return nodes.some(({ attributes }) => (attributes as { positions?: string })?.positions === "tenBits");
}

describe("a float graph comes back from ONNX with the same values", () => {
  test.each(SEEDS)("%i", (seed) => {
    const graph = randomFloatGraph(seed);
    const back = attempt(() => importOnnx(exportOnnx(graph)));
    if (back === undefined || hasTenBits(graph)) return;
    const [inputs] = randomSamples(graph, seed, 1);
    const [ours, theirs] = [runDefinitions(graph, inputs!), runDefinitions(back, inputs!)];
    graph.outputs.forEach(({ tensor }, i) => {
      const other = back.outputs[i]!.tensor;
      if (back.tensors[other]!.shape.join() !== graph.tensors[tensor]!.shape.join()) return; // in the file's order
      const error = relativeError(theirs[other]!, ours[tensor]!);
      expect(error).toBeLessThan(1e-5);
    });
    returned.float++;
  });
});

describe("a graph of codes comes back as the same integers, but for halves that round another way", () => {
  test.each(SEEDS)("%i", (seed) => {
    const graph = randomGraph(seed);
    const back = attempt(() => importOnnx(exportOnnx(graph, CODES)));
    if (back === undefined || hasTenBits(graph)) return;
    const one = compileGraph(graph).integer;
    const other = attempt(() => compileGraph(back).integer);
    if (other === undefined) return;
    const inputs = randomSamples(graph, seed, 1)[0]!.map((values) =>
      Int8Array.from(values, (value) => Math.floor(60 * value)),
    );
    const [ours, theirs] = [runReference(one, inputs), runReference(other, inputs)];
    one.outputs.forEach(({ tensor }, i) => {
      if (one.tensors[tensor]!.shape.join() !== other.tensors[other.outputs[i]!.tensor]!.shape.join()) return;
      const distances = ours[tensor]!.map((code, k) =>
        Math.abs(code - theirs[other.outputs[i]!.tensor]![k]!),
      );
      expect(Math.max(...distances)).toBeLessThanOrEqual(2);
      expect(distances.filter((distance) => distance > 0).length).toBeLessThanOrEqual(distances.length / 10);
    });
    returned.codes++;
  });
});

test.each(["reals", "codes"])("a pad with a number comes back, in %s", (kind) => {
  const quantization = { scale: [0.5], zeroPoint: [3], axis: null };
  const format =
    kind === "codes" ? ({ dtype: "int8", quantization } as const) : ({ dtype: "float32" } as const);
  const attributes = { padding: [0, 1, 0, 0], channels: [0, 0], value: -2.5 };
  const border = { layout: "NCHW", ...format } as const;
  const graph: Graph = {
    name: "pad",
    tensors: [
      { name: "x", shape: [1, 2, 2, 1], ...format },
      { name: "y", shape: [1, 2, 3, 1], ...format },
    ],
    nodes: [{ name: "pad", op: "pad", inputs: [0], outputs: [1], attributes }],
    inputs: [{ ...border, name: "x", tensor: 0, shape: [1, 1, 2, 2] }],
    outputs: [{ ...border, name: "y", tensor: 1, shape: [1, 1, 2, 3] }],
  };
  for (const activations of ["int8", "uint8"] as const) {
    const back = simplify(importOnnx(exportOnnx(graph, { activations, borders: "float32" })));
    expect(back.nodes.map(({ op, attributes }) => [op, attributes])).toEqual([["pad", attributes]]);
  }
});

afterAll(() => {
  expect(returned.float).toBeGreaterThan(40);
  expect(returned.codes).toBeGreaterThan(25);
});
