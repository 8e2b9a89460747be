import { describe, expect, test } from "vitest";
import { calibrate } from "../../src/calibrate/calibrate.ts";
import { Calibration } from "../../src/calibrate/calibration.ts";
import { compileGraph } from "../../src/compile.ts";
import { FloatNetwork } from "../../src/float/network.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { importModel } from "../../src/import/index.ts";
import { OPS } from "../../src/ops/index.ts";
import { simplify } from "../../src/passes/index.ts";
import { quantizePostTraining } from "../../src/quantize/post-training.ts";
import { assetsDirectory, readAsset } from "../cases/assets.ts";
import { openEngine, openModel, runModel } from "../cases/engine.ts";
import { calibratorBytes } from "../cases/floats.ts";
import { argmax, asset } from "../cases/models.ts";

const module = await WebAssembly.compile(calibratorBytes());

const MEAN = [0.485, 0.456, 0.406];
const STD = [0.229, 0.224, 0.225];

/**
 * Float models of CIFAR-10: calibrated on training images, evaluated on others; top-1 of assets/README.md. `real` is
 * the model's input of a pixel.
 */
const MODELS = [
  {
    path: "mlperf_tiny/models/pretrainedResnet.tflite",
    calibration: 200,
    top1: 0.7465,
    within: 0.01,
    methods: ["mse", "minmax", "percentile", "movingAverage", "entropy"],
    real: (u8: number) => u8,
  },
  {
    path: "onnx/resnet20_cifar10.onnx",
    calibration: 200,
    top1: 0.805,
    within: 0.005,
    methods: ["mse"],
    real: (u8: number, channel: number) => (u8 / 255 - MEAN[channel]!) / STD[channel]!,
  },
] as const;

type Real = (u8: number, channel: number) => number;

/** One sample an image. */
function images(path: string, real: Real): Float32Array[][] {
  const { data, shape } = asset(path);
  const size = data.length / shape[0]!;
  const pixels = data as Uint8Array;
  return Array.from({ length: shape[0]! }, (_, i) => [
    Float32Array.from(pixels.subarray(i * size, (i + 1) * size), (u8, k) => real(u8, k % 3)),
  ]);
}

async function integerPredictions(graph: Graph, samples: readonly Float32Array[][]): Promise<number[]> {
  const { model, integer } = compileGraph(graph);
  const { scale, zeroPoint } = integer.tensors[integer.inputs[0]!.tensor]!;
  const engine = await openEngine("engine");
  openModel(engine, model, integer);
  return samples.map(([pixels]) => {
    const codes = Int8Array.from(pixels!, (x) =>
      Math.min(127, Math.max(-128, Math.floor(x / scale + 0.5) + zeroPoint)),
    );
    return argmax(runModel(engine, integer, [codes])[0]!);
  });
}

describe.skipIf(assetsDirectory === null).each(MODELS)("$path in 8 bits", (model) => {
  test(`float top-1 is ${model.top1}, int8 within ${model.within} of it`, async ({ skip }) => {
    const graph = simplify(importModel(readAsset(model.path)));
    const known = new Set(OPS.map((op) => op.name));
    const missing = graph.nodes.find(({ op }) => !known.has(op));
    if (missing !== undefined) skip(`there is no op "${missing.op}" yet`);
    const labels = asset("cifar10/test_y.npy").data as Int32Array;
    const samples = images("cifar10/test_x.npy", model.real);
    const network = await FloatNetwork.create(graph, module);
    const float = samples.map((sample) => argmax(network.run(sample)[0]!));
    const top1 = (predictions: readonly number[]) =>
      predictions.filter((prediction, i) => prediction === labels[i]).length / labels.length;
    expect(top1(float)).toBe(model.top1);

    const calibration = await calibrate(
      graph,
      images("cifar10/train_x.npy", model.real).slice(0, model.calibration),
      module,
    );
    const cached = Calibration.parse(JSON.stringify(calibration), graph);
    for (const method of model.methods) {
      const integer = quantizePostTraining(graph, calibration.ranges({ method }));
      expect(quantizePostTraining(graph, cached.ranges({ method }))).toEqual(integer);
      const predictions = await integerPredictions(integer, samples);
      const agreement = predictions.filter((prediction, i) => prediction === float[i]).length / labels.length;
      console.log(
        `${model.path} ${method}: float ${top1(float)}, int8 ${top1(predictions)}, agree ${agreement}`,
      );
      expect(top1(float) - top1(predictions)).toBeLessThanOrEqual(model.within);
      expect(agreement).toBeGreaterThan(0.94);
    }
  });
});
