import { describe, expect, test } from "vitest";
import { compileGraph } from "../../src/compile.ts";
import { importModel } from "../../src/import/index.ts";
import { assetsDirectory, readAsset } from "../cases/assets.ts";
import { openEngine, openModel, runModel } from "../cases/engine.ts";
import { argmax, codes, difference, samples } from "../cases/models.ts";

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

describe.skipIf(assetsDirectory === null)("deeplabv3_mnv2_dm05_pascal_quant", () => {
  test("gives 98 % of the pixels the label that TensorFlow Lite gives", async () => {
    const name = "deeplabv3_mnv2_dm05_pascal_quant";
    const path = `coral/${name}.tflite`;
    const { model, integer } = compileGraph(importModel(readAsset(path), path));
    const engine = await openEngine("engine");
    openModel(engine, model, integer);
    const labels = runModel(engine, integer, [codes(`golden/${name}/input.npy`)])[0]!;
    const expected = codes(`golden/${name}/output_tfjs_argmax_uint8.npy`);
    const { different } = difference(labels, expected);
    console.log(`${name}: ${expected.length - different} of ${expected.length} labels agree`);
    expect(labels).toHaveLength(expected.length);
    expect(different / expected.length).toBeLessThanOrEqual(0.02);
  });
});
