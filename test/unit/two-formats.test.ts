import { describe, expect, test } from "vitest";
import { compile, compileGraph } from "../../src/compile.ts";
import { DyadicError } from "../../src/error.ts";
import { exportOnnx, type OnnxForm } from "../../src/export/onnx/index.ts";
import { type Border, elements, type Graph } from "../../src/graph/graph.ts";
import { importModel } from "../../src/import/index.ts";
import { readNpy } from "../../src/import/npy.ts";
import { runReference } from "../../src/quantize/reference.ts";
import { assetsDirectory, readAsset } from "../cases/assets.ts";
import { openEngine, openModel, runModel } from "../cases/engine.ts";
import { toChannelsFirst, toChannelsLast } from "../cases/float-run.ts";
import { calibratorBytes } from "../cases/floats.ts";
import { randomGraph } from "../cases/graphs.ts";
import { mobileNetV2, resNet } from "../cases/networks.ts";
import { Random } from "../cases/random.ts";
import { exportTflite, inFloat32, NoTfliteForm } from "../cases/tflite-export.ts";

const GRAPHS = 150;

type Format = "tflite" | "onnx";

/** The graph with the rounding of averages and positions of resizes that a file format means. */
function asMeant(graph: Graph, format: Format): Graph {
  const changes: Record<string, object> = {
    averagePool: { rounding: format === "tflite" ? "halfAway" : "halfUp" },
    resize: { rounding: undefined, positions: format === "tflite" ? "tenBits" : "exact" },
  };
  const nodes = graph.nodes.map((node) => {
    return { ...node, attributes: { ...(node.attributes as object), ...changes[node.op] } };
  });
  return inFloat32({ ...graph, nodes });
}

/** The file of a graph; undefined where the format has no form for it. */
function fileOf(graph: Graph, format: Format, form: OnnxForm): Uint8Array | undefined {
  try {
    return format === "tflite" ? exportTflite(graph) : exportOnnx(graph, form);
  } catch (error) {
    const none = error instanceof DyadicError && error.code === "UNSUPPORTED_OP";
    if (none || error instanceof NoTfliteForm) return undefined;
    throw error;
  }
}

/** ONNX declares images as NCHW: what the importer keeps in that order is turned here. */
const isTurned = ({ layout, shape }: Border, format: Format) =>
  format === "onnx" && layout !== "NCHW" && shape.length === 4;

/** Codes of every output in NHWC, for codes of the inputs in NHWC. */
function outputsOf(graph: Graph, inputs: readonly Int8Array[], format?: Format): string[] {
  const { integer } = compileGraph(graph);
  const given = integer.inputs.map((border, i) =>
    format && isTurned(border, format)
      ? Int8Array.from(toChannelsFirst(inputs[i]!, border.shape))
      : inputs[i]!,
  );
  const values = runReference(integer, given);
  return integer.outputs.map((border) => {
    const codes = values[border.tensor]!;
    return (format && isTurned(border, format) ? toChannelsLast(codes, border.shape) : codes).join();
  });
}

describe("random quantized graphs give the same codes from a file as before", () => {
  test.each<Format>(["tflite", "onnx"])("%s", (format) => {
    let compared = 0;
    for (let seed = 1; seed <= GRAPHS; seed++) {
      const graph = asMeant(randomGraph(seed), format);
      const activations = seed % 2 === 0 ? "int8" : "uint8";
      const file = fileOf(graph, format, { activations, borders: "codes" });
      if (file === undefined) continue;
      const random = new Random(seed);
      const inputs = graph.inputs.map(({ shape }) => random.codes(elements(shape)));
      let found: string[];
      try {
        found = outputsOf(importModel(file), inputs, format);
      } catch (error) {
        // A slope that is computed, and two outputs that are one tensor in another order, have no form here.
        if (error instanceof DyadicError && /computed at run time|are the same tensor/.test(error.message))
          continue;
        throw error;
      }
      expect(found, `seed ${seed}`).toEqual(outputsOf(graph, inputs));
      compared++;
    }
    expect(compared).toBeGreaterThan(GRAPHS / 3);
  });
});

/** Compiles both files of one quantized graph and runs the SIMD engine on random codes. */
async function compareFiles(graph: Graph, samples: number): Promise<number> {
  const forms = { tflite: exportTflite(graph), onnx: exportOnnx(graph) };
  const [one, other] = await Promise.all([compile(forms.tflite), compile(forms.onnx)]);
  expect(other.integer.nodes.length).toBe(one.integer.nodes.length);
  const random = new Random(7);
  const size = elements(graph.tensors[graph.inputs[0]!.tensor]!.shape);
  let codes = 0;
  for (let i = 0; i < samples; i++) {
    const input = random.codes(size);
    const results = [];
    for (const { model, integer } of [one, other]) {
      const engine = await openEngine("engine");
      openModel(engine, model, integer);
      results.push(runModel(engine, integer, [input]).map((output) => output.join()));
    }
    expect(results[1]).toEqual(results[0]);
    codes += results[0]!.join().split(",").length;
  }
  return codes;
}

/** The last average as a mean: of exact halves, TFLite's pool and ONNX's round another one up. */
function withMean(graph: Graph): Graph {
  const nodes = graph.nodes.map((node) =>
    node.op === "averagePool" ? { ...node, op: "mean", attributes: { axes: [1, 2] } } : node,
  );
  return { ...graph, nodes };
}

describe("one quantized network, as TFLite and as ONNX, gives equal codes", () => {
  test("MobileNetV2 of random weights", async () => {
    expect(await compareFiles(inFloat32(mobileNetV2(96)), 2)).toBe(2000);
  });

  test("ResNet-8 of random weights", async () => {
    expect(await compareFiles(inFloat32(resNet(1)), 5)).toBe(50);
  });

  test.skipIf(assetsDirectory === null)(
    "resnet20, quantized here from the float ONNX on real images (skipped without assets: set DYADIC_ASSETS)",
    async () => {
      const { data } = readNpy(readAsset("cifar10/train_x.npy"), "train_x.npy");
      const picture = (i: number) => data.slice(i * 3072, (i + 1) * 3072) as Uint8Array;
      const samples = Array.from({ length: 16 }, (_, i) => [
        Float32Array.from(picture(i), (x) => (x / 255 - 0.45) / 0.23),
      ]);
      const { graph } = await compile(readAsset("onnx/resnet20_cifar10.onnx"), {
        samples,
        calibrator: await WebAssembly.compile(calibratorBytes()),
      });
      expect(await compareFiles(inFloat32(withMean(graph)), 5)).toBe(50);
    },
  );

  test
    .skipIf(assetsDirectory === null)
    .each([
      "mlperf_tiny/models/pretrainedResnet_quant.tflite",
      "mlperf_tiny/models/vww_96_int8.tflite",
      "coral/tf2_mobilenet_v2_1.0_224_ptq.tflite",
    ])("%s, written as ONNX (skipped without assets: set DYADIC_ASSETS)", async (path) => {
    const imported = importModel(readAsset(path));
    const { graph } = compileGraph(imported);
    const meant = asMeant(graph, "onnx");
    const [one, other] = [compileGraph(meant), await compile(exportOnnx(meant))];
    const random = new Random(9);
    const input = random.codes(elements(graph.tensors[graph.inputs[0]!.tensor]!.shape));
    const results = [];
    for (const { model, integer } of [one, other]) {
      const engine = await openEngine("engine");
      openModel(engine, model, integer);
      results.push(runModel(engine, integer, [input]).map((output) => output.join()));
    }
    expect(results[1]).toEqual(results[0]);
  });
});
