// What a file, however damaged, may do: be refused with a clear error, or be right in every build.
import assert from "node:assert/strict";
import { compile, isFloat } from "../../src/compile.ts";
import { DyadicError } from "../../src/error.ts";
import { elements, type Graph } from "../../src/graph/graph.ts";
import { importModel } from "../../src/import/index.ts";
import { simplify } from "../../src/passes/index.ts";
import { runReference } from "../../src/quantize/reference.ts";
import { describe as describeModel } from "../../src/report/describe.ts";
import { loadModel } from "../../src/runtime/engine.ts";
import { openEngine, runModel, type TestExports } from "../cases/engine.ts";
import { judge as judgeVariants, openVariants, type Tally } from "../cases/hostile-run.ts";
import { Random } from "../cases/random.ts";
import type { Format } from "./seeds.ts";

const FILE = "fuzzed-file";
/** Models beyond these are compiled, but not run. */
const LIMITS = { memoryLimit: 2 ** 24, maxMacs: 2e7 };
const MOST_REFERENCE_ELEMENTS = 20_000;
/** In units of 2^20 multiply-adds, rounded up. */
const MOST_REFERENCE_WORK = 1;
const FILES_PER_INSTANCE = 200;

/** Judges files of one format after the other; throws for what must not be. */
export class Target {
  private engines: TestExports[] = [];
  private served = 0;

  /** What became of the file: "ran", "compiled" where it is too large to run, or the code of its refusal. */
  async judge(format: Format, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
    if (this.served++ % FILES_PER_INSTANCE === 0) this.engines = await openVariants();
    return format === "dyad" ? this.judgeModel(bytes) : this.judgeSource(bytes);
  }

  private judgeModel(bytes: Uint8Array<ArrayBuffer>): string {
    refusal(() => describeModel(bytes, FILE));
    const tally: Tally = { stale: 0, refused: 0, ran: 0, slowest: 0, codes: {} };
    judgeVariants(this.engines, bytes, tally);
    return Object.keys(tally.codes)[0]!;
  }

  private async judgeSource(bytes: Uint8Array): Promise<string> {
    const readExternal = (name: string): Uint8Array => {
      throw new DyadicError("BAD_FILE", `there is no "${name}"`);
    };
    const found = refusal(() => isFloat(simplify(importModel(bytes, FILE, { readExternal }))));
    if (typeof found !== "boolean") return found;
    const made = (graph: Graph) => new Map(graph.tensors.map((_, tensor) => [tensor, { min: -1, max: 1 }]));
    let compiled: Awaited<ReturnType<typeof compile>>;
    try {
      compiled = await compile(bytes, {
        file: FILE,
        readExternal,
        strip: true,
        ...(found && { calibration: made }),
      });
    } catch (error) {
      return codeOf(error);
    }
    const { integer, model } = compiled;
    const sizes = integer.tensors.map(({ shape }) => elements(shape));
    const random = new Random(model.length);
    const inputs = integer.inputs.map(({ tensor }) => sizes[tensor]!);
    if (sizes.some((size) => size > MOST_REFERENCE_ELEMENTS)) return "compiled";
    const codes = inputs.map((size) => random.codes(size));
    const results: string[] = [];
    for (const build of ["engine-scalar", "engine"] as const) {
      const engine = await openEngine(build);
      try {
        loadModel(engine, model, FILE, LIMITS);
      } catch (error) {
        const code = codeOf(error);
        assert(
          code === "TOO_MUCH_WORK" || code === "OUT_OF_MEMORY",
          `${build} refuses what was compiled: ${error}`,
        );
        return "compiled";
      }
      results.push(runModel(engine, integer, codes).join(";"));
      if (engine.work_mega() > MOST_REFERENCE_WORK) return "compiled";
    }
    const reference = runReference(integer, codes);
    results.push(integer.outputs.map(({ tensor }) => reference[tensor]!.join()).join(";"));
    for (const result of results) assert.equal(result, results[0], "builds or the reference differ");
    return "ran";
  }
}

/** The result, or the code of a clear error; anything else is thrown on. */
function refusal<T>(action: () => T): T | string {
  try {
    return action();
  } catch (error) {
    return codeOf(error);
  }
}

/** The code of an error that says what is wrong with the file; throws for any other. */
function codeOf(error: unknown): string {
  if (!(error instanceof DyadicError)) throw error;
  assert.notEqual(error.code, "INTERNAL", error.stack);
  assert(error.message.includes(FILE), `the message does not name the file: ${error.message}`);
  assert(
    error.problem.length > 8 && !/undefined|\[object/.test(error.message),
    `not clear: ${error.message}`,
  );
  return error.code;
}
