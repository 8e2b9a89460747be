import { describe, expect, test } from "vitest";
import { DyadicError } from "../../src/error.ts";
import { importOnnx } from "../../src/import/onnx/index.ts";
import { attributes, buildOnnx, float, ints, type OnnxModel, type OnnxNode, Type } from "../cases/onnx.ts";
import { single } from "../cases/onnx-run.ts";

function failure(run: () => unknown): DyadicError {
  try {
    run();
  } catch (error) {
    if (error instanceof DyadicError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

const refuse = (model: OnnxModel) => failure(() => importOnnx(buildOnnx(model), "m.onnx"));

describe("errors", () => {
  test("every unsupported operator is listed with its nodes; dead ones are not", () => {
    const node = (op: string, i: number, more: Partial<OnnxNode> = {}): OnnxNode => {
      return { op, name: `n${i}`, inputs: [i === 0 ? "x" : `v${i - 1}`], outputs: [`v${i}`], ...more };
    };
    const model: OnnxModel = {
      inputs: [{ name: "x", shape: [1, 4] }],
      outputs: ["v6"],
      nodes: [
        node("Einsum", 0),
        node("Relu", 1),
        ...[2, 3, 4, 5].map((i) => node("LayerNormalization", i)),
        node("Attention", 6, { domain: "com.acme" }),
        { op: "TopK", inputs: ["x"], outputs: ["nobody"] },
      ],
    };
    const error = refuse(model);
    expect(error).toMatchObject({ code: "UNSUPPORTED_OP", place: { file: "m.onnx" } });
    expect(error.place.found).toBe(
      'Einsum x1 ("n0"); LayerNormalization x4 ("n2", "n3", "n4", ...); com.acme.Attention x1 ("n6")',
    );
    expect(error.place.hint).toContain("BatchNormalization");
  });

  test.each<[string, OnnxModel, string, RegExp]>([
    ["an open width", single("Relu", ["N", 3, "height", 7]), "UNSUPPORTED_OP", /dimension 2 \("height"\)/],
    ["an unknown rank", single("Relu", null), "UNSUPPORTED_OP", /no shape/],
    ["an old opset", single("Relu", [1], {}, {}, 6), "UNSUPPORTED_OP", /operator set/],
    [
      "integers in",
      { ...single("Relu", [1]), inputs: [{ name: "x", type: Type.INT64, shape: [1] }] },
      "UNSUPPORTED_OP",
      /element type/,
    ],
    [
      "weights that do not fit",
      single("Conv", [1, 3, 4, 4], { w: float([2, 2, 3, 3]) }),
      "BAD_FILE",
      /do not fit/,
    ],
    [
      "a constant that does not fill its shape",
      single("Add", [1, 2], { c: { dims: [3], data: [1, 2] } }),
      "BAD_FILE",
      /does not fill/,
    ],
    [
      "an output that nobody writes",
      { ...single("Relu", [1]), outputs: ["z"] },
      "BAD_FILE",
      /before it is written/,
    ],
    [
      "a slice from a fraction on",
      single("Slice", [1, 2, 4, 4], { s: float([1], [0.75]), e: ints([2]) }),
      "BAD_FILE",
      /has to be integers/,
    ],
    [
      "padding with infinity",
      single("Pad", [1, 1, 2, 2], { p: ints([0, 0, 1, 1, 0, 0, 1, 1]), v: float([], [-Infinity]) }),
      "UNSUPPORTED_OP",
      /finite/,
    ],
    [
      "arithmetic on codes without a scale",
      {
        ...single("AveragePool", [1, 1, 2, 2], {}, attributes({ kernel_shape: [2, 2] })),
        inputs: [{ name: "x", type: Type.INT8, shape: [1, 1, 2, 2] }],
        nodes: [{ op: "Add", inputs: ["x", "x"], outputs: ["y"] }],
      },
      "UNSUPPORTED_OP",
      /without a scale/,
    ],
    ["constants without end", single("Expand", [1], {}), "UNSUPPORTED_OP", /unsupported operator/],
  ])("%s", (_, model, code, message) => {
    const error = refuse(model);
    expect(error).toMatchObject({ code, place: { file: "m.onnx" } });
    expect(error.message).toMatch(message);
  });

  test("sizes of a damaged resize are refused, however the others offset them", () => {
    const sizes = ints([1, 1, -(2 ** 50), 2 ** 40]);
    const model = single("Resize", [1, 1, 2, 2], { r: float([0]), s: float([0]), sizes });
    expect(refuse(model)).toMatchObject({ code: "UNSUPPORTED_OP", place: { op: "Resize" } });
    const large = single("Resize", [1, 1, 2, 2], {
      r: float([0]),
      s: float([0]),
      sizes: ints([1, 1, 4, 2 ** 40]),
    });
    expect(refuse(large).message).toMatch(/enormous/);
  });

  test.each([
    ["enormous", [65536, 65536], /enormous constants/],
    ["of a negative size", [-1, -1], /impossible shape/],
  ])("constants that are %s are refused before they are made", (_, shape, message) => {
    const model: OnnxModel = {
      ...single("Add", [1]),
      initializers: { s: ints(shape) },
      nodes: [
        { op: "ConstantOfShape", inputs: ["s"], outputs: ["c"] },
        { op: "Add", inputs: ["x", "c"], outputs: ["y"] },
      ],
    };
    expect(refuse(model).message).toMatch(message);
  });
});

describe("external data", () => {
  const model = single("Add", [1, 2], {
    c: { dims: [2], data: [], external: { location: "weights.bin", offset: "4", length: "8" } },
  });
  const bytes = buildOnnx(model);

  test("comes from the caller", () => {
    const weights = new Uint8Array(Float32Array.of(9, 10, 20).buffer);
    const graph = importOnnx(bytes, "m.onnx", { readExternal: () => weights });
    expect(graph.tensors.find(({ name }) => name === "c")!.data).toEqual(Float32Array.of(10, 20));
  });

  test.each<[string, (() => Uint8Array) | undefined, RegExp]>([
    ["was not given", undefined, /constant "c" is in the external file "weights.bin", which was not given/],
    [
      "cannot be read",
      () => {
        throw new Error("no such file");
      },
      /cannot be read[\s\S]*no such file/,
    ],
    ["is too short", () => new Uint8Array(8), /outside its external file "weights.bin"/],
  ])("that %s is an error that names file and tensor", (_, readExternal, message) => {
    const error = failure(() =>
      importOnnx(bytes, "m.onnx", readExternal === undefined ? {} : { readExternal }),
    );
    expect(error).toMatchObject({ code: "BAD_FILE", place: { file: "m.onnx" } });
    expect(error.message).toMatch(message);
  });
});
