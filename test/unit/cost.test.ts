import { readFileSync } from "node:fs";
import { describe, expect, it, test } from "vitest";
import { compile } from "../../src/compile.ts";
import type { IntegerGraph, IntegerTensor } from "../../src/graph/integer.ts";
import { importModel } from "../../src/import/index.ts";
import { simplify } from "../../src/passes/index.ts";
import { arenaBound } from "../../src/precision/cost/arena.ts";
import { buildOf, predict, StepTimes, stepKeys } from "../../src/precision/cost/latency.ts";
import {
  LATENCY_TABLE_SCHEMA,
  type LatencyTable,
  mergeTables,
  parseLatencyTable,
  type StepTime,
} from "../../src/precision/cost/latency-table.ts";
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
      expect(cost.planned(own).layout.peakBytes).toBe(layout.peakBytes);
      const least = cost.planned(own, 0).layout.peakBytes;
      expect(least).toBeLessThan(layout.peakBytes);
      expect(arenaBound(network)).toBeLessThanOrEqual(least);
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

describe("a latency table", () => {
  const tensor = (channels: number, height = 4) => ({
    name: "t",
    shape: [height, 4, channels] as const,
    scale: 1,
    zeroPoint: 0,
  });
  const network = (from: IntegerTensor, to: IntegerTensor): IntegerGraph => ({
    name: "g",
    tensors: [from, to],
    nodes: [{ name: "n", op: "requantize", inputs: [0], output: 1, parameters: {} }],
    inputs: [{ name: "x", tensor: 0, dtype: "int8", shape: [1, 4, 4, 3], layout: "NHWC" }],
    outputs: [{ name: "y", tensor: 1, dtype: "int8", shape: [1, 4, 4, 3], layout: "NHWC" }],
    states: [],
  });
  const graph = network(tensor(3), { ...tensor(3), bits: 4 });
  const time = (step: string, median: number, scratch = 0): StepTime => ({
    step,
    scratch,
    macs: 0,
    minimum: 1,
    median,
  });
  const table = (steps: readonly StepTime[], engine = "abc", version = "1"): LatencyTable => ({
    version: 1,
    host: { kind: "node", version, machine: "m" },
    builds: [
      {
        build: "engine",
        engine,
        selfTestClass: "none",
        producer: "p",
        date: "2026-11-23",
        method: "m",
        overhead: 5,
        roofline: 1,
        steps,
      },
    ],
  });
  const known = [
    time("input 4x4x3a8", 1),
    time("requantize 4x4x3a8 4x4x3a4", 7),
    time("requantize 4x4x3a8 4x4x3a4", 4, 64),
    time("output 4x4x3a4", 2),
  ];
  const times = (all = table(known)) => new StepTimes(buildOf(parseLatencyTable(JSON.stringify(all))));

  it("gives a run its steps, its borders and what a run costs besides, by all that a kernel sees", () => {
    expect(stepKeys(graph)).toEqual(["input 4x4x3a8", "requantize 4x4x3a8 4x4x3a4", "output 4x4x3a4"]);
    expect(predict(times(), graph, [0])).toEqual({ nanoseconds: 5 + 1 + 7 + 2, estimated: [] });
    expect(predict(times(), graph, [63]).nanoseconds).toBe(15);
    expect(predict(times(), graph, [64]).nanoseconds).toBe(12);
  });

  it("takes a shape that was not measured from the nearest one, and says so", () => {
    const tall = network(tensor(3, 8), { ...tensor(3, 8), bits: 4 });
    const { nanoseconds, estimated } = predict(times(), tall, [0]);
    expect(nanoseconds).toBe(5 + 2 * (1 + 7 + 2));
    expect(estimated[1]).toEqual({ step: "requantize 8x4x3a8 8x4x3a4", from: "requantize 4x4x3a8 4x4x3a4" });
    const conv = "conv 4x4x8a8 4x4x8a8 k3x3 s1x1 d1x1 g1";
    const both = times(table([time(`${conv} w8`, 100), time(`${conv} w4`, 90)]));
    const wider = both.of("conv 4x4x8a8 4x4x16a8 k3x3 s1x1 d1x1 g1 w4", 0);
    expect(wider).toEqual({ nanoseconds: 180, estimatedFrom: `${conv} w4` });
    expect(() => times(table([])).of(conv, 0)).toThrow(/no such step/);
    expect(() => buildOf(table([]), "engine-relaxed")).toThrow(/no times of this engine build/);
  });

  it("grows by what is measured later, drops other engines' times, and stays of one host", () => {
    const merged = mergeTables(table(known), table([time("output 4x4x3a4", 9), time("add", 3)]));
    expect(merged.builds[0]!.steps.map(({ step, median }) => [step, median])).toEqual([
      ["add", 3],
      ["input 4x4x3a8", 1],
      ["output 4x4x3a4", 9],
      ["requantize 4x4x3a8 4x4x3a4", 7],
      ["requantize 4x4x3a8 4x4x3a4", 4],
    ]);
    expect(mergeTables(table(known), table([], "other")).builds[0]!.steps).toEqual([]);
    expect(() => mergeTables(table(known), table([], "abc", "2"))).toThrow(/another host/);
  });

  it("is what its schema says", () => {
    const url = new URL("../../src/precision/latency-table.schema.json", import.meta.url);
    expect(JSON.parse(readFileSync(url, "utf8"))).toEqual(LATENCY_TABLE_SCHEMA);
    expect(() => parseLatencyTable('{"version": 2}')).toThrow(/host: this member/);
    expect(() => parseLatencyTable("nonsense")).toThrow(/no table/);
    const negative = JSON.stringify(table([{ ...known[0]!, median: -1 }]));
    expect(() => parseLatencyTable(negative)).toThrow(/steps\[0\].median: at least 0/);
  });
});
