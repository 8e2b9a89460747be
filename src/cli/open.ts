import type { Sample } from "../inputs/metadata.ts";
import type { IoTensor } from "../model/io.ts";
import { readModel } from "../model/reader.ts";
import type { Build } from "../runtime/builds.ts";
import { engineModule, InferenceSession, type Tensor } from "../runtime/node.ts";
import type { FloatFlags } from "./calibration.ts";
import { loadModel } from "./model.ts";

/** Options that `run` and `eval` share. */
export interface RunOptions extends FloatFlags {
  readonly engine: "auto" | "relaxed" | "simd" | "scalar";
  readonly json?: boolean;
}

import { BUILDS } from "./engines.ts";

/** A model ready to run, with what its inputs expect. */
export interface OpenModel {
  readonly inputs: readonly IoTensor[];
  run(samples: readonly Sample[]): Tensor[];
}

/** Loads or compiles the model at `path` on the engine that the options name. */
export async function openModel(path: string, options: RunOptions): Promise<OpenModel> {
  const { bytes } = await loadModel(path, options);
  const build: Build | undefined = options.engine === "auto" ? undefined : BUILDS[options.engine];
  const session = await InferenceSession.create(bytes, { module: await engineModule(build), file: path });
  const inputs = readModel(bytes, path).io.filter(({ role }) => role === "input");
  return {
    inputs,
    run: (samples) =>
      Object.values(
        session.runSync(Object.fromEntries(samples.map((sample, i) => [inputs[i]!.name, sample]))),
      ),
  };
}
