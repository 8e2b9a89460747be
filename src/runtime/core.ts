// The session for any host: takes a compiled engine module and the model's bytes, asks the host for nothing else.
import { MAGIC, OK, PREFIX_BYTES, PREFIX_DIGEST, PREFIX_FILE_BYTES } from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import type { IoTensor } from "../model/io.ts";
import { type ModelFile, readModel } from "../model/reader.ts";
import {
  checkDigest,
  checkDigestBy,
  type EngineExports,
  type HostDigest,
  instantiate,
  loadPlaced,
  placeModel,
  statusError,
} from "./engine.ts";
import { encodeInput, type Feeds, metadataOf, readOutput, turnInputs, type ValueMetadata } from "./feeds.ts";
import { type Profile, profileRun, stepOpcodes } from "./profile.ts";
import { bodyOf, type ReceiveOptions, receiveModel } from "./receive.ts";
import type { Tensor } from "./tensor.ts";

export { DyadicError, type ErrorCode, type ErrorPlace } from "../error.ts";
export type { HostDigest, Limits } from "./engine.ts";
export type { Feed, Feeds, ValueMetadata } from "./feeds.ts";
export type { ImageSource } from "./image.ts";
export type { Profile, ProfiledStep, TraceEvent } from "./profile.ts";
export { Tensor, type TensorArray, type TensorDetails, type TensorType } from "./tensor.ts";

export interface SessionOptions extends ReceiveOptions {
  /** The engine to run on; hosts with a loader of their own find one where it is left out. */
  readonly module?: WebAssembly.Module;
  /** Name of the model in messages. */
  readonly file?: string;
  /** SHA-256 by the host, which checks the file while the engine loads it; left out, the engine hashes it first. */
  readonly digest?: HostDigest | undefined;
}

export interface RunOptions {
  /** Stops the run between two steps; `run` then throws the signal's reason, and states are as that step left them. */
  readonly signal?: AbortSignal;
}

/** Milliseconds that an abortable run computes before it lets the host hear events. */
const SLICE_MS = 8;

/** A model file: its bytes, a stream of them, or an answer with them. */
export type ModelFileSource = Uint8Array | ArrayBuffer | ReadableStream<Uint8Array> | Response;

/** A model file, or a module of `dyadic compile --target wasm`. */
export type OpenSource = ModelFileSource | WebAssembly.Module;

/** A model's bytes, in memory of the engine's own or of the host's, and the engine that is to load them. */
interface Source {
  readonly engine: EngineExports;
  readonly bytes: Uint8Array;
}

/** One loaded model in one engine instance. Concurrent runs wait for each other, so they never mix. */
export class InferenceSession {
  readonly inputMetadata: readonly ValueMetadata[];
  readonly outputMetadata: readonly ValueMetadata[];
  /** SHA-256 of the model as its file states it (checked on load), 64 hexadecimal digits. */
  readonly sha256: string;
  private readonly file: string;
  private readonly io: readonly IoTensor[];
  private readonly opcodes: readonly number[];
  private engine: EngineExports | null;
  private last: Promise<unknown> = Promise.resolve();
  private waiting = 0;

  protected constructor(engine: EngineExports, model: ModelFile, file: string, sha256: string) {
    this.sha256 = sha256;
    this.opcodes = stepOpcodes(model); // the engine has checked the plan
    this.engine = engine;
    this.io = model.io;
    this.file = file;
    this.inputMetadata = model.io.filter(({ role }) => role === "input").map(metadataOf);
    this.outputMetadata = model.io.filter(({ role }) => role === "output").map(metadataOf);
  }

  /**
   * Loads a `.dyad` model; one that arrives as a stream goes straight into the engine's memory.
   * Throws DyadicError: BAD_FILE, CORRUPT, UNSUPPORTED_VERSION, OUT_OF_MEMORY, TOO_MUCH_WORK.
   */
  static async create(model: OpenSource, options: SessionOptions = {}): Promise<InferenceSession> {
    const { module, file = "model" } = options;
    if (model instanceof WebAssembly.Module) {
      const engine = await instantiate(model);
      return InferenceSession.open({ engine, bytes: embeddedModel(engine, file) }, file, options);
    }
    if (module === undefined) {
      throw new DyadicError("BAD_ARGUMENT", "no engine module was given", {
        file,
        hint: "pass { module }: in a Worker, `import module from 'dyadic/engine.wasm'`",
      });
    }
    const engine = await instantiate(module);
    const bytes = await bytesOf(model as ModelFileSource, engine, file, options);
    return InferenceSession.open({ engine, bytes }, file, options);
  }

  protected static async open(
    { engine, bytes }: Source,
    file: string,
    options: SessionOptions,
  ): Promise<InferenceSession> {
    const { digest, verify = true } = options;
    const model = readModel(bytes, file);
    const sha256 = hexOf(bytes.subarray(PREFIX_DIGEST, PREFIX_BYTES));
    const placed = placeModel(engine, bytes, file, options);
    if (verify && digest === undefined) checkDigest(engine, placed, file);
    const checked = verify && digest !== undefined && checkDigestBy(digest, engine, placed, file);
    try {
      loadPlaced(engine, placed, file, options);
    } finally {
      await checked; // where the file is damaged, that comes before what is wrong with it
    }
    return new this(engine, model, file, sha256);
  }

  /** Bytes of the engine's memory: file, arena and statics. */
  get memoryBytes(): number {
    return this.live().memory.buffer.byteLength;
  }

  /**
   * Runs the model once. With a signal it works in slices, between which the host hears events; without one it
   * computes at once, or as soon as the runs before it are done. Inputs are read before `run` returns its promise.
   * Throws BAD_INPUT where a value is missing, unknown or of the wrong size, and the reason of an aborted signal.
   */
  async run(feeds: Feeds, { signal }: RunOptions = {}): Promise<Record<string, Tensor>> {
    signal?.throwIfAborted();
    if (signal === undefined && this.waiting === 0) return this.runSync(feeds);
    const given = this.io.map(({ role, bytes }) => new Int8Array(role === "input" ? bytes : 0));
    this.encode(feeds, (index) => given[index]!);
    return this.queued(async () => {
      const engine = this.live();
      given.forEach((values, index) => {
        if (values.length > 0) inputOf(engine, index, values.length).set(values);
      });
      turnInputs(engine, this.io);
      await this.runSlices(signal);
      return this.outputs(this.live());
    });
  }

  /** As `run`, without a promise. Throws BUSY while abortable runs are under way. */
  runSync(feeds: Feeds): Record<string, Tensor> {
    const engine = this.fed(feeds);
    this.check(engine.run());
    return this.outputs(engine);
  }

  /**
   * Every state of a model that has some (streams, LSTMs) becomes what it was before the first run. Throws BUSY while
   * abortable runs are under way.
   */
  reset(): void {
    this.idle().reset();
  }

  /** Runs the model once with a clock around every step; `profile.chromeTrace()` is for trace viewers. */
  profile(feeds: Feeds): Profile {
    const engine = this.fed(feeds);
    const runStep = (step: number) => this.check(engine.run_steps(step, step + 1));
    return profileRun(this.opcodes, runStep, () => performance.now());
  }

  /** Frees the engine and its memory; the session can no longer run, and runs under way throw DISPOSED. */
  dispose(): void {
    this.engine = null;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  private live(): EngineExports {
    if (this.engine !== null) return this.engine;
    throw new DyadicError("DISPOSED", "the session was disposed", { file: this.file });
  }

  private idle(): EngineExports {
    if (this.waiting === 0) return this.live();
    throw new DyadicError("BUSY", "the session is in the middle of a run", {
      file: this.file,
      hint: "use `await session.run(...)`, which waits for its turn, or a second session",
    });
  }

  private check(status: number): void {
    if (status !== OK) throw statusError(this.live(), status, this.file);
  }

  /** Runs `action` behind everything that was queued before, whether that went well or not. */
  private queued<T>(action: () => Promise<T>): Promise<T> {
    this.waiting++;
    const turn = this.last.then(action).finally(() => this.waiting--);
    this.last = turn.catch(() => {});
    return turn;
  }

  private async runSlices(signal: AbortSignal | undefined): Promise<void> {
    let began = performance.now();
    signal?.throwIfAborted();
    for (let step = 0; step < this.opcodes.length; step++) {
      if (signal !== undefined && performance.now() - began > SLICE_MS) {
        await new Promise((resolve) => setTimeout(resolve));
        signal.throwIfAborted();
        began = performance.now();
      }
      this.check(this.live().run_steps(step, step + 1));
    }
  }

  private outputs(engine: EngineExports): Record<string, Tensor> {
    const outputs: Record<string, Tensor> = {};
    this.io.forEach((io, index) => {
      if (io.role === "output") outputs[io.name] = readOutput(engine, io, index);
    });
    return outputs;
  }

  /** The engine, with every input in it. */
  private fed(feeds: Feeds): EngineExports {
    const engine = this.idle();
    this.encode(feeds, (index, bytes) => inputOf(engine, index, bytes));
    turnInputs(engine, this.io);
    return engine;
  }

  /** Every input as bytes of its own type, where `target` says. */
  private encode(feeds: Feeds, target: (index: number, bytes: number) => Int8Array): void {
    try {
      for (const name of Object.keys(feeds)) {
        if (this.inputMetadata.some((input) => input.name === name)) continue;
        throw new DyadicError("BAD_INPUT", `no input "${name}"`, { found: name });
      }
      this.io.forEach((io, index) => {
        if (io.role === "input") encodeInput(feeds[io.name], io, target(index, io.bytes));
      });
    } catch (error) {
      if (!(error instanceof DyadicError)) throw error;
      const inputs = this.inputMetadata.map(
        ({ name, type, shape }) => `${name}: ${type}[${shape.join(", ")}]`,
      );
      throw error.at({ file: this.file, expected: inputs.join("; ") });
    }
  }
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function inputOf(engine: EngineExports, index: number, bytes: number): Int8Array {
  return new Int8Array(engine.memory.buffer, engine.input_ptr(index) >>> 0, bytes);
}

async function bytesOf(
  model: ModelFileSource,
  engine: EngineExports,
  file: string,
  options: SessionOptions,
): Promise<Uint8Array> {
  if (model instanceof Uint8Array) return model;
  if ("byteLength" in model) return new Uint8Array(model);
  return receiveModel(engine, "getReader" in model ? model : bodyOf(model, file), file, options);
}

/** The model that a self-contained module holds: where `reserve` puts files, and that is where it stays. */
function embeddedModel(engine: EngineExports, file: string): Uint8Array {
  const at = engine.reserve(0) >>> 0;
  if (engine.memory.buffer.byteLength >= at + PREFIX_BYTES)
    engine.reserve(engine.required_bytes(at, PREFIX_BYTES));
  const view = new DataView(engine.memory.buffer);
  const room = view.byteLength - at;
  if (room < PREFIX_BYTES || view.getUint32(at, true) !== MAGIC) {
    throw new DyadicError("BAD_FILE", "the module has an engine, but no model in it", {
      file,
      hint: "make it with `dyadic compile --target wasm`, or give the model's bytes and { module }",
    });
  }
  return new Uint8Array(
    engine.memory.buffer,
    at,
    Math.min(room, view.getUint32(at + PREFIX_FILE_BYTES, true)),
  );
}
