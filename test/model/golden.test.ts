import { describe, expect, test } from "vitest";
import { writeModel } from "../../src/model/writer.ts";
import { plan } from "../../src/plan/index.ts";
import { lower } from "../../src/quantize/lower.ts";
import { runReference } from "../../src/quantize/reference.ts";
import { assetsDirectory } from "../cases/assets.ts";
import {
  openEngine,
  openModel,
  readTensor,
  run,
  runModel,
  traceNodes,
  variants,
  writeTensor,
} from "../cases/engine.ts";
import {
  argmax,
  asset,
  codes,
  difference,
  GOLDEN_MODELS,
  type GoldenModel,
  goldenLayers,
  importGolden,
  samples,
} from "../cases/models.ts";

function compiled(golden: GoldenModel) {
  const graph = lower(importGolden(golden));
  const [height, width, channels] = graph.tensors[graph.inputs[0]!.tensor]!.shape;
  const inputs = samples(codes(`golden/${golden.name}/input.npy`), height * width * channels);
  return { graph, model: writeModel(graph, plan(graph)), inputs };
}

async function opened(golden: GoldenModel) {
  const { graph, model, inputs } = compiled(golden);
  const engine = await openEngine("engine");
  return { graph, engine, inputs, room: openModel(engine, model, graph) };
}

const missing = assetsDirectory === null;
if (missing) console.warn("golden models skipped: no ../shared/assets (or DYADIC_ASSETS)");

describe.skipIf(missing).each(GOLDEN_MODELS)("$name", (golden) => {
  test.skipIf(!golden.layers)(
    "every operator, fed with its golden input: 99.9 % equal, none more than 1 off",
    async () => {
      const { graph, engine, inputs, room } = await opened(golden);
      const layers = goldenLayers(golden.name);
      expect(graph.nodes).toHaveLength(layers.length);
      const known = new Map<number, Int8Array>([[graph.inputs[0]!.tensor, inputs[0]!]]);
      const lines: string[] = [];
      graph.nodes.forEach((node, k) => {
        for (const input of node.inputs) writeTensor(engine, input, known.get(input)!, room);
        run(engine, 1 + k, 2 + k);
        const { different, largest } = difference(readTensor(engine, graph, node.output, room), layers[k]!);
        if (different > 0)
          lines.push(`${k} ${node.op}: ${different} of ${layers[k]!.length}, at most ${largest}`);
        expect.soft(largest, `operator ${k} ${node.op}`).toBeLessThanOrEqual(1);
        expect.soft(different / layers[k]!.length, `operator ${k} ${node.op}`).toBeLessThanOrEqual(0.001);
        known.set(node.output, layers[k]!);
      });
      console.log(`${golden.name}: ${layers.length} operators, different: ${lines.join("; ") || "none"}`);
    },
  );

  test("end to end: 99 % of the outputs equal the single-rounding reference", async () => {
    const { graph, engine, inputs } = await opened(golden);
    const expected = codes(`golden/${golden.name}/output_tflm_single.npy`);
    const outputs = inputs.map((input) => runModel(engine, graph, [input])[0]!);
    const all = Int8Array.from(outputs.flatMap((output) => [...output]));
    const { different, largest } = difference(all, expected);
    console.log(`${golden.name}: end to end ${different} of ${all.length} differ, at most ${largest}`);
    expect(all).toHaveLength(expected.length);
    expect(different / all.length).toBeLessThanOrEqual(0.01);
  });

  test("scalar = SIMD = relaxed in every class = the integer reference, on every layer", async () => {
    const { graph, model, inputs } = compiled(golden);
    const reference = runReference(graph, [inputs[0]!]);
    for (const { name, open } of variants()) {
      const engine = await open();
      const room = openModel(engine, model, graph);
      const traced = traceNodes(engine, graph, [inputs[0]!], room);
      graph.nodes.forEach((node, k) => {
        expect(difference(traced[k]!, reference[node.output]!).different, `${name}, ${k} ${node.op}`).toBe(0);
      });
    }
  });
});

/** Data sets with labels: top-1 of the int8 model under single rounding (assets/README.md, "Measured agreement"). */
const EVALUATIONS = [
  {
    name: "pretrainedResnet_quant",
    x: "cifar10/test_x.npy",
    y: "cifar10/test_y.npy",
    top1: 0.745,
    within: 0.002,
  },
  {
    name: "pretrainedResnet_large_int8",
    x: "cifar10/test_x.npy",
    y: "cifar10/test_y.npy",
    top1: 0.8015,
    within: 0.002,
  },
  {
    name: "kws_ref_model",
    x: "mlperf_tiny/data/kws01_eval_x.npy",
    y: "mlperf_tiny/data/kws01_eval_y.npy",
    top1: 0.9018,
    within: 0.0018,
  },
];

describe.skipIf(missing).each(EVALUATIONS)("accuracy of $name", ({ name, x, y, top1, within }) => {
  test(`top-1 is ${top1} within ${within}`, async () => {
    const golden = GOLDEN_MODELS.find((model) => model.name === name)!;
    const { graph, engine } = await opened(golden);
    const labels = asset(y).data as Int32Array;
    const all = codes(x);
    const rows = samples(all, all.length / labels.length);
    const right = rows.filter((row, i) => argmax(runModel(engine, graph, [row])[0]!) === labels[i]).length;
    console.log(`${name}: top-1 ${right / rows.length} of ${rows.length} (reference ${top1})`);
    expect(Math.abs(right / rows.length - top1)).toBeLessThanOrEqual(within);
  });
});
