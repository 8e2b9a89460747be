import type { CompiledModel, Tensor, TypedArray } from "@litertjs/core";
import type { Codes, LoadedModel, Runtime } from "./runtime.ts";

/** `relaxed`: what LiteRT.js takes where relaxed SIMD is there; `compat`: its build without. */
export type LiteRtBuild = "relaxed" | "compat";

const LOADERS: Readonly<Record<LiteRtBuild, string>> = {
  relaxed: "litert_wasm_internal.js",
  compat: "litert_wasm_compat_internal.js",
};

/** Loads a build on one thread; the package holds one at a time, so each build gets a copy of the package by its URL. */
export async function openLiteRt(build: LiteRtBuild): Promise<Runtime> {
  const litert: typeof import("@litertjs/core") = await import(`/bundles/litert.js?${build}`);
  await litert.loadLiteRt(`/packages/@litertjs/core/wasm/${LOADERS[build]}`);
  return {
    async load(bytes) {
      const options = { accelerator: "wasm", cpuOptions: { numThreads: 1 } } as const;
      const model = await litert.loadAndCompile(bytes, options);
      return loaded(model, litert.Tensor);
    },
  };
}

function loaded(model: CompiledModel, TensorClass: typeof Tensor): LoadedModel {
  const shape = model.getInputDetails()[0]!.shape;
  let output: TypedArray = new Uint8Array();
  return {
    async run(codes) {
      const input = new TensorClass(codes as Uint8Array<ArrayBuffer>, shape);
      const [result] = await model.run(input);
      output = result!.toTypedArray();
      result!.delete();
      input.delete();
    },
    output: () => output as Codes, // or Int8Array, by the server's patch
    close: () => model.delete(),
  };
}
