import { readFileSync } from "node:fs";
import { MAGIC } from "../../assembly/abi.ts";
import { type Compiled, type CompileOptions, compile } from "../compile.ts";
import { DyadicError } from "../error.ts";

/** A model as the commands take it: a `.dyad` file as it is, anything else compiled on the way. */
export interface LoadedModel {
  readonly bytes: Uint8Array;
  /** The stages behind `bytes`; absent for a file that was compiled before. */
  readonly compiled?: Compiled;
}

/** The bytes of a file. Throws BAD_ARGUMENT naming it. */
export function readBytes(path: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (error) {
    throw new DyadicError(
      "BAD_ARGUMENT",
      "the file cannot be read",
      { file: path, found: error instanceof Error ? error.message : `${error}` },
      error,
    );
  }
}

/** Reads `.dyad`, or compiles `.tflite`. Throws DyadicError with the file's name. */
export function loadModel(path: string, options: CompileOptions = {}): LoadedModel {
  const bytes = readBytes(path);
  const isDyad = bytes.length >= 4 && new DataView(bytes.buffer).getUint32(0, true) === MAGIC;
  if (isDyad) return { bytes };
  const compiled = compile(bytes, { ...options, file: path });
  return { bytes: compiled.model, compiled };
}
