import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Graph } from "../../src/graph/graph.ts";
import { importModel } from "../../src/import/index.ts";
import { readNpy } from "../../src/import/npy.ts";
import type { Codes } from "../../src/numerics/pack.ts";
import { assetsDirectory, readAsset } from "./assets.ts";

/** A real int8 network of the assets with reference outputs. */
export interface GoldenModel {
  readonly name: string;
  /** Path of the model below assets/. */
  readonly path: string;
  /** Whether tensors of every operator are stored for sample 0. */
  readonly layers: boolean;
}

/** The networks that the engine must reproduce: MLPerf Tiny's, and MobileNetV2 end to end. */
export const GOLDEN_MODELS: readonly GoldenModel[] = [
  { name: "pretrainedResnet_quant", path: "mlperf_tiny/models/pretrainedResnet_quant.tflite", layers: true },
  {
    name: "pretrainedResnet_large_int8",
    path: "mlperf_tiny/models/pretrainedResnet_large_int8.tflite",
    layers: true,
  },
  { name: "kws_ref_model", path: "mlperf_tiny/models/kws_ref_model.tflite", layers: true },
  { name: "ad01_int8", path: "mlperf_tiny/models/ad01_int8.tflite", layers: true },
  { name: "str_ww_ref_model", path: "mlperf_tiny/models/str_ww_ref_model.tflite", layers: true },
  { name: "vww_96_int8", path: "mlperf_tiny/models/vww_96_int8.tflite", layers: true },
  { name: "tf2_mobilenet_v2_1.0_224_ptq", path: "coral/tf2_mobilenet_v2_1.0_224_ptq.tflite", layers: false },
];

export function importGolden(model: GoldenModel): Graph {
  return importModel(readAsset(model.path), model.path);
}

/** An .npy file of the assets. */
export function asset(path: string) {
  return readNpy(readAsset(path), path);
}

/** 8-bit codes of an .npy file as the arena holds them: uint8 less 128. */
export function codes(path: string): Int8Array {
  const { data } = asset(path);
  if (data instanceof Int8Array) return data;
  if (data instanceof Uint8Array) return Int8Array.from(data, (code) => code - 128);
  throw new Error(`${path}: expected 8-bit codes`);
}

/** Golden outputs of every operator of a model for sample 0, in the order of the operators. */
export function goldenLayers(name: string): Int8Array[] {
  const directory = `golden/${name}/layers_tflm_single_sample0`;
  return readdirSync(join(assetsDirectory!, directory))
    .sort()
    .map((file) => codes(`${directory}/${file}`));
}

/** Splits an array of samples. */
export function samples(all: Int8Array, size: number): Int8Array[] {
  return Array.from({ length: all.length / size }, (_, i) => all.subarray(i * size, (i + 1) * size));
}

/** Index of the first largest element. */
export function argmax(row: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < row.length; i++) if (row[i]! > row[best]!) best = i;
  return best;
}

/** How many elements differ, and by how much at most. */
export function difference(a: Codes, b: Codes): { different: number; largest: number } {
  let different = 0;
  let largest = 0;
  a.forEach((code, i) => {
    if (code === b[i]) return;
    different++;
    largest = Math.max(largest, Math.abs(code - b[i]!));
  });
  return { different, largest };
}
