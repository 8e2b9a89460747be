import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { isFloat } from "../../src/compile.ts";
import { DyadicError } from "../../src/error.ts";
import { type Graph, validateGraph } from "../../src/graph/graph.ts";
import { importModel } from "../../src/import/index.ts";
import { readNpy } from "../../src/import/npy.ts";
import { importTflite } from "../../src/import/tflite/index.ts";
import * as schema from "../../src/import/tflite/schema.generated.ts";
import { simplify } from "../../src/passes/index.ts";
import { lower } from "../../src/quantize/lower.ts";
import { assetsDirectory, readAsset } from "../cases/assets.ts";
import {
  buildTflite,
  type TfliteModel,
  type TfliteOperator,
  type TfliteTensor,
  type WriteOptions,
} from "../cases/tflite.ts";

const { BuiltinOperator: Op, BuiltinOptions: Options, Fused, Padding, TensorType: Type } = schema;

const affine = { scale: [0.5], zeroPoint: [3] };

function conv2d(
  padding: number,
  stride: [number, number],
  fused: number = Fused.NONE,
  dilation = 1,
): WriteOptions {
  return (b) => [
    Options.Conv2DOptions,
    schema.Conv2DOptions.createConv2DOptions(b, padding, stride[1], stride[0], fused, dilation, dilation),
  ];
}

function pool2d(padding: number, stride: number, filter: number): WriteOptions {
  return (b) => [
    Options.Pool2DOptions,
    schema.Pool2DOptions.createPool2DOptions(b, padding, stride, stride, filter, filter, Fused.NONE),
  ];
}

/** A model of one operator: its input and constants first, its output last. */
function single(
  operator: Omit<TfliteOperator, "inputs" | "outputs">,
  tensors: readonly TfliteTensor[],
): TfliteModel {
  const last = tensors.length - 1;
  const inputs = tensors.slice(0, last).map((_, index) => index);
  return { tensors, operators: [{ ...operator, inputs, outputs: [last] }], inputs: [0], outputs: [last] };
}

/** A 3 x 3 convolution of two channels to three, per channel, on 8 x 8 pixels with stride 2. */
function convModel(options: WriteOptions = conv2d(Padding.SAME, [2, 2], Fused.RELU6)): TfliteModel {
  return single({ code: Op.CONV_2D, version: 3, options }, [
    { name: "image", shape: [1, 8, 8, 2], signature: [-1, 8, 8, 2], ...affine },
    {
      name: "weights",
      shape: [3, 3, 3, 2],
      scale: [0.1, 0.2, 0.3],
      data: Int8Array.from({ length: 54 }, (_, i) => i - 27),
    },
    {
      name: "bias",
      shape: [3],
      type: Type.INT32,
      scale: [0.05, 0.1, 0.15],
      data: Int32Array.of(1, -70000, 3),
    },
    { name: "features", shape: [1, 4, 4, 3], ...affine },
  ]);
}

function first(model: TfliteModel) {
  const graph = importTflite(buildTflite(model));
  return { graph, node: graph.nodes[0]! };
}

function failure(run: () => unknown): DyadicError {
  try {
    run();
  } catch (error) {
    if (error instanceof DyadicError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

const refuse = (model: TfliteModel) => failure(() => importTflite(buildTflite(model), "m.tflite"));

describe("convolution", () => {
  test("SAME becomes explicit, with the odd pixel behind", () => {
    const { node } = first(convModel());
    expect(node).toMatchObject({ name: "features", op: "conv", inputs: [0, 1, 2], outputs: [3] });
    expect(node.attributes).toEqual({
      stride: [2, 2],
      dilation: [1, 1],
      padding: [0, 0, 1, 1],
      activation: "relu6",
    });
  });

  test.each([
    ["VALID", conv2d(Padding.VALID, [1, 2]), [0, 0, 0, 0]],
    ["SAME, stride 1", conv2d(Padding.SAME, [1, 1]), [1, 1, 1, 1]],
    ["SAME, dilation 2", conv2d(Padding.SAME, [1, 1], Fused.NONE, 2), [2, 2, 2, 2]],
    ["SAME, stride larger than the kernel", conv2d(Padding.SAME, [4, 7]), [0, 1, 0, 1]],
  ])("%s", (_, options, padding) => {
    expect(first(convModel(options)).node.attributes).toMatchObject({ padding });
  });

  test("weights keep a scale per channel; the bias stays int32", () => {
    const { graph } = first(convModel());
    expect(graph.tensors[1]!.quantization).toEqual({
      scale: [0.1, 0.2, 0.3].map(Math.fround),
      zeroPoint: [0, 0, 0],
      axis: 0,
    });
    expect(graph.tensors[1]!.data).toEqual(Int8Array.from({ length: 54 }, (_, i) => i - 27));
    expect(graph.tensors[2]!.data).toEqual(Int32Array.of(1, -70000, 3));
    expect(graph.inputs).toEqual([
      { name: "image", tensor: 0, dtype: "int8", shape: [1, 8, 8, 2], layout: "NHWC" },
    ]);
  });

  test("depthwise has its scales along the last axis; an absent bias is -1", () => {
    const options: WriteOptions = (b) => [
      Options.DepthwiseConv2DOptions,
      schema.DepthwiseConv2DOptions.createDepthwiseConv2DOptions(b, Padding.SAME, 1, 1, 1, Fused.RELU, 1, 1),
    ];
    const model = single({ code: Op.DEPTHWISE_CONV_2D, options }, [
      { shape: [1, 5, 5, 4], ...affine },
      { shape: [1, 3, 3, 4], scale: [1, 2, 3, 4], axis: 3, data: new Int8Array(36) },
      { shape: [1, 5, 5, 4], ...affine },
    ]);
    const { graph, node } = first(model);
    expect(node).toMatchObject({ name: "tensor_2", op: "depthwise", inputs: [0, 1, -1] });
    expect(graph.tensors[1]!.quantization?.axis).toBe(3);
  });

  test("a depth multiplier is a convolution in groups, its weights turned", () => {
    const options: WriteOptions = (b) => [
      Options.DepthwiseConv2DOptions,
      schema.DepthwiseConv2DOptions.createDepthwiseConv2DOptions(b, Padding.SAME, 1, 1, 2, Fused.NONE, 1, 1),
    ];
    const model = single({ code: Op.DEPTHWISE_CONV_2D, options }, [
      { shape: [1, 5, 5, 2], ...affine },
      {
        shape: [1, 1, 3, 4],
        scale: [1, 2, 3, 4],
        axis: 3,
        data: Int8Array.from({ length: 12 }, (_, i) => i),
      },
      { shape: [1, 5, 5, 4], ...affine },
    ]);
    const { graph, node } = first(model);
    expect(node).toMatchObject({ op: "conv", attributes: { groups: 2 } });
    const weights = graph.tensors[node.inputs[1]!]!;
    expect(weights).toMatchObject({ shape: [4, 1, 3, 1], quantization: { axis: 0 } });
    expect([...weights.data!]).toEqual([0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]);
  });

  test("fewer input channels in the weights than in the image make groups", () => {
    const model = convModel();
    const [image, weights, ...others] = model.tensors;
    const tensors = [{ ...image!, shape: [1, 8, 8, 6], signature: [-1, 8, 8, 6] }, weights!, ...others];
    expect(first({ ...model, tensors }).node).toMatchObject({ op: "conv", attributes: { groups: 3 } });
  });
});

describe("uint8", () => {
  const model = single({ code: Op.CONV_2D, options: conv2d(Padding.VALID, [1, 1]) }, [
    { name: "image", shape: [1, 2, 2, 1], type: Type.UINT8, scale: [0.5], zeroPoint: [130] },
    {
      shape: [1, 1, 1, 1],
      type: Type.UINT8,
      scale: [0.5],
      zeroPoint: [121],
      data: Uint8Array.of(250),
    },
    { name: "out", shape: [1, 2, 2, 1], type: Type.UINT8, scale: [0.5], zeroPoint: [0] },
  ]);

  test("codes and zero points are stored 128 lower; the border keeps the dtype", () => {
    const { graph } = first(model);
    expect(graph.tensors.map((tensor) => tensor.dtype)).toEqual(["int8", "int8", "int8"]);
    expect(graph.tensors.map((tensor) => tensor.quantization?.zeroPoint[0])).toEqual([2, -7, -128]);
    expect(graph.tensors[1]!.data).toEqual(Int8Array.of(122));
    expect(graph.inputs[0]!.dtype).toBe("uint8");
  });

  test.each([
    [Type.UINT8, "halfUp"],
    [Type.INT8, "halfAway"],
  ])("an average of type %i rounds %s", (type, rounding) => {
    const tensor = { type, scale: [1], zeroPoint: [0] };
    const pool = single({ code: Op.AVERAGE_POOL_2D, options: pool2d(Padding.SAME, 2, 2) }, [
      { shape: [1, 5, 5, 1], ...tensor },
      { shape: [1, 3, 3, 1], ...tensor },
    ]);
    expect(first(pool).node).toMatchObject({
      op: "averagePool",
      attributes: { kernel: [2, 2], stride: [2, 2], padding: [0, 0, 1, 1], activation: "none", rounding },
    });
  });
});

describe("other operators", () => {
  const weights = { shape: [2, 6], scale: [1], data: new Int8Array(12) };

  test("dense flattens its input and restores the dimensions of its output", () => {
    const model = single({ code: Op.FULLY_CONNECTED }, [
      { shape: [1, 2, 2, 3], ...affine },
      weights,
      { name: "y", shape: [1, 2, 2], ...affine },
    ]);
    const { graph } = first(model);
    expect(graph.nodes.map((node) => node.op)).toEqual(["reshape", "dense", "reshape"]);
    expect(graph.nodes.map((node) => graph.tensors[node.outputs[0]!]!.shape)).toEqual([
      [2, 6],
      [2, 2],
      [1, 2, 2],
    ]);
    expect(graph.nodes.at(-1)!.name).toBe("y");
  });

  test("dense on a matrix is one node", () => {
    const matrix = [{ shape: [1, 6], ...affine }, weights, { shape: [1, 2], ...affine }];
    expect(first(single({ code: Op.FULLY_CONNECTED }, matrix)).graph.nodes).toHaveLength(1);
  });

  test("mean: axes are counted from the front, sorted", () => {
    const options: WriteOptions = (b) => [
      Options.ReducerOptions,
      schema.ReducerOptions.createReducerOptions(b, true),
    ];
    const { graph, node } = first(
      single({ code: Op.MEAN, options }, [
        { shape: [1, 4, 4, 3], ...affine },
        { shape: [2], type: Type.INT32, data: Int32Array.of(-2, 1) },
        { shape: [1, 1, 1, 3], ...affine },
      ]),
    );
    expect(node).toMatchObject({ op: "mean", inputs: [0], attributes: { axes: [1, 2] } });
    expect(graph.tensors).toHaveLength(2);
  });

  test.each([Type.INT32, Type.INT64])("pad with amounts of type %i", (type) => {
    const amounts = [0, 0, 1, 2, 3, 4, 0, 5];
    const data = type === Type.INT64 ? BigInt64Array.from(amounts, BigInt) : Int32Array.from(amounts);
    const { node } = first(
      single({ code: Op.PAD }, [
        { shape: [1, 4, 4, 3], ...affine },
        { shape: [4, 2], type, data },
        { shape: [1, 7, 11, 8], ...affine },
      ]),
    );
    expect(node).toMatchObject({ op: "pad", attributes: { padding: [1, 3, 2, 4], channels: [0, 5] } });
  });

  test("PADV2 takes a constant", () => {
    const model = (value: number) =>
      single({ code: Op.PADV2 }, [
        { shape: [1, 4, 4, 1], ...affine },
        { shape: [4, 2], type: Type.INT32, data: new Int32Array(8) },
        { shape: [1], ...affine, data: Int8Array.of(value) },
        { shape: [1, 4, 4, 1], ...affine },
      ]);
    expect(first(model(3)).node.attributes).not.toHaveProperty("value");
    expect(first(model(0)).node).toMatchObject({ op: "pad", attributes: { value: -3 * affine.scale[0]! } });
  });

  test("softmax, add, the RELU family, QUANTIZE, reshapes", () => {
    const shape = [1, 2, 2, 4];
    const value: TfliteTensor = { shape, ...affine };
    const beta: WriteOptions = (b) => [
      Options.SoftmaxOptions,
      schema.SoftmaxOptions.createSoftmaxOptions(b, 1),
    ];
    const relu: WriteOptions = (b) => [Options.AddOptions, schema.AddOptions.createAddOptions(b, Fused.RELU)];
    const model: TfliteModel = {
      tensors: [value, value, value, value, value, { shape: [1, 16], ...affine }],
      operators: [
        { code: Op.RELU_N1_TO_1, inputs: [0], outputs: [1] },
        { code: Op.ADD, inputs: [0, 1], outputs: [2], options: relu },
        { code: Op.QUANTIZE, inputs: [2], outputs: [3] },
        { code: Op.SOFTMAX, inputs: [3], outputs: [4], options: beta },
        { code: Op.SQUEEZE, inputs: [4], outputs: [5] },
      ],
      inputs: [0],
      outputs: [5],
      signature: { inputs: { picture: 0 }, outputs: { scores: 5 } },
    };
    const graph = importTflite(buildTflite(model));
    expect(graph.nodes.map((node) => [node.op, node.attributes])).toEqual([
      ["requantize", { activation: "reluN1To1" }],
      ["add", { activation: "relu" }],
      ["requantize", { activation: "none" }],
      ["softmax", { beta: 1 }],
      ["reshape", { shape: [1, 16] }],
    ]);
    expect(graph.inputs[0]!.name).toBe("picture");
    expect(graph.outputs[0]).toMatchObject({ name: "scores", layout: "flat" });
  });

  test("float models import as float, whatever the file's alignment", () => {
    const type = Type.FLOAT32;
    const model = single({ code: Op.FULLY_CONNECTED }, [
      { shape: [1, 2], type },
      { shape: [1, 2], type, data: Float32Array.of(0.5, -1.5) },
      { shape: [1], type, data: Float32Array.of(2) },
      { shape: [1, 1], type },
    ]);
    const bytes = buildTflite(model);
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    const graph = importTflite(shifted.subarray(1));
    expect(graph.tensors[1]).toMatchObject({ dtype: "float32", data: Float32Array.of(0.5, -1.5) });
    expect(graph.tensors[1]).not.toHaveProperty("quantization");
  });
});

describe("constants behind the flatbuffer", () => {
  const build = (offset: number, size: number) =>
    buildTflite(
      single({ code: Op.FULLY_CONNECTED }, [
        { shape: [1, 3], ...affine },
        { shape: [1, 3], scale: [1], external: { offset, size } },
        { shape: [1, 1], ...affine },
      ]),
    );
  const start = build(4, 3).length;

  test("are read from their offset in the file", () => {
    const bytes = Uint8Array.of(...build(start, 3), 1, 2, 255);
    expect(importTflite(bytes).tensors[1]!.data).toEqual(Int8Array.of(1, 2, -1));
  });

  test("must be in the file", () => {
    expect(failure(() => importTflite(build(start, 3))).message).toMatch(/outside the file/);
  });
});

describe("errors", () => {
  const unary = (code: number, more: Partial<TfliteOperator> = {}) =>
    single({ code, ...more }, [
      { name: "x", shape: [1, 4], ...affine },
      { name: "y", shape: [1, 4], ...affine },
    ]);

  test("every unsupported operator is listed, custom ones by their own name, new ones by theirs", () => {
    const tensors = Array.from({ length: 9 }, (_, i) => ({ name: `t${i}`, shape: [1, 4], ...affine }));
    const step = (code: number, at: number, custom = "") => ({
      code,
      custom,
      inputs: [at],
      outputs: [at + 1],
    });
    const operators = [
      ...[0, 1, 2, 3].map((at) => step(Op.COS, at)),
      step(Op.CUSTOM, 4, "TFLite_Detection_PostProcess"),
      step(Op.WHILE, 5),
      step(Op.CUMSUM, 6),
      { ...step(Op.RELU, 7), version: 99 },
    ];
    const error = refuse({ tensors, operators, inputs: [0], outputs: [8] });
    expect(error.code).toBe("UNSUPPORTED_OP");
    expect(error.place.file).toBe("m.tflite");
    expect(error.place.found).toBe(
      'COS x4 ("t1", "t2", "t3", ...); custom operator "TFLite_Detection_PostProcess" x1 ("t5"); ' +
        'WHILE (calls another subgraph) x1 ("t6"); CUMSUM x1 ("t7"); RELU version 99 (known up to 3) x1 ("t8")',
    );
    expect(error.place.hint).toContain("CONV_2D");
  });

  test.each<[string, TfliteModel, string, RegExp]>([
    ["a version of the format", { ...convModel(), version: 4 }, "BAD_FILE", /version/],
    ["stride 0", convModel(conv2d(Padding.SAME, [0, 1])), "BAD_FILE", /window is impossible/],
    ["tanh", convModel(conv2d(Padding.SAME, [2, 2], Fused.TANH)), "UNSUPPORTED_OP", /TANH/],
    ["an input that does not exist", { ...convModel(), inputs: [9] }, "BAD_FILE", /tensor 9/],
    ["no output", { ...convModel(), outputs: [] }, "BAD_FILE", /at least one/],
    ["an output that nobody writes", { ...unary(Op.RELU), operators: [] }, "BAD_FILE", /never written/],
    ["missing options", unary(Op.SOFTMAX), "BAD_FILE", /no options/],
    ["options of another operator", unary(Op.SOFTMAX, { options: conv2d(0, [1, 1]) }), "BAD_FILE", /another/],
  ])("%s", (_, model, code, message) => {
    const error = refuse(model);
    expect(error).toMatchObject({ code, place: { file: "m.tflite" } });
    expect(error.message).toMatch(message);
  });

  test.each<[string, Partial<TfliteTensor>, string, RegExp]>([
    ["a dynamic width", { signature: [-1, 8, -1, 2] }, "UNSUPPORTED_OP", /run time/],
    ["a batch", { shape: [2, 8, 8, 2] }, "UNSUPPORTED_OP", /batch/],
    ["a variable", { isVariable: true }, "UNSUPPORTED_OP", /variable/],
    ["int16", { type: Type.INT16 }, "UNSUPPORTED_OP", /dtype/],
    ["float in front of int8 weights", { type: Type.FLOAT32 }, "UNSUPPORTED_OP", /mixes/],
    ["an unknown size", { shape: [1, 8, 0, 2] }, "BAD_FILE", /impossible shape/],
    ["a shape that overflows", { shape: [1, 2 ** 30, 2 ** 30, 2] }, "BAD_FILE", /impossible shape/],
    ["too many scales", { scale: [1, 1, 1] }, "BAD_FILE", /do not fit/],
    ["scale 0", { scale: [0] }, "BAD_FILE", /scale 0/],
    ["a zero point outside int8", { zeroPoint: [128] }, "BAD_FILE", /zero point 128/],
  ])("an input with %s", (_, change, code, message) => {
    const model = convModel();
    const [image, ...others] = model.tensors;
    const error = refuse({ ...model, tensors: [{ ...image!, ...change }, ...others] });
    expect(error).toMatchObject({ code, place: { file: "m.tflite" } });
    expect(error.message).toMatch(message);
  });

  test("other files are told apart", () => {
    expect(failure(() => importModel(Uint8Array.of(8, 7, 18, 0), "m.onnx"))).toMatchObject({
      code: "BAD_FILE",
      message: expect.stringContaining("the model has no graph"),
    });
    const zip = failure(() => importModel(new TextEncoder().encode("PK\x03\x04 and so on"), "m.zip"));
    expect(zip).toMatchObject({ code: "BAD_FILE", place: { file: "m.zip" } });
    expect(zip.message).toContain("TFL3");
    expect(failure(() => importModel(new Uint8Array(0))).code).toBe("BAD_FILE");
    expect(failure(() => importTflite(new TextEncoder().encode("----TFL2----"))).code).toBe("BAD_FILE");
  });
});

describe("damage", () => {
  const bytes = buildTflite(convModel());

  /** The graph, or a DyadicError with a code that blames the file. */
  function survive(damaged: Uint8Array): Graph | null {
    try {
      const graph = importModel(damaged, "m.tflite");
      validateGraph(graph);
      return graph;
    } catch (error) {
      if (!(error instanceof DyadicError)) throw error;
      expect(["BAD_FILE", "UNSUPPORTED_OP"]).toContain(error.code);
      expect(error.place.file).toBe("m.tflite");
      return null;
    }
  }

  test("every truncation is an error", () => {
    for (let length = 0; length < bytes.length; length++) {
      const graph = survive(bytes.subarray(0, length));
      if (length < bytes.length / 2) expect(graph).toBeNull();
    }
  });

  test("500 mutations give a graph or an error, soon", () => {
    const random = mulberry32(1);
    const below = (limit: number) => Math.floor(random() * limit);
    let graphs = 0;
    for (let round = 0; round < 500; round++) {
      const damaged = bytes.slice();
      for (let i = below(8); i >= 0; i--) damaged[8 + below(bytes.length - 8)] = below(256);
      if (survive(damaged) !== null) graphs++;
    }
    expect(graphs).toBeGreaterThan(0);
    expect(graphs).toBeLessThan(500);
  });

  test("words of ones and small words anywhere", () => {
    for (let at = 8; at + 4 <= bytes.length; at += 4) {
      for (const word of [-1, 0, 1, 4, 0x7fffffff, -0x80000000]) {
        const damaged = bytes.slice();
        new DataView(damaged.buffer).setInt32(at, word, true);
        survive(damaged);
      }
    }
  });

  test("constants that share their bytes without end are refused", () => {
    const weights = { shape: [200, 200], scale: [1], data: new Int8Array(40_000) };
    const shared = { shape: [200, 200], scale: [1], buffer: 1 };
    const value = { shape: [1, 200], ...affine };
    const layers = Array.from({ length: 1_000 }, (_, i) => i);
    const model = {
      tensors: [weights, value, ...layers.flatMap(() => [shared, value])],
      operators: layers.map((i) => {
        return { code: Op.FULLY_CONNECTED, inputs: [1 + 2 * i, 2 + 2 * i], outputs: [3 + 2 * i] };
      }),
      inputs: [1],
      outputs: [2_001],
    };
    expect(refuse(model)).toMatchObject({
      code: "BAD_FILE",
      message: expect.stringContaining("over and over"),
    });
  });
});

const models = [
  "mlperf_tiny/models/pretrainedResnet_quant",
  "mlperf_tiny/models/pretrainedResnet_large_int8",
  "mlperf_tiny/models/kws_ref_model",
  "mlperf_tiny/models/ad01_int8",
  "mlperf_tiny/models/str_ww_ref_model",
  "mlperf_tiny/models/vww_96_int8",
  "coral/tf2_mobilenet_v2_1.0_224_ptq",
  "coral/mobilenet_v1_0.25_128_quant",
  "coral/mobilenet_v2_1.0_224_quant",
  "mlperf_tiny/models/pretrainedResnet",
  "mlperf_tiny/models/vww_96_float",
];

const NODES: Record<string, string> = {
  CONV_2D: "conv",
  DEPTHWISE_CONV_2D: "depthwise",
  FULLY_CONNECTED: "dense",
  ADD: "add",
  AVERAGE_POOL_2D: "averagePool",
  MEAN: "mean",
  RESHAPE: "reshape",
  SOFTMAX: "softmax",
  QUANTIZE: "requantize",
};

interface ManifestEntry {
  readonly path: string;
  readonly model: {
    readonly ops: Record<string, number>;
    readonly inputs: readonly { name: string; dtype: string; shape: readonly number[] }[];
  };
}

describe.skipIf(assetsDirectory === null)("real models (skipped without assets: set DYADIC_ASSETS)", () => {
  const manifest = () => JSON.parse(new TextDecoder().decode(readAsset("manifest.json")));
  const load = (path: string) => importModel(readAsset(`${path}.tflite`), `${path}.tflite`);

  test.each(models)("%s has the manifest's operators and inputs", (path) => {
    const graph = load(path);
    const { model } = manifest().files.find((entry: ManifestEntry) => entry.path === `${path}.tflite`);
    const expected = new Map<string, number>();
    for (const [key, count] of Object.entries<number>(model.ops)) {
      const op = NODES[key.split(" ")[0]!]!;
      expected.set(op, (expected.get(op) ?? 0) + count);
    }
    const found = new Map<string, number>();
    for (const { op } of graph.nodes) found.set(op, (found.get(op) ?? 0) + 1);
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(expected));
    const declared = model.inputs.map(({ dtype, shape }: ManifestEntry["model"]["inputs"][0]) => ({
      dtype,
      shape,
    }));
    expect(graph.inputs.map(({ dtype, shape }) => ({ dtype, shape }))).toEqual(declared);
  });

  test.each(models.slice(0, 6))("%s: one node for each golden layer, of its shape", (path) => {
    const graph = load(path);
    const directory = join("golden", path.split("/").at(-1)!, "layers_tflm_single_sample0");
    const layers = readdirSync(join(assetsDirectory!, directory)).sort();
    const golden = layers.map((layer) => [...readNpy(readAsset(join(directory, layer)), layer).shape]);
    expect(graph.nodes.map((node) => graph.tensors[node.outputs[0]!]!.shape)).toEqual(golden);
    const ops = layers.map((layer) => NODES[/^op\d+_(\w+)_tensor\d+/.exec(layer)![1]!]);
    expect(graph.nodes.map((node) => node.op)).toEqual(ops);
  });

  test("a float tail is cut off behind the last integers, and said so", () => {
    const graph = load("coral/movenet_single_pose_lightning_ptq");
    const [note] = graph.notes!;
    console.log(note);
    expect(note).toContain("GATHER_ND x4");
    for (const { name } of graph.outputs) expect(note).toContain(name.slice(0, 40));
    expect(lower(simplify(graph)).outputs.length).toBe(graph.outputs.length);
  });

  test("a hybrid model is a float graph", () => {
    const graph = simplify(load("mlperf_tiny/models/kws_ref_model_float32"));
    expect(isFloat(graph)).toBe(true);
    expect(graph.nodes.some(({ op }) => op === "requantize")).toBe(false);
  });
});

function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
