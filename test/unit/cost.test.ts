import { describe, expect, test } from "vitest";
import { compile } from "../../src/compile.ts";
import { importModel } from "../../src/import/index.ts";
import { simplify } from "../../src/passes/index.ts";
import { stepBytes, stepTotal } from "../../src/precision/cost/arena.ts";
import { latencyKey, parseLatencyTable, stepLatency } from "../../src/precision/cost/latency.ts";
import { NetworkCost, sectionBytes } from "../../src/precision/cost/network.ts";
import type { Override, Policy } from "../../src/precision/policy.ts";
import { decide } from "../../src/precision/quantize.ts";
import type { WeightWidth } from "../../src/quantize/rounding/index.ts";
import { assetsDirectory, readAsset } from "../cases/assets.ts";
import { Random } from "../cases/random.ts";

const SECTION = 64;
const WIDTHS: readonly WeightWidth[] = [8, 7, 6, 5, 4, 3, 2, "ternary"];

describe.skipIf(assetsDirectory === null)("costs of real networks before anything is quantized", () => {
  test.each(["onnx/resnet20_cifar10.onnx", "mlperf_tiny/models/vww_96_float.tflite"])("%s", async (file) => {
    const bytes = readAsset(file);
    const graph = simplify(importModel(bytes, file));
    const cost = new NetworkCost(graph);
    const random = new Random(9);
    const aligned = (size: number) => Math.ceil(size / SECTION) * SECTION;
    let rest: number | undefined;
    for (let round = 0; round < 2; round++) {
      const overrides: Override[] = graph.nodes
        .filter(({ op }) => ["conv", "depthwise", "dense", "add"].includes(op))
        .map(({ name, op }) => ({
          layers: name,
          activationBits: random.pick([8, 4, 2] as const),
          ...(op !== "add" && { weightBits: random.pick(WIDTHS), rounding: "nearest" as const }),
        }));
      const policy: Policy = { version: 1, biasCorrection: false, overrides };
      const calibration = new Map(graph.tensors.map((_, tensor) => [tensor, { min: -1, max: 1 }]));
      const { model, layout } = await compile(bytes, { file, strip: true, policy, calibration });
      const { rows, widths } = decide(graph, policy);
      const own = { weights: rows.map(({ settings }) => settings.weightBits), activations: widths.bits };
      const network = cost.at(own);
      // What does not depend on the policy is measured once; every file must then come out to the byte.
      rest ??= model.length - aligned(sectionBytes(network));
      expect(model.length).toBe(rest + aligned(sectionBytes(network)));
      expect(cost.peakBytes(own)).toBe(layout.peakBytes);
      const bound = Math.max(...stepBytes(network).map((step) => stepTotal(network, step)));
      expect(bound).toBeLessThanOrEqual(layout.lowerBound);
      expect(bound).toBeGreaterThan(0.8 * layout.lowerBound);
    }
  });

  test("sections, multiply-adds and bit operations add up", () => {
    const graph = simplify(importModel(readAsset("onnx/resnet20_cifar10.onnx")));
    const cost = new NetworkCost(graph);
    const widths = { weights: cost.layers.map(() => 4 as const), activations: new Map() };
    const average = 16; // the pool's one pair of multipliers
    expect(sectionBytes(cost.at(widths))).toBe(cost.totalWeightBytes(widths) + average);
    const macs = cost.layers.reduce((sum, _, layer) => sum + cost.macs(layer), 0);
    expect(macs).toBe(40_551_040); // by hand: 442,368 + 14,155,776 + 2 (1,179,648 + 11,796,480) + 640
    expect(cost.bitOperations(3, 4, 8)).toBe(cost.macs(3) * 32);
    expect(cost.weightBytes(3, "ternary")).toBe(cost.weightBytes(3, 2));
  });
});

test("a latency table gives a step's time by all that a kernel sees of it", () => {
  const tensor = (channels: number) => ({
    name: "t",
    shape: [4, 4, channels] as const,
    scale: 1,
    zeroPoint: 0,
  });
  const graph = {
    name: "g",
    tensors: [tensor(3), { ...tensor(3), bits: 4 as const }],
    nodes: [{ name: "n", op: "requantize", inputs: [0], output: 1, parameters: {} }],
    inputs: [],
    outputs: [],
    states: [],
  };
  const step = latencyKey(graph, 0);
  expect(step).toBe("requantize 4x4x3a8 4x4x3a4");
  const text = JSON.stringify({ version: 1, device: "test", entries: [{ step, nanoseconds: 7 }] });
  expect(stepLatency(parseLatencyTable(text))(graph, 0)).toBe(7);
  const empty = parseLatencyTable('{"version": 1, "device": "test", "entries": []}');
  expect(() => stepLatency(empty)(graph, 0)).toThrow(/no such step/);
  expect(() => parseLatencyTable('{"version": 2}')).toThrow(/no table/);
  expect(() => parseLatencyTable("nonsense")).toThrow(/no table/);
});
