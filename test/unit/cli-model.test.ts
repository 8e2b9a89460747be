import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { Interrupted, interruptible } from "../../src/cli/interrupt.ts";
import { siblingsOf } from "../../src/cli/model.ts";
import { importModel } from "../../src/import/index.ts";
import { buildOnnx } from "../cases/onnx.ts";
import { single } from "../cases/onnx-run.ts";

const root = mkdtempSync(join(tmpdir(), "dyadic-"));
const folder = join(root, "model");
mkdirSync(join(folder, "data"), { recursive: true });
writeFileSync(join(root, "secret.bin"), Uint8Array.of(1, 2, 3));
writeFileSync(join(folder, "data", "weights.bin"), new Uint8Array(Float32Array.of(1, 2).buffer));
symlinkSync(join(root, "secret.bin"), join(folder, "link.bin"));
afterAll(() => rmSync(root, { recursive: true }));

const path = join(folder, "m.onnx");

test("external data is read beside the model", () => {
  const external = { location: "data/weights.bin" };
  const bytes = buildOnnx(single("Add", [1, 2], { c: { dims: [2], data: [], external } }));
  const graph = importModel(bytes, path, { readExternal: siblingsOf(path) });
  expect(graph.tensors.find(({ name }) => name === "c")!.data).toEqual(Float32Array.of(1, 2));
});

test.each(["../secret.bin", "data/../../secret.bin", "/etc/passwd", join(root, "secret.bin"), "link.bin"])(
  "%s is refused",
  (name) => {
    expect(() => siblingsOf(path)(name)).toThrow(/in the model's own folder/);
  },
);

test("a file that is not there is named", () => {
  expect(() => siblingsOf(path)("none.bin")).toThrow(/none\.bin/);
});

test("Ctrl-C ends what listens to the signal, and what does not before its result counts", async () => {
  const listeners = process.listenerCount("SIGINT");
  const interrupt = async (signal: AbortSignal) => {
    process.emit("SIGINT");
    signal.throwIfAborted();
  };
  await expect(interruptible(interrupt)).rejects.toThrow(Interrupted);
  await expect(interruptible(async () => process.emit("SIGINT"))).rejects.toMatchObject({ exitCode: 130 });
  await expect(interruptible(async () => 7)).resolves.toBe(7);
  expect(process.listenerCount("SIGINT")).toBe(listeners);
});
