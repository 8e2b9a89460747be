import { type OnnxRuntime, onnxRuntimeSubjects } from "./onnxruntime.ts";
import type { Subject } from "./subject.ts";

/** Native code with every instruction of the machine, on one thread: the outer reference. */
export async function onnxRuntimeNode(): Promise<Subject[]> {
  const ort = await import("onnxruntime-node");
  const { node } = ort.env.versions;
  return onnxRuntimeSubjects("onnxruntime-node", node!, ort as unknown as OnnxRuntime, {
    executionProviders: ["cpu"],
    executionMode: "sequential",
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
  });
}
