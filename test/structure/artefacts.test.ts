import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import binaryen from "binaryen";
import { build } from "esbuild";
import { describe, expect, test } from "vitest";
import { ROOT } from "../cases/sources.ts";

const MOST_ENGINE_BYTES = 64 * 1024;
const MOST_COMMAND_BYTES = 15 * 1024; // what reading arguments, files and streams may add to the engine inside
const MOST_RUNTIME_BYTES = 10 * 1024;
const FLOAT = /\b(f32|f64|f32x4|f64x2|f16x8)\b/;
const VECTOR = /\bv128\b/;

const BUILDS = join(ROOT, "assembly/build");
const RELEASED = readdirSync(BUILDS).filter((file) =>
  /^(engine|dyadic-wasi|dyadic-component).*\.wasm$/.test(file),
);

function wasm(file: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(join(BUILDS, file)));
}

/** Everything a module does, as text. */
function disassemble(file: string): string {
  const module = binaryen.readBinary(wasm(file));
  const text = module.emitText();
  module.dispose();
  return text;
}

test("the three engines are there, and the one for threads", () => {
  const engines = ["engine.wasm", "engine-relaxed.wasm", "engine-scalar.wasm", "engine-threads.wasm"];
  expect(RELEASED).toEqual(expect.arrayContaining(engines));
});

describe.each(RELEASED)("%s", (file) => {
  test("is at most 64 KB; the command, 15 KB more than the engine in it", () => {
    const [, command, isa] = file.match(/^(dyadic-wasi)?(?:engine|dyadic-component)?(.*)\.wasm$/)!;
    const most = command ? wasm(`engine${isa}.wasm`).length + MOST_COMMAND_BYTES : MOST_ENGINE_BYTES;
    expect(wasm(file).length).toBeLessThanOrEqual(most);
  });

  test("imports nothing, or WASI alone; for threads, shared memory alone", () => {
    const imports = disassemble(file).match(/\(import .*/g) ?? [];
    const allowed = file.startsWith("dyadic-wasi")
      ? /^\(import "wasi_snapshot_preview1" "\w+" \(func /
      : /(?!)/;
    const memory = '(import "env" "memory" (memory $mimport$0 1 65536 shared))';
    const expected = file === "engine-threads.wasm" ? [memory] : imports.filter((line) => allowed.test(line));
    expect(imports).toEqual(expected);
  });

  test("has no float opcode, and without SIMD no vector", () => {
    const text = disassemble(file);
    expect(text.split("\n").filter((line) => FLOAT.test(line))).toEqual([]);
    if (file.includes("-scalar")) expect(VECTOR.test(text)).toBe(false);
  });
});

test("calibrator.wasm is strict: no imports, no relaxed opcode", () => {
  const text = disassemble("calibrator.wasm");
  expect(text).toContain("f32x4.mul");
  expect(/\brelaxed_|\(import\b/.test(text)).toBe(false);
});

test("the patterns see what binaryen prints", () => {
  const module = new binaryen.Module();
  const sum = module.f32.add(module.f32.const(1), module.local.get(0, binaryen.f32));
  module.addFunction("f", binaryen.createType([binaryen.f32]), binaryen.f32, [], sum);
  expect(FLOAT.test(module.emitText())).toBe(true);
  expect(VECTOR.test(disassemble("engine.wasm"))).toBe(true);
});

test("the runtime's browser entry is at most 10 KB, minified and gzipped, without the .wasm", async () => {
  const { outputFiles } = await build({
    entryPoints: [join(ROOT, "src/runtime/browser.ts")],
    bundle: true,
    minify: true,
    format: "esm",
    write: false,
    logLevel: "silent",
  });
  const bytes = gzipSync(outputFiles[0]!.contents, { level: 9 }).length;
  console.log(`runtime, browser entry: ${bytes} bytes gzipped`);
  expect(bytes).toBeLessThanOrEqual(MOST_RUNTIME_BYTES);
});
