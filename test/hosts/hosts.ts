// The hosts: where each one's program is, which builds it must take, and how it runs them.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { browserHosts } from "./browsers.ts";
import type { HostModel } from "./models.ts";
import { workerdHosts } from "./workerd.ts";

export const MODULES = "../../assembly/build";
const PYTHON = ".venv/bin/python";
export const WAZERO = ".bin/wazero";
const DENO = "node_modules/@deno/linux-x64-glibc/deno";
const BUN = "node_modules/@oven/bun-linux-x64/bin/bun";

export interface Outcome {
  readonly hash: string;
  readonly ms: number;
}

/** What an embedder prints: one outcome per model. */
export interface EngineReport {
  dotClass: string;
  readonly results: Record<string, Outcome>;
}

export interface Host {
  readonly name: string;
  readonly version: string;
  /** Names of .wasm files below assembly/build. */
  readonly builds: readonly string[];
  run(build: string, directory: string, models: readonly HostModel[]): Promise<EngineReport>;
}

/** A host that is not installed here, and how to get it. */
export interface MissingHost {
  readonly name: string;
  readonly reason: string;
}

export const ENGINES = ["engine-scalar", "engine"];
const COMMANDS = ["dyadic-wasi-scalar", "dyadic-wasi"];
export const RELAXED_ENGINE = "engine-relaxed";
/** Runs in sessions of the package, on several threads. */
export const THREADS_ENGINE = "engine-threads";
const RELAXED_COMMAND = "dyadic-wasi-relaxed";

export function allHosts(): (Host | MissingHost)[] {
  return [
    ...NODES.flatMap((major) =>
      scriptHosts(`Node ${major}`, nodeProgram(major), ["--no-warnings"], major > 20),
    ),
    ...scriptHosts("Deno", DENO, ["run", "-A", "--no-lock", "--no-config"], true),
    ...scriptHosts("Bun", BUN, ["run"], true),
    ...workerdHosts(),
    ...browserHosts(),
    ...wasmtimeHosts(),
    ...wazeroHosts(),
  ];
}

const NODES = [20, 22, 24];

/** The Nodes that are installed, for the compiler. */
export function nodes(): ({ readonly name: string; readonly program: string } | MissingHost)[] {
  return NODES.map((major) => {
    const [name, program] = [`Node ${major}`, nodeProgram(major)];
    return existsSync(program)
      ? { name, program }
      : { name, reason: `no ${program}: npm ci (Linux x64 only)` };
  });
}

/** SHA-256 of the files that the compiler writes in a Node, by configuration. */
export function compiledHashes(program: string): Record<string, string> {
  return JSON.parse(output(program, ["--no-warnings", "build/run-compile.mjs"]));
}

/** A host of scripts: the engines by their exports, the commands by its `node:wasi`. Node 20 has no relaxed SIMD. */
function scriptHosts(
  name: string,
  program: string,
  flags: readonly string[],
  relaxed: boolean,
): (Host | MissingHost)[] {
  if (!existsSync(program)) return [{ name, reason: `no ${program}: npm ci (Linux x64 only)` }];
  const version = /\d[\d.]*/.exec(output(program, ["--version"]))?.[0] ?? "";
  return [
    {
      name,
      version,
      builds: relaxed ? [...ENGINES, RELAXED_ENGINE, THREADS_ENGINE] : ENGINES,
      run: embedded((wasm, manifest) => {
        const script = wasm.includes(THREADS_ENGINE) ? "build/run-threads.mjs" : "build/run-engine.mjs";
        return [program, ...flags, script, wasm, manifest];
      }),
    },
    {
      name: `${name} (WASI)`,
      version,
      builds: relaxed ? [...COMMANDS, RELAXED_COMMAND] : COMMANDS,
      run: piped((wasm, directory) => [program, ...flags, "build/run-command.mjs", wasm, directory]),
    },
  ];
}

function nodeProgram(major: number): string {
  const own = process.versions.node.split(".")[0] === String(major);
  return own ? process.execPath : `node_modules/node${major}-linux-x64/bin/node`;
}

function wasmtimeHosts(): (Host | MissingHost)[] {
  const name = "wasmtime";
  if (!existsSync(PYTHON)) return [{ name, reason: `no ${PYTHON}: .ci/run installs it` }];
  const script = "wasmtime_host.py";
  const version = output(PYTHON, [script, "version"]);
  return [
    {
      name: `${name} (embedded)`,
      version,
      builds: [...ENGINES, RELAXED_ENGINE],
      run: embedded((wasm, manifest) => [PYTHON, script, "engine", wasm, manifest]),
    },
    {
      name: `${name} (WASI)`,
      version,
      builds: [...COMMANDS, RELAXED_COMMAND],
      run: piped((wasm, directory) => [PYTHON, script, "command", wasm, directory]),
    },
  ];
}

/** wazero has no relaxed SIMD; its compiler and its interpreter are two hosts. */
function wazeroHosts(): (Host | MissingHost)[] {
  if (!existsSync(WAZERO)) return [{ name: "wazero", reason: `no ${WAZERO}: .ci/run installs it` }];
  const version = output(WAZERO, ["version"]);
  const host = (name: string, ...flags: string[]): Host => ({
    name,
    version,
    builds: COMMANDS,
    run: piped((wasm, directory) => [WAZERO, "run", ...flags, `-mount=${directory}:/:ro`, wasm]),
  });
  return [host("wazero"), host("wazero (interpreter)", "-interpreter")];
}

/** One process runs every model through the engine's exports and prints an EngineReport. */
function embedded(line: (wasm: string, manifest: string) => string[]): Host["run"] {
  return async (build, directory) => {
    const [program = "", ...args] = line(`${MODULES}/${build}.wasm`, join(directory, "manifest.json"));
    return JSON.parse(output(program, args)) as EngineReport;
  };
}

/** One process per model: the WASI command with pipes for stdin and stdout; small models also as lines of JSON. */
function piped(line: (wasm: string, directory: string) => string[]): Host["run"] {
  return async (build, directory, models) => {
    const [program = "", ...args] = line(`${MODULES}/${build}.wasm`, directory);
    const dotClass = /class (\w+)/.exec(output(program, [...args, "--version"]))?.[1] ?? "-";
    const report: EngineReport = { dotClass, results: {} };
    for (const model of models) {
      const { name, input } = model;
      const frames = readFileSync(input);
      const start = performance.now();
      const stdout = execute(program, [...args, `/${name}.dyad`], frames);
      report.results[name] = { hash: sha256(stdout), ms: performance.now() - start };
      if (!name.startsWith("random")) continue;
      const lines = execute(
        program,
        [...args, "--loop", "--ndjson", `/${name}.dyad`],
        linesOf(frames, model),
      );
      if (!codesOf(lines.toString("utf8")).equals(stdout))
        throw new Error(`${name}: lines of JSON give other codes`);
    }
    return report;
  };
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** Raw frames as lines of JSON, a sample each. */
function linesOf(frames: Uint8Array, { inputs, samples }: HostModel): Uint8Array {
  let at = 0;
  const lines = Array.from({ length: samples }, () => {
    const sample: Record<string, number[]> = {};
    for (const { name, bytes, unsigned } of inputs) {
      const codes = frames.slice(at, at + bytes);
      sample[name] = Array.from(unsigned ? codes : Int8Array.from(codes));
      at += bytes;
    }
    return `${JSON.stringify(sample)}\n`;
  });
  return Buffer.from(lines.join(""));
}

/** The codes of every line that the command answers, as the raw bytes that it writes without --ndjson. */
function codesOf(lines: string): Buffer {
  const answers = lines.trimEnd().split("\n");
  const outputs = answers.flatMap((line) => JSON.parse(line).outputs as { dtype: string; data: number[] }[]);
  return Buffer.concat(
    outputs.map(({ dtype, data }) =>
      dtype === "int32" ? Buffer.from(Int32Array.from(data).buffer) : Buffer.from(Int8Array.from(data)),
    ),
  );
}

export function output(program: string, args: readonly string[]): string {
  return execute(program, args).toString("utf8").trim();
}

function execute(program: string, args: readonly string[], input?: Uint8Array): Buffer {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    maxBuffer: 2 ** 28,
    timeout: 600_000,
    ...(input !== undefined && { input }),
  });
  if (status === 0) return stdout;
  throw new Error(`${program} ${args.join(" ")}: ${error?.message ?? `exit code ${status}`}\n${stderr}`);
}

/** The directory of this package, where every path of this file starts. */
export const packageDirectory = dirname(import.meta.dirname);
