import { describe, expect, it, test } from "vitest";
import { compile } from "../../src/compile.ts";
import { FloatNetwork } from "../../src/float/network.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { importModel } from "../../src/import/index.ts";
import { readModel } from "../../src/model/reader.ts";
import { affineOf } from "../../src/ops/affine.ts";
import { simplify } from "../../src/passes/index.ts";
import { pixelInput } from "../../src/precision/pixels.ts";
import { lower } from "../../src/quantize/lower.ts";
import { runReference } from "../../src/quantize/reference.ts";
import { InferenceSession } from "../../src/runtime/node.ts";
import { openModel, traceNodes, variants } from "../cases/engine.ts";
import { calibratorBytes } from "../cases/floats.ts";
import { attributes, buildOnnx, float } from "../cases/onnx.ts";
import { Random } from "../cases/random.ts";

const module = await WebAssembly.compile(calibratorBytes());
const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const real = (u8: number, at: number) => (u8 / 255 - IMAGENET.mean[at % 3]!) / IMAGENET.std[at % 3]!;

/** A convolution, with `pad` zeros around, and a dense layer; first `op`, where given, reads the input. */
function network(pad: number, op?: string): Uint8Array {
  return buildOnnx({
    inputs: [{ name: "image", shape: [1, 3, 7, 9] }],
    outputs: ["y"],
    initializers: { w: float([6, 3, 3, 3]), b: float([6]) },
    nodes: [
      ...(op ? [{ op, inputs: ["image"], outputs: ["x"] }] : []),
      {
        op: "Conv",
        name: "stem",
        inputs: [op ? "x" : "image", "w", "b"],
        outputs: ["a"],
        attributes: attributes({ pads: [pad, pad, pad, pad], kernel_shape: [3, 3] }),
      },
      { op: "Relu", inputs: ["a"], outputs: ["y"] },
    ],
  });
}

const random = new Random(3);
const images = Array.from({ length: 4 }, () =>
  Uint8Array.from({ length: 189 }, () => random.integer(0, 255)),
);
const samples = images.map((image) => [Float32Array.from(image, real)]);
const graphOf = (bytes: Uint8Array): Graph => simplify(importModel(bytes));

describe("mean and deviation", () => {
  it("are the input's scale and zero point where one whole zero point is all channels'", () => {
    const graph = graphOf(network(1));
    expect(pixelInput(graph, {})).toMatchObject({ graph, border: "uint8", range: { min: 0, max: 255 } });
    expect(pixelInput(graph, { scale: 1, mean: [128], std: [64] })).toMatchObject({ graph, border: "uint8" });
  });

  it("move into the first convolution otherwise: the same numbers, but within half a byte at the edges", async () => {
    for (const pad of [0, 1]) {
      const graph = graphOf(network(pad));
      const input = pixelInput(graph, IMAGENET);
      expect(input.zeroPoints).toEqual([124 - 128, 116 - 128, 104 - 128]);
      const run = async (which: Graph, sample: Float32Array) =>
        (await FloatNetwork.create(which, module)).run([sample])[0]!;
      const [sample] = samples[0]!;
      const [before, after] = [await run(graph, sample!), await run(input.graph, input.sample(sample!))];
      // Outside lie at most 15 taps of weights below 1, each half a byte off.
      const tolerance = pad === 0 ? 1e-4 : (15 * 0.5) / 255 / 0.22;
      before.forEach((value, i) => {
        expect(Math.abs(value - after[i]!)).toBeLessThan(tolerance);
      });
    }
  });

  it("stay with the host where something else reads the input", () => {
    const graph = graphOf(network(1, "Sigmoid"));
    expect(pixelInput(graph, IMAGENET)).toMatchObject({ graph, border: "int8" });
  });

  it.each([
    [{ scale: 0 }, /scale is wrong/],
    [{ std: [1, 0, 1] }, /std is wrong/],
    [{ mean: [1, 2] }, /1 or 3 numbers/],
    [{ mean: [Number.NaN] }, /mean is wrong/],
  ])("%j is refused", (pixels, message) => {
    expect(() => pixelInput(graphOf(network(1)), pixels)).toThrow(message);
  });
});

test("every engine pads with a zero point per channel, and computes what the reference does", async () => {
  for (const pad of [0, 1]) {
    const { model, integer } = await compile(network(pad), { samples, calibrator: module, pixels: IMAGENET });
    const [input] = readModel(model).io;
    expect(input).toMatchObject({ dtype: "uint8", scale: 1, zeroPoint: 0 });
    expect(Array.from(input!.zeroPoints!)).toEqual([124, 116, 104]);
    const codes = Int8Array.from(images[0]!, (u8) => u8 - 128);
    const expected = runReference(integer, [codes]);
    for (const { name, open } of variants()) {
      const engine = await open();
      const room = openModel(engine, model, integer);
      const traced = traceNodes(engine, integer, [codes], room);
      expect(traced, name).toEqual(integer.nodes.map(({ output }) => expected[output]));
    }
  }
});

test("an input with mean and deviation folded in takes bytes, and refuses floats; from a Buffer as from any bytes", async () => {
  const { model } = await compile(network(1), { samples, calibrator: module, pixels: IMAGENET });
  const buffer = Buffer.concat([new Uint8Array(5), model]).subarray(5);
  expect(Array.from(readModel(buffer).io[0]!.zeroPoints!)).toEqual([124, 116, 104]);
  const session = await InferenceSession.create(buffer);
  const { name } = session.inputMetadata[0]!;
  const bytes = Uint8Array.from(images[0]!);
  expect(Object.values(session.runSync({ [name]: bytes }))).toHaveLength(1);
  expect(() => session.runSync({ [name]: Float32Array.from(bytes) })).toThrow(/folded in/);
});

test("ops that are no convolution refuse a zero point per channel", async () => {
  const { graph } = await compile(network(1), { samples, calibrator: module, pixels: IMAGENET });
  const input = graph.tensors[graph.inputs[0]!.tensor]!;
  expect(() => affineOf(input, "the input")).toThrow(/zero point per channel/);
  const [stem] = graph.nodes;
  const rescaled = { ...stem!, op: "requantize", inputs: stem!.inputs.slice(0, 1), attributes: {} };
  const tensors = graph.tensors.with(stem!.outputs[0]!, {
    ...graph.tensors[stem!.outputs[0]!]!,
    shape: input.shape,
  });
  expect(() => lower({ ...graph, tensors, nodes: [rescaled] })).toThrow(/zero point per channel/);
});
