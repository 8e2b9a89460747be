// A model that arrives in pieces, straight into the engine's memory: no second copy of it is ever held.
import { OK, PREFIX_BYTES, PREFIX_FILE_BYTES } from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import { checkVersion } from "../model/reader.ts";
import { type EngineExports, type Limits, reserveFor, statusError, wrongLength } from "./engine.ts";

export interface ReceiveOptions extends Limits {
  /** Ends the transfer; `create` then throws the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called while a model arrives, with its bytes so far and in all. */
  onProgress?(loaded: number, total: number): void;
}

/** The body of an answer. Throws BAD_FILE where the server refused. */
export function bodyOf(response: Response, file: string): ReadableStream<Uint8Array> {
  if (response.ok && response.body !== null) return response.body;
  throw new DyadicError("BAD_FILE", "the model could not be fetched", {
    file,
    expected: "an answer with status 200",
    found: `status ${response.status}`,
  });
}

/**
 * Reads a stream to its end; returns the file where it lies in the engine's memory. Room is made for it when its first
 * 64 bytes are there, which say how much. Throws BAD_FILE where the transfer breaks off, and as loading does.
 */
export async function receiveModel(
  engine: EngineExports,
  stream: ReadableStream<Uint8Array>,
  file: string,
  options: ReceiveOptions,
): Promise<Uint8Array> {
  const target = new Target(engine, file, options);
  const reader = stream.getReader();
  try {
    for (;;) {
      options.signal?.throwIfAborted();
      const { done, value } = await reader.read().catch((error) => {
        throw options.signal?.aborted ? options.signal.reason : target.brokenOff(error);
      });
      if (done) break;
      target.append(value);
    }
    return target.finish();
  } catch (error) {
    reader.cancel().catch(() => {});
    throw error instanceof DyadicError ? error.at({ file }) : error;
  }
}

/** Where the bytes go: the prefix's own place first, then the file's. */
class Target {
  private readonly engine: EngineExports;
  private readonly file: string;
  private readonly options: ReceiveOptions;
  private readonly prefix: number;
  private loaded = 0;
  private total = 0;
  private at = 0;

  constructor(engine: EngineExports, file: string, options: ReceiveOptions) {
    this.engine = engine;
    this.file = file;
    this.options = options;
    this.prefix = engine.prefix_ptr() >>> 0;
  }

  append(chunk: Uint8Array): void {
    const head = Math.min(chunk.length, Math.max(0, PREFIX_BYTES - this.loaded));
    if (head > 0) {
      this.memory().set(chunk.subarray(0, head), this.prefix + this.loaded);
      this.loaded += head;
      if (this.loaded === PREFIX_BYTES) this.reserve();
    }
    const rest = chunk.subarray(head);
    if (this.loaded + rest.length > this.total && rest.length > 0) {
      throw wrongLength(this.file, this.total, this.loaded + rest.length);
    }
    if (rest.length > 0) this.memory().set(rest, this.at + this.loaded);
    this.loaded += rest.length;
    this.options.onProgress?.(this.loaded, this.total);
  }

  finish(): Uint8Array {
    if (this.loaded < PREFIX_BYTES) {
      throw statusError(this.engine, this.engine.prefix_status(this.prefix, this.loaded), this.file);
    }
    if (this.loaded !== this.total) throw wrongLength(this.file, this.total, this.loaded);
    return new Uint8Array(this.engine.memory.buffer, this.at, this.total);
  }

  brokenOff(cause: unknown): DyadicError {
    const found = `${this.loaded} bytes`;
    return new DyadicError(
      "BAD_FILE",
      "the download of the model broke off",
      { file: this.file, found },
      cause,
    );
  }

  private reserve(): void {
    const { engine, prefix, file, options } = this;
    const view = new DataView(engine.memory.buffer, prefix, PREFIX_BYTES);
    checkVersion(view);
    const status = engine.prefix_status(prefix, PREFIX_BYTES);
    if (status !== OK) throw statusError(engine, status, file);
    this.total = view.getUint32(PREFIX_FILE_BYTES, true);
    this.at = reserveFor(engine, file, options).ptr;
    this.memory().copyWithin(this.at, prefix, prefix + PREFIX_BYTES);
  }

  private memory(): Uint8Array {
    return new Uint8Array(this.engine.memory.buffer);
  }
}
