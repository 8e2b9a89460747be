import { DyadicError } from "../error.ts";
import type { IoTensor } from "../model/io.ts";
import { readModel } from "../model/reader.ts";
import type { Build } from "../runtime/builds.ts";
import { engineModule, InferenceSession, type Tensor } from "../runtime/node.ts";
import type { Preparation, Sample } from "./inputs/index.ts";
import { loadModel } from "./model.ts";

/** Options that `run` and `eval` share. */
export interface RunOptions {
  readonly scale?: number;
  readonly mean?: string;
  readonly std?: string;
  readonly invert?: boolean;
  readonly engine: "auto" | "relaxed" | "simd" | "scalar";
  readonly json?: boolean;
}

const BUILDS = { relaxed: "engine-relaxed", simd: "engine", scalar: "engine-scalar" } as const;

/** A model ready to run, with what its inputs expect. */
export interface OpenModel {
  readonly inputs: readonly IoTensor[];
  run(samples: readonly Sample[]): Tensor[];
}

/** Loads or compiles the model at `path` on the engine that the options name. */
export async function openModel(path: string, options: RunOptions): Promise<OpenModel> {
  const { bytes } = loadModel(path);
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

/** How pictures become codes, from --scale, --mean, --std and --invert. Throws BAD_ARGUMENT. */
export function preparationOf({ scale, mean, std, invert }: RunOptions): Preparation {
  return {
    ...(scale === undefined ? {} : { scale }),
    ...(mean === undefined ? {} : { mean: numbers("--mean", mean) }),
    ...(std === undefined ? {} : { std: numbers("--std", std) }),
    ...(invert === undefined ? {} : { invert }),
  };
}

function numbers(option: string, list: string): number[] {
  const values = list.split(",").map(Number);
  if (list.trim() !== "" && values.every(Number.isFinite)) return values;
  throw new DyadicError("BAD_ARGUMENT", `${option} is not a list of numbers`, {
    expected: "R,G,B",
    found: list,
  });
}
