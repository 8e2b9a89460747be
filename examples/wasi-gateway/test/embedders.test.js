// The command as a long-lived pipe, and the engine in Go, Python and as a component: one answer everywhere.
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { before, test } from "node:test";
import { InferenceSession } from "dyadic";

const PYTHON = process.env.PYTHON ?? "python3";
const FRAMES = 20;
const frames = Array.from({ length: FRAMES }, (_, i) =>
  Uint8Array.from({ length: 784 }, (_, at) => (at * (i + 3) + i * 31) % 256),
);
let expected;

before(async () => {
  execFileSync("npx", ["dyadic", "compile", "model.dyad", "--target", "wasm", "-o", "model.wasm"]);
  const session = await InferenceSession.create(readFileSync("model.dyad"));
  expected = frames.map((image) => Buffer.from(session.runSync({ image }).probabilities.data));
});

/** Skips where a program is not there; in CI that is a failure. */
function needs(program, args) {
  const missing = spawnSync(program, args).status !== 0;
  if (missing && process.env.CI === "true") throw new Error(`${program} ${args.join(" ")} does not run`);
  return missing ? `no ${program}` : false;
}

test("a pipe answers every frame before the next is sent, as lines of JSON", async () => {
  const pipe = spawn(process.execPath, ["--no-warnings", "src/wasi.js", "model.dyad", "--json"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  for (const [i, frame] of frames.entries()) {
    pipe.stdin.write(frame);
    const [line] = await once(pipe.stdout, "data");
    const { outputs } = JSON.parse(line);
    assert.deepEqual(Buffer.from(Int8Array.from(outputs[0].data).buffer), expected[i]);
    assert.equal(outputs[0].name, "probabilities");
  }
  pipe.stdin.end();
  const [code] = await once(pipe, "exit");
  assert.equal(code, 0);
});

for (const [name, program, args, probe] of [
  ["Go (wazero)", "go", ["-C", "go", "run", ".", "../model.wasm"], ["version"]],
  ["Python (wasmtime)", PYTHON, ["python/run.py", "model.wasm"], ["-c", "import wasmtime"]],
]) {
  test(`${name} embeds the module with engine and model in it`, { skip: needs(program, probe) }, () => {
    const output = execFileSync(program, args, { input: Buffer.concat(frames) });
    assert.deepEqual(output, Buffer.concat(expected));
  });
}
