import { describe, expect, test } from "vitest";
import { compileGraph } from "../../src/compile.ts";
import { importModel } from "../../src/import/index.ts";
import { assetsDirectory, readAsset } from "../cases/assets.ts";
import { openEngine, openModel, runModel } from "../cases/engine.ts";
import { argmax, codes, samples } from "../cases/models.ts";

/** uint8 networks with weight zero points; golden outputs are TensorFlow Lite's with XNNPACK. */
const CLASSIFIERS = ["mobilenet_v1_0.25_128_quant", "mobilenet_v2_1.0_224_quant"];

describe.skipIf(assetsDirectory === null).each(CLASSIFIERS)("%s", (name) => {
  test("agrees with TensorFlow Lite on the class of 99 % of the samples", async () => {
    const path = `coral/${name}.tflite`;
    const { model, integer } = compileGraph(importModel(readAsset(path), path));
    const sizeOf = (tensor: number) => integer.tensors[tensor]!.shape.reduce((a, b) => a * b, 1);
    const inputs = samples(codes(`golden/${name}/input.npy`), sizeOf(integer.inputs[0]!.tensor));
    const expected = samples(codes(`golden/${name}/output_tfjs_xnnpack.npy`), 1001);
    const engine = await openEngine("engine");
    openModel(engine, model, integer);
    const outputs = inputs.map((input) => runModel(engine, integer, [input])[0]!);
    const same = outputs.filter((output, i) => argmax(output) === argmax(expected[i]!)).length;
    console.log(`${name}: the same class on ${same} of ${inputs.length} samples`);
    expect(same / inputs.length).toBeGreaterThanOrEqual(0.99);
  });
});
