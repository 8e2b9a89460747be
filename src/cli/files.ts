import { existsSync, readFileSync } from "node:fs";
import { DyadicError } from "../error.ts";

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

/** The text of a file in UTF-8. Throws BAD_ARGUMENT naming it. */
export function readText(path: string): string {
  return new TextDecoder().decode(readBytes(path));
}

export function isFile(path: string): boolean {
  return existsSync(path);
}
