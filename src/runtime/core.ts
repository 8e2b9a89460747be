// The session for any host: takes a compiled engine module and the model's bytes, touches no other global.
import { OK } from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import type { IoTensor } from "../model/io.ts";
import { readModel } from "../model/reader.ts";
import { quantizeValue } from "../numerics/affine.ts";
import { type EngineExports, instantiate, type Limits, loadModel, statusError } from "./engine.ts";
import { Tensor, type TensorArray, type TensorType } from "./tensor.ts";

export { DyadicError, type ErrorCode } from "../error.ts";
export type { Limits } from "./engine.ts";
export { Tensor } from "./tensor.ts";

export interface SessionOptions extends Limits {
  /** The engine to run on; hosts with a loader of their own find one where it is left out. */
  readonly module?: WebAssembly.Module;
  /** Name of the model in messages. */
  readonly file?: string;
}

/** What a model takes or gives under one name. */
export interface ValueMetadata {
  readonly name: string;
  readonly type: TensorType;
  /** In the model's own layout. */
  readonly shape: readonly number[];
  readonly layout: "flat" | "NHWC" | "NCHW";
  readonly scale: number;
  readonly zeroPoint: number;
  readonly labels?: readonly string[];
}

/** Values by the names of the model's inputs: tensors, or bare arrays (floats are quantized, integers are codes). */
export type Feeds = Readonly<Record<string, Tensor | TensorArray>>;

/** One loaded model in one engine instance. Runs are synchronous inside, so concurrent `run` calls never mix. */
export class InferenceSession {
  readonly inputMetadata: readonly ValueMetadata[];
  readonly outputMetadata: readonly ValueMetadata[];
  private readonly file: string;
  private readonly io: readonly IoTensor[];
  private engine: EngineExports | null;

  protected constructor(engine: EngineExports, io: readonly IoTensor[], file: string) {
    this.engine = engine;
    this.io = io;
    this.file = file;
    this.inputMetadata = io.filter(({ role }) => role === "input").map(metadata);
    this.outputMetadata = io.filter(({ role }) => role === "output").map(metadata);
  }

  /**
   * Loads a `.dyad` model. Throws DyadicError: BAD_FILE, CORRUPT, UNSUPPORTED_VERSION, OUT_OF_MEMORY, TOO_MUCH_WORK.
   *
   * @param model the file's bytes
   */
  static async create(
    model: Uint8Array | ArrayBuffer,
    options: SessionOptions = {},
  ): Promise<InferenceSession> {
    const { module, file = "model" } = options;
    if (module === undefined) {
      throw new DyadicError("BAD_ARGUMENT", "no engine module was given", {
        file,
        hint: "pass { module }: in a Worker, `import module from 'dyadic/engine.wasm'`",
      });
    }
    const bytes = model instanceof Uint8Array ? model : new Uint8Array(model);
    const { io } = readModel(bytes, file);
    const engine = await instantiate(module);
    loadModel(engine, bytes, file, options);
    return new InferenceSession(engine, io, file);
  }

  /** Bytes of the engine's memory: file, arena and statics. */
  get memoryBytes(): number {
    return this.live().memory.buffer.byteLength;
  }

  /** Runs the model once. Throws BAD_INPUT where a value is missing, unknown or of the wrong size. */
  async run(feeds: Feeds): Promise<Record<string, Tensor>> {
    return this.runSync(feeds);
  }

  /** As `run`, without a promise. */
  runSync(feeds: Feeds): Record<string, Tensor> {
    const engine = this.live();
    for (const name of Object.keys(feeds)) {
      if (!this.inputMetadata.some((input) => input.name === name))
        throw this.badInput(`no input "${name}"`, name);
    }
    this.io.forEach((io, index) => {
      if (io.role === "input") this.write(engine, io, index, feeds[io.name]);
    });
    const status = engine.run();
    if (status !== OK) throw statusError(engine, status, this.file);
    const outputs: Record<string, Tensor> = {};
    this.io.forEach((io, index) => {
      if (io.role === "output") outputs[io.name] = read(engine, io, index);
    });
    return outputs;
  }

  /** Every state of a model that has some (streams, LSTMs) becomes what it was before the first run. */
  reset(): void {
    this.live().reset();
  }

  /** Frees the engine and its memory; the session can no longer run. */
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

  private badInput(problem: string, found: string): DyadicError {
    return new DyadicError("BAD_INPUT", problem, {
      file: this.file,
      expected: this.inputMetadata
        .map(({ name, type, shape }) => `${name}: ${type}[${shape.join(", ")}]`)
        .join("; "),
      found,
    });
  }

  /** Writes one input as the int8 codes that the engine takes. */
  private write(
    engine: EngineExports,
    io: IoTensor,
    index: number,
    value: Tensor | TensorArray | undefined,
  ): void {
    if (value === undefined) throw this.badInput(`input "${io.name}" is missing`, "nothing");
    const data = value instanceof Tensor ? value.data : value;
    if (data.length !== io.bytes) {
      throw this.badInput(`input "${io.name}" has the wrong size`, `${data.length} elements`);
    }
    const target = new Int8Array(engine.memory.buffer, engine.input_ptr(index) >>> 0, io.bytes);
    const unsigned = io.dtype === "uint8" ? 128 : 0;
    if (data instanceof Float32Array) {
      const [min, max] = [unsigned - 128, unsigned + 127];
      for (let i = 0; i < data.length; i++) {
        target[i] = quantizeValue(data[i]!, io.scale, io.zeroPoint, min, max) - unsigned;
      }
    } else if ((data instanceof Uint8Array || data instanceof Uint8ClampedArray) === unsigned > 0) {
      for (let i = 0; i < data.length; i++) target[i] = data[i]! - unsigned;
    } else {
      throw this.badInput(`input "${io.name}" has the wrong type`, data.constructor.name);
    }
  }
}

function metadata(io: IoTensor): ValueMetadata {
  const { name, shape, layout, scale, zeroPoint, labels } = io;
  const type = io.dtype as TensorType;
  return { name, type, shape, layout, scale, zeroPoint, ...(labels === undefined ? {} : { labels }) };
}

/** One output, in the dtype and shape that the model declares. */
function read(engine: EngineExports, io: IoTensor, index: number): Tensor {
  const codes = new Int8Array(engine.memory.buffer, engine.output_ptr(index) >>> 0, io.bytes);
  if (io.dtype === "int32") return new Tensor("int32", new Int32Array(codes.slice().buffer), io.shape, io);
  const data = io.dtype === "uint8" ? Uint8Array.from(codes, (code) => code + 128) : codes.slice();
  return new Tensor(io.dtype as TensorType, data, io.shape, io);
}
