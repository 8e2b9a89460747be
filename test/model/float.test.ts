import { describe, expect, test } from "vitest";
import { FloatNetwork } from "../../src/float/network.ts";
import { importModel } from "../../src/import/index.ts";
import { FLOAT_OPS, OPS } from "../../src/ops/index.ts";
import { simplify } from "../../src/passes/index.ts";
import { assetsDirectory, readAsset } from "../cases/assets.ts";
import { calibratorBytes, relativeError } from "../cases/floats.ts";
import { asset } from "../cases/models.ts";

const module = await WebAssembly.compile(calibratorBytes());
const MEAN = [0.485, 0.456, 0.406];
const STD = [0.229, 0.224, 0.225];

/** Float models with onnxruntime's outputs; `real` is the model's input of a pixel. */
const MODELS = [
  {
    name: "resnet20_cifar10",
    images: "cifar10/test_x.npy",
    side: 32,
    real: (u8: number, channel: number) => (u8 / 255 - MEAN[channel]!) / STD[channel]!,
  },
  {
    name: "mobilenet_v2_1.0_224_float",
    images: "golden/tf2_mobilenet_v2_1.0_224_ptq/input.npy",
    side: 224,
    real: (u8: number) => u8 / 127.5 - 1,
  },
];

describe.skipIf(assetsDirectory === null).each(MODELS)("$name in float", ({ name, images, side, real }) => {
  test("every output is onnxruntime's within 1e-4 of the largest", async ({ skip }) => {
    const graph = simplify(importModel(readAsset(`onnx/${name}.onnx`), name));
    const known = new Set([...OPS, ...FLOAT_OPS].map((op) => op.name));
    const missing = graph.nodes.find(({ op }) => !known.has(op));
    if (missing !== undefined) skip(`there is no op "${missing.op}" yet`);
    const network = await FloatNetwork.create(graph, module);
    const { data, shape } = asset(`golden/${name}/output_ort_float.npy`);
    const pixels = asset(images).data as Uint8Array;
    const [samples, classes] = shape as [number, number];
    const errors = Array.from({ length: samples }, (_, i) => {
      const image = pixels.subarray(i * side * side * 3, (i + 1) * side * side * 3);
      const [output] = network.run([Float32Array.from(image, (u8, k) => real(u8, k % 3))]);
      return relativeError(output!, (data as Float32Array).subarray(i * classes, (i + 1) * classes));
    });
    console.log(`${name}: at most ${Math.max(...errors).toExponential(1)} off onnxruntime`);
    for (const error of errors) expect(error).toBeLessThan(1e-4);
  });
});
