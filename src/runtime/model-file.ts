// Models by path, in Node, Deno and Bun.
import { readFile } from "node:fs/promises";
import { DyadicError } from "../error.ts";
import type { OpenSource } from "./core.ts";
import { type LoaderOptions, type ModelSource, openSource } from "./loader.ts";

/** A source that needs no reading or fetching any more. Throws BAD_FILE, or the signal's reason. */
export async function openModel(
  source: ModelSource,
  file: string,
  options: LoaderOptions,
): Promise<OpenSource> {
  return isPath(source) ? readModelFile(source, file, options) : openSource(source, file, options);
}

function isPath(source: ModelSource): source is string | URL {
  return (typeof source === "string" || source instanceof URL) && !/^https?:/.test(`${source}`);
}

async function readModelFile(
  path: string | URL,
  file: string,
  { signal }: LoaderOptions,
): Promise<Uint8Array> {
  try {
    return await readFile(path, { signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new DyadicError("BAD_FILE", "the model cannot be read", { file, found: `${error}` }, error);
  }
}
