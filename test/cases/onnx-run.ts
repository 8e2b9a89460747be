import { expect } from "vitest";
import { elements, type Graph } from "../../src/graph/graph.ts";
import { importOnnx } from "../../src/import/onnx/index.ts";
import { simplify } from "../../src/passes/index.ts";
import { runFloat, toChannelsFirst, toChannelsLast } from "./float-run.ts";
import { buildOnnx, type OnnxModel, type OnnxNode, type OnnxTensor, type OnnxValue } from "./onnx.ts";

/** (N, C, L) as (N, C, 1, L). */
const four = (shape: readonly number[]) =>
  shape.length === 3 ? [...shape.slice(0, 2), 1, shape[2]!] : shape;

/** Runs a graph on inputs in the file's layout; outputs in the file's layout. */
export function runGraph(graph: Graph, inputs: readonly (readonly number[])[]): number[][] {
  const stored = graph.inputs.map(({ shape, layout }, i) =>
    layout === "NCHW" ? toChannelsLast(inputs[i]!, four(shape)) : Float32Array.from(inputs[i]!),
  );
  return runFloat(graph, stored).map(({ data }, i) => {
    const { shape, layout } = graph.outputs[i]!;
    return Array.from(layout === "NCHW" ? toChannelsFirst(data, four(shape)) : data);
  });
}

/** Imports a model; what it computes as imported, and simplified: outputs of both have to agree. */
export function runOnnx(model: OnnxModel, inputs: readonly (readonly number[])[]) {
  const graph = importOnnx(buildOnnx(model));
  const simple = simplify(graph);
  return { graph, simple, outputs: runGraph(graph, inputs), simplified: runGraph(simple, inputs) };
}

/** Both the imported and the simplified graph give the numbers. */
export function gives(model: OnnxModel, input: readonly number[], expected: readonly number[], digits = 5) {
  const result = runOnnx(model, [input]);
  for (const [output] of [result.outputs, result.simplified]) {
    expect(output).toHaveLength(expected.length);
    output!.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i]!, digits);
    });
  }
  return result;
}

export const opsOf = (graph: Graph) => graph.nodes.map((node) => node.op);

/** A model of one node: input x of a shape, constants by name, output y. */
export function single(
  op: string,
  shape: OnnxValue["shape"],
  constants: Readonly<Record<string, OnnxTensor>> = {},
  attributes: OnnxNode["attributes"] = {},
  opset = 13,
): OnnxModel {
  return {
    inputs: [{ name: "x", shape }],
    outputs: ["y"],
    initializers: constants,
    nodes: [{ op, name: "node", inputs: ["x", ...Object.keys(constants)], outputs: ["y"], attributes }],
    opset,
  };
}

/** Numbers between -1 and 1 without a pattern that an order of dimensions could hide in. */
export function numbers(shape: readonly number[], seed = 1): number[] {
  return Array.from({ length: elements(shape) }, (_, i) => Math.fround(Math.sin((i + 1) * 12.9898 * seed)));
}

/** Convolution of one image in the file's own layout, straight from ONNX's definition. */
export function naiveConv(
  x: readonly number[],
  [, c, h, w]: readonly number[],
  weights: readonly number[],
  [o, perGroup, kh, kw]: readonly number[],
  { stride = 1, pad = 0, dilation = 1, group = 1 } = {},
): number[] {
  const along = (size: number, kernel: number) =>
    Math.floor((size + 2 * pad - dilation * (kernel - 1) - 1) / stride) + 1;
  const [oh, ow] = [along(h!, kh!), along(w!, kw!)];
  const result: number[] = [];
  for (let out = 0; out < o!; out++) {
    const first = Math.floor(out / (o! / group)) * perGroup!;
    for (let y = 0; y < oh; y++) {
      for (let z = 0; z < ow; z++) {
        let sum = 0;
        for (let k = 0; k < perGroup! * kh! * kw!; k++) {
          const channel = first + Math.floor(k / (kh! * kw!));
          const row = y * stride - pad + (Math.floor(k / kw!) % kh!) * dilation;
          const column = z * stride - pad + (k % kw!) * dilation;
          if (row < 0 || row >= h! || column < 0 || column >= w! || channel >= c!) continue;
          sum += weights[out * perGroup! * kh! * kw! + k]! * x[(channel * h! + row) * w! + column]!;
        }
        result.push(sum);
      }
    }
  }
  return result;
}
