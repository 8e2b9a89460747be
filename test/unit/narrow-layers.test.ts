import { describe, expect, test } from "vitest";
import type { Graph } from "../../src/graph/graph.ts";
import { writeModel } from "../../src/model/writer.ts";
import { type ActivationBits, activationRange } from "../../src/numerics/pack.ts";
import { opNamed } from "../../src/ops/index.ts";
import { plan } from "../../src/plan/index.ts";
import { lower } from "../../src/quantize/lower.ts";
import { runReference } from "../../src/quantize/reference.ts";
import { type Affine, GraphBuilder } from "../cases/builder.ts";
import { openModel, traceNodes, variants } from "../cases/engine.ts";
import { WEIGHT_CODES } from "../cases/graphs.ts";
import { Random } from "../cases/random.ts";

const NONE = { activation: "none" };
/** Rows of the model's input for every row of the layer's. */
const TALL = 12;

interface Layer {
  readonly op: "conv" | "depthwise" | "dense";
  readonly width: string;
  readonly depth: number;
  readonly channels: number;
  readonly size: readonly [number, number];
  readonly window: object;
  readonly kernel: readonly [number, number];
  readonly groups?: number;
  readonly from: Affine;
  readonly to: Affine;
  /** How much larger the layer's scales are than what fills the output's codes. Default 1. */
  readonly gain?: number;
  /** Default 30. */
  readonly largestBias?: number;
}

/** A layer whose input was made from a larger one, so that its step finds idle bytes in the arena. */
function behindPeak(random: Random, layer: Layer): Graph {
  const { op, width, depth, channels, size, kernel, groups = 1, gain = 1, largestBias = 30 } = layer;
  const builder = new GraphBuilder(`${op}-${width}`);
  const bytes = { scale: 0.05, zeroPoint: random.integer(-9, 9) };
  const plane = builder.input([1, size[0] * TALL, size[1], depth], bytes);
  // Every TALL-th row.
  const every = {
    begin: [0, 0, 0, 0],
    size: [1, size[0], size[1], depth],
    strides: [1, TALL, 1, 1],
  };
  const small = builder.node("slice", [plane], every, bytes);
  const scaled = builder.node("requantize", [small], NONE, layer.from);
  const flat = [1, size[0] * size[1] * depth];
  const x = op === "dense" ? builder.node("reshape", [scaled], { shape: flat }, layer.from) : scaled;
  const taps = op === "dense" ? flat[1]! : kernel[0] * kernel[1] * (op === "conv" ? depth / groups : 1);
  const shape =
    op === "dense"
      ? [channels, taps]
      : op === "conv"
        ? [channels, ...kernel, depth / groups]
        : [1, ...kernel, depth];
  const { bits, min, max } = WEIGHT_CODES[width]!;
  const count = shape.reduce((a, b) => a * b, 1);
  const codes = random.codes(count, min, max).map((code) => (bits === 1 ? code || 1 : code));
  const outputs = op === "depthwise" ? depth : channels;
  const reach = (layer.to.scale * 40) / (layer.from.scale * 40 * Math.max(1, max / 2) * Math.sqrt(taps));
  const scale = Array.from({ length: outputs }, () => gain * reach * random.between(0.5, 1.5));
  const quantization = { scale, zeroPoint: scale.map(() => 0), axis: op === "depthwise" ? 3 : 0, bits };
  const weights = builder.constant(codes, shape, "int8", quantization);
  const biases = Int32Array.from({ length: outputs }, () => random.integer(-largestBias, largestBias));
  const bias = builder.constant(biases, [outputs], "int32");
  const attributes = op === "dense" ? NONE : { ...layer.window, activation: "none", groups };
  const y = builder.node(op, [x, weights, bias], attributes, layer.to);
  builder.output(builder.node("requantize", [y], NONE, bytes));
  return builder.build();
}

/** Whether the layer's step got more scratch than it needs; every build must give the reference's codes anyway. */
async function expectEqual(random: Random, layer: Layer): Promise<boolean> {
  const graph = lower(behindPeak(random, layer));
  const layout = plan(graph);
  const inputs = [random.codes(layer.size[0] * TALL * layer.size[1] * layer.depth)];
  const expected = runReference(graph, inputs);
  for (const { name, open } of variants()) {
    const engine = await open();
    const room = openModel(engine, writeModel(graph, layout), graph);
    const traced = traceNodes(engine, graph, inputs, room);
    graph.nodes.forEach((node, k) => {
      expect(traced[k], `${name}, ${node.op}, ${JSON.stringify(layer)}`).toEqual(expected[node.output]);
    });
  }
  const k = graph.nodes.findIndex((node) => node.op === layer.op);
  const node = graph.nodes[k]!;
  const shapes = { inputs: node.inputs.map((i) => graph.tensors[i]!), output: graph.tensors[node.output]! };
  return layout.scratch[k]!.bytes > opNamed(node.op).scratchBytes!(node.parameters, shapes);
}

function affine(random: Random, bits: ActivationBits): Affine {
  if (bits === 16) return { scale: 0.001, zeroPoint: 0, bits };
  const [min, max] = activationRange(bits);
  const zeroPoint = bits === 8 ? random.integer(-20, 20) : random.integer(min, max);
  return { scale: 0.05 * 2 ** (8 - bits), zeroPoint, ...(bits < 8 && { bits }) };
}

const WINDOWS = [
  { stride: [1, 1], dilation: [1, 1], padding: [1, 1, 1, 1] },
  { stride: [2, 1], dilation: [1, 1], padding: [0, 2, 1, 0] },
  { stride: [1, 2], dilation: [2, 2], padding: [2, 2, 2, 2] },
];
const KERNELS = [
  [3, 3],
  [1, 1],
  [2, 3],
] as const;

describe("weights unpacked several blocks at a time: every build equals the integer reference", () => {
  test.each(Object.keys(WEIGHT_CODES).filter((width) => width !== "8" && width !== "7"))(
    "%s bits",
    async (width) => {
      const random = new Random(width.length + width.charCodeAt(0));
      let panels = 0;
      for (const [op, groups] of [
        ["conv", 1],
        ["conv", 1],
        ["conv", 3],
        ["depthwise", 1],
        ["dense", 1],
      ] as const) {
        const depth = 3 * random.integer(4, 9);
        const layer = {
          op,
          width,
          depth,
          groups,
          channels: groups * random.integer(9, 30),
          size: [random.integer(5, 9), random.integer(4, 9)] as const,
          kernel: random.pick(KERNELS),
          window: random.pick(WINDOWS),
          from: affine(random, random.pick([8, 8, 4])),
          to: affine(random, random.pick([8, 8, 16, 2])),
        };
        // A reshape keeps bytes: dense inputs have 8 bits.
        if (await expectEqual(random, op === "dense" ? { ...layer, from: affine(random, 8) } : layer))
          panels++;
      }
      expect(panels).toBeGreaterThanOrEqual(2);
    },
  );
});

describe("large scales, for which sums are shifted up: every build equals the integer reference", () => {
  const window = { stride: [1, 1], dilation: [1, 1], padding: [1, 1, 1, 1] };
  test.each(Object.keys(WEIGHT_CODES))("%s bits", async (width) => {
    const random = new Random(200 + width.length + width.charCodeAt(0));
    for (const gain of [2, 8, 64, 1024]) {
      for (const op of ["conv", "depthwise"] as const) {
        const from = affine(random, random.pick([8, 8, 4]));
        const to = affine(random, random.pick([8, 8, 16, 4]));
        const largestBias = random.pick([30, 2 ** 24, 2 ** 30]);
        const size = [random.integer(3, 6), random.integer(3, 7)] as const;
        const shape = { depth: 16, channels: random.pick([16, 21]), size, kernel: [3, 3] as const };
        await expectEqual(random, { op, width, ...shape, window, from, to, gain, largestBias });
      }
    }
  });
});

describe("one row by planes as they are: every build equals the integer reference", () => {
  const WHOLE = { stride: [1, 1], dilation: [1, 1], padding: [0, 0, 0, 0] };
  test.each(["4", "2", "ternary"])("%s bits", async (width) => {
    const random = new Random(100 + width.length + width.charCodeAt(0));
    // Odd numbers of blocks and cut ones, more than a strip holds, and a depth that is unpacked after all.
    const shapes = [
      [8, 1],
      [64, 8],
      [24, 9],
      [200, 24],
      [40, 391],
      [36, 17],
    ] as const;
    for (const [depth, channels] of shapes) {
      for (const op of ["dense", "conv"] as const) {
        const from = affine(random, op === "conv" ? random.pick([8, 4, 2]) : 8);
        const to = affine(random, random.pick([8, 8, 16, 4]));
        const size = [1, 1] as const;
        await expectEqual(random, {
          op,
          width,
          depth,
          channels,
          size,
          kernel: [1, 1],
          window: WHOLE,
          from,
          to,
        });
      }
    }
  });
});

describe("bits by bits: every build equals the integer reference", () => {
  const random = new Random(64);
  const cases = Array.from({ length: 24 }, (_, i) => {
    // Channels that fill words, leave one to three units of 16 behind, or do not fill their bytes at all.
    const depth = random.pick([8, 16, 24, 40, 64, 72, 128, 136, 12]);
    return {
      op: i % 6 === 5 ? ("dense" as const) : ("conv" as const),
      width: "1",
      depth,
      channels: random.pick([1, 7, 8, 13, 24, 200]),
      size: [random.integer(3, 7), random.integer(3, 7)] as const,
      kernel: random.pick(KERNELS),
      window: random.pick(WINDOWS),
      from: affine(random, 1),
      to: affine(random, random.pick([8, 1, 1, 2, 4, 16])),
    };
  });
  test.each(cases.filter(({ op, depth }) => op === "conv" || depth % 8 === 0))(
    "$op of $depth to $channels",
    async (layer) => {
      await expectEqual(random, layer);
    },
  );
});
