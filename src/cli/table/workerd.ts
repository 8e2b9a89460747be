// workerd as a host. Its clock stands still while a request computes, so requests of many runs are timed from outside, and
// every step repeated alone: its operands lie in near caches.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { DyadicError } from "../../error.ts";
import type { Build } from "../../runtime/builds.ts";
import type { Host, HostModel, Measured, ModelTimes, Progress, Protocol } from "./job.ts";

const DIST = new URL("../../../", import.meta.url);
const WORKER = "src/cli/table/workerd-worker.js";
const BUILDS: readonly Build[] = ["engine-relaxed", "engine", "engine-scalar"];
/** Requests for nothing that show what a request costs. */
const EMPTY_REQUESTS = 41;
/** A batch is so many requests, of which the fastest counts: what others take of the core only adds. */
const PARTS = 5;

export function openWorkerd(command = "workerd"): Host {
  const version = versionOf(command);
  return {
    kind: "workerd",
    version,
    builds: BUILDS,
    method: "steps repeated alone, timed from outside: workerd's clock stands still within a request",
    measure: (build, models, protocol, progress) => measureIn(command, build, models, protocol, progress),
    close() {},
  };
}

function versionOf(command: string): string {
  try {
    return execFileSync(command, ["--version"], { encoding: "utf8" }).trim();
  } catch (error) {
    throw new DyadicError("UNSUPPORTED_HOST", "workerd cannot be started", {
      expected: "the program workerd",
      found: `${error}`,
      hint: "npm install workerd, then --host-command node_modules/.bin/workerd",
    });
  }
}

async function measureIn(
  command: string,
  build: Build,
  models: readonly HostModel[],
  protocol: Protocol,
  progress: Progress,
): Promise<Measured> {
  const directory = mkdtempSync(join(tmpdir(), "dyadic-workerd-"));
  const { base, child } = await serve(command, writeWorker(directory, build));
  try {
    const ask = async (path: string, body?: Uint8Array) => {
      const response = await fetch(`${base}/${path}`, {
        method: "POST",
        ...(body && { body: body.slice() }),
      });
      if (response.ok) return response.json() as Promise<{ steps: number; dotClass: number }>;
      throw new DyadicError("UNSUPPORTED_HOST", "the Worker failed", { found: await response.text() });
    };
    const subjects: Subject[] = [];
    for (const [i, { bytes }] of models.entries()) {
      subjects.push({ model: i, steps: (await ask(`load?model=${i}`, bytes)).steps, runs: new Map() });
    }
    const run = (model: number, from: number, to: number, runs: number) =>
      ask(`run?model=${model}&from=${from}&to=${to}&runs=${runs}`);
    const times = await new Rounds(subjects, run, protocol, progress).measure();
    return { dotClass: (await run(0, 0, 0, 0)).dotClass, models: times };
  } finally {
    child.kill();
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Subject {
  readonly model: number;
  readonly steps: number;
  /** Runs of a batch, by what is run. */
  readonly runs: Map<string, number>;
}

type Run = (model: number, from: number, to: number, runs: number) => Promise<unknown>;

/** Batches that are timed here, on this side of the requests. */
class Rounds {
  private readonly subjects: readonly Subject[];
  private readonly run: Run;
  private readonly protocol: Protocol;
  private readonly progress: Progress;

  constructor(subjects: readonly Subject[], run: Run, protocol: Protocol, progress: Progress) {
    this.subjects = subjects;
    this.run = run;
    this.protocol = protocol;
    this.progress = progress;
  }

  async measure(): Promise<ModelTimes[]> {
    const { subjects, protocol, progress } = this;
    const times = subjects.map(({ steps }) => {
      return { whole: [] as number[], steps: Array.from({ length: steps }, (): number[] => []) };
    });
    const empty: number[] = [];
    for (let i = 0; i < EMPTY_REQUESTS; i++) empty.push(await this.elapsed(0, 0, 0, 0));
    const request = Math.min(...empty);
    for (let round = -1; round < protocol.rounds; round++) {
      progress(round < 0 ? "warming up" : `round ${round + 1}/${protocol.rounds}`);
      for (const [i, subject] of subjects.entries()) {
        const whole = await this.nanoseconds(subject, 0, subject.steps, request);
        if (round >= 0) times[i]!.whole.push(whole);
        for (let step = 0; step < subject.steps; step++) {
          const own = await this.nanoseconds(subject, step, step + 1, request);
          if (round >= 0) times[i]!.steps[step]!.push(own);
        }
      }
    }
    return times;
  }

  private async elapsed(model: number, from: number, to: number, runs: number): Promise<number> {
    const start = performance.now();
    await this.run(model, from, to, runs);
    return performance.now() - start;
  }

  /** Of one run of some steps; requests are long enough for what they cost, which is taken off, not to matter. */
  private async nanoseconds(subject: Subject, from: number, to: number, request: number): Promise<number> {
    const { model, runs } = subject;
    const wanted = this.protocol.batchMs / PARTS;
    const key = `${from}-${to}`;
    for (let count = runs.get(key) ?? 1; ; count *= 4) {
      const parts: number[] = [];
      for (let part = 0; part < PARTS; part++) parts.push(await this.elapsed(model, from, to, count));
      const own = Math.max(0, Math.min(...parts) - request);
      if (own < wanted / 2 && count < 2 ** 24) continue;
      runs.set(key, Math.max(1, Math.round((count * wanted) / Math.max(own, 0.01))));
      return (own / count) * 1e6;
    }
  }
}

/** A Worker of this package's own modules, under their own paths. */
function writeWorker(directory: string, build: Build): string {
  const files = closure(WORKER);
  for (const path of files) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), readFileSync(new URL(path, DIST)));
  }
  const wasm = new URL(`assembly/build/${build}.wasm`, DIST);
  writeFileSync(join(directory, "engine.wasm"), readFileSync(wasm));
  const modules = files.map((path) => `(name = "${path}", esModule = embed "${path}"),`);
  const file = join(directory, "config.capnp");
  writeFileSync(
    file,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (
    modules = [${modules.join(" ")} (name = "engine.wasm", wasm = embed "engine.wasm")],
    compatibilityDate = "2026-07-01",
  ))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
`,
  );
  return file;
}

/** A module and all that it imports, that first. */
function closure(path: string, found: string[] = []): string[] {
  if (found.includes(path)) return found;
  found.push(path);
  const source = readFileSync(new URL(path, DIST), "utf8");
  for (const [, target = ""] of source.matchAll(/^(?:import|export)[^;]*? from "(\.[^"]+\.js)";/gm)) {
    closure(new URL(target, `file:///${path}`).pathname.slice(1), found);
  }
  return found;
}

/** Starts workerd on a free port, which it tells on descriptor 3. */
function serve(command: string, config: string): Promise<{ base: string; child: ChildProcess }> {
  const child = spawn(command, ["serve", config, "--control-fd=3"], {
    stdio: ["ignore", "ignore", "inherit", "pipe"],
  });
  return new Promise((resolve, reject) => {
    let text = "";
    (child.stdio[3] as Readable).on("data", (chunk: Buffer) => {
      text += chunk;
      const port = /"port":(\d+)/.exec(text)?.[1];
      if (port !== undefined) resolve({ base: `http://127.0.0.1:${port}`, child });
    });
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`workerd ended with code ${code} before it listened`)));
  });
}
