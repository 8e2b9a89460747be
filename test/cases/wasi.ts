import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WASI } from "node:wasi";
import type { IntegerGraph } from "../../src/graph/integer.ts";
import type { Codes } from "../../src/numerics/pack.ts";

/** What a WASI command left behind. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: Uint8Array;
  readonly stderr: string;
  readonly memoryBytes: number;
}

export interface CommandOptions {
  readonly stdin?: Uint8Array;
  /** Files of the one directory that the command may read. */
  readonly files?: Readonly<Record<string, Uint8Array>>;
  /** Name of that directory in the command's eyes; null opens none. */
  readonly preopen?: string | null;
}

/** Runs a WASI command to its end inside this process. */
export async function runCommand(
  module: WebAssembly.Module,
  args: readonly string[],
  { stdin = new Uint8Array(0), files = {}, preopen = "." }: CommandOptions = {},
): Promise<CommandResult> {
  const directory = mkdtempSync(join(tmpdir(), "dyadic-wasi-"));
  const own = (name: string) => join(directory, name);
  try {
    for (const [name, bytes] of Object.entries(files)) writeFileSync(own(name), bytes);
    writeFileSync(own(".stdin"), stdin);
    const [input, output, errors] = [
      openSync(own(".stdin"), "r"),
      openSync(own(".stdout"), "w"),
      openSync(own(".stderr"), "w"),
    ];
    const wasi = new WASI({
      version: "preview1",
      args: ["dyadic-wasi", ...args],
      preopens: preopen === null ? {} : { [preopen]: directory },
      stdin: input,
      stdout: output,
      stderr: errors,
      returnOnExit: true,
    });
    const imports = wasi.getImportObject() as WebAssembly.Imports;
    const instance = await WebAssembly.instantiate(module, imports);
    const code = wasi.start(instance) as unknown as number;
    for (const fd of [input, output, errors]) closeSync(fd);
    const memory = instance.exports.memory as WebAssembly.Memory;
    return {
      code,
      stdout: new Uint8Array(readFileSync(own(".stdout"))),
      stderr: readFileSync(own(".stderr"), "utf8"),
      memoryBytes: memory.buffer.byteLength,
    };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Canonical int8 codes as the model's border has them: uint8 is 128 higher. */
export function borderBytes(codes: readonly Codes[], borders: IntegerGraph["inputs"]): Uint8Array {
  return Buffer.concat(
    borders.map(({ dtype }, i) =>
      Uint8Array.from(codes[i]!, (code) => (dtype === "uint8" ? code + 128 : code)),
    ),
  );
}
