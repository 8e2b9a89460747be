// The benchmark's networks: real files of the assets, with real inputs.
import { readAsset } from "../cases/assets.ts";
import { codes, GOLDEN_MODELS } from "../cases/models.ts";
import { type BenchModel, benchModel } from "./compiled.ts";

/** Inputs in place of the golden ones, where those are too few to tell one near tie from another network. */
const MORE_INPUTS: Readonly<Record<string, string>> = {
  "tf2_mobilenet_v2_1.0_224_ptq": "imagenet/rgb224_64.npy",
};

/** In the order of the report. */
export const BENCH_MODELS = [
  "pretrainedResnet_quant",
  "vww_96_int8",
  "kws_ref_model",
  "ad01_int8",
  "tf2_mobilenet_v2_1.0_224_ptq",
] as const;

/** A model's file and its inputs. */
export interface ModelFiles {
  readonly name: string;
  /** Below the assets. */
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly codes: Int8Array;
}

/** Reads a golden model; throws where there is none of that name, or no assets. */
export function readModelFiles(name: string): ModelFiles {
  const golden = GOLDEN_MODELS.find((model) => model.name === name);
  if (golden === undefined) throw new Error(`no model "${name}": there are ${BENCH_MODELS.join(", ")}`);
  const inputs = codes(MORE_INPUTS[name] ?? `golden/${name}/input.npy`);
  return { name, path: golden.path, bytes: readAsset(golden.path), codes: inputs };
}

export function loadBenchModel(name: string): BenchModel {
  const { path, bytes, codes } = readModelFiles(name);
  return benchModel(name, bytes, path, codes);
}
