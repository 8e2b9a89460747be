// From the options of a float model to what the compiler takes.
import { existsSync } from "node:fs";
import { Calibration } from "../calibrate/calibration.ts";
import { calibrate } from "../calibrate/node.ts";
import { sampleHash } from "../calibrate/observer.ts";
import type { RangeMethod } from "../calibrate/ranges.ts";
import type { FloatOptions } from "../compile.ts";
import { DyadicError } from "../error.ts";
import { calibratorModule } from "../float/node.ts";
import type { Progress, Sample, Samples } from "../float/samples.ts";
import type { Graph } from "../graph/graph.ts";
import { isPrepared, type Preparation } from "../inputs/preparation.ts";
import { sampleOptions } from "../inputs/samples.ts";
import { type Policy, PRESETS, parsePolicy, presetPolicy } from "../precision/policy.ts";
import { onThreads } from "../quantize/node.ts";
import { type BudgetFlags, budgetOf, widthSet } from "./budget.ts";
import { readText } from "./files.ts";
import { openFloats } from "./inputs/floats.ts";
import type { Kept } from "./kept.ts";
import { progress, writeWhole } from "./output.ts";

export const OBSERVERS = ["mse", "minmax", "percentile", "entropy", "average"] as const;

/** Options of bytes: how they become numbers. */
export interface PreparationFlags {
  readonly scale?: number;
  readonly mean?: string;
  readonly std?: string;
  readonly invert?: boolean;
}

/** Options of every command that compiles on the way. */
export interface FloatFlags extends PreparationFlags, BudgetFlags {
  readonly calibrate?: string;
  readonly cache?: string;
  readonly observer?: (typeof OBSERVERS)[number];
  readonly policy?: string;
}

/** How pictures become numbers, from --scale, --mean, --std and --invert. Throws BAD_ARGUMENT. */
export function preparationOf({ scale, mean, std, invert }: PreparationFlags): Preparation {
  return {
    ...(scale === undefined ? {} : { scale }),
    ...(mean === undefined ? {} : { mean: numbers("--mean", mean) }),
    ...(std === undefined ? {} : { std: numbers("--std", std) }),
    ...(invert === undefined ? {} : { invert }),
  };
}

function numbers(option: string, list: string): number[] {
  const values = list.split(",").map(Number);
  if (list.trim() !== "" && values.every(Number.isFinite)) return values;
  throw new DyadicError("BAD_ARGUMENT", `${option} is not a list of numbers`, {
    expected: "R,G,B",
    found: list,
  });
}

/** What the compiler takes of the options; nothing is calibrated before it asks. */
export function floatOptions(flags: FloatFlags, signal?: AbortSignal, kept?: Kept): FloatOptions {
  const { calibrate: path, cache } = flags;
  const policy = policyOf(flags);
  const allocation = budgetOf(flags, kept);
  const base: FloatOptions = {
    signal,
    ...(policy && { policy }),
    ...(allocation && { allocation }),
    observer: { method: methodOf(flags.observer) },
    ...(kept && { layers: kept.layers }),
  };
  if (path === undefined && cache === undefined) return base;
  const preparation = preparationOf(flags);
  return {
    ...base,
    ...(path === undefined
      ? { samples: [], ...(isPrepared(preparation) && { pixels: preparation }) }
      : sampleOptions(openFloats(path, preparation), preparation)),
    calibrator: {
      module: calibratorModule,
      calibrate: (graph, samples, options) => calibrateCached(graph, samples, options, kept),
      shards: onThreads(),
    },
    onProgress: (done, total, stage) => progress(done === total ? "" : `${stage} ${done}/${total}`),
  };
}

function methodOf(observer: FloatFlags["observer"] = "mse"): RangeMethod {
  return observer === "average" ? "movingAverage" : observer;
}

function policyOf({ policy, bits }: FloatFlags): Policy | undefined {
  if (policy !== undefined && bits !== undefined) {
    throw new DyadicError("BAD_ARGUMENT", "--policy and --bits exclude each other", {
      hint: "say the bits in the policy's defaults",
    });
  }
  if (policy === undefined) {
    const preset = PRESETS.find((name) => name === bits);
    if (bits === undefined || preset !== undefined || widthSet(bits) !== undefined)
      return preset && presetPolicy(preset);
    throw new DyadicError("BAD_ARGUMENT", "--bits is no width", {
      expected: `${PRESETS.join(", ")}; with a budget: mixed, or a set such as 8,4,2`,
      found: bits,
    });
  }
  try {
    return parsePolicy(readText(policy));
  } catch (error) {
    throw error instanceof DyadicError ? error.at({ file: policy }) : error;
  }
}

/** As `calibrate`; with a file, what it holds of the same graph and samples instead, and what was seen into it. */
async function calibrateCached(
  graph: Graph,
  samples: Samples,
  options: Progress,
  kept: Kept | undefined,
): Promise<Calibration> {
  const file = kept?.calibration;
  const cached = file !== undefined && existsSync(file) ? readCache(file, graph, kept!) : undefined;
  if (cached !== undefined && (samples.length === 0 || holds(cached, samples))) return cached;
  const seen = await calibrate(graph, samples, options);
  if (file !== undefined) writeWhole(file, new TextEncoder().encode(JSON.stringify(seen)));
  return seen;
}

function readCache(file: string, graph: Graph, { isTemporary }: Kept): Calibration | undefined {
  try {
    return Calibration.parse(readText(file), graph);
  } catch (error) {
    if (!(error instanceof DyadicError)) throw error;
    if (isTemporary) return undefined;
    throw error.at({ file, hint: "delete the file, or give another --cache" });
  }
}

/** Whether a calibration is of these very samples. */
function holds(calibration: Calibration, samples: Samples): boolean {
  const hashes = Array.from({ length: samples.length }, (_, i) => sampleHash(samples.at(i) as Sample));
  return hashes.sort().join() === calibration.samples.join();
}
