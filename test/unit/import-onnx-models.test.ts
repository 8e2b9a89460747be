import { describe, expect, test } from "vitest";
import { importModel } from "../../src/import/index.ts";
import { readNpy } from "../../src/import/npy.ts";
import { simplify } from "../../src/passes/index.ts";
import { assetsDirectory, readAsset } from "../cases/assets.ts";
import { runFloat } from "../cases/float-run.ts";

const MEAN = [0.485, 0.456, 0.406];
const STD = [0.229, 0.224, 0.225];

/** Largest difference over the largest magnitude of what was expected. */
function relative(found: Float32Array, expected: Float32Array): number {
  const top = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return found.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0) / top;
}

function golden(name: string, classes: number, sample: number): Float32Array {
  const { data } = readNpy(readAsset(`golden/${name}/output_ort_float.npy`));
  return Float32Array.from(data.subarray(sample * classes, (sample + 1) * classes) as Float32Array);
}

const load = (name: string) => importModel(readAsset(`onnx/${name}.onnx`), `${name}.onnx`);

function countsOf(ops: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const op of ops) counts[op] = (counts[op] ?? 0) + 1;
  return counts;
}

describe.skipIf(assetsDirectory === null)("real models (skipped without assets: set DYADIC_ASSETS)", () => {
  test("resnet20: batch norms and activations fold, outputs equal onnxruntime's", () => {
    const graph = load("resnet20_cifar10");
    expect(graph.inputs[0]).toMatchObject({ shape: [1, 3, 32, 32], layout: "NCHW", dtype: "float32" });
    const simple = simplify(graph);
    expect(countsOf(simple.nodes.map((node) => node.op))).toEqual({
      conv: 19,
      add: 9,
      slice: 2,
      pad: 2,
      averagePool: 1,
      reshape: 1,
      dense: 1,
    });
    const images = readNpy(readAsset("cifar10/test_x.npy")).data as Uint8Array;
    for (const sample of [0, 1, 2]) {
      const pixels = images.subarray(sample * 3072, (sample + 1) * 3072);
      const input = Float32Array.from(pixels, (u8, i) => (u8 / 255 - MEAN[i % 3]!) / STD[i % 3]!);
      const expected = golden("resnet20_cifar10", 10, sample);
      for (const candidate of sample === 0 ? [graph, simple] : [simple]) {
        const error = relative(runFloat(candidate, [input])[0]!.data, expected);
        console.log(`resnet20 sample ${sample}: ${error.toExponential(2)} of the largest logit`);
        expect(error).toBeLessThan(1e-4);
      }
    }
  });

  test("MobileNetV2: clips fuse, outputs equal onnxruntime's", () => {
    const simple = simplify(load("mobilenet_v2_1.0_224_float"));
    expect(countsOf(simple.nodes.map((node) => node.op))).toEqual({
      conv: 35,
      depthwise: 17,
      add: 10,
      mean: 1,
      reshape: 1,
      dense: 1,
      softmax: 1,
    });
    const pixels = readNpy(readAsset("golden/tf2_mobilenet_v2_1.0_224_ptq/input.npy")).data.subarray(
      0,
      224 * 224 * 3,
    );
    const input = Float32Array.from(pixels as Uint8Array, (u8) => u8 / 127.5 - 1);
    const error = relative(runFloat(simple, [input])[0]!.data, golden("mobilenet_v2_1.0_224_float", 1001, 0));
    console.log(`MobileNetV2 sample 0: ${error.toExponential(2)} of the largest probability`);
    expect(error).toBeLessThan(1e-4);
  });
});
