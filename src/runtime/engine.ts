import {
  ABI_VERSION,
  BAD_IO,
  BAD_LENGTH,
  BAD_LIFETIME,
  BAD_MAGIC,
  BAD_PLAN,
  BAD_SECTION,
  BAD_STEP,
  BAD_TENSOR,
  BAD_VERSION,
  OK,
  OUT_OF_MEMORY,
  PREFIX_BYTES,
  PREFIX_DIGEST,
  PREFIX_FILE_BYTES,
  UNKNOWN_SECTION,
  UNSUPPORTED_FEATURE,
} from "../../assembly/abi.ts";
import { DyadicError, type ErrorCode } from "../error.ts";

/** The engine's ABI (DESIGN section 5). Addresses and byte counts are u32: `>>> 0` before use. */
export interface EngineExports {
  readonly memory: WebAssembly.Memory;
  abi_version(): number;
  prefix_ptr(): number;
  prefix_status(prefix: number, length: number): number;
  required_bytes(prefix: number, length: number): number;
  reserve(total: number): number;
  load(ptr: number, length: number): number;
  error_detail(index: number): number;
  work_mega(): number;
  input_ptr(io: number): number;
  output_ptr(io: number): number;
  step_count(): number;
  run(): number;
  run_steps(from: number, to: number): number;
  reset(): void;
  read_tensor(index: number, target: number): number;
  write_tensor(index: number, source: number): number;
  self_test(): number;
  assume_class(dotClass: number): void;
  sha256(ptr: number, length: number): number;
  turn_signs(ptr: number, bytes: number): void;
}

/** What a session may use of the host. */
export interface Limits {
  /** Largest wasm memory in bytes; above it OUT_OF_MEMORY. Default 1 GiB. */
  readonly memoryLimit?: number;
  /** Most multiply-adds of one run; above it TOO_MUCH_WORK. Default 10^11. */
  readonly maxMacs?: number;
  /** Whether the file's SHA-256 is checked before it is loaded. Default true. */
  readonly verify?: boolean;
}

/** What a status means; the WASI command says the same (assembly/wasi/failure.ts). */
export const STATUS: Readonly<Record<number, readonly [code: ErrorCode, problem: string]>> = {
  [BAD_MAGIC]: ["BAD_FILE", "this is not a .dyad model"],
  [BAD_VERSION]: ["UNSUPPORTED_VERSION", "the model's format version is not one that this engine reads"],
  [BAD_LENGTH]: ["CORRUPT", "the file is cut short or its length is wrong"],
  [UNSUPPORTED_FEATURE]: ["UNSUPPORTED_VERSION", "the model needs a feature that this engine does not have"],
  [BAD_SECTION]: ["CORRUPT", "the section table is damaged"],
  [UNKNOWN_SECTION]: [
    "UNSUPPORTED_VERSION",
    "the model has a critical section that this engine does not know",
  ],
  [BAD_IO]: ["CORRUPT", "the io section is damaged"],
  [BAD_PLAN]: ["CORRUPT", "the plan's header is damaged"],
  [BAD_TENSOR]: ["CORRUPT", "a tensor record is damaged"],
  [BAD_STEP]: ["CORRUPT", "a step record is damaged"],
  [BAD_LIFETIME]: ["CORRUPT", "a tensor is read before it is written, or shares bytes with a live one"],
  [OUT_OF_MEMORY]: ["OUT_OF_MEMORY", "the model does not fit into memory"],
};

const FIX = {
  CORRUPT: "download or compile the model again",
  BAD_FILE: "compile the model with `dyadic compile` first",
  UNSUPPORTED_VERSION: "update dyadic, or compile the model again with this version",
} as const satisfies Partial<Record<ErrorCode, string>>;

/** The error of a status code of the engine, with the place that it noted. */
export function statusError(engine: EngineExports, status: number, file: string): DyadicError {
  const [code, problem] = STATUS[status] ?? ["INTERNAL", `the engine answered with status ${status}`];
  const [where, field, found] = [0, 1, 2].map((i) => engine.error_detail(i));
  return new DyadicError(code, problem, {
    file,
    found: `status ${status}: record ${where}, byte ${field}, value ${found}`,
    hint: (FIX as Partial<Record<ErrorCode, string>>)[code] ?? "report this model to the authors of dyadic",
  });
}

/** Instantiates the engine; a module of another ABI is refused. Only the build for threads has an import, its memory. */
export async function instantiate(
  module: WebAssembly.Module,
  imports?: WebAssembly.Imports,
): Promise<EngineExports> {
  const instance = await WebAssembly.instantiate(module, imports);
  const engine = instance.exports as unknown as EngineExports;
  const version = typeof engine.abi_version === "function" ? engine.abi_version() : undefined;
  if (version !== ABI_VERSION) {
    throw new DyadicError("UNSUPPORTED_VERSION", "the engine module does not fit this package", {
      expected: `engine ABI ${ABI_VERSION}`,
      found: `${version}`,
      hint: "use the .wasm files of the same package version",
    });
  }
  return engine;
}

/** Where a model lies in the engine's memory, and where what was reserved for it ends. */
export interface Placed {
  readonly ptr: number;
  readonly length: number;
  readonly end: number;
}

/** Copies a model into the engine, checks and loads it. Returns the address of `extraBytes` more, for tools. */
export function loadModel(
  engine: EngineExports,
  bytes: Uint8Array,
  file: string,
  limits: Limits = {},
  extraBytes = 0,
): number {
  const placed = placeModel(engine, bytes, file, limits, extraBytes);
  if (limits.verify ?? true) checkDigest(engine, placed, file);
  loadPlaced(engine, placed, file, limits);
  return placed.end;
}

/**
 * Copies a model into the engine: size known from its first 64 bytes, memory grown once. A model that lies in the
 * engine's memory already stays there. `extraBytes` more are reserved behind it.
 */
export function placeModel(
  engine: EngineExports,
  bytes: Uint8Array,
  file: string,
  limits: Limits = {},
  extraBytes = 0,
): Placed {
  const size = bytes.length; // a view of the engine's memory ends when that grows
  const prefix = engine.prefix_ptr() >>> 0;
  const length = Math.min(PREFIX_BYTES, size);
  new Uint8Array(engine.memory.buffer).set(bytes.subarray(0, length), prefix);
  const status = engine.prefix_status(prefix, length);
  if (status !== OK) throw statusError(engine, status, file);
  const stated = new DataView(engine.memory.buffer).getUint32(prefix + PREFIX_FILE_BYTES, true);
  if (stated !== size) throw wrongLength(file, stated, size); // before memory is reserved, which goes by it
  const { ptr, end } = reserveFor(engine, file, limits, extraBytes);
  const stays = bytes.buffer === engine.memory.buffer && bytes.byteOffset === ptr;
  if (bytes.length > 0 && !stays) new Uint8Array(engine.memory.buffer).set(bytes, ptr);
  return { ptr, length: size, end };
}

/** Validates a placed model, and makes the engine ready to run it. */
export function loadPlaced(
  engine: EngineExports,
  { ptr, length }: Placed,
  file: string,
  { maxMacs = 1e11 }: Limits,
): void {
  const loaded = engine.load(ptr, length);
  if (loaded !== OK) throw statusError(engine, loaded, file);
  if (engine.work_mega() > Math.ceil(maxMacs / 2 ** 20)) {
    throw new DyadicError("TOO_MUCH_WORK", "one run of this model is more work than allowed", {
      file,
      expected: `at most ${maxMacs} multiply-adds`,
      found: `${engine.work_mega()} x 2^20`,
      hint: "raise maxMacs if you trust the model",
    });
  }
}

/** Makes room for the model whose valid prefix the engine holds, and for `extraBytes` behind it. Throws OUT_OF_MEMORY. */
export function reserveFor(
  engine: EngineExports,
  file: string,
  { memoryLimit = 2 ** 30 }: Limits,
  extraBytes = 0,
): { ptr: number; end: number } {
  const required = engine.required_bytes(engine.prefix_ptr(), PREFIX_BYTES) >>> 0;
  const total = required + extraBytes;
  if (total > memoryLimit) throw tooLarge(file, `${memoryLimit} bytes`, total);
  const ptr = engine.reserve(total) >>> 0;
  if (ptr === 0) throw tooLarge(file, "memory from the host", total);
  return { ptr, end: ptr + required };
}

/** The error of a file that is not as long as its prefix says. */
export function wrongLength(file: string, stated: number, found: number): DyadicError {
  return new DyadicError("CORRUPT", "the file is cut short or its length is wrong", {
    file,
    expected: `${stated} bytes`,
    found: `${found} bytes`,
    hint: FIX.CORRUPT,
  });
}

function tooLarge(file: string, expected: string, found: number): DyadicError {
  return new DyadicError("OUT_OF_MEMORY", "the model does not fit into memory", {
    file,
    expected,
    found: `${found} bytes needed`,
    hint: "raise memoryLimit, or compile with a smaller --ram",
  });
}

/** SHA-256 of bytes by the host, of what they are when it is asked. */
export type HostDigest = (bytes: Uint8Array<ArrayBuffer>) => Promise<ArrayBuffer>;

/** Throws CORRUPT where a placed model is not what its digest says; by the host, while the engine may load it. */
export async function checkDigestBy(
  digest: HostDigest,
  { memory }: EngineExports,
  { ptr, length }: Placed,
  file: string,
): Promise<void> {
  const bytes = new Uint8Array(memory.buffer, ptr, length) as Uint8Array<ArrayBuffer>;
  const [stated, hashed] = withoutDigest(bytes, () => digest(bytes));
  requireDigest(stated, new Uint8Array(await hashed), file);
}

/** As checkDigestBy, by the engine. */
export function checkDigest(engine: EngineExports, { ptr, length }: Placed, file: string): void {
  const bytes = new Uint8Array(engine.memory.buffer, ptr, length);
  const [stated, digest] = withoutDigest(bytes, () => engine.sha256(ptr, length) >>> 0);
  requireDigest(stated, new Uint8Array(engine.memory.buffer, digest, 32), file);
}

/** The digest that a file states, and what hashing it gives with zeros in that place. */
function withoutDigest<T>(file: Uint8Array, hash: () => T): [stated: Uint8Array, hashed: T] {
  const place = file.subarray(PREFIX_DIGEST, PREFIX_DIGEST + 32);
  const stated = place.slice();
  place.fill(0);
  const hashed = hash();
  place.set(stated);
  return [stated, hashed];
}

function requireDigest(stated: Uint8Array, digest: Uint8Array, file: string): void {
  if (stated.every((byte, i) => byte === digest[i])) return;
  throw new DyadicError("CORRUPT", "the file's SHA-256 does not match its content", {
    file,
    hint: "the download was damaged or the file was changed: fetch or compile it again",
  });
}
