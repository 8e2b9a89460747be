// The command as a long-lived pipe, and the engine in Go, Python and as a component: one answer everywhere.
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
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

const WAZERO = process.env.WAZERO ?? "wazero";
const COMMAND = fileURLToPath(import.meta.resolve("dyadic/dyadic-wasi.wasm"));
const PIPES = [
  ["node:wasi", process.execPath, ["--no-warnings", "src/wasi.js", "model.dyad"], ["--version"]],
  ["wazero", WAZERO, ["run", "-mount=.:/:ro", COMMAND, "model.dyad"], ["version"]],
];
const lineOf = (frame) => `${JSON.stringify({ image: Array.from(frame) })}\n`;

/** A program on pipes; `ask` writes, and waits for the line that answers before anything else is written. */
function opened(program, args) {
  const pipe = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface(pipe.stdout)[Symbol.asyncIterator]();
  const ask = async (bytes) => {
    pipe.stdin.write(bytes);
    return JSON.parse((await lines.next()).value);
  };
  const close = async () => {
    pipe.stdin.end();
    return (await once(pipe, "exit"))[0];
  };
  return { ask, close };
}

function expectAnswer({ outputs }, i) {
  assert.deepEqual(Buffer.from(Int8Array.from(outputs[0].data).buffer), expected[i]);
  assert.equal(outputs[0].name, "probabilities");
}

for (const [name, program, args, probe] of PIPES) {
  test(`${name}: a pipe answers every raw frame before the next is sent`, {
    skip: needs(program, probe),
  }, async () => {
    const { ask, close } = opened(program, [...args, "--loop", "--json"]);
    for (const [i, frame] of frames.entries()) expectAnswer(await ask(frame), i);
    assert.equal(await close(), 0);
  });

  test(`${name}: so does a pipe of lines, and goes on behind a wrong one`, {
    skip: needs(program, probe),
  }, async () => {
    const { ask, close } = opened(program, [...args, "--loop", "--ndjson"]);
    for (const [i, frame] of frames.entries()) {
      expectAnswer(await ask(lineOf(frame)), i);
      const { error } = await ask(i % 2 ? lineOf(frame.subarray(1)) : "no JSON\n");
      assert.match(error, i % 2 ? /too few codes/ : /not an object/);
    }
    assert.equal(await close(), 0);
  });
}

for (const [name, program, args, probe] of [
  ["Go (wazero)", "go", ["-C", "go", "run", ".", "../model.wasm"], ["version"]],
  ["Python (wasmtime)", PYTHON, ["python/run.py", "model.wasm"], ["-c", "import wasmtime"]],
]) {
  test(`${name} embeds the module with engine and model in it`, { skip: needs(program, probe) }, () => {
    const output = execFileSync(program, args, { input: Buffer.concat(frames) });
    assert.deepEqual(output, Buffer.concat(expected));
  });
}
