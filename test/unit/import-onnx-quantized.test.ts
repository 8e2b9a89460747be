import { describe, expect, test } from "vitest";
import type { Graph } from "../../src/graph/graph.ts";
import { importOnnx } from "../../src/import/onnx/index.ts";
import { simplify } from "../../src/passes/index.ts";
import { lower } from "../../src/quantize/lower.ts";
import { runReference } from "../../src/quantize/reference.ts";
import { toChannelsFirst, toChannelsLast } from "../cases/float-run.ts";
import {
  attributes,
  buildOnnx,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  Type,
} from "../cases/onnx.ts";
import { naiveConv, opsOf, runGraph } from "../cases/onnx-run.ts";
import { Random } from "../cases/random.ts";

const SHAPE = [1, 3, 5, 5];
const OUT = [1, 4, 5, 5];
const WEIGHTS = [4, 3, 3, 3];
const IN = { scale: 0.05, zero: 10 };
const TO = { scale: 0.25, zero: -20 };
const SCALES = [0.02, 0.01, 0.03, 0.05].map(Math.fround);

const random = new Random(5);
const weightCodes = Array.from({ length: 108 }, () => random.integer(-127, 127));
const biasCodes = Array.from({ length: 4 }, () => random.integer(-900, 900));
const inputCodes = Array.from({ length: 75 }, () => random.integer(-128, 127));

const scalar = (value: number): OnnxTensor => ({ dims: [], data: [value] });
const zero = (value: number, type: number): OnnxTensor => ({ dims: [], type, data: [value] });

/** Scales, zero points and codes of the one convolution that all models here compute. */
function constants(activations: number): Record<string, OnnxTensor> {
  const shift = activations === Type.UINT8 ? 128 : 0;
  return {
    xs: scalar(IN.scale),
    xz: zero(IN.zero + shift, activations),
    ys: scalar(TO.scale),
    yz: zero(TO.zero + shift, activations),
    w: { dims: WEIGHTS, type: Type.INT8, data: weightCodes },
    ws: { dims: [4], data: SCALES },
    wz: { dims: [4], type: Type.INT8, data: [0, 0, 0, 0] },
    b: { dims: [4], type: Type.INT32, data: biasCodes },
    bs: { dims: [4], data: SCALES.map((scale) => Math.fround(scale * IN.scale)) },
    bz: { dims: [4], type: Type.INT32, data: [0, 0, 0, 0] },
  };
}

const pads = attributes({ pads: [1, 1, 1, 1] });
const axis0 = attributes({ axis: 0 });

function qdq(activations: number, more: readonly OnnxNode[] = [], output = "y"): OnnxModel {
  return {
    inputs: [{ name: "x", shape: SHAPE }],
    outputs: [output],
    initializers: constants(activations),
    nodes: [
      { op: "QuantizeLinear", inputs: ["x", "xs", "xz"], outputs: ["xq"] },
      { op: "DequantizeLinear", inputs: ["xq", "xs", "xz"], outputs: ["xd"] },
      { op: "DequantizeLinear", inputs: ["w", "ws", "wz"], outputs: ["wd"], attributes: axis0 },
      { op: "DequantizeLinear", inputs: ["b", "bs", "bz"], outputs: ["bd"], attributes: axis0 },
      { op: "Conv", inputs: ["xd", "wd", "bd"], outputs: ["c"], attributes: pads },
      { op: "QuantizeLinear", inputs: ["c", "ys", "yz"], outputs: ["yq"] },
      { op: "DequantizeLinear", inputs: ["yq", "ys", "yz"], outputs: ["y"] },
      ...more,
    ],
  };
}

/** Codes of the convolution, from its definition in reals. */
function expected(): number[] {
  const real = inputCodes.map((code) => IN.scale * (code - IN.zero));
  const weights = weightCodes.map((code, i) => code * SCALES[Math.floor(i / 27)]!);
  return naiveConv(real, SHAPE, weights, WEIGHTS, { pad: 1 }).map((sum, i) => {
    const channel = Math.floor(i / 25);
    const y = sum + biasCodes[channel]! * SCALES[channel]! * IN.scale;
    return Math.max(-128, Math.min(127, Math.floor(y / TO.scale + 0.5) + TO.zero));
  });
}

/** What the integers compute, in the file's order. */
function integers(graph: Graph, shape: readonly number[] = OUT): number[] {
  const codes = Int8Array.from(toChannelsLast(inputCodes, SHAPE));
  const integer = lower(graph);
  const result = runReference(integer, [codes])[integer.outputs[0]!.tensor]!;
  return Array.from(shape.length === 4 ? toChannelsFirst(result, shape) : result);
}

/** Halves of the oracle above can round to either side: codes may differ by one, rarely. */
function agree(found: readonly number[], wanted: readonly number[]) {
  expect(found).toHaveLength(wanted.length);
  const different = found.filter((code, i) => code !== wanted[i]);
  expect(Math.max(...found.map((code, i) => Math.abs(code - wanted[i]!)))).toBeLessThanOrEqual(1);
  expect(different.length).toBeLessThanOrEqual(1);
}

const load = (model: OnnxModel) => simplify(importOnnx(buildOnnx(model)));

describe("QDQ", () => {
  test.each([
    ["int8", Type.INT8],
    ["uint8", Type.UINT8],
  ])("of %s is the quantized convolution that it describes", (_, type) => {
    const graph = load(qdq(type));
    expect(opsOf(graph)).toEqual(["conv"]);
    const [weights, bias] = graph.nodes[0]!.inputs.slice(1).map((index) => graph.tensors[index]!);
    expect(weights).toMatchObject({
      dtype: "int8",
      quantization: { scale: SCALES, zeroPoint: [0, 0, 0, 0], axis: 0 },
    });
    expect(bias!.data).toEqual(Int32Array.from(biasCodes));
    expect(graph.inputs[0]).toMatchObject({ dtype: "int8", shape: SHAPE, layout: "NCHW" });
    agree(integers(graph), expected());
  });

  test("with a float bias, and none of its own zero points", () => {
    const { bs: _scale, bz: _zero, wz: _weightZero, ...rest } = constants(Type.INT8);
    const bias = biasCodes.map((code, i) => code * SCALES[i]! * IN.scale);
    const nodes = qdq(Type.INT8).nodes.flatMap((node): OnnxNode[] => {
      if (node.outputs[0] === "bd") return [];
      if (node.outputs[0] === "wd") return [{ ...node, inputs: ["w", "ws"] }];
      return [{ ...node, inputs: node.inputs.map((input) => (input === "bd" ? "b" : input)) }];
    });
    const graph = load({ ...qdq(Type.INT8), nodes, initializers: { ...rest, b: { dims: [4], data: bias } } });
    agree(integers(graph), expected());
  });

  test("a relu, a pool and a flattening between codes are carried along", () => {
    const graph = load({
      ...qdq(
        Type.INT8,
        [
          { op: "Relu", inputs: ["y"], outputs: ["r"] },
          { op: "MaxPool", inputs: ["r"], outputs: ["p"], attributes: attributes({ kernel_shape: [5, 5] }) },
          { op: "Flatten", inputs: ["p"], outputs: ["z"] },
        ],
        "z",
      ),
    });
    expect(opsOf(graph)).toEqual(["conv", "requantize", "maxPool", "reshape"]);
    const top = [0, 1, 2, 3].map((c) => Math.max(TO.zero, ...expected().slice(c * 25, c * 25 + 25)));
    agree(integers(graph, [1, 4]), top);
  });

  test("a smallest element is found among the codes", () => {
    const smallest = { axes: [2, 3], keepdims: 0 };
    const graph = load(
      qdq(
        Type.UINT8,
        [{ op: "ReduceMin", inputs: ["y"], outputs: ["z"], attributes: attributes(smallest) }],
        "z",
      ),
    );
    expect(opsOf(graph)).toEqual(["conv", "unary", "maxPool", "unary", "reshape"]);
    agree(
      integers(graph, [1, 4]),
      [0, 1, 2, 3].map((c) => Math.min(...expected().slice(c * 25, c * 25 + 25))),
    );
  });

  test.each(["reals", "codes"])("a pad with a number, in %s, is one of codes", (kind) => {
    const inReals = kind === "reals";
    const pad = { op: "Pad", inputs: [inReals ? "y" : "yq", "p", "f"], outputs: [inReals ? "z" : "zq"] };
    const last = { op: "DequantizeLinear", inputs: ["zq", "ys", "yz"], outputs: ["z"] };
    const model = qdq(Type.UINT8, inReals ? [pad] : [pad, last], "z");
    const fill = inReals ? scalar(TO.scale * 13) : zero(TO.zero + 128 + 13, Type.UINT8);
    const amounts = { dims: [8], type: Type.INT64, data: [0, 0, 0, 0, 0, 0, 0, 1] };
    const graph = load({ ...model, initializers: { ...model.initializers, p: amounts, f: fill } });
    expect(opsOf(graph)).toEqual(["conv", "pad"]);
    const rows = Array.from({ length: 20 }, (_, row) => expected().slice(5 * row, 5 * row + 5));
    agree(
      integers(graph, [1, 4, 5, 6]),
      rows.flatMap((row) => [...row, TO.zero + 13]),
    );
  });

  test("another scale behind a pool becomes a requantize", () => {
    const model = qdq(
      Type.INT8,
      [
        { op: "MaxPool", inputs: ["y"], outputs: ["p"], attributes: attributes({ kernel_shape: [5, 5] }) },
        { op: "QuantizeLinear", inputs: ["p", "zs", "zz"], outputs: ["pq"] },
        { op: "DequantizeLinear", inputs: ["pq", "zs", "zz"], outputs: ["z"] },
      ],
      "z",
    );
    const initializers = { ...model.initializers, zs: scalar(0.5), zz: zero(0, Type.INT8) };
    expect(opsOf(load({ ...model, initializers }))).toEqual(["conv", "maxPool", "requantize"]);
  });

  test("a softmax at the end gets the scale of probabilities", () => {
    const graph = load(
      qdq(
        Type.INT8,
        [{ op: "Softmax", inputs: ["y"], outputs: ["z"], attributes: attributes({ axis: 1 }) }],
        "z",
      ),
    );
    expect(graph.tensors[graph.outputs[0]!.tensor]!.quantization).toEqual({
      scale: [1 / 256],
      zeroPoint: [-128],
      axis: null,
    });
    expect(() => lower(graph)).not.toThrow();
  });

  test("quantized weights of a layer that stays float become floats", () => {
    const { nodes, ...rest } = qdq(Type.INT8);
    const float = nodes.filter(({ outputs }) => ["wd", "bd", "c"].includes(outputs[0]!));
    const conv = { ...float[2]!, inputs: ["x", "wd", "bd"] };
    const model = { ...rest, outputs: ["c"], nodes: [float[0]!, float[1]!, conv] };
    const imported = importOnnx(buildOnnx(model));
    const graph = simplify(imported);
    const weights = graph.tensors[graph.nodes[0]!.inputs[1]!]!;
    expect(weights.dtype).toBe("float32");
    const x = inputCodes.map((code) => code / 64);
    const [before, after] = [runGraph(imported, [x])[0]!, runGraph(graph, [x])[0]!];
    after.forEach((value, i) => {
      expect(value).toBeCloseTo(before[i]!, 4);
    });
  });

  test("weights of four bits", () => {
    const data = Array.from({ length: 54 }, (_, i) => (i * 37) & 255);
    const model = qdq(Type.INT8);
    const initializers = {
      ...model.initializers,
      w: { dims: WEIGHTS, type: Type.INT4, data },
      wz: { dims: [4], type: Type.INT4, data: [0, 0] },
    };
    const graph = load({ ...model, initializers });
    const weights = graph.tensors[graph.nodes[0]!.inputs[1]!]!.data!;
    expect(Math.min(...weights)).toBeGreaterThanOrEqual(-8);
    expect(Math.max(...weights)).toBeLessThanOrEqual(7);
    // [o, kh, kw, i]: element 0 and 27 / 3 taps further are the first two of channel 0's planes.
    expect([weights[0], weights[1]]).toEqual([0, ((data[4]! >> 4) ^ 8) - 8]);
  });
});

describe("operators on codes", () => {
  test.each([
    ["int8", Type.INT8],
    ["uint8", Type.UINT8],
  ])("QLinearConv of %s gives what QDQ gives", (_, type) => {
    const model: OnnxModel = {
      inputs: [{ name: "x", type, shape: SHAPE }],
      outputs: ["y"],
      initializers: constants(type),
      nodes: [
        {
          op: "QLinearConv",
          inputs: ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz", "b"],
          outputs: ["y"],
          attributes: pads,
        },
      ],
    };
    const graph = load(model);
    expect(opsOf(graph)).toEqual(["conv"]);
    const dtype = type === Type.UINT8 ? "uint8" : "int8";
    expect([graph.inputs[0]!.dtype, graph.outputs[0]!.dtype]).toEqual([dtype, dtype]);
    expect(integers(graph)).toEqual(integers(load(qdq(type))));
  });

  test("QLinearAdd, QLinearGlobalAveragePool, QGemm and QLinearSoftmax chain", () => {
    const node = (op: string, inputs: string[], output: string, more = {}): OnnxNode => {
      return { op, inputs, outputs: [output], domain: "com.microsoft", attributes: attributes(more) };
    };
    const model: OnnxModel = {
      inputs: [{ name: "x", type: Type.INT8, shape: SHAPE }],
      outputs: ["y"],
      initializers: {
        ...constants(Type.INT8),
        g: { dims: [2, 3], type: Type.INT8, data: [1, 2, 3, -4, -5, -6] },
        gs: scalar(0.1),
        gz: zero(0, Type.INT8),
        ps: scalar(1 / 256),
        pz: zero(-128, Type.INT8),
      },
      nodes: [
        node("QLinearAdd", ["x", "xs", "xz", "x", "xs", "xz", "ys", "yz"], "a"),
        node("QLinearGlobalAveragePool", ["a", "ys", "yz", "ys", "yz"], "p"),
        { op: "Flatten", inputs: ["p"], outputs: ["f"] },
        node("QGemm", ["f", "ys", "yz", "g", "gs", "gz", "", "ys", "yz"], "l", { transB: 1 }),
        node("QLinearSoftmax", ["l", "ys", "yz", "ps", "pz"], "y", { axis: 1 }),
      ],
    };
    const graph = load(model);
    expect(opsOf(graph)).toEqual(["add", "mean", "reshape", "dense", "softmax", "requantize"]);
    const real = inputCodes.map((code) => IN.scale * (code - IN.zero));
    const means = [0, 1, 2].map((c) => (2 * real.slice(c * 25, c * 25 + 25).reduce((a, b) => a + b)) / 25);
    const logits = [
      [1, 2, 3],
      [-4, -5, -6],
    ].map((row) => row.reduce((sum, w, c) => sum + 0.1 * w * means[c]!, 0));
    const [a = 0, b = 0] = logits.map(Math.exp);
    const codes = integers(graph, [1, 2]);
    expect((codes[0]! + 128) / 256).toBeCloseTo(a / (a + b), 1);
  });
});
