import { type OnnxRuntime, onnxRuntimeSubjects } from "./onnxruntime.ts";
import type { Subject } from "./subject.ts";

/** The wasm execution provider on one thread (its only wasm build has strict SIMD). */
export async function onnxRuntimeWeb(): Promise<Subject[]> {
  const ort = await import("onnxruntime-web");
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  const { web } = ort.env.versions;
  return onnxRuntimeSubjects("onnxruntime-web", web!, ort as unknown as OnnxRuntime, {
    executionProviders: ["wasm"],
  });
}
