import { describe, expect, test } from "vitest";
import {
  BINARY_SHIFT,
  BORDER_TENSOR,
  MAX_WIDE_SHIFT,
  MIN_WIDE_SHIFT,
  PREFIX_FEATURES,
  TENSOR_HALO_TOP,
  TENSOR_ZERO_POINT,
} from "../../assembly/abi.ts";
import { bitsOf, type IntegerGraph } from "../../src/graph/integer.ts";
import { writeModel } from "../../src/model/writer.ts";
import { toSumDyadic } from "../../src/numerics/dyadic.ts";
import { plan } from "../../src/plan/index.ts";
import { extentBytes } from "../../src/plan/layout.ts";
import { lower } from "../../src/quantize/lower.ts";
import { runReference } from "../../src/quantize/reference.ts";
import { GraphBuilder } from "../cases/builder.ts";
import {
  openEngine,
  openModel,
  readTensor,
  run,
  setInputs,
  traceNodes,
  variants,
  writeTensor,
} from "../cases/engine.ts";
import { dissect, sign } from "../cases/hostile.ts";
import { exactSum } from "../cases/oracle.ts";
import { Random } from "../cases/random.ts";

const BYTES = { scale: 0.05, zeroPoint: -3 };
const NONE = { activation: "none" };

/** Codes of 16 bits: the extremes in every combination with others, then random ones. */
function wideCodes(random: Random, count: number): Int16Array {
  const extremes = [-32768, 32767, -32767, 0, 1, -1, 255, -256];
  return Int16Array.from({ length: count }, (_, i) =>
    i < 64 ? extremes[(i * 3) % 8]! : random.integer(-32768, 32767),
  );
}

/** Of add and sub, or of requantize. */
interface SumParameters {
  readonly multiplier?: number;
  readonly multiplierA?: number;
  readonly multiplierB?: number;
  readonly shift: number;
  readonly min: number;
  readonly max: number;
}

/** Sums of two tensors of the given widths, and all else that reads them. */
function sums(from: readonly [number, number], to: number, scales: readonly [number, number, number]) {
  const builder = new GraphBuilder("sums");
  const affine = (scale: number, bits: number) =>
    bits === 16 ? { scale, zeroPoint: 0, bits } : { scale, zeroPoint: 7 };
  const operands = from.map((bits, i) => {
    const input = builder.input([1, 5, 9, 7], BYTES);
    return builder.node("requantize", [input], NONE, affine(scales[i]!, bits));
  });
  const results = [
    builder.node("add", operands, NONE, affine(scales[2], to)),
    builder.node("sub", operands, { activation: "relu" }, affine(scales[2], to)),
    builder.node("requantize", [operands[0]!], NONE, affine(scales[2], to)),
  ];
  for (const result of results) builder.output(builder.node("requantize", [result], NONE, BYTES));
  return { graph: lower(builder.build()), operands: operands.length };
}

describe("equation (6) with codes of 16 bits: every build gives what exact arithmetic gives", () => {
  test.each<[[number, number], number, [number, number, number]]>([
    [[16, 16], 16, [0.001, 0.002, 0.002]],
    [[16, 16], 16, [3, 0.000_01, 0.000_3]],
    [[16, 16], 8, [0.001, 0.002, 0.4]],
    [[16, 8], 16, [0.001, 0.3, 0.001]],
    [[8, 16], 8, [0.3, 0.001, 0.5]],
    [[8, 8], 16, [0.3, 0.2, 0.000_1]],
    [[16, 16], 16, [0.000_01, 0.000_01, 9]],
  ])("widths %j to %i, scales %j", async (from, to, scales) => {
    const random = new Random(16);
    const { graph, operands } = sums(from, to, scales);
    const codes = from.map((bits) => (bits === 16 ? wideCodes(random, 315) : random.codes(315)));
    const nodes = graph.nodes.slice(operands, operands + 3);
    const expected = nodes.map(({ parameters, inputs, output }) => {
      const { multiplier, multiplierA, multiplierB, shift, min, max } = parameters as SumParameters;
      const factors = multiplierA === undefined ? [multiplier!] : [multiplierA, multiplierB!];
      return Array.from(codes[0]!, (_, i) => {
        const branches = inputs.map((input, k) => {
          return [factors[k]!, codes[k]![i]! - graph.tensors[input]!.zeroPoint] as const;
        });
        return exactSum(branches, shift, graph.tensors[output]!.zeroPoint, min, max);
      });
    });
    for (const { name, open } of variants()) {
      const engine = await open();
      const room = openModel(engine, writeModel(graph, plan(graph)), graph);
      setInputs(engine, [new Int8Array(315), new Int8Array(315)]);
      run(engine, 0, 2 + operands);
      nodes.forEach(({ output, op, inputs }, k) => {
        inputs.forEach((tensor, i) => {
          writeTensor(engine, tensor, codes[i]!, room);
        });
        run(engine, 2 + operands + k, 3 + operands + k);
        expect([...readTensor(engine, graph, output, room)], `${name}, ${op}`).toEqual(expected[k]);
      });
    }
  });
});

/** Two residual blocks on a stream of 16 bits, as HAWQ-V3 has them: sums in 16 bits, convolutions read bytes of them. */
function residual(): IntegerGraph {
  const random = new Random(3);
  const builder = new GraphBuilder("residual");
  const wide = { scale: 0.05 / 64, zeroPoint: 0, bits: 16 };
  const conv = (x: number, channels: number, attributes: object, to: typeof BYTES, bits = 8) => {
    const shape = [channels, 3, 3, builder.shape(x)[3]!];
    const size = shape.reduce((a, b) => a * b);
    const reach = 2 ** (bits - 1) - 1;
    const quantization = {
      scale: [1 / reach / Math.sqrt(size / channels)],
      zeroPoint: [0],
      axis: null,
      bits,
    };
    const weights = builder.constant(random.codes(size, -reach, reach), shape, "int8", quantization);
    const window = { stride: [1, 1], dilation: [1, 1], padding: [1, 1, 1, 1], activation: "none" };
    return builder.node("conv", [x, weights, -1], { ...window, ...attributes }, to);
  };
  const pool = { kernel: [3, 3], stride: [1, 1], padding: [1, 1, 1, 1], activation: "none" };
  let stream = conv(builder.input([1, 12, 11, 3], BYTES), 19, {}, wide);
  for (const bits of [8, 4]) {
    const read = builder.node("requantize", [stream], { activation: "relu" }, { ...BYTES, zeroPoint: -128 });
    const inner = conv(read, 24, { activation: "relu" }, BYTES, bits);
    stream = builder.node("add", [stream, conv(inner, 19, {}, wide, bits)], NONE, wide);
  }
  const largest = builder.node("maxPool", [stream], pool, wide);
  const average = builder.node("averagePool", [stream], { ...pool, rounding: "halfAway" }, wide);
  const both = builder.node("concat", [largest, average, stream], { axis: 3 }, wide);
  const mean = builder.node("mean", [both], { axes: [1, 2] }, wide);
  const flat = builder.node("reshape", [mean], { shape: [1, 57] }, wide);
  builder.output(builder.node("requantize", [flat], NONE, BYTES));
  return lower(builder.build());
}

test("a residual stream of 16 bits: every build equals the integer reference, on two bytes a code", async () => {
  const graph = residual();
  const layout = plan(graph);
  const inputs = [new Random(9).codes(12 * 11 * 3)];
  const expected = runReference(graph, inputs);
  graph.tensors.forEach((tensor, i) => {
    const [height, width, channels] = tensor.shape;
    if (bitsOf(tensor) !== 16) return;
    expect(extentBytes(tensor.shape, layout.placements[i]!)).toBe(2 * height * width * channels);
    expect(new Set(expected[i]).size).toBeGreaterThan(50);
  });
  for (const { name, open } of variants()) {
    const engine = await open();
    const room = openModel(engine, writeModel(graph, layout), graph);
    const traced = traceNodes(engine, graph, inputs, room);
    graph.nodes.forEach((node, k) => {
      expect(traced[k], `${name}, ${k} ${node.op}`).toEqual(expected[node.output]);
    });
  }
});

test("b and c of a sum in 64 bits", () => {
  expect(toSumDyadic([1, 0.5], [16, 16, 16])).toMatchObject({ shift: 30 });
  expect([...toSumDyadic([1, 0.5], [16, 8, 8]).multiplier]).toEqual([2 ** 30, 2 ** 29]);
  expect(toSumDyadic([2 ** -20], [16, 8]).shift).toBe(MAX_WIDE_SHIFT);
  expect(toSumDyadic([2 ** 14], [8, 16]).shift).toBe(MIN_WIDE_SHIFT);
  expect(() => toSumDyadic([2 ** 14 + 1], [8, 16])).toThrow(/too large/);
});

const WIDE = { scale: 0.001, zeroPoint: 0, bits: 16 };

test.each<[string, (builder: GraphBuilder, x: number) => number, RegExp]>([
  ["an input", (b) => b.input([1, 2, 2, 2], WIDE), /input has 8 bits/],
  ["an output", (b, x) => b.node("requantize", [x], NONE, WIDE), /output has 8 bits/],
  ["a zero point", (b, x) => b.node("requantize", [x], NONE, { ...WIDE, zeroPoint: 1 }), /zero point of 0/],
  ["a product", (b, x) => b.node("mul", [x, x], NONE, WIDE), /more than 8 bits/],
  [
    "what a convolution reads",
    (b, x) => {
      const weights = b.constant(Int8Array.of(1, 1, 1), [1, 3], "int8", {
        scale: [1],
        zeroPoint: [0],
        axis: null,
      });
      const flat = b.node("reshape", [b.node("requantize", [x], NONE, WIDE)], { shape: [3, 3] }, WIDE);
      return b.node("dense", [flat, weights], NONE, BYTES);
    },
    /more than 8 bits/,
  ],
])("lowering refuses 16 bits for %s", (_, make, says) => {
  const builder = new GraphBuilder("wide");
  builder.output(make(builder, builder.input([1, 3, 1, 3], BYTES)));
  expect(() => lower(builder.build())).toThrow(says);
});

describe("the engine refuses", () => {
  const builder = new GraphBuilder("wide");
  const wide = builder.node("requantize", [builder.input([1, 3, 3, 2], BYTES)], NONE, WIDE);
  const sum = builder.node("add", [wide, wide], NONE, WIDE);
  builder.output(builder.node("requantize", [sum], NONE, BYTES));
  const graph = lower(builder.build());
  const good = new Uint8Array(writeModel(graph, plan(graph)));

  test.each<[string, (model: ReturnType<typeof dissect>) => void]>([
    [
      "a zero point of 16 bits",
      ({ view, tensors }) => view.setInt32(tensors[1]! + TENSOR_ZERO_POINT, 1, true),
    ],
    ["a halo of 16 bits", ({ view, tensors }) => view.setInt32(tensors[1]! + TENSOR_HALO_TOP, 1, true)],
    ["a shift for 32 bits", ({ view, steps }) => view.setInt32(steps[2]! + BINARY_SHIFT, 15, true)],
    ["16 bits without their feature", ({ view }) => view.setUint8(PREFIX_FEATURES + 7, 0)],
    ["16 bits at the border", ({ view, steps }) => view.setInt32(steps[4]! + BORDER_TENSOR, 2, true)],
  ])("%s", async (_, change) => {
    const engine = await openEngine("test-scalar");
    const model = dissect(good.slice());
    expect(() => openModel(engine, sign(model.file), graph)).not.toThrow();
    change(model);
    expect(() => openModel(engine, sign(model.file), graph)).toThrow();
  });
});
