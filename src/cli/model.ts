import { realpathSync } from "node:fs";
import { dirname, isAbsolute, join, relative } from "node:path";
import { MAGIC } from "../../assembly/abi.ts";
import { draft } from "../compile/draft.ts";
import { type AccuracyGate, compileSmallest, type Smallest } from "../compile/smallest.ts";
import { type Compiled, type CompileOptions, compile } from "../compile.ts";
import { DyadicError } from "../error.ts";
import type { Survey } from "../import/survey.ts";
import type { Policy } from "../precision/policy.ts";
import { type FloatFlags, floatOptions } from "./calibration.ts";
import { readBytes } from "./files.ts";
import { Interrupted, interruptible } from "./interrupt.ts";
import { keptBeside } from "./kept.ts";

/** A model as the commands take it: a `.dyad` file as it is, anything else compiled on the way. */
export interface LoadedModel {
  readonly bytes: Uint8Array;
  /** The stages behind `bytes`; absent for a file that was compiled before. */
  readonly compiled?: Compiled;
  /** How an accuracy was kept. */
  readonly smallest?: Smallest;
}

/**
 * Reads data files that an ONNX model keeps beside itself: in its own folder or below, links followed. Throws
 * BAD_FILE for a name that leads elsewhere.
 */
export function siblingsOf(path: string): (name: string) => Uint8Array {
  return (name) => {
    const isOutside = (place: string) => isAbsolute(place) || place.split(/[\\/]/).includes("..");
    const refused = () =>
      new DyadicError("BAD_FILE", "an external data file must lie in the model's own folder", {
        file: path,
        found: name,
      });
    if (isOutside(name)) throw refused();
    const target = join(dirname(path), name);
    const bytes = readBytes(target);
    if (isOutside(relative(realpathSync(dirname(path)), realpathSync(target)))) throw refused();
    return bytes;
  };
}

/** What a command adds to what it writes. */
type Additions = Pick<CompileOptions, "labels" | "strip" | "stream">;

/**
 * Reads `.dyad`, or compiles `.tflite` and `.onnx`; Ctrl-C stops it, and what is finished by then is kept beside --cache
 * or the output, for the same command to go on from. Throws DyadicError with the file's name.
 */
export async function loadModel(
  path: string,
  flags: FloatFlags = {},
  additions: Additions = {},
  output?: string,
  gate?: AccuracyGate,
): Promise<LoadedModel> {
  const bytes = readBytes(path);
  if (isCompiled(bytes)) {
    refuseFloatFlags(path, flags);
    return { bytes };
  }
  const kept = keptBeside(flags.cache, output);
  const readExternal = siblingsOf(path);
  try {
    const { compiled, smallest } = await interruptible(async (signal) => {
      const options = { readExternal, file: path, ...additions, ...floatOptions(flags, signal, kept) };
      if (gate === undefined) return { compiled: await compile(bytes, options), smallest: undefined };
      const smallest = await compileSmallest(bytes, options, gate);
      return { compiled: smallest.compiled, smallest };
    });
    kept?.clear();
    for (const note of compiled.graph.notes ?? []) process.stderr.write(`${path}: note: ${note}\n`);
    return { bytes: compiled.model, compiled, ...(smallest && { smallest }) };
  } catch (error) {
    if (error instanceof Interrupted && kept !== undefined && kept.files.length > 0)
      throw error.keeping(kept.files);
    kept?.clear();
    throw error;
  }
}

/**
 * The model for questions of size and time: a float model without samples has made-up ranges, which change neither.
 *
 * @param asked in place of the policy that the flags name
 */
export async function loadForSize(
  path: string,
  flags: FloatFlags = {},
  survey?: Survey,
  asked?: Policy,
): Promise<LoadedModel> {
  const bytes = readBytes(path);
  const isReal = flags.calibrate !== undefined || flags.cache !== undefined;
  if (isCompiled(bytes) || (isReal && asked === undefined)) {
    return loadModel(path, flags);
  }
  const policy = asked ?? floatOptions(flags).policy;
  const additions = { ...(policy && { policy }), ...(survey && { survey }) };
  const compiled = await draft(bytes, { readExternal: siblingsOf(path), file: path, ...additions });
  return { bytes: compiled.model, compiled };
}

export function isCompiled(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) === MAGIC;
}

function refuseFloatFlags(path: string, flags: FloatFlags): void {
  const { calibrate, cache, policy, bits, flash, ram, latency, minAccuracy } = flags;
  if ([calibrate, cache, policy, bits, flash, ram, latency, minAccuracy].every((flag) => flag === undefined))
    return;
  throw new DyadicError("BAD_ARGUMENT", "this model is compiled already", {
    file: path,
    expected: "a .tflite or .onnx model with --calibrate, --cache, --policy or --bits",
    hint: "leave these options out, or give the model that it was compiled from",
  });
}
