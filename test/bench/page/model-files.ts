// A model's files as the page fetches them.
import { exportOnnx } from "../../../src/export/onnx/index.ts";
import { benchModel } from "../compiled.ts";
import type { ModelFiles } from "../models.ts";
import type { Site } from "./server.ts";

/** Offers the file itself, what it compiles to, its ONNX twin for onnxruntime, and the inputs; whether it takes uint8. */
export function addModel({ answers }: Site, { name, path, bytes, codes }: ModelFiles): { unsigned: boolean } {
  const { graph, integer, dyad, samples } = benchModel(name, bytes, path, codes);
  const onnx = exportOnnx(graph, { activations: "uint8", borders: "codes" });
  const files: Record<string, Uint8Array> = {
    "model.tflite": bytes,
    "model.dyad": dyad,
    "model.onnx": onnx,
    codes: new Uint8Array(codes.buffer, codes.byteOffset, codes.length),
    "input-int8": new Uint8Array(samples[0]!),
    "input-uint8": Uint8Array.from(samples[0]!, (code) => code + 128),
  };
  for (const [file, body] of Object.entries(files)) answers.set(`/models/${name}/${file}`, () => body);
  return { unsigned: integer.inputs[0]!.dtype === "uint8" };
}
