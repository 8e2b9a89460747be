import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { calibrationNpy } from "../../models/digits/samples.ts";
import { compare } from "../../src/cli/compare.ts";
import { compileCommand } from "../../src/cli/compile.ts";
import { exportOnnx } from "../../src/export/onnx/index.ts";
import { importOnnx } from "../../src/import/onnx/index.ts";
import { assetsDirectory } from "../cases/assets.ts";

const digits = fileURLToPath(new URL("../../models/digits/digits.", import.meta.url));
const [onnx, dyad] = [`${digits}onnx`, `${digits}dyad`];
const folder = mkdtempSync(join(tmpdir(), "dyadic-compare-"));
const input = join(folder, "x.npy");

beforeAll(() => writeFileSync(input, calibrationNpy()));
afterAll(() => rmSync(folder, { recursive: true }));

interface Result {
  readonly a: { readonly kind: string };
  readonly b: { readonly kind: string };
  readonly firstApart: string | null;
  readonly layers: readonly { readonly name: string; readonly signalToNoise: number | null }[];
}

/** What a command prints as JSON. */
async function printed<T>(command: () => Promise<void>): Promise<T> {
  const print = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  try {
    await command();
    return JSON.parse(`${print.mock.calls[0]![0]}`);
  } finally {
    print.mockRestore();
  }
}

const compared = (a: string, b: string, below = 20) =>
  printed<Result>(() => compare(a, b, { input, scale: 255, count: 8, below, json: true }));

/** The digit model with the first weights of a layer turned around, as ONNX. */
function damaged(layer: string): string {
  const graph = importOnnx(new Uint8Array(readFileSync(onnx)));
  const weights = graph.nodes.find(({ name }) => name === layer)!.inputs[1]!;
  const tensors = graph.tensors.map((tensor, index) => {
    if (index !== weights) return tensor;
    const data = (tensor.data as Float32Array).map((weight, i) => (i < 200 ? -weight : weight));
    return { ...tensor, data };
  });
  const file = join(folder, `${layer}.onnx`);
  writeFileSync(file, exportOnnx({ ...graph, tensors }));
  return file;
}

test("integers stay near the floats that they were made of, in every layer", async () => {
  const { a, b, firstApart, layers } = await compared(onnx, dyad);
  expect([a.kind, b.kind, firstApart]).toEqual(["float", "integer", null]);
  expect(layers.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["conv1", "conv2", "conv3", "dense"]),
  );
  for (const { signalToNoise } of layers) expect(signalToNoise).toBeGreaterThan(25);
});

test.each(["conv2", "dense"])("the first layer where they part is the damaged one: %s", async (layer) => {
  const other = damaged(layer);
  expect((await compared(other, dyad)).firstApart).toBe(layer); // float with integer
  expect((await compared(dyad, other)).firstApart).toBe(layer);
  expect((await compared(onnx, other)).firstApart).toBe(layer); // float with float: what is in front is the same
  const compiled = join(folder, `${layer}.dyad`);
  await printed(() =>
    compileCommand(other, { calibrate: input, scale: 255, output: compiled, target: "dyad", json: true }),
  );
  expect((await compared(dyad, compiled)).firstApart).toBe(layer);
});

test("a file is the same as itself", async () => {
  const { layers, firstApart } = await compared(dyad, dyad, 200);
  expect(firstApart).toBe(null);
  expect(layers.every(({ signalToNoise }) => signalToNoise === null)).toBe(true);
});

test.skipIf(assetsDirectory === null)(
  "a .tflite of codes is the same as its .dyad, bit for bit",
  async () => {
    const data = `${assetsDirectory}/mlperf_tiny`;
    const model = `${data}/models/kws_ref_model.tflite`;
    const output = join(folder, "kws.dyad");
    await printed(() => compileCommand(model, { output, target: "dyad", json: true }));
    const samples = `${data}/data/kws01_eval_x.npy`;
    const { layers } = await printed<Result>(() =>
      compare(model, output, { input: samples, count: 4, below: 20, json: true }),
    );
    expect(layers).toHaveLength(13);
    expect(layers.every(({ signalToNoise }) => signalToNoise === null)).toBe(true);
  },
);
