import { describe, expect, test } from "vitest";
import { importOnnx } from "../../src/import/onnx/index.ts";
import { attributes, buildOnnx, float, ints, type OnnxModel, type OnnxNode, Type } from "../cases/onnx.ts";
import { gives, naiveConv, numbers, opsOf, runOnnx, single } from "../cases/onnx-run.ts";

describe("convolution", () => {
  const shape = [1, 4, 6, 5];
  const x = numbers(shape);

  test.each([
    ["stride and padding", [6, 4, 3, 3], { stride: 2, pad: 1 }],
    ["dilation", [2, 4, 3, 2], { dilation: 2 }],
    ["depthwise", [4, 1, 3, 3], { group: 4, pad: 1 }],
  ])("%s", (_, weightShape, options) => {
    const weights = numbers(weightShape, 2);
    const { stride = 1, pad = 0, dilation = 1, group = 1 } = options as Record<string, number>;
    const model = single(
      "Conv",
      ["N", ...shape.slice(1)],
      { w: float(weightShape, weights) },
      attributes({
        strides: [stride, stride],
        pads: [pad, pad, pad, pad],
        dilations: [dilation, dilation],
        group,
      }),
    );
    const { graph } = gives(model, x, naiveConv(x, shape, weights, weightShape, options));
    expect(opsOf(graph)).toEqual([group > 1 ? "depthwise" : "conv"]);
    expect(graph.inputs[0]).toMatchObject({ shape, layout: "NCHW" });
    expect(graph.outputs[0]!.layout).toBe("NCHW");
  });

  test("groups stay an attribute, with the weights of one group", () => {
    const model = single("Conv", shape, { w: float([6, 2, 3, 3]) }, attributes({ group: 2 }));
    const graph = importOnnx(buildOnnx(model));
    expect(graph.nodes[0]).toMatchObject({ op: "conv", attributes: { groups: 2 } });
    expect(graph.tensors[graph.nodes[0]!.inputs[1]!]!.shape).toEqual([6, 3, 3, 2]);
  });

  test("one dimension is an image of one row", () => {
    const weights = numbers([3, 4, 3], 2);
    const line = numbers([1, 4, 7]);
    const model = single("Conv", [1, 4, 7], { w: float([3, 4, 3], weights) }, attributes({ pads: [1, 1] }));
    const padded = [1, 4, 1, 9];
    const wide = Array.from({ length: 36 }, (_, i) =>
      i % 9 > 0 && i % 9 < 8 ? line[Math.floor(i / 9) * 7 + (i % 9) - 1]! : 0,
    );
    gives(model, line, naiveConv(wide, padded, weights, [3, 4, 1, 3]));
  });

  test.each([
    ["SAME_UPPER", [0, 0, 1, 1]],
    ["SAME_LOWER", [1, 1, 0, 0]],
    ["VALID", [0, 0, 0, 0]],
  ])("auto_pad %s", (scheme, padding) => {
    const model = single(
      "Conv",
      [1, 1, 8, 8],
      { w: float([1, 1, 3, 3]) },
      attributes({ auto_pad: scheme, strides: [2, 2] }),
    );
    expect(importOnnx(buildOnnx(model)).nodes[0]!.attributes).toMatchObject({ padding });
  });

  test("a batch normalization behind it folds, and a relu behind that", () => {
    const weights = numbers([3, 4, 1, 1], 2);
    const statistics = { g: [1, 2, -1], b: [0, 1, 2], m: [0.5, 0, -1], v: [1, 4, 0.25] };
    const model: OnnxModel = {
      inputs: [{ name: "x", shape }],
      outputs: ["y"],
      initializers: {
        w: float([3, 4, 1, 1], weights),
        ...Object.fromEntries(Object.entries(statistics).map(([name, data]) => [name, float([3], data)])),
      },
      nodes: [
        { op: "Conv", inputs: ["x", "w"], outputs: ["c"] },
        {
          op: "BatchNormalization",
          inputs: ["c", "g", "b", "m", "v"],
          outputs: ["n"],
          attributes: { epsilon: { f: 0 } },
        },
        { op: "Relu", inputs: ["n"], outputs: ["y"] },
      ],
    };
    const { g, b, m, v } = statistics;
    const expected = naiveConv(x, shape, weights, [3, 4, 1, 1]).map((value, i) => {
      const c = Math.floor(i / 30);
      return Math.max(0, (g[c]! * (value - m[c]!)) / Math.sqrt(v[c]!) + b[c]!);
    });
    const { simple } = gives(model, x, expected);
    expect(opsOf(simple)).toEqual(["conv"]);
  });

  test("a batch normalization on its own becomes a depthwise convolution", () => {
    const constants = {
      g: float([4], [1, 2, 3, 4]),
      b: float([4], [0, 1, 0, 1]),
      m: float([4], [0, 0, 1, 1]),
      v: float([4], [1, 1, 1, 4]),
    };
    const expected = x.map((value, i) => {
      const c = Math.floor(i / 30);
      return ((c + 1) * (value - (c > 1 ? 1 : 0))) / (c === 3 ? 2 : 1) + (c % 2);
    });
    const { simple } = gives(single("BatchNormalization", shape, constants), x, expected, 4);
    expect(opsOf(simple)).toEqual(["depthwise"]);
  });
});

describe("dense", () => {
  test("Gemm: alpha, beta and transB go into the constants", () => {
    const model = single(
      "Gemm",
      [1, 3],
      { b: float([2, 3], [1, 2, 3, 4, 5, 6]), c: float([2], [10, 20]) },
      { alpha: { f: 0.5 }, beta: { f: 2 }, transB: { i: 1 } },
    );
    expect(opsOf(gives(model, [1, -1, 2], [22.5, 45.5]).graph)).toEqual(["dense"]);
  });

  test("behind a flattened image the weights are permuted, not the image", () => {
    const shape = [1, 3, 2, 2];
    const x = numbers(shape);
    const weights = numbers([12, 4], 5);
    const model: OnnxModel = {
      ...single("Flatten", shape),
      initializers: { w: float([12, 4], weights), bias: float([4], [1, 2, 3, 4]) },
      nodes: [
        { op: "Flatten", inputs: ["x"], outputs: ["f"] },
        { op: "MatMul", inputs: ["f", "w"], outputs: ["m"] },
        { op: "Add", inputs: ["m", "bias"], outputs: ["y"] },
      ],
    };
    const expected = [0, 1, 2, 3].map((n) =>
      x.reduce((sum, value, k) => sum + value * weights[k * 4 + n]!, n + 1),
    );
    const { graph, simple } = gives(model, x, expected);
    expect(opsOf(graph)).toEqual(["reshape", "dense", "add"]);
    expect(opsOf(simple)).toEqual(["reshape", "dense"]);
  });

  test("a flattened image that somebody else reads comes in the file's order", () => {
    const x = numbers([1, 3, 2, 2]);
    const { graph } = gives(single("Flatten", [1, 3, 2, 2]), x, x);
    expect(opsOf(graph)).toEqual(["transpose", "reshape"]);
    expect(opsOf(gives(single("Flatten", [1, 3, 1, 1]), [1, 2, 3], [1, 2, 3]).graph)).toEqual(["reshape"]);
  });
});

describe("layout", () => {
  const chain = (nodes: readonly OnnxNode[], shape: readonly number[], initializers = {}): OnnxModel => {
    return { inputs: [{ name: "x", shape }], outputs: ["y"], nodes, initializers };
  };

  test("transposes of an NHWC model cancel, and its borders are NHWC", () => {
    const weights = numbers([2, 3, 1, 1], 2);
    const model = chain(
      [
        { op: "Transpose", inputs: ["x"], outputs: ["a"], attributes: attributes({ perm: [0, 3, 1, 2] }) },
        { op: "Conv", inputs: ["a", "w"], outputs: ["b"] },
        { op: "Transpose", inputs: ["b"], outputs: ["y"], attributes: attributes({ perm: [0, 2, 3, 1] }) },
      ],
      [1, 4, 5, 3],
      { w: float([2, 3, 1, 1], weights) },
    );
    const x = numbers([1, 4, 5, 3]);
    const expected = Array.from({ length: 40 }, (_, i) =>
      [0, 1, 2].reduce((sum, c) => sum + x[Math.floor(i / 2) * 3 + c]! * weights[(i % 2) * 3 + c]!, 0),
    );
    const { graph } = gives(model, x, expected);
    expect(opsOf(graph)).toEqual(["conv"]);
    expect([graph.inputs[0]!.layout, graph.outputs[0]!.layout]).toEqual(["NHWC", "NHWC"]);
  });

  test("a channel shuffle moves elements once", () => {
    const x = numbers([1, 6, 2, 2]);
    const model = chain(
      [
        { op: "Reshape", inputs: ["x", "s"], outputs: ["a"] },
        { op: "Transpose", inputs: ["a"], outputs: ["b"], attributes: attributes({ perm: [0, 2, 1, 3, 4] }) },
        { op: "Reshape", inputs: ["b", "t"], outputs: ["y"] },
      ],
      [1, 6, 2, 2],
      { s: ints([1, 2, 3, 2, 2]), t: ints([0, -1, 2, 2]) },
    );
    const expected = [0, 3, 1, 4, 2, 5].flatMap((c) => x.slice(c * 4, c * 4 + 4));
    const { graph } = gives(model, x, expected);
    expect(opsOf(graph).filter((op) => op === "transpose")).toHaveLength(1);
  });

  test("the shape arithmetic of a dynamic batch folds away", () => {
    const model = chain(
      [
        { op: "Shape", inputs: ["x"], outputs: ["s"] },
        { op: "Gather", inputs: ["s", "zero"], outputs: ["n"] },
        { op: "Unsqueeze", inputs: ["n", "axis"], outputs: ["u"] },
        { op: "Constant", inputs: [], outputs: ["rest"], attributes: attributes({ value: ints([-1]) }) },
        { op: "Concat", inputs: ["u", "rest"], outputs: ["t"], attributes: attributes({ axis: 0 }) },
        { op: "GlobalAveragePool", inputs: ["x"], outputs: ["p"] },
        { op: "Reshape", inputs: ["p", "t"], outputs: ["y"] },
      ],
      ["N" as unknown as number, 2, 2, 2],
      { zero: { dims: [], type: Type.INT64, data: [0] }, axis: ints([0]) },
    );
    const { graph } = gives(model, [1, 2, 3, 4, 5, 6, 7, 8], [2.5, 6.5]);
    expect(opsOf(graph)).toEqual(["mean", "reshape"]);
    expect(graph.outputs[0]!.shape).toEqual([1, 2]);
  });
});

describe("pools and shapes", () => {
  const x = Array.from({ length: 16 }, (_, i) => i);
  const shape = [1, 1, 4, 4];

  test.each<[string, OnnxModel, readonly number[]]>([
    [
      "MaxPool",
      single("MaxPool", shape, {}, attributes({ kernel_shape: [2, 2], strides: [2, 2] })),
      [5, 7, 13, 15],
    ],
    [
      "AveragePool",
      single("AveragePool", shape, {}, attributes({ kernel_shape: [2, 2], strides: [2, 2] })),
      [2.5, 4.5, 10.5, 12.5],
    ],
    [
      "AveragePool that counts its padding",
      single(
        "AveragePool",
        shape,
        {},
        attributes({ kernel_shape: [2, 2], strides: [4, 4], pads: [1, 1, 0, 0], count_include_pad: 1 }),
      ),
      [0],
    ],
    [
      "MaxPool with ceil_mode",
      single("MaxPool", shape, {}, attributes({ kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 })),
      [10, 11, 14, 15],
    ],
    ["GlobalMaxPool", single("GlobalMaxPool", shape), [15]],
    ["ReduceMin", single("ReduceMin", shape, {}, attributes({ axes: [2], keepdims: 0 })), [0, 1, 2, 3]],
    [
      "ReduceMin over the channels",
      single("ReduceMin", [1, 2, 1, 3], {}, attributes({ axes: [1], keepdims: 1 })),
      [0, 1, 2],
    ],
    ["ReduceMean", single("ReduceMean", shape, {}, attributes({ axes: [2], keepdims: 0 })), [6, 7, 8, 9]],
    [
      "Slice",
      single("Slice", shape, { s: ints([1, 0]), e: ints([99, 4]), a: ints([2, 3]), t: ints([2, 3]) }),
      [4, 7, 12, 15],
    ],
    [
      "Pad",
      single("Pad", [1, 1, 1, 2], { p: ints([0, 1, 0, 1, 0, 0, 1, 0]) }),
      [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0],
    ],
    [
      "Pad with a number",
      single("Pad", [1, 1, 1, 2], { p: ints([0, 0, 1, 1, 0, 0, 0, 0]), v: float([], [-2.5]) }),
      [-2.5, -2.5, -2.5, -2.5, 0, 1],
    ],
    [
      "Pad with a number in an old operator set",
      {
        ...single("Pad", [1, 1, 1, 2], {}, { pads: { ints: [0, 0, 0, 1, 0, 0, 0, 0] }, value: { f: 3 } }),
        opset: 10,
      },
      [3, 0, 1],
    ],
    [
      "Softmax over the channels",
      single("Softmax", [1, 2, 1, 1], {}, attributes({ axis: 1 })),
      [0.26894142, 0.73105858],
    ],
    ["Transpose", single("Transpose", [2, 3], {}, attributes({ perm: [1, 0] })), [0, 3, 1, 4, 2, 5]],
    [
      "Concat",
      {
        ...single("Concat", [1, 1, 1, 2], {}, attributes({ axis: 1 })),
        nodes: [{ op: "Concat", inputs: ["x", "x"], outputs: ["y"], attributes: attributes({ axis: 1 }) }],
      },
      [0, 1, 0, 1],
    ],
    ["Dropout", single("Dropout", [1, 2]), [0, 1]],
  ])("%s", (_, model, expected) => {
    const size = (model.inputs[0]!.shape as number[]).reduce((a, b) => a * b, 1);
    gives(model, x.slice(0, size), expected);
  });

  test("Split makes slices", () => {
    const model: OnnxModel = {
      ...single("Split", [1, 4]),
      outputs: ["a", "b"],
      nodes: [{ op: "Split", inputs: ["x"], outputs: ["a", "b"], attributes: attributes({ axis: 1 }) }],
    };
    expect(runOnnx(model, [[1, 2, 3, 4]]).outputs).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });
});
