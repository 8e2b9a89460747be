// What a user reads where a model of the field cannot be taken: whole messages, so that a change of one is seen.
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { siblingsOf } from "../../src/cli/model.ts";
import { DyadicError } from "../../src/error.ts";
import { type ImportOptions, importModel } from "../../src/import/index.ts";
import * as schema from "../../src/import/tflite/schema.generated.ts";
import { buildOnnx, float, type OnnxModel } from "../cases/onnx.ts";
import { single } from "../cases/onnx-run.ts";
import { buildTflite, type TfliteModel } from "../cases/tflite.ts";

const { BuiltinOperator: Op } = schema;

/** The message that a model is refused with; the list of all that is supported, which grows, left out. */
function message(bytes: Uint8Array, file: string, options: ImportOptions = {}): string {
  try {
    importModel(bytes, file, options);
  } catch (error) {
    if (error instanceof DyadicError) return error.message.replace(/supported are .*/, "supported are ...");
    throw error;
  }
  throw new Error("nothing was refused");
}

const affine = { scale: [0.5], zeroPoint: [0] };
/** One operator on one tensor, neither of which has a name. */
const nameless = (code: number, custom?: string): TfliteModel => ({
  tensors: [
    { shape: [1, 4], ...affine },
    { shape: [1, 4], ...affine },
  ],
  operators: [{ code, inputs: [0], outputs: [1], ...(custom !== undefined && { custom }) }],
  inputs: [0],
  outputs: [1],
});

describe("TensorFlow Lite", () => {
  test("custom operators, in a model whose tensors have no names", () => {
    const file = buildTflite(nameless(Op.CUSTOM, "TFLite_Detection_PostProcess"));
    expect(message(file, "ssd.tflite")).toMatchInlineSnapshot(`
      "ssd.tflite: the model uses 1 unsupported operator
        found: custom operator "TFLite_Detection_PostProcess" x1 ("tensor_1")
        hint: supported are ..."
    `);
  });

  test("an operator in a newer version than is known", () => {
    const model = nameless(Op.TANH);
    const operators = [{ ...model.operators[0]!, version: 99 }];
    expect(message(buildTflite({ ...model, operators }), "new.tflite")).toMatchInlineSnapshot(`
      "new.tflite: the model uses 1 unsupported operator
        found: TANH version 99 (known up to 3) x1 ("tensor_1")
        hint: supported are ..."
    `);
  });

  test("control flow that calls another subgraph", () => {
    expect(message(buildTflite(nameless(Op.WHILE)), "loop.tflite")).toMatchInlineSnapshot(`
      "loop.tflite: the model uses 1 unsupported operator
        found: WHILE (calls another subgraph) x1 ("tensor_1")
        hint: supported are ..."
    `);
  });

  test("a dynamic size", () => {
    const model = nameless(Op.TANH);
    const tensors = [{ ...model.tensors[0]!, name: "tokens", signature: [1, -1] }, model.tensors[1]!];
    expect(message(buildTflite({ ...model, tensors }), "text.tflite")).toMatchInlineSnapshot(`
      "text.tflite, node "tensor_1", TANH: tensor "tokens" has a shape that is known only at run time
        expected: a static shape; only the batch may be dynamic
        found: [1, -1]
        hint: export the model with a fixed input shape"
    `);
  });

  test("tensors without names are named by their number", () => {
    const model = nameless(Op.TANH);
    const tensors = [
      { shape: [1, 4], ...affine },
      { shape: [1, 4], type: schema.TensorType.FLOAT32 },
    ];
    expect(message(buildTflite({ ...model, tensors }), "mixed.tflite")).toMatchInlineSnapshot(`
      "mixed.tflite, node "tensor_1", TANH: the layer mixes float and integer tensors
        expected: all float32, or all 8-bit
        found: "tensor_0" int8, "tensor_1" float32
        hint: this is a dynamic-range (hybrid) model or one with float borders: export it fully quantized to int8, borders included, or as float32"
    `);
  });
});

describe("ONNX", () => {
  test("operators that Dyadic does not have, all of them, with nodes", () => {
    const node = (op: string, name: string, input: string, output: string) => {
      return { op, name, inputs: [input], outputs: [output] };
    };
    const model: OnnxModel = {
      inputs: [{ name: "x", shape: [1, 4] }],
      outputs: ["y"],
      nodes: [
        node("Einsum", "attention/scores", "x", "a"),
        node("LayerNormalization", "norm1", "a", "b"),
        { ...node("MyOp", "mine", "b", "c"), domain: "acme" },
        node("LayerNormalization", "norm2", "c", "y"),
      ],
    };
    expect(message(buildOnnx(model), "vit.onnx")).toMatchInlineSnapshot(`
      "vit.onnx: the model uses 3 unsupported operators
        found: Einsum x1 ("attention/scores"); LayerNormalization x2 ("norm1", "norm2"); acme.MyOp x1 ("mine")
        hint: supported are ..."
    `);
  });

  test("a node without a name is named by its output", () => {
    const model = single("Relu", [1, 4]);
    const nodes = [{ op: "NonMaxSuppression", inputs: ["x"], outputs: ["boxes"] }];
    expect(message(buildOnnx({ ...model, nodes, outputs: ["boxes"] }), "yolo.onnx")).toMatchInlineSnapshot(`
      "yolo.onnx: the model uses 1 unsupported operator
        found: NonMaxSuppression x1 ("boxes")
        hint: supported are ..."
    `);
  });

  test("sizes that are known only at run time", () => {
    const model = single("Relu", ["batch", 3, "height", "width"]);
    expect(message(buildOnnx(model), "any-size.onnx")).toMatchInlineSnapshot(`
      "any-size.onnx: the input "x" has sizes that are known only at run time: dimension 2 ("height"), dimension 3 ("width")
        expected: a static shape; only the batch may be dynamic
        found: [batch, 3, height, width]
        hint: export the model with a fixed input shape"
    `);
  });

  const external = {
    ...single("Add", [1, 4], {}),
    initializers: { w: { ...float([4]), external: { location: "weights.bin", offset: "0", length: "16" } } },
    nodes: [{ op: "Add", name: "bias", inputs: ["x", "w"], outputs: ["y"] }],
  };

  test("external data that was not given", () => {
    expect(message(buildOnnx(external), "large.onnx")).toMatchInlineSnapshot(`
      "large.onnx: the constant "w" is in the external file "weights.bin", which was not given
        hint: put the data file beside the model (readExternal supplies it), or save the model as one file"
    `);
  });

  test("external data that is not there, is cut short, or lies outside the model's folder", () => {
    const folder = mkdtempSync(join(tmpdir(), "dyadic-"));
    const path = join(folder, "large.onnx");
    const readExternal = siblingsOf(path);
    const without = (text: string) => text.replaceAll(folder, "FOLDER");
    expect(without(message(buildOnnx(external), "large.onnx", { readExternal }))).toMatchInlineSnapshot(`
      "large.onnx: the constant "w" is in the external file "weights.bin", which cannot be read
        found: FOLDER/weights.bin: the file cannot be read   found: ENOENT: no such file or directory, open 'FOLDER/weights.bin'
        hint: put the data file beside the model (readExternal supplies it), or save the model as one file"
    `);
    writeFileSync(join(folder, "weights.bin"), new Uint8Array(8));
    expect(without(message(buildOnnx(external), "large.onnx", { readExternal }))).toMatchInlineSnapshot(`
      "large.onnx: the constant "w" lies outside its external file "weights.bin"
        expected: 16 bytes at 0
        found: a file of 8 bytes
        hint: the data file is truncated or belongs to another model; copy both again"
    `);
    const w = { ...external.initializers.w, external: { location: "../secret.bin" } };
    const escaping = { ...external, initializers: { w } };
    expect(without(message(buildOnnx(escaping), "large.onnx", { readExternal }))).toMatchInlineSnapshot(`
      "large.onnx: the constant "w" is in the external file "../secret.bin", which cannot be read
        found: FOLDER/large.onnx: an external data file must lie in the model's own folder   found: ../secret.bin
        hint: put the data file beside the model (readExternal supplies it), or save the model as one file"
    `);
  });
});
