import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import * as schema from "../../src/import/tflite/schema.generated.ts";
import { mobileNetV1 } from "../cases/networks.ts";
import { buildOnnx, float, ints, type OnnxModel } from "../cases/onnx.ts";
import { buildTflite } from "../cases/tflite.ts";
import { exportTflite } from "../cases/tflite-export.ts";

const MAIN = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "dyadic-check-"));
afterAll(() => rmSync(folder, { recursive: true }));

function check(name: string, bytes: Uint8Array, ...flags: string[]) {
  writeFileSync(join(folder, name), bytes);
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, "check", name, ...flags], {
    cwd: folder,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

/** Two operators that Dyadic does not have, one that it has in another form, and what depends on them. */
const broken: OnnxModel = {
  inputs: [{ name: "x", shape: [1, 3, 4, 4] }],
  outputs: ["y"],
  initializers: { w: float([2, 3, 1, 1]), pads: ints([0, 0, 1, 1, 0, 0, 1, 1]), fill: float([], [Infinity]) },
  nodes: [
    { op: "Conv", name: "conv", inputs: ["x", "w"], outputs: ["a"] },
    { op: "Pad", name: "pad", inputs: ["a", "pads", "fill"], outputs: ["b"] },
    { op: "Einsum", name: "mix", inputs: ["a"], outputs: ["c"] },
    { op: "LayerNormalization", name: "norm", inputs: ["c"], outputs: ["d"] },
    { op: "Add", name: "add", inputs: ["b", "d"], outputs: ["y"] },
  ],
};

describe("check lists all that a model needs and all that is missing", () => {
  test("ONNX, as text: exit code 2", () => {
    const { status, stdout, stderr } = check("broken.onnx", buildOnnx(broken));
    expect(status).toBe(2);
    expect(stdout).toBe(`broken.onnx: not supported
the model's operators, and whether Dyadic imports them
  Conv                1  yes
  Pad                 1  no
  Einsum              1  no
  LayerNormalization  1  no
  Add                 1  yes
what is missing
  Pad "pad": padding needs a finite value (Infinity)
  Einsum "mix": there is no such operator in Dyadic
  LayerNormalization "norm": there is no such operator in Dyadic
`);
    expect(stderr).toContain('node "mix", Einsum');
  });

  test("ONNX, as JSON", () => {
    const { status, stdout } = check("broken.onnx", buildOnnx(broken), "--json");
    expect(status).toBe(2);
    const found = JSON.parse(stdout);
    expect(found).toMatchObject({ supported: false, code: "UNSUPPORTED_OP" });
    expect(found.operators).toContainEqual({ operator: "Conv", nodes: 1, problems: [] });
    expect(found.operators).toContainEqual({
      operator: "Pad",
      nodes: 1,
      problems: [{ node: "pad", problem: "padding needs a finite value", found: "Infinity" }],
    });
  });

  test("TensorFlow Lite: every operator is listed, also behind a missing one", () => {
    const affine = { scale: [0.5], zeroPoint: [0] };
    const { BuiltinOperator: Op } = schema;
    const bytes = buildTflite({
      tensors: ["x", "boxes", "s", "y", "z"].map((name) => ({ name, shape: [1, 4], ...affine })),
      operators: [
        { code: Op.CUSTOM, custom: "Boxes", inputs: [0], outputs: [1] },
        { code: Op.LOGISTIC, inputs: [1], outputs: [2] },
        { code: Op.TANH, inputs: [2], outputs: [3] },
        { code: Op.SOFTMAX, inputs: [3], outputs: [4] },
      ],
      inputs: [0],
      outputs: [4],
    });
    const { status, stdout } = check("boxes.tflite", bytes, "--json");
    expect(status).toBe(2);
    expect(JSON.parse(stdout).operators).toMatchObject([
      { operator: 'custom operator "Boxes"', nodes: 1, problems: [{ node: "boxes" }] },
      { operator: "LOGISTIC", nodes: 1, problems: [] },
      { operator: "TANH", nodes: 1, problems: [] },
      { operator: "SOFTMAX", nodes: 1, problems: [{ node: "z", problem: "the operator has no options" }] },
    ]);
  });

  test("a model that runs: sizes, its operators and the engine's steps", () => {
    const file = exportTflite(mobileNetV1(32, 0.25));
    const { status, stdout } = check("small.tflite", file, "--json");
    expect(status).toBe(0);
    const { supported, operators, ops, plan, macs, flashBytes } = JSON.parse(stdout);
    expect(supported).toBe(true);
    expect(operators).toContainEqual({ operator: "DEPTHWISE_CONV_2D", nodes: 13, problems: [] });
    expect(ops).toMatchObject({ conv: 14, depthwise: 13, dense: 1 });
    for (const size of [plan.peakBytes, macs, flashBytes]) expect(size).toBeGreaterThan(1000);
    expect(check("small.tflite", file).stdout).toMatch(
      /: supported\n[\s\S]*flash[\s\S]*RAM[\s\S]*work[\s\S]*CONV_2D +14 +yes/,
    );
  });
});
