// onnxruntime-common's InferenceSession over Dyadic's: float32 in and out, in the layout that the model declares.
import { DyadicError } from "../../error.ts";
import type { Feed, InferenceSession as Native, Tensor as NativeTensor, ValueMetadata } from "../core.ts";
import type { CreateSession, LoaderOptions, ModelSource } from "../loader.ts";
import { Tensor } from "./tensor.ts";

/** Options of onnxruntime are taken and have no meaning here; Dyadic's own work. */
export interface SessionOptions extends LoaderOptions {
  readonly [option: string]: unknown;
}

export interface RunOptions {
  readonly signal?: AbortSignal;
  readonly [option: string]: unknown;
}

/** What onnxruntime says of an input or output. */
export interface Metadata {
  readonly name: string;
  readonly isTensor: true;
  readonly type: "float32";
  readonly shape: readonly number[];
}

export type OnnxValueMap = Readonly<Record<string, Tensor>>;
type Fetches = readonly string[] | Readonly<Record<string, Tensor | null>>;

/** What `InferenceSession` of onnxruntime-common offers to run a model. */
export class OrtSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly inputMetadata: readonly Metadata[];
  readonly outputMetadata: readonly Metadata[];
  /** The session behind this one. */
  readonly session: Native;

  constructor(session: Native) {
    this.session = session;
    this.inputMetadata = session.inputMetadata.map(describe);
    this.outputMetadata = session.outputMetadata.map(describe);
    this.inputNames = this.inputMetadata.map(({ name }) => name);
    this.outputNames = this.outputMetadata.map(({ name }) => name);
  }

  /**
   * Runs the model on float32 tensors (or on codes of the model's own type), in its declared layout.
   * Throws BAD_INPUT; the reason of `options.signal`.
   */
  run(feeds: OnnxValueMap, options?: RunOptions): Promise<Record<string, Tensor>>;
  run(feeds: OnnxValueMap, fetches: Fetches, options?: RunOptions): Promise<Record<string, Tensor>>;
  async run(
    feeds: OnnxValueMap,
    second: Fetches | RunOptions = {},
    third?: RunOptions,
  ): Promise<Record<string, Tensor>> {
    const fetches = this.fetched(second, third !== undefined);
    const { signal } = third ?? (fetches === undefined ? (second as RunOptions) : {});
    const values = Object.fromEntries(
      Object.entries(feeds).map(([name, tensor]) => [name, this.toNative(name, tensor)]),
    );
    const outputs = await this.session.run(values, signal === undefined ? {} : { signal });
    const wanted = fetches ?? this.outputNames;
    return Object.fromEntries(wanted.map((name) => [name, this.fromNative(name, outputs[name])]));
  }

  /** Clears the states of a model that has some; onnxruntime has no such thing. */
  reset(): void {
    this.session.reset();
  }

  async release(): Promise<void> {
    this.session.dispose();
  }

  /** Names of the wanted outputs; undefined where the second argument of `run` was its options, or nothing. */
  private fetched(second: Fetches | RunOptions, certain: boolean): readonly string[] | undefined {
    if (Array.isArray(second)) return second;
    const names = Object.keys(second);
    return certain || names.some((name) => this.outputNames.includes(name)) ? names : undefined;
  }

  private toNative(name: string, { type, data, dims }: Tensor): Feed {
    const metadata = this.session.inputMetadata.find((input) => input.name === name);
    if (metadata === undefined) return Float32Array.from(data as Float32Array); // the session names what it knows
    const { declaredShape } = metadata;
    const same =
      dims.length === declaredShape.length && dims.every((dim, axis) => dim === declaredShape[axis]);
    if (!same) {
      throw new DyadicError("BAD_INPUT", `input "${name}" has the wrong shape`, {
        expected: `[${declaredShape.join(", ")}]`,
        found: `[${dims.join(", ")}]`,
      });
    }
    const values =
      type === metadata.type ? (data as Int8Array) : Float32Array.from(data as Float32Array, Number);
    return metadata.layout === "NCHW" ? channelsLast(values, metadata.shape) : values;
  }

  private fromNative(name: string, tensor: NativeTensor | undefined): Tensor {
    const metadata = this.session.outputMetadata.find((output) => output.name === name);
    if (tensor === undefined || metadata === undefined) {
      throw new DyadicError("BAD_INPUT", `no output "${name}"`, { expected: this.outputNames.join(", ") });
    }
    const reals = tensor.dequantize();
    const data = metadata.layout === "NCHW" ? channelsFirst(reals, metadata.shape) : reals;
    return new Tensor("float32", data, metadata.declaredShape);
  }
}

function describe({ name, declaredShape }: ValueMetadata): Metadata {
  return { name, isTensor: true, type: "float32", shape: declaredShape };
}

/** Planes [C][H][W] as pixels [H][W][C]; `shape` is [1, H, W, C]. */
function channelsLast<T extends Float32Array | Int8Array>(planes: T, shape: readonly number[]): T {
  const channels = shape[3]!;
  const pixels = planes.length / channels;
  return planes.map((_, i) => planes[(i % channels) * pixels + Math.floor(i / channels)]!) as T;
}

function channelsFirst(values: Float32Array, shape: readonly number[]): Float32Array {
  const channels = shape[3]!;
  const pixels = values.length / channels;
  return values.map((_, i) => values[(i % pixels) * channels + Math.floor(i / pixels)]!);
}

/** `InferenceSession.create` of onnxruntime-common, over a host's own. */
export interface SessionFactory {
  create(source: ModelSource, options?: SessionOptions): Promise<OrtSession>;
  create(
    buffer: ArrayBuffer,
    byteOffset: number,
    byteLength?: number,
    options?: SessionOptions,
  ): Promise<OrtSession>;
}

export function factoryOf(create: CreateSession): SessionFactory {
  return {
    async create(
      source: ModelSource,
      second: SessionOptions | number = {},
      byteLength?: number,
      options?: SessionOptions,
    ): Promise<OrtSession> {
      if (typeof second !== "number") return new OrtSession(await create(source, second));
      return new OrtSession(await create(new Uint8Array(source as ArrayBuffer, second, byteLength), options));
    },
  };
}

/** Settings of onnxruntime's backends: may be assigned, and change nothing. */
export const env: Record<string, unknown> & { wasm: Record<string, unknown> } = {
  wasm: {},
  webgl: {},
  webgpu: {},
  logLevel: "warning",
};
