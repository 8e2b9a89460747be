// A WASI runtime as a host, through the gateway command: no clock and no single step can be had from it. A step's time is the
// difference between a model of several copies of it and a model of one, over many samples; starting, reading and writing cancel.
import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DOT_NONE } from "../../../assembly/abi.ts";
import { DyadicError } from "../../error.ts";
import type { IntegerGraph } from "../../graph/integer.ts";
import { readModel, writeModel } from "../../model/index.ts";
import { opNamed } from "../../ops/index.ts";
import { type Layout, plan } from "../../plan/index.ts";
import type { Build } from "../../runtime/builds.ts";
import { CLASSES } from "../engines.ts";
import type { Host, HostModel, Measured, Progress, Protocol, TableModel } from "./job.ts";

const COMMANDS = {
  "engine-relaxed": "dyadic-wasi-relaxed",
  engine: "dyadic-wasi",
  "engine-scalar": "dyadic-wasi-scalar",
} as const satisfies Record<Build, string>;

/** Copies of a step beside the one. */
const COPIES = 8;
/** Runs are repeated until the copies take so long, or there are so many samples. */
const LEAST_MS = 100;
const MOST_SAMPLES = 2 ** 18;
const MOST_INPUT_BYTES = 2 ** 28;

/** Starts a command of a runtime; it must open the directory that `{directory}` stands for as the guest's root. */
export function openWasi(template?: string): Host {
  const runner = fileURLToPath(new URL("./wasi-run.js", import.meta.url));
  const own = [process.execPath, "--no-warnings", runner, "{directory}"];
  const command = template?.split(" ").filter((word) => word !== "") ?? own;
  const runs = (Object.keys(COMMANDS) as Build[]).filter((build) => classOf(command, build) !== undefined);
  if (runs.length === 0) {
    throw new DyadicError("UNSUPPORTED_HOST", "the WASI runtime runs no build of the command", {
      found: command.join(" "),
      hint: 'such as --host-command "wasmtime run --dir={directory}::/"',
    });
  }
  return {
    kind: "wasi",
    version: template ?? `node:wasi of Node ${process.versions.node}`,
    builds: runs,
    method: `${COPIES} more copies of a step in a model of its own, through the command, timed from outside`,
    measure: async (build, models, protocol, progress) =>
      new WasiRuns(command, build).measure(models, protocol, progress),
    close() {},
  };
}

function moduleOf(build: Build): string {
  return fileURLToPath(new URL(`../../../assembly/build/${COMMANDS[build]}.wasm`, import.meta.url));
}

/** The class of the dot product that the command says it found; undefined where it does not run. */
function classOf(command: readonly string[], build: Build): number | undefined {
  const [program = "", ...args] = command.map((word) => word.replace("{directory}", tmpdir()));
  try {
    const text = execFileSync(program, [...args, moduleOf(build), "--version"], {
      encoding: "utf8",
      stdio: "pipe",
    });
    const name = /class (\w+)/.exec(text)?.[1] ?? "none";
    return Number(Object.entries(CLASSES).find(([, own]) => own === name)?.[0] ?? DOT_NONE);
  } catch {
    return undefined;
  }
}

class WasiRuns {
  private readonly command: readonly string[];
  private readonly build: Build;
  private readonly directory = mkdtempSync(join(tmpdir(), "dyadic-wasi-"));
  private files = 0;

  constructor(command: readonly string[], build: Build) {
    this.command = command;
    this.build = build;
  }

  measure(models: readonly HostModel[], { rounds }: Protocol, progress: Progress): Measured {
    try {
      const times = models.map(({ bytes, stages }, m) => {
        if (stages === undefined) throw needsStages();
        const whole = this.prepare(bytes, undefined);
        const nodes = stages.integer.nodes.map((_, k) => {
          progress(`model ${m + 1}/${models.length}, step ${k + 1}/${stages.integer.nodes.length}`);
          return this.prepare(copies(stages, k, COPIES + 1), copies(stages, k, 1));
        });
        return { stages, whole, nodes };
      });
      const all = times.map(({ stages: { integer }, whole, nodes }) => {
        const border = (count: number) => Array.from({ length: count }, () => Array<number>(rounds).fill(0));
        const round = () => Array.from({ length: rounds }, (_, i) => i);
        progress("timing");
        return {
          whole: round().map(() => whole()),
          steps: [
            ...border(integer.inputs.length), // part of what a run costs besides
            ...nodes.map((time) => round().map(() => time() / COPIES)),
            ...border(integer.outputs.length),
          ],
        };
      });
      return { dotClass: classOf(this.command, this.build) ?? DOT_NONE, models: all };
    } finally {
      rmSync(this.directory, { recursive: true, force: true });
    }
  }

  /** A function that measures nanoseconds of a sample of one model over another; or over fewer samples of the same. */
  private prepare(bytes: Uint8Array, less: Uint8Array | undefined): () => number {
    const [long, short] = [this.file(bytes), less && this.file(less)];
    const io = readModel(bytes, "model").io.filter(({ role }) => role === "input");
    const size = io.reduce((sum, input) => sum + input.bytes, 0);
    const most = Math.min(MOST_SAMPLES, Math.max(1, Math.floor(MOST_INPUT_BYTES / Math.max(1, size))));
    const difference = (samples: number) =>
      this.run(long, samples * size) - (short ? this.run(short, samples * size) : this.run(long, size));
    let samples = 16;
    while (samples < most && difference(samples) < LEAST_MS) samples = Math.min(most, samples * 4);
    return () => (Math.max(0, difference(samples)) * 1e6) / (short ? samples : samples - 1);
  }

  private file(bytes: Uint8Array): string {
    const name = `${this.files++}.dyad`;
    writeFileSync(join(this.directory, name), bytes);
    return `/${name}`;
  }

  /** Milliseconds of the command on so many bytes of input, all 0. */
  private run(model: string, bytes: number): number {
    const [program = "", ...args] = this.command.map((word) => word.replace("{directory}", this.directory));
    const input = join(this.directory, "input");
    const descriptor = openSync(input, "w+");
    try {
      ftruncateSync(descriptor, bytes);
      const start = performance.now();
      const { status, stderr } = spawnSync(program, [...args, moduleOf(this.build), model], {
        stdio: [descriptor, "ignore", "pipe"],
        encoding: "utf8",
      });
      const elapsed = performance.now() - start;
      if (status === 0) return elapsed;
      throw new DyadicError("UNSUPPORTED_HOST", "the WASI command failed", { found: stderr.trim() });
    } finally {
      closeSync(descriptor);
    }
  }
}

function needsStages(): DyadicError {
  return new DyadicError(
    "BAD_ARGUMENT",
    "a WASI runtime is measured with the model, not with what was compiled",
    {
      expected: "a .tflite or .onnx model",
    },
  );
}

/** A model file of one node, so many times on the same inputs, with the scratch that it has in its network. */
function copies({ integer, layout }: TableModel, k: number, count: number): Uint8Array {
  const node = integer.nodes[k]!;
  if (integer.states.length > 0 || opNamed(node.op).stateInputs !== undefined) {
    throw new DyadicError("UNSUPPORTED_OP", "steps with states cannot be measured through WASI", {
      node: node.name,
      op: node.op,
    });
  }
  const sources = [...new Set(node.inputs)];
  const inputs = node.inputs.map((input) => sources.indexOf(input));
  const output = integer.tensors[node.output]!;
  const tensors = [
    ...sources.map((index) => integer.tensors[index]!),
    ...Array.from({ length: count }, (_, i) => ({ ...output, name: `${output.name} ${i}` })),
  ];
  const border = (tensor: number) => {
    const { name, shape } = tensors[tensor]!;
    return { name, tensor, dtype: "int8", shape: [1, ...shape], layout: "NHWC" } as const;
  };
  const single: IntegerGraph = {
    name: node.name,
    tensors,
    nodes: Array.from({ length: count }, (_, i) => ({ ...node, inputs, output: sources.length + i })),
    inputs: sources.map((_, i) => border(i)),
    outputs: [border(tensors.length - 1)],
    states: [],
  };
  return writeModel(single, withScratch(plan(single), layout.scratch[k]!.bytes));
}

const SCRATCH_ALIGNMENT = 16;

/** A layout whose steps all have so much scratch, behind everything else. */
function withScratch(layout: Layout, bytes: number): Layout {
  const offset = Math.ceil(layout.peakBytes / SCRATCH_ALIGNMENT) * SCRATCH_ALIGNMENT;
  const scratch = layout.scratch.map(() => ({ offset: bytes > 0 ? offset : 0, bytes }));
  return { ...layout, scratch, peakBytes: offset + bytes };
}
