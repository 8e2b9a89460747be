import { randomBytes } from "node:crypto";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { DyadicError, type ErrorCode } from "../error.ts";

/** Results go to stdout: JSON for programs, text for people. */
export function print(json: boolean, value: unknown, text: () => string): void {
  process.stdout.write(json ? `${JSON.stringify(value)}\n` : text());
}

/** Progress goes to stderr, on a terminal only; one line that is overwritten. */
export function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
}

/** Writes a file whole or not at all: beside its place first, then renamed. Throws BAD_ARGUMENT. */
export function writeWhole(path: string, bytes: Uint8Array): void {
  const partial = `${path}.${randomBytes(4).toString("hex")}.partial`;
  try {
    writeFileSync(partial, bytes, { flag: "wx" });
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw writeFailure(path, error);
  }
}

export function writeFailure(path: string, error: unknown): DyadicError {
  return new DyadicError(
    "BAD_ARGUMENT",
    "the file cannot be written",
    { file: path, found: `${error}` },
    error,
  );
}

const EXIT_CODES: Partial<Record<ErrorCode, number>> = {
  UNSUPPORTED_OP: 2,
  UNSUPPORTED_VERSION: 2,
  OVERFLOW: 2,
  NO_POLICY: 3,
};

/** Exit code of an error (DESIGN section 7): 1 the user's, 2 an unsupported model. */
export function exitCode(error: unknown): number {
  return error instanceof DyadicError ? (EXIT_CODES[error.code] ?? 1) : 1;
}

export function kibibytes(bytes: number): string {
  return bytes < 1024 ? `${bytes} B` : `${(bytes / 1024).toFixed(1)} KiB`;
}

/** Rows as columns of equal width; numbers to the right. */
export function table(rows: readonly (readonly (string | number)[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => `${row[column]}`.length)));
  const cell = (value: string | number, column: number) =>
    typeof value === "number" ? `${value}`.padStart(widths[column]!) : value.padEnd(widths[column]!);
  return rows.map((row) => `${row.map(cell).join("  ").trimEnd()}\n`).join("");
}
