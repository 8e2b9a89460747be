// The component, made and transpiled for JavaScript, gives the answers of the session; in wasmtime too where it is there.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { transpile } from "@bytecodealliance/jco";
import { InferenceSession } from "dyadic";

const PYTHON = process.env.PYTHON ?? "python3";
const hasWasmtime = spawnSync(PYTHON, ["-c", "import wasmtime.component"]).status === 0;
const model = readFileSync("../model.dyad");
const frames = Array.from({ length: 5 }, (_, i) =>
  Uint8Array.from({ length: 784 }, (_, at) => (at * (i + 3)) % 256),
);
const session = await InferenceSession.create(model);
const expected = frames.map((image) => Buffer.from(session.runSync({ image }).probabilities.data));

await import("./make.js");

test("in JavaScript, through jco", async () => {
  const { files } = await transpile(readFileSync("dyadic.component.wasm"), { name: "classifier" });
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join("build", name)), { recursive: true });
    writeFileSync(join("build", name), bytes);
  }
  const { load, run } = await import("./build/classifier.js");
  assert.throws(() => run(frames[0]), { payload: 2 }); // NOT_LOADED
  assert.throws(() => load(new Uint8Array(100)), { payload: 3 }); // BAD_MAGIC
  load(model);
  for (const [i, frame] of frames.entries()) assert.deepEqual(Buffer.from(run(frame)), expected[i]);
  assert.throws(() => run(frames[0].subarray(1)), { payload: 5 }); // BAD_LENGTH
});

test("in wasmtime", {
  skip: hasWasmtime || process.env.CI === "true" ? false : "no wasmtime for Python",
}, () => {
  const output = execFileSync(PYTHON, ["run.py", "../model.dyad"], { input: Buffer.concat(frames) });
  assert.deepEqual(output, Buffer.concat(expected));
});
