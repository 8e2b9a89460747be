import { CLASSES } from "../../../src/cli/engines.ts";
import { PRODUCER } from "../../../src/compile.ts";
import type { Build } from "../../../src/runtime/builds.ts";
import { type EngineExports, instantiate, loadModel } from "../../../src/runtime/engine.ts";
import type { BenchModel } from "../compiled.ts";
import type { Opened, Subject } from "./subject.ts";

const NAMES: Readonly<Record<Build, string>> = {
  "engine-relaxed": "dyadic relaxed",
  engine: "dyadic SIMD",
  "engine-scalar": "dyadic scalar",
};

/** The engine's builds that this host compiles, the slowest last; `read` gives the bytes of one. */
export async function dyadicSubjects(
  read: (build: Build) => Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>>,
): Promise<Subject[]> {
  const builds = ["engine-relaxed", "engine", "engine-scalar"] as const;
  const engines = await Promise.all(builds.map(async (build) => ({ build, bytes: await read(build) })));
  return engines
    .filter(({ bytes }) => WebAssembly.validate(bytes))
    .map(({ build, bytes }) => ({
      name: NAMES[build],
      version: PRODUCER.split(" ")[1]!,
      kind: "dyadic",
      open: async (model) => openEngine(await instantiate(await WebAssembly.compile(bytes)), model),
    }));
}

/** Loads a model into a fresh engine. */
export function openEngine(engine: EngineExports, model: BenchModel): Opened {
  const { integer } = model;
  loadModel(engine, model.dyad, model.name);
  // Memory does not grow after the model is loaded, so the views stay.
  const view = (address: number, tensor: number) => {
    const [height, width, channels] = integer.tensors[tensor]!.shape;
    return new Int8Array(engine.memory.buffer, address >>> 0, height * width * channels);
  };
  const input = view(engine.input_ptr(0), integer.inputs[0]!.tensor);
  const output = view(engine.output_ptr(integer.inputs.length), integer.outputs[0]!.tensor);
  return {
    run(sample) {
      input.set(model.samples[sample]!);
      const status = engine.run();
      if (status !== 0) throw new Error(`${model.name}: status ${status}`);
    },
    output: () => output.slice(),
    selfTestClass: () => CLASSES[engine.self_test() as keyof typeof CLASSES],
    memoryBytes: () => engine.memory.buffer.byteLength,
    close() {},
  };
}
