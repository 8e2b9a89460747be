import type { BenchModel } from "./compiled.ts";
import type { Opened } from "./subjects/subject.ts";

/** Outputs for all inputs, as codes. */
export async function outputCodes(opened: Opened, model: BenchModel): Promise<Int8Array[]> {
  const all: Int8Array[] = [];
  for (let sample = 0; sample < model.samples.length; sample++) {
    await opened.run(sample);
    all.push(asCodes(opened.output(), model));
  }
  return all;
}

function asCodes(output: Int8Array | Uint8Array | Float32Array, model: BenchModel): Int8Array {
  if (output instanceof Int8Array) return output;
  if (output instanceof Uint8Array) return Int8Array.from(output, (code) => code - 128);
  const { scale, zeroPoint } = model.integer.tensors[model.integer.outputs[0]!.tensor]!;
  const code = (real: number) => Math.floor(real / scale + 0.5) + zeroPoint;
  return Int8Array.from(output, (real) => Math.min(127, Math.max(-128, code(real))));
}
