import { describe, expect, test } from "vitest";
import { CONV_WEIGHTS_AT, KIND_WEIGHTS } from "../../assembly/abi.ts";
import type { IntegerGraph } from "../../src/graph/integer.ts";
import { readModel, sectionOfKind } from "../../src/model/reader.ts";
import { writeModel } from "../../src/model/writer.ts";
import { packedBytes, packPlanes, type WeightBits } from "../../src/numerics/pack.ts";
import { opNamed } from "../../src/ops/index.ts";
import { plan } from "../../src/plan/index.ts";
import { extentBytes } from "../../src/plan/layout.ts";
import { lower } from "../../src/quantize/lower.ts";
import { type Affine, GraphBuilder } from "../cases/builder.ts";
import { openEngine, openModel } from "../cases/engine.ts";
import { WEIGHT_CODES } from "../cases/graphs.ts";
import { dissect, sign } from "../cases/hostile.ts";
import { Random } from "../cases/random.ts";

const AFFINE = { scale: 0.05, zeroPoint: -3 };
const SAME = { stride: [1, 1], dilation: [1, 1], padding: [1, 1, 1, 1], activation: "relu" };
const HALVING = { stride: [2, 2], dilation: [1, 1], padding: [0, 0, 1, 1], activation: "relu" };
const POINT = { stride: [2, 2], dilation: [1, 1], padding: [0, 0, 0, 0], activation: "none" };

/** ResNet-8 of MLPerf Tiny in shape: first and last layer at 8 bits, what is between at `width`; inner activations. */
function resnet8(width: string, inner: Affine = AFFINE): IntegerGraph {
  const random = new Random(8);
  const builder = new GraphBuilder(`resnet8-${width}`);
  const layer = (op: string, x: number, shape: number[], attributes: unknown, own = width) => {
    const { bits, min, max } = WEIGHT_CODES[own]!;
    const scale = Array.from({ length: shape[0]! }, () => 0.01);
    const quantization = { scale, zeroPoint: scale.map(() => 0), axis: 0, bits };
    const codes = random
      .codes(
        shape.reduce((a, b) => a * b),
        min,
        max,
      )
      .map((code) => code || 1);
    const weights = builder.constant(codes, shape, "int8", quantization);
    const bias = builder.constant(new Int32Array(shape[0]!), [shape[0]!], "int32");
    return builder.node(op, [x, weights, bias], attributes, op === "dense" ? AFFINE : inner);
  };
  let x = layer("conv", builder.input([1, 32, 32, 3], AFFINE), [16, 3, 3, 3], SAME, "8");
  for (const channels of [16, 32, 64]) {
    const depth = builder.shape(x)[3]!;
    const first = layer("conv", x, [channels, 3, 3, depth], channels === 16 ? SAME : HALVING);
    const second = layer("conv", first, [channels, 3, 3, channels], SAME);
    const branch = channels === 16 ? x : layer("conv", x, [channels, 1, 1, depth], POINT);
    x = builder.node("add", [second, branch], { activation: "relu" }, inner);
  }
  const mean = builder.node("mean", [x], { axes: [1, 2] }, inner);
  const flat = builder.node("reshape", [mean], { shape: [1, 64] }, inner);
  builder.output(layer("dense", flat, [10, 64], { activation: "none" }, "8"));
  return lower(builder.build());
}

function weightBytes(graph: IntegerGraph): number {
  const model = readModel(writeModel(graph, plan(graph)));
  return sectionOfKind(model.sections, KIND_WEIGHTS, "weights").length;
}

describe("the weight section of a ResNet-8, biases and multipliers counted, against 8 bits", () => {
  const whole = weightBytes(resnet8("8"));
  test.each([
    ["7", 1],
    ["6", 0.78],
    ["5", 0.67],
    ["4", 0.56],
    ["3", 0.43],
    ["2", 0.31],
    ["ternary", 0.31],
    ["1", 0.19],
  ])("%s bits: at most %f", (width, most) => {
    const share = weightBytes(resnet8(width)) / whole;
    console.log(`weights of ${width} bits: ${share.toFixed(3)}`);
    expect(share).toBeLessThanOrEqual(most);
  });
});

describe("the arena of a ResNet-8 with packed activations, against bytes", () => {
  const bytes = plan(resnet8("4"));
  test.each([
    [4, 0.51, 0.56],
    [2, 0.26, 0.34],
    [1, 0.13, 0.26],
  ])("%i bits: every inner tensor at most %f, the arena at most %f", (bits, inner, arena) => {
    const graph = resnet8("4", { scale: 0.8, zeroPoint: 0, bits });
    const packed = plan(graph);
    graph.tensors.forEach((tensor, i) => {
      if (tensor.bits === undefined) return;
      const [from, to] = [bytes.placements[i]!, packed.placements[i]!];
      expect(extentBytes(tensor.shape, to) / extentBytes(tensor.shape, from)).toBeLessThanOrEqual(inner);
    });
    expect(graph.tensors.filter((tensor) => tensor.bits === bits).length).toBe(graph.tensors.length - 2);
    console.log(`arena at ${bits} bits: ${(packed.peakBytes / bytes.peakBytes).toFixed(3)}`);
    expect(packed.peakBytes / bytes.peakBytes).toBeLessThanOrEqual(arena);
  });
});

const NARROW = { scale: 0.8, zeroPoint: 0, bits: 4 };

test.each<[string, (builder: GraphBuilder, x: number) => number, RegExp]>([
  ["an input", (b) => b.input([1, 2, 2, 2], NARROW), /input has 8 bits/],
  ["an output", (b, x) => b.node("requantize", [x], { activation: "none" }, NARROW), /output has 8 bits/],
  [
    "a normalization",
    (b, x) => {
      const narrow = b.node("requantize", [x], { activation: "none" }, NARROW);
      return b.node("l2Normalization", [narrow], {}, { scale: 1 / 128, zeroPoint: 0 });
    },
    /fewer than 8 bits/,
  ],
  [
    "a mixture of pixels",
    (b, x) => {
      const narrow = b.node("requantize", [x], { activation: "none" }, NARROW);
      const resize = { mode: "bilinear", size: [6, 2], alignCorners: false, halfPixelCenters: true };
      return b.node("resize", [narrow], resize, NARROW);
    },
    /takes bytes/,
  ],
  [
    "a reshape of half bytes",
    (b, x) => {
      const narrow = b.node("requantize", [x], { activation: "none" }, NARROW);
      return b.node("reshape", [narrow], { shape: [1, 9] }, NARROW);
    },
    /within their bytes/,
  ],
  [
    "a zero point that is no code",
    (b, x) => b.node("requantize", [x], { activation: "none" }, { ...NARROW, zeroPoint: 8 }),
    /zero point from -8 to 7/,
  ],
])("lowering refuses 4 bits for %s", (_, make, says) => {
  const builder = new GraphBuilder("narrow");
  builder.output(make(builder, builder.input([1, 3, 1, 3], AFFINE)));
  expect(() => lower(builder.build())).toThrow(says);
});

test("the cost of a layer counts its packed bytes", () => {
  const graph = resnet8("4");
  const node = graph.nodes[1]!;
  const shapes = { inputs: [graph.tensors[node.inputs[0]!]!], output: graph.tensors[node.output]! };
  const { weightBytes: bytes } = opNamed(node.op).cost(node.parameters, shapes);
  expect(bytes).toBe((16 * 9 * 16) / 2 + 16 * 8);
});

test("planes hold what their picture says", () => {
  const codes = Int8Array.from({ length: 32 }, (_, i) => (i % 16) - 8);
  expect([...packPlanes(codes, 32, 4)].slice(0, 3)).toEqual([-120, -103, -86]); // 0x88, 0x99, 0xaa
  for (const bits of [6, 5, 4, 3, 2, 1] as WeightBits[]) {
    expect(packPlanes(new Int8Array(64), 32, bits).length).toBe(2 * packedBytes(32, bits));
  }
});

test.each([
  ["8 in 4 bits", { bits: 4, code: 8 }, /do not fit 4 bits[\s\S]*-8 to 7[\s\S]*found: 8/],
  ["0 in 1 bit", { bits: 1, code: 0 }, /do not fit 1 bits[\s\S]*-1 or 1[\s\S]*found: 0/],
  ["9 bits", { bits: 9, code: 0 }, /no such width/],
])("lowering refuses %s", (_, { bits, code }, says) => {
  const builder = new GraphBuilder("wrong");
  const quantization = { scale: [1], zeroPoint: [0], axis: null, bits };
  const weights = builder.constant(Int8Array.of(code), [1, 1], "int8", quantization);
  builder.output(
    builder.node("dense", [builder.input([1, 1], AFFINE), weights], { activation: "none" }, AFFINE),
  );
  expect(() => lower(builder.build())).toThrow(says);
});

test("the engine refuses weights above what 7 bits declare", async () => {
  const graph = resnet8("7");
  const { file, view, steps, weights } = dissect(new Uint8Array(writeModel(graph, plan(graph))));
  const engine = await openEngine("test-scalar");
  const at = weights.at + view.getInt32(steps[2]! + CONV_WEIGHTS_AT, true);
  expect(() => openModel(engine, sign(file), graph)).not.toThrow();
  view.setInt8(at, 64);
  expect(() => openModel(engine, sign(file), graph)).toThrow(/CORRUPT|step/);
});
