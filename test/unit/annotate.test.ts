import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { calibrationNpy } from "../../models/digits/samples.ts";
import { exportCommand } from "../../src/cli/export.ts";
import { compileGraph } from "../../src/compile.ts";
import { annotateOnnx } from "../../src/export/onnx/annotate.ts";
import { importOnnx } from "../../src/import/onnx/index.ts";
import { readModel, readPlan } from "../../src/model/index.ts";
import { formatPolicy, type Policy, parsePolicy } from "../../src/precision/policy.ts";
import { attributes, buildOnnx, float } from "../cases/onnx.ts";

const SMALL = buildOnnx({
  inputs: [{ name: "x", shape: [1, 2, 4, 4] }],
  outputs: ["y"],
  initializers: { w: float([3, 2, 1, 1]) },
  nodes: [
    { op: "Conv", name: "stem", inputs: ["x", "w"], outputs: ["c"], attributes: attributes({ group: 1 }) },
    { op: "Relu", inputs: ["c"], outputs: ["y"] },
  ],
  metadata: { author: "somebody" },
});
const NOTES = new Map([
  ["stem", { "dyadic.weightBits": "4", "dyadic.rounding": "nearest" }],
  ["y", { "dyadic.activationBits": "8" }],
]);

describe("annotateOnnx", () => {
  test("what is written as a policy is read as the same", () => {
    const bits = fc.constantFrom(8, 7, 6, 5, 4, 3, 2, 1, "ternary" as const);
    const policy = fc.record({
      version: fc.constant(1 as const),
      defaults: fc.record({ weightBits: bits, rounding: fc.constantFrom("nearest", "learned") }),
      overrides: fc.array(fc.record({ layers: fc.string({ minLength: 1 }), weightBits: bits })),
    });
    fc.assert(
      fc.property(policy, (written) => {
        const text = formatPolicy(written as Policy);
        const annotated = annotateOnnx(SMALL, { "dyadic.policy": text }, NOTES);
        expect(importOnnx(annotated).policy).toBe(text);
        expect(parsePolicy(importOnnx(annotated).policy!)).toEqual(written);
      }),
    );
  });

  test("a second annotation takes the place of the first, and the rest of the file stays", () => {
    const once = annotateOnnx(SMALL, { "dyadic.policy": "{}" }, NOTES);
    expect(annotateOnnx(once, { "dyadic.policy": "{}" }, NOTES)).toEqual(once);
    expect(annotateOnnx(SMALL, {}, new Map())).toEqual(SMALL);
    const text = Buffer.from(once).toString("latin1");
    for (const part of ["somebody", "weightBits 4, rounding nearest", "activationBits 8"]) {
      expect(text.split(part)).toHaveLength(2);
    }
    const [ours, theirs] = [importOnnx(once), importOnnx(SMALL)];
    expect({ ...ours, policy: undefined }).toEqual({ ...theirs, policy: undefined });
  });

  test("a damaged file is refused", () => {
    expect(() => annotateOnnx(SMALL.subarray(0, 60), {}, NOTES)).toThrow(/BAD_FILE|damaged/);
  });
});

describe("dyadic export", () => {
  const folder = mkdtempSync(join(tmpdir(), "dyadic-export-"));
  const digits = fileURLToPath(new URL("../../models/digits/digits.", import.meta.url));
  const [source, model] = [`${digits}onnx`, `${digits}dyad`];
  const calibrate = join(folder, "samples.npy");
  const output = join(folder, "out.onnx");
  beforeAll(() => {
    writeFileSync(calibrate, calibrationNpy());
    vi.spyOn(process.stdout, "write").mockReturnValue(true);
  });
  afterAll(() => {
    vi.restoreAllMocks();
    rmSync(folder, { recursive: true });
  });
  const written = () => new Uint8Array(readFileSync(output));

  test("annotates the source of a .dyad with its policy, scales and zero points", async () => {
    await exportCommand(model, { source, output });
    const graph = importOnnx(written());
    expect(JSON.parse(graph.policy!).defaults.weightBits).toBe(8);
    expect({ ...graph, policy: undefined }).toEqual({
      ...importOnnx(new Uint8Array(readFileSync(source))),
      policy: undefined,
    });
    const text = Buffer.from(written()).toString("latin1");
    expect(text).toMatch(
      /dyadic: weightBits 8, activationBits 8, .*rounding nearest, op conv, scale 0\.0\d+, zeroPoint -128/,
    );
  });

  test("says what a .dyad needs, and refuses another source", async () => {
    await expect(exportCommand(model, { output })).rejects.toThrow("--source digits.onnx");
    await expect(exportCommand(model, { output, source: model })).rejects.toThrow("another file");
    await expect(exportCommand(source, { output, qdq: true })).rejects.toThrow("--qdq needs");
  });

  test("--qdq is the network in codes: compiled again, the same plan and the same weights", async () => {
    await exportCommand(source, { calibrate, scale: 255, qdq: true, output });
    const again = compileGraph(importOnnx(written())).model;
    const steps = (bytes: Uint8Array) =>
      readPlan(readModel(bytes)).steps.map(({ opcode, words }) => [opcode, words.length]);
    const weights = (bytes: Uint8Array) => readModel(bytes).sections[2]!.bytes;
    expect(steps(again)).toEqual(steps(new Uint8Array(readFileSync(model))));
    expect(weights(again)).toEqual(weights(new Uint8Array(readFileSync(model))));
  });

  test("says nothing of scales that nobody measured", async () => {
    await exportCommand(source, { output });
    const text = Buffer.from(written()).toString("latin1");
    expect(text).toContain("weightBits 8");
    expect(text).not.toContain("dyadic.scale");
  });
});
