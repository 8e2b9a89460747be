// A runtime as a page starts it: what the interleaved run and the cold start have in common.

export type Codes = Int8Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;

/** A model in a runtime. */
export interface LoadedModel {
  /** One inference as an application does it: codes in the file's own dtype handed over, output ready. */
  run(input: Codes): void | Promise<void>;
  /** The first output of the last run. */
  output(): Codes | Float32Array;
  close(): void | Promise<void>;
}

/** A runtime whose code has arrived and is compiled. */
export interface Runtime {
  load(model: Uint8Array<ArrayBuffer>): Promise<LoadedModel>;
}

/** A runtime that takes a model while it arrives. */
export interface StreamingRuntime {
  load(model: Response): Promise<LoadedModel>;
}
