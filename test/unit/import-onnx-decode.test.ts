import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";
import { describe, expect, test } from "vitest";
import { DyadicError } from "../../src/error.ts";
import { importModel } from "../../src/import/index.ts";
import { decodeModel } from "../../src/import/onnx/decode.ts";
import { importOnnx } from "../../src/import/onnx/index.ts";
import type { TensorProto } from "../../src/import/onnx/messages.ts";
import { assetsDirectory, readAsset } from "../cases/assets.ts";
import { attributes, buildOnnx, type OnnxModel, Type } from "../cases/onnx.ts";
import { Random } from "../cases/random.ts";

const SCHEMA = fileURLToPath(new URL("../../src/import/onnx/onnx.proto", import.meta.url));

/** A convolution with a bias, a relu and a dense layer behind a flattening, every kind of field in use. */
const MODEL: OnnxModel = {
  inputs: [{ name: "x", shape: ["N", 2, 4, 4] }],
  outputs: [{ name: "y", shape: ["N", 5] }],
  initializers: {
    w: { dims: [3, 2, 3, 3], data: Array.from({ length: 54 }, (_, i) => (i - 27) / 16) },
    b: { dims: [3], data: [1, -2, 0.5], typed: true },
    shape: { dims: [2], type: Type.INT64, data: [0, -1], typed: true },
    dense: { dims: [48, 5], data: Array.from({ length: 240 }, (_, i) => ((i * 7) % 13) - 6) },
  },
  nodes: [
    {
      op: "Conv",
      name: "c",
      inputs: ["x", "w", "b"],
      outputs: ["f"],
      attributes: attributes({ pads: [1, 1, 1, 1] }),
    },
    { op: "LeakyRelu", inputs: ["f"], outputs: ["g"], attributes: attributes({ alpha: 0.25 }) },
    { op: "Reshape", inputs: ["g", "shape"], outputs: ["h"] },
    { op: "MatMul", inputs: ["h", "dense"], outputs: ["y"] },
  ],
  metadata: { "dyadic.policy": '{"bits": 8}' },
};

// biome-ignore lint/suspicious/noExplicitAny: reflection gives plain objects
type Plain = any;

/** What reflection over the schema makes of the same bytes, in our names. */
function reflected(bytes: Uint8Array) {
  const type = protobuf
    .parse(readFileSync(SCHEMA, "utf8"), { keepCase: true })
    .root.lookupType("onnx.ModelProto");
  const options = { longs: Number, arrays: true, defaults: true };
  const model = type.toObject(type.decode(bytes), options);
  const pairs = (entries: Plain[]) => new Map(entries.map(({ key, value }) => [key, value]));
  const tensor = (t: Plain): TensorProto => ({
    name: t.name,
    dims: t.dims,
    dataType: t.data_type,
    rawData: t.raw_data?.length > 0 ? new Uint8Array(t.raw_data) : null,
    values: [...t.float_data, ...t.int32_data, ...t.int64_data, ...t.double_data, ...t.uint64_data],
    dataLocation: t.data_location,
    external: pairs(t.external_data),
  });
  const attribute = ({ f, i, s, t, floats, ints, strings }: Plain) => ({
    f,
    i,
    s: s?.length > 0 ? new Uint8Array(s) : null,
    t: t ? tensor(t) : null,
    floats,
    ints,
    strings: strings.map((text: Plain) => new Uint8Array(text)),
  });
  const info = ({ name, type }: Plain) => {
    const dims =
      type.tensor_type.shape?.dim.map((dim: Plain) => dim.dim_value ?? (dim.dim_param || "?")) ?? null;
    return { name, type: { elementType: type.tensor_type.elem_type, dims } };
  };
  const graph = model.graph;
  return {
    irVersion: model.ir_version,
    producerName: model.producer_name,
    producerVersion: model.producer_version,
    graph: {
      name: graph.name,
      nodes: graph.node.map((node: Plain) => ({
        name: node.name,
        opType: node.op_type,
        domain: node.domain,
        inputs: node.input,
        outputs: node.output,
        attributes: new Map(node.attribute.map((one: Plain) => [one.name, attribute(one)])),
      })),
      initializers: graph.initializer.map(tensor),
      inputs: graph.input.map(info),
      outputs: graph.output.map(info),
      sparse: graph.sparse_initializer.length,
    },
    opsets: new Map(model.opset_import.map(({ domain, version }: Plain) => [domain, version])),
    metadata: pairs(model.metadata_props),
    functions: model.functions.length,
  };
}

/** Views and copies of the same bytes are equal. */
function plainBytes(value: unknown): unknown {
  if (value instanceof Uint8Array) return Array.from(value);
  if (value instanceof Map) return new Map(Array.from(value, ([key, one]) => [key, plainBytes(one)]));
  if (Array.isArray(value)) return value.map(plainBytes);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plainBytes(one)]));
}

const same = (bytes: Uint8Array) =>
  expect(plainBytes(decodeModel(bytes))).toEqual(plainBytes(reflected(bytes)));

describe("decode", () => {
  test("equals protobufjs's reflection over the schema", () => same(buildOnnx(MODEL)));

  test.skipIf(assetsDirectory === null)("and on a real model", () =>
    same(readAsset("onnx/resnet20_cifar10.onnx")),
  );

  test("a file cut off anywhere is an error that names the file", () => {
    const bytes = buildOnnx(MODEL);
    for (let length = 0; length < bytes.length; length += 3) {
      try {
        importModel(bytes.subarray(0, length), "m.onnx");
      } catch (error) {
        expect(error).toBeInstanceOf(DyadicError);
        expect(["BAD_FILE", "UNSUPPORTED_OP"]).toContain((error as DyadicError).code);
        expect((error as DyadicError).place.file).toBe("m.onnx");
      }
    }
  });

  test("500 mutations give a graph or an error that blames the file, soon", () => {
    const bytes = buildOnnx(MODEL);
    const random = new Random(7);
    let graphs = 0;
    for (let round = 0; round < 500; round++) {
      const damaged = bytes.slice();
      for (let i = random.integer(0, 5); i >= 0; i--) {
        damaged[random.integer(0, bytes.length - 1)] = random.integer(0, 255);
      }
      try {
        importOnnx(damaged, "m.onnx");
        graphs++;
      } catch (error) {
        if (!(error instanceof DyadicError)) throw error;
        if (!["BAD_FILE", "UNSUPPORTED_OP"].includes(error.code)) throw error;
      }
    }
    expect(graphs).toBeGreaterThan(0);
    expect(graphs).toBeLessThan(500);
  });

  test("a model whose fields come in another order is told by its structure", () => {
    const bytes = buildOnnx(MODEL);
    // ir_version is the first two bytes; behind the rest it means the same.
    const turned = Uint8Array.of(...bytes.subarray(2), ...bytes.subarray(0, 2));
    expect(importModel(turned).nodes).toEqual(importModel(bytes).nodes);
  });

  test("the policy of the metadata comes along", () => {
    expect(importOnnx(buildOnnx(MODEL)).policy).toBe('{"bits": 8}');
    expect(importOnnx(buildOnnx({ ...MODEL, metadata: {} }))).not.toHaveProperty("policy");
  });
});
