import { describe, expect, it } from "vitest";
import { DyadicError, type ErrorCode } from "../../src/error.ts";
import type { Graph, Tensor } from "../../src/graph/graph.ts";
import { dumpIntegerGraph } from "../../src/graph/integer.ts";
import { OPS } from "../../src/ops/index.ts";
import { lower } from "../../src/quantize/lower.ts";
import { runReference } from "../../src/quantize/reference.ts";
import { GraphBuilder } from "../cases/builder.ts";
import { randomGraph, randomInputs } from "../cases/graphs.ts";

const AFFINE = { scale: 0.5, zeroPoint: -3 };

/** input [1, 4] -> dense [1, 2] -> output */
function dense(): Graph {
  const builder = new GraphBuilder("dense");
  const x = builder.input([1, 4], { scale: 1, zeroPoint: 1 });
  const quantization = { scale: [0.5], zeroPoint: [0], axis: null };
  const weights = builder.constant(Int8Array.of(1, 2, 3, 4, -1, 0, 0, 1), [2, 4], "int8", quantization);
  const bias = builder.constant(Int32Array.of(10, -10), [2], "int32");
  builder.output(builder.node("dense", [x, weights, bias], { activation: "none" }, AFFINE));
  return builder.build();
}

function retensor(graph: Graph, index: number, change: Partial<Tensor>): Graph {
  return {
    ...graph,
    tensors: graph.tensors.map((tensor, i) => (i === index ? { ...tensor, ...change } : tensor)),
  };
}

function refusal(graph: Graph): { code: ErrorCode; message: string } {
  try {
    lower(graph);
  } catch (error) {
    if (error instanceof DyadicError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error("lower accepted the graph");
}

describe("lower", () => {
  it("keeps activations only, under canonical shapes", () => {
    const graph = lower(dense());
    expect(graph.tensors.map(({ shape }) => shape)).toEqual([
      [1, 1, 4],
      [1, 1, 2],
    ]);
    expect(graph.nodes.map(({ inputs, output }) => [inputs, output])).toEqual([[[0], 1]]);
    expect(graph.outputs[0]!.tensor).toBe(1);
    expect(dumpIntegerGraph(graph)).toContain("%1[1x1x2 z=-3] = dense(%0[1x1x4 z=1])");
  });

  it("computes what the definition says", () => {
    // (0 + 2*1 + 3*2 + 4*3 + 10) * 0.5 / 0.5 - 3 and (0 + 3 - 10) - 3, inputs less their zero point 0, 1, 2, 3
    expect(runReference(lower(dense()), [Int8Array.of(1, 2, 3, 4)])[1]).toEqual(Int8Array.of(27, -10));
  });

  it("runs random graphs over every op without much saturation", () => {
    const seen = new Set<string>();
    let [codes, saturated] = [0, 0];
    for (let seed = 0; seed < 150; seed++) {
      const graph = randomGraph(seed, [8], { states: true });
      const integer = lower(graph);
      const values = runReference(integer, randomInputs(graph, seed));
      for (const node of integer.nodes) {
        seen.add(node.op);
        const zero = integer.tensors[node.output]!.zeroPoint;
        for (const code of values[node.output]!) {
          codes++;
          if (code === 127 || (code === -128 && zero !== -128)) saturated++;
        }
      }
    }
    expect([...seen].sort()).toEqual(OPS.map((op) => op.name).sort());
    expect(saturated / codes).toBeLessThan(0.05);
  });

  it("makes the same graph of the same seed", () => expect(randomGraph(7)).toEqual(randomGraph(7)));

  it("checks the declared shape, naming the node", () => {
    const { code, message } = refusal(retensor(dense(), 3, { shape: [1, 3] }));
    expect(code).toBe("BAD_FILE");
    expect(message).toMatch(/node "dense0", dense: the file declares another shape/);
  });

  it("names the node whose accumulator could overflow", () => {
    const { code, message } = refusal(retensor(dense(), 2, { data: Int32Array.of(2 ** 31 - 1, 0) }));
    expect(code).toBe("OVERFLOW");
    expect(message).toContain('node "dense0"');
  });

  it("refuses float activations with a way out", () => {
    const { quantization: _, ...bare } = dense().tensors[3]!;
    const graph = dense();
    const { code, message } = refusal({
      ...graph,
      tensors: graph.tensors.map((tensor, i) => (i === 3 ? { ...bare, dtype: "float32" } : tensor)),
    });
    expect(code).toBe("UNSUPPORTED_OP");
    expect(message).toMatch(/calibrated and quantized first/);
  });

  it("refuses what has no integer form", () => {
    const quantization = (scale: number, zeroPoint: number) => ({
      scale: [scale],
      zeroPoint: [zeroPoint],
      axis: null,
    });
    expect(refusal(retensor(dense(), 0, { quantization: quantization(1, 200) })).code).toBe("BAD_FILE");
    expect(refusal(retensor(dense(), 0, { quantization: quantization(NaN, 0) })).code).toBe("BAD_FILE");
    expect(refusal(retensor(dense(), 0, { shape: [2, 1, 2, 1] })).code).toBe("UNSUPPORTED_OP");
    expect(refusal(retensor(dense(), 2, { shape: [1], data: Int32Array.of(1) })).message).toMatch(/bias/);
    const graph = dense();
    const computed = { ...graph, nodes: graph.nodes.map((node) => ({ ...node, inputs: [0, 0] })) };
    expect(refusal(computed).message).toMatch(/computed at run time/);
    expect(refusal({ ...graph, nodes: graph.nodes.map((node) => ({ ...node, inputs: [] })) }).code).toBe(
      "BAD_FILE",
    );
    expect(refusal({ ...graph, nodes: graph.nodes.map((node) => ({ ...node, op: "fft" })) }).message).toMatch(
      /no op "fft"/,
    );
    const float = graph.inputs.map((border) => ({ ...border, dtype: "float32" as const }));
    expect(refusal({ ...graph, inputs: float }).message).toMatch(/model input of this type/);
  });

  it("refuses two outputs that are one tensor", () => {
    const graph = dense();
    const outputs = [graph.outputs[0]!, { ...graph.outputs[0]!, name: "again" }];
    expect(refusal({ ...graph, outputs }).message).toMatch(/are the same tensor/);
  });

  it("refuses inputs of the wrong length at run time", () => {
    expect(() => runReference(lower(dense()), [new Int8Array(3)])).toThrow(/wrong length/);
  });
});
