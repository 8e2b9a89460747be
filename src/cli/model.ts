import { readFileSync, realpathSync } from "node:fs";
import { dirname, isAbsolute, join, relative } from "node:path";
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

/** Reads `.dyad`, or compiles `.tflite` and `.onnx`. Throws DyadicError with the file's name. */
export function loadModel(path: string, options: CompileOptions = {}): LoadedModel {
  const bytes = readBytes(path);
  const isDyad = bytes.length >= 4 && new DataView(bytes.buffer).getUint32(0, true) === MAGIC;
  if (isDyad) return { bytes };
  const compiled = compile(bytes, { readExternal: siblingsOf(path), ...options, file: path });
  return { bytes: compiled.model, compiled };
}
