import { expect, it } from "vitest";
import type { Graph } from "../../src/graph/graph.ts";
import { bitsOf } from "../../src/graph/integer.ts";
import { dequantizeValue, quantizeValue } from "../../src/numerics/affine.ts";
import { activationRange, type Codes } from "../../src/numerics/pack.ts";
import { type FloatValue, OPS, opNamed } from "../../src/ops/index.ts";
import { placeConstants } from "../../src/quantize/constants.ts";
import { lower } from "../../src/quantize/lower.ts";
import { runReference } from "../../src/quantize/reference.ts";
import { randomGraph, randomInputs } from "../cases/graphs.ts";

/** A tensor of the graph in reals: a constant, or the codes that the reference computed. */
function real(graph: Graph, index: number, codes: ReadonlyMap<number, Codes>): FloatValue | undefined {
  const tensor = graph.tensors[index];
  if (tensor === undefined) return undefined;
  const data = tensor.data ?? codes.get(index)!;
  const { scale, zeroPoint, axis } = tensor.quantization ?? { scale: [1], zeroPoint: [0], axis: null };
  const inner = axis === null ? 1 : tensor.shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const entry = (i: number) => (axis === null ? 0 : Math.floor(i / inner) % tensor.shape[axis]!);
  return {
    shape: tensor.shape,
    data: Float32Array.from(data, (code, i) => dequantizeValue(code, scale[entry(i)]!, zeroPoint[entry(i)]!)),
  };
}

/** An LSTM rounds its state at every time step; TensorFlow Lite's positions of a resize are off by up to a thousandth a pixel. */
const MOST_OFF: Readonly<Record<string, number>> = { lstm: 2, resize: 2 };

/** Biases are stored as accumulators: their scale is input scale times weight scale. */
function bias(graph: Graph, inputs: readonly number[], at: number): FloatValue | undefined {
  const [x, weights, own] = [inputs[0]!, inputs[at === 5 ? 3 : 1]!, inputs[at]!].map((i) => graph.tensors[i]);
  if (own?.data === undefined || own.dtype !== "int32") return undefined;
  const scales = weights!.quantization!.scale;
  const inner = own.data.length / own.shape[0]!;
  const slice = (i: number) => (scales.length === 1 ? 0 : Math.floor(i / inner));
  const scale = (i: number) => x!.quantization!.scale[0]! * scales[slice(i)]!;
  return { shape: own.shape, data: Float32Array.from(own.data, (code, i) => code * scale(i)) };
}

it("every op's integers are its reals, rounded: at most one code off, two where errors add up", () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 120; seed++) {
    const graph = placeConstants(randomGraph(seed, seed % 3 === 0 ? [8, 16] : [8], { states: true }));
    const integer = lower(graph);
    const values = runReference(integer, randomInputs(graph, seed));
    const codes = new Map<number, Codes>();
    graph.inputs.forEach((border, i) => {
      codes.set(border.tensor, values[integer.inputs[i]!.tensor]!);
    });
    graph.states?.forEach(({ tensor }, i) => {
      codes.set(tensor, values[integer.states[i]!.tensor]!);
    });
    graph.nodes.forEach((node, k) => {
      const result = values[integer.nodes[k]!.output]!;
      codes.set(node.outputs[0]!, result);
      const inputs = node.inputs.map((input) => real(graph, input, codes));
      if (["conv", "depthwise", "dense"].includes(node.op)) inputs[2] = bias(graph, node.inputs, 2);
      if (node.op === "lstm") inputs[5] = bias(graph, node.inputs, 5);
      const expected = opNamed(node.op).float(inputs, node.attributes);
      const { scale, zeroPoint } = graph.tensors[node.outputs[0]!]!.quantization!;
      const range = activationRange(bitsOf(integer.tensors[integer.nodes[k]!.output]!));
      const code = (value: number) => quantizeValue(value, scale[0]!, zeroPoint[0]!, ...range);
      const off = expected.data.reduce(
        (most, value, i) => Math.max(most, Math.abs(code(value) - result[i]!)),
        0,
      );
      seen.add(node.op);
      expect(off, `seed ${seed}, node ${k} ${node.op}`).toBeLessThanOrEqual(MOST_OFF[node.op] ?? 1);
    });
  }
  expect(seen.size).toBe(OPS.length);
});
