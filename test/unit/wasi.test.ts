import { beforeAll, describe, expect, test } from "vitest";
import {
  CONV_WEIGHTS_AT,
  FORMAT_MAJOR,
  IO_HEADER_BYTES,
  IO_LABELS_BYTES,
  IO_RECORD_BYTES,
  PREFIX_BYTES,
  PREFIX_DIGEST,
  PREFIX_MAJOR,
} from "../../assembly/abi.ts";
import { type Compiled, compileGraph } from "../../src/compile.ts";
import { modelDigest } from "../../src/model/digest.ts";
import type { Codes } from "../../src/numerics/pack.ts";
import { runReference } from "../../src/quantize/reference.ts";
import { GraphBuilder } from "../cases/builder.ts";
import { engineBytes, hasRelaxed } from "../cases/engine.ts";
import { randomGraph, randomInputs } from "../cases/graphs.ts";
import { borderBytes, type CommandOptions, runCommand } from "../cases/wasi.ts";

const BUILDS = [
  "dyadic-wasi-scalar",
  "dyadic-wasi",
  ...(hasRelaxed ? (["dyadic-wasi-relaxed"] as const) : []),
] as const;

/** A uint8 input scaled into two labelled outputs; small enough to know the answers. */
function labelled(): Compiled {
  const builder = new GraphBuilder("labelled");
  const input = builder.input([1, 1, 1, 3], { scale: 1, zeroPoint: 0 }, "uint8");
  const node = builder.node("requantize", [input], { activation: "none" }, { scale: 1, zeroPoint: 0 });
  builder.output(node, "uint8", ['say "cat"\\', "dog\u0001", "Übergröße"]);
  return compileGraph(builder.build());
}

let command: WebAssembly.Module;
const small = labelled();
const files = { "m.dyad": small.model };
const run = (args: readonly string[], options: CommandOptions = {}) =>
  runCommand(command, args, { files, ...options });

/** The model with one change, its digest made right again. */
function changed(model: Uint8Array, change: (file: DataView) => void): Uint8Array {
  const file = model.slice();
  change(new DataView(file.buffer));
  file.fill(0, PREFIX_DIGEST, PREFIX_DIGEST + 32);
  file.set(modelDigest(file), PREFIX_DIGEST);
  return file;
}

beforeAll(async () => {
  command = await WebAssembly.compile(engineBytes("dyadic-wasi"));
});

test("imports nothing but WASI functions", () => {
  const imports = WebAssembly.Module.imports(command);
  expect(new Set(imports.map(({ module, kind }) => `${module} ${kind}`))).toEqual(
    new Set(["wasi_snapshot_preview1 function"]),
  );
});

describe.each(BUILDS)("%s", (build) => {
  test("computes what the integer reference does, sample after sample, in bounded memory", async () => {
    const module = await WebAssembly.compile(engineBytes(build));
    for (let seed = 1; seed <= 40; seed++) {
      const source = randomGraph(seed, [8], { states: true });
      const { model, integer, layout } = compileGraph(source);
      const samples = [seed, seed + 1000, seed + 2000].map((s) => randomInputs(source, s));
      const stdin = Buffer.concat(samples.map((inputs) => borderBytes(inputs, integer.inputs)));
      let tensors: Codes[] | undefined;
      const expected = samples.map((inputs) => {
        tensors = runReference(integer, inputs, seed % 2 === 0 ? tensors : undefined);
        return borderBytes(
          integer.outputs.map(({ tensor }) => tensors![tensor]!),
          integer.outputs,
        );
      });
      const result = await runCommand(module, seed % 2 === 0 ? ["m.dyad"] : ["--reset", "m.dyad"], {
        stdin,
        files: { "m.dyad": model },
      });
      expect(result.stderr, `seed ${seed}`).toBe("");
      expect(Buffer.from(result.stdout), `seed ${seed}`).toEqual(Buffer.concat(expected));
      expect(result.memoryBytes).toBeLessThanOrEqual(model.length + layout.peakBytes + 128 * 1024);
    }
  });
});

describe("paths", () => {
  const stdin = Uint8Array.of(1, 2, 3);
  test.each([
    ["m.dyad", "."],
    ["./m.dyad", "."],
    ["m.dyad", "/"],
    ["/m.dyad", "/"],
    ["/models/m.dyad", "/models"],
    ["m.dyad", "/models"],
    ["models/m.dyad", "models"],
    ["models//m.dyad", "models/"],
    ["models/m.dyad", "/models"],
    ["/models/m.dyad", "models"],
    ["/m.dyad", "."],
  ])("%s below a directory named %s", async (path, preopen) => {
    const { code, stdout, stderr } = await run([path], { stdin, preopen });
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(stdout).toEqual(stdin);
  });
});

describe("--json", () => {
  test("prints a line per sample, with the first maximum and its label escaped", async () => {
    const { code, stdout } = await run(["--json", "m.dyad"], {
      stdin: Uint8Array.of(255, 255, 0, 1, 2, 1, 0, 127, 128),
    });
    expect(code).toBe(0);
    const lines = Buffer.from(stdout).toString("utf8").trimEnd().split("\n");
    const common = { name: small.integer.outputs[0]!.name, dtype: "uint8", shape: [1, 1, 1, 3] };
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { outputs: [{ ...common, data: [255, 255, 0], top: 0, label: 'say "cat"\\' }] },
      { outputs: [{ ...common, data: [1, 2, 1], top: 1, label: "dog\u0001" }] },
      { outputs: [{ ...common, data: [0, 127, 128], top: 2, label: "Übergröße" }] },
    ]);
  });

  test("replaces bytes of a label that are no UTF-8", async () => {
    const broken = small.model.slice();
    const at = Buffer.from(broken).indexOf("Übergröße");
    const model = changed(broken, (file) => file.setUint8(at, 0xff));
    const { stdout } = await run(["m.dyad", "--json"], {
      stdin: Uint8Array.of(0, 0, 9),
      files: { "m.dyad": model },
    });
    const text = new TextDecoder("utf-8", { fatal: true }).decode(stdout);
    expect(JSON.parse(text).outputs[0].label).toBe("\ufffd\ufffdbergröße");
  });
});

describe("problems are told on stderr", () => {
  const good = Uint8Array.of(1, 2, 3);
  const model = small.model;
  const plain = (bytes: Uint8Array): CommandOptions => ({ stdin: good, files: { "m.dyad": bytes } });
  const flipped = model.slice();
  flipped[model.length - 1]! ^= 1;
  const section = (kind: number) => PREFIX_BYTES + 16 * (kind - 1);
  const offset = (file: DataView, kind: number) => file.getUint32(section(kind) + 8, true);

  test.each<[string, readonly string[], CommandOptions, number, readonly string[]]>([
    ["no model", [], {}, 1, ["no model is given", "--help"]],
    ["an unknown option", ["--loud", "m.dyad"], {}, 1, ["unknown option --loud"]],
    ["two models", ["m.dyad", "n.dyad"], {}, 1, ["more than one model is given: n.dyad"]],
    ["a missing file", ["n.dyad"], {}, 1, ["n.dyad: the model cannot be opened", "no such file", "hint: "]],
    ["an absolute path elsewhere", ["/n/m.dyad"], { preopen: "/models" }, 1, ["no such file", "host opened"]],
    ["no directory", ["m.dyad"], { preopen: null }, 1, ["opened no directory", "--dir=."]],
    ["a directory", ["."], {}, 1, [".: the model is a directory"]],
    ["the root", ["/"], {}, 1, ["/: the model"]],
    ["another file", ["m.dyad"], plain(new Uint8Array(100)), 1, ["m.dyad: this is not a .dyad", "BAD_MAGIC"]],
    ["an empty file", ["m.dyad"], plain(new Uint8Array(0)), 1, ["BAD_LENGTH: record 0, byte 8, value 0"]],
    ["a cut file", ["m.dyad"], plain(model.slice(0, -64)), 1, ["cut short", `value ${model.length - 64}`]],
    ["a longer file", ["m.dyad"], plain(Buffer.concat([model, good])), 1, [`value ${model.length + 3}`]],
    ["a changed byte", ["m.dyad"], plain(flipped), 1, ["SHA-256 does not match", "BAD_DIGEST"]],
    [
      "no input",
      ["m.dyad"],
      { stdin: new Uint8Array(0) },
      1,
      ["standard input is empty", "3 bytes a sample"],
    ],
    [
      "a short input",
      ["m.dyad"],
      { stdin: good.slice(1) },
      1,
      ['"input0" uint8 [1,1,1,3]', "0 whole and 2 by"],
    ],
    ["a long input", ["m.dyad"], { stdin: Uint8Array.of(1, 2, 3, 4) }, 1, ["1 whole and 1 bytes"]],
    [
      "another version",
      ["m.dyad"],
      plain(changed(model, (file) => file.setUint16(PREFIX_MAJOR, FORMAT_MAJOR + 1, true))),
      2,
      ["format version", "BAD_VERSION: record 0, byte 4, value 2", "update dyadic"],
    ],
    [
      "labels outside the section",
      ["m.dyad"],
      plain(
        changed(model, (file) => {
          const record = offset(file, 1) + IO_HEADER_BYTES + IO_RECORD_BYTES;
          file.setInt32(record + IO_LABELS_BYTES, 0x7fffffff, true);
        }),
      ),
      1,
      ["the io section is damaged", "BAD_IO: record 1, byte 40"],
    ],
    [
      "a bad step",
      ["m.dyad"],
      plain(
        changed(model, (file) => file.setInt32(offset(file, 2) + 16 + 2 * 64 + 4, CONV_WEIGHTS_AT - 1, true)),
      ),
      1,
      ["a step record is damaged", "BAD_STEP: record 0, byte 4, value 31"],
    ],
  ])("%s", async (_, args, options, code, texts) => {
    const result = await run(args, { stdin: good, ...options });
    for (const text of texts) expect(result.stderr).toContain(text);
    expect(result.stderr).toMatch(/^dyadic-wasi: .+\n(?: {2}(expected|found): .+\n)* {2}hint: .+\n$/);
    expect(result.code).toBe(code);
  });

  test("whole samples before a partial one are written", async () => {
    const { code, stdout } = await run(["m.dyad"], { stdin: Uint8Array.of(1, 2, 3, 4) });
    expect([code, ...stdout]).toEqual([1, 1, 2, 3]);
  });
});

test("--help and --version explain themselves", async () => {
  const help = await run(["--help"]);
  expect([help.code, help.stderr]).toEqual([0, ""]);
  expect(Buffer.from(help.stdout).toString()).toContain(
    "usage: dyadic-wasi.wasm [--json | --ndjson] [--loop] [--reset] MODEL.dyad",
  );
  const version = await run(["--version"]);
  expect(Buffer.from(version.stdout).toString()).toBe("dyadic-wasi, format 1.0, SIMD build\n");
});
