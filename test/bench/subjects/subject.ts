import type { BenchModel } from "../compiled.ts";

/** What is measured: one runtime in one configuration. */
export interface Subject {
  readonly name: string;
  readonly version: string;
  /** `dyadic` outputs must be equal bit for bit; `int8` must give the same answers; `float32` is a reference only. */
  readonly kind: "dyadic" | "int8" | "float32";
  open(model: BenchModel): Promise<Opened>;
}

/** A model loaded in a subject, ready to be timed. */
export interface Opened {
  /** One inference of the model's sample of that index, as an application does it: input handed over, output ready. */
  run(sample: number): void | Promise<void>;
  /** The first output of the last run, codes or reals. */
  output(): Int8Array | Uint8Array | Float32Array;
  /** What the engine found its dot product to be; only engines that test themselves have it. */
  selfTestClass?(): string;
  /** Bytes of wasm memory; only engines that own one have it. */
  memoryBytes?(): number;
  close(): void | Promise<void>;
}
