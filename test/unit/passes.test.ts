import { describe, expect, it } from "vitest";
import type { Graph } from "../../src/graph/graph.ts";
import type { Codes } from "../../src/numerics/pack.ts";
import { dropIdentities } from "../../src/passes/drop-identities.ts";
import { foldPad } from "../../src/passes/fold-pad.ts";
import { simplify } from "../../src/passes/index.ts";
import { removeDead } from "../../src/passes/remove-dead.ts";
import { lower } from "../../src/quantize/lower.ts";
import { runReference } from "../../src/quantize/reference.ts";
import { GraphBuilder } from "../cases/builder.ts";
import { randomGraph, randomInputs } from "../cases/graphs.ts";

const AFFINE = { scale: 0.1, zeroPoint: 5 };
const WINDOW = { stride: [1, 1], dilation: [1, 1], padding: [0, 1, 0, 0], activation: "none" };

function outputsOf(graph: Graph, seed: number): Codes[] {
  const integer = lower(graph);
  const codes = runReference(integer, randomInputs(graph, seed));
  return integer.outputs.map((border) => codes[border.tensor]!);
}

const opsOf = (graph: Graph) => graph.nodes.map((node) => node.op);

function padded(
  channels: readonly number[],
  readers: readonly ("conv" | "depthwise" | "maxPool")[],
  keep = false,
): Graph {
  const builder = new GraphBuilder("padded");
  const x = builder.input([1, 5, 6, 4], AFFINE);
  const y = builder.node("pad", [x], { padding: [1, 2, 0, 1], channels }, AFFINE);
  for (const reader of readers) {
    const depth = builder.shape(y)[3]!;
    const quantization = { scale: [0.02], zeroPoint: [0], axis: null };
    const shape = reader === "conv" ? [3, 2, 3, depth] : [1, 2, 3, depth];
    const data = Int8Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => (i * 37) % 101);
    const inputs = reader === "maxPool" ? [y] : [y, builder.constant(data, shape, "int8", quantization)];
    const pool = { kernel: [2, 2], stride: [1, 1], padding: [0, 0, 0, 0], activation: "none" };
    builder.output(builder.node(reader, inputs, reader === "maxPool" ? pool : WINDOW, AFFINE));
  }
  if (keep) builder.output(y);
  return builder.build();
}

describe("simplify", () => {
  it("keeps every output, code for code, and never grows", () => {
    for (let seed = 0; seed < 120; seed++) {
      const graph = randomGraph(seed);
      const before = structuredClone(graph);
      const simple = simplify(graph);
      expect(graph).toEqual(before);
      expect(outputsOf(simple, seed)).toEqual(outputsOf(graph, seed));
      expect(simple.nodes.length).toBeLessThanOrEqual(graph.nodes.length);
      expect(simplify(simple)).toEqual(simple);
    }
  });
});

describe("foldPad", () => {
  const folded = (graph: Graph) => {
    const result = removeDead(foldPad(graph));
    expect(outputsOf(result, 1)).toEqual(outputsOf(graph, 1));
    return opsOf(result);
  };
  it("folds into convolutions", () => {
    expect(folded(padded([0, 0], ["conv"]))).toEqual(["conv"]);
    expect(folded(padded([0, 0], ["conv", "depthwise"]))).toEqual(["conv", "depthwise"]);
  });
  it("leaves channel padding, other readers and model outputs alone", () => {
    expect(folded(padded([0, 2], ["conv"]))).toEqual(["pad", "conv"]);
    expect(folded(padded([0, 0], ["conv", "maxPool"]))).toEqual(["pad", "conv", "maxPool"]);
    expect(folded(padded([0, 0], ["conv"], true))).toEqual(["pad", "conv"]);
  });
});

describe("dropIdentities", () => {
  it("cuts chains short", () => {
    const builder = new GraphBuilder("chain");
    let x = builder.input([1, 4, 4, 2], AFFINE);
    x = builder.node("requantize", [x], { activation: "none" }, AFFINE);
    x = builder.node("reshape", [x], { shape: [1, 16, 2] }, AFFINE);
    x = builder.node("reshape", [x], { shape: [1, 32] }, AFFINE);
    x = builder.node("reshape", [x], { shape: [1, 32] }, AFFINE);
    builder.output(builder.node("softmax", [x], { beta: 1 }, { scale: 1 / 256, zeroPoint: -128 }));
    const graph = builder.build();
    const simple = simplify(graph);
    expect(opsOf(simple)).toEqual(["reshape", "softmax"]);
    expect(outputsOf(simple, 2)).toEqual(outputsOf(graph, 2));
  });

  it("keeps a requantize that clamps, changes the scale, or writes a model output", () => {
    for (const [activation, to] of [
      ["relu", AFFINE],
      ["none", { scale: 0.2, zeroPoint: 5 }],
    ] as const) {
      const builder = new GraphBuilder("kept");
      const x = builder.node("requantize", [builder.input([1, 8], AFFINE)], { activation }, to);
      builder.output(builder.node("softmax", [x], { beta: 1 }, { scale: 1 / 256, zeroPoint: -128 }));
      expect(opsOf(simplify(builder.build()))).toEqual(["requantize", "softmax"]);
    }
    const builder = new GraphBuilder("output");
    builder.output(
      builder.node("requantize", [builder.input([1, 8], AFFINE)], { activation: "none" }, AFFINE),
    );
    expect(opsOf(removeDead(dropIdentities(builder.build())))).toEqual(["requantize"]);
  });
});
