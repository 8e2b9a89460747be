import { describe, expect, test } from "vitest";
import type { Graph } from "../../src/graph/graph.ts";
import { type Dyadic, toDyadic, toSmallDyadic } from "../../src/numerics/dyadic.ts";
import type { ConvolutionParameters } from "../../src/ops/convolution.ts";
import { lower } from "../../src/quantize/lower.ts";
import { assetsDirectory } from "../cases/assets.ts";
import { GOLDEN_MODELS, importGolden } from "../cases/models.ts";
import { Random } from "../cases/random.ts";

const LIMIT = 2 ** 31;

/** Rounded multipliers at c, by the definition. */
function rounded(scales: readonly number[], c: number): number[] {
  return scales.map((scale) => Math.round(scale * 2 ** c));
}

/** Largest output error in codes of approximating the scales by b / 2^c. */
function outputError(
  scales: readonly number[],
  bounds: readonly number[],
  b: ArrayLike<number>,
  c: number,
): number {
  return Math.max(...scales.map((scale, i) => bounds[i]! * Math.abs(b[i]! / 2 ** c - scale)));
}

/** What equations (9) and (10) promise of every choice. */
function expectBestChoice(scales: readonly number[], bounds: readonly number[], dyadic: Dyadic): void {
  const { multiplier, shift, errorBound } = dyadic;
  const what = `scales ${scales}, bounds ${bounds}`;
  expect(Array.from(multiplier), what).toEqual(rounded(scales, shift));
  expect(Math.max(...multiplier), what).toBeLessThan(LIMIT);
  expect(errorBound, what).toBe(outputError(scales, bounds, multiplier, shift));
  const free = rounded(scales, 32);
  const mayBeFree = Math.max(...free) < LIMIT && outputError(scales, bounds, free, 32) < 2 ** -7;
  if (mayBeFree) expect(shift, what).toBe(32);
  else if (shift < 62) expect(Math.max(...rounded(scales, shift + 1)), what).toBeGreaterThanOrEqual(LIMIT);
}

describe("toDyadic, equations (9) and (10)", () => {
  test("c = 32 exactly where the error stays below 2^-7, else the largest c with every b below 2^31", () => {
    const random = new Random(10);
    const shifts = new Set<number>();
    for (let trial = 0; trial < 20_000; trial++) {
      const centre = random.between(-38, 28);
      const channels = random.integer(1, 6);
      const scales = Array.from({ length: channels }, () =>
        random.chance(0.1) ? 0 : 2 ** (centre + random.between(-6, 1)),
      );
      const bounds = scales.map(() => Math.floor(2 ** random.between(0, 31)));
      const dyadic = toDyadic(scales, bounds);
      shifts.add(dyadic.shift);
      expectBestChoice(scales, bounds, dyadic);
    }
    expect([...shifts]).toEqual(expect.arrayContaining([2, 20, 31, 32, 33, 45, 60, 62]));
  });

  test("the criterion is the output's error: a small accumulator needs no shift, a large one does", () => {
    const scale = 2 ** -20 / 3;
    expect(toDyadic([scale], [1000]).shift).toBe(32);
    expect(toDyadic([scale], [2 ** 30]).shift).toBe(52);
  });

  test("dead channels get b = 0 beside living ones, and alone", () => {
    expect(Array.from(toDyadic([0, 0.01, 2 ** -64], [0, 1e9, 1e3]).multiplier)).toEqual([
      0,
      Math.round(0.01 * 2 ** 37),
      0,
    ]);
    expect(toDyadic([0, 0], [100, 100])).toMatchObject({ shift: 32, errorBound: 0 });
    expect(toDyadic([2 ** -63 * 0.999], [2 ** 31]).multiplier[0]).toBe(0);
  });

  test("scales up to 2^30 have a form; larger, negative and undefined ones are refused", () => {
    expect(toDyadic([2 ** 30 - 1], [1])).toMatchObject({ shift: 1, errorBound: 0 });
    expect(() => toDyadic([2 ** 30], [1])).toThrow(expect.objectContaining({ code: "OVERFLOW" }));
    for (const scale of [-1, Number.NaN, Infinity]) {
      expect(() => toDyadic([scale], [1])).toThrow(expect.objectContaining({ code: "BAD_FILE" }));
    }
  });
});

test("toSmallDyadic: the largest c up to 30 with every b at most 2^21", () => {
  const random = new Random(11);
  for (let trial = 0; trial < 5000; trial++) {
    const scales = [2 ** random.between(-12, 19), 2 ** random.between(-12, 19)];
    const { multiplier, shift } = toSmallDyadic(scales);
    expect(Array.from(multiplier)).toEqual(rounded(scales, shift));
    expect(Math.max(...multiplier)).toBeLessThanOrEqual(2 ** 21);
    if (shift < 30) expect(Math.max(...rounded(scales, shift + 1))).toBeGreaterThan(2 ** 21);
  }
  expect(() => toSmallDyadic([2 ** 21])).toThrow(expect.objectContaining({ code: "OVERFLOW" }));
});

/** A weighted layer: its scales in reals and what they became. */
function weightedLayers(graph: Graph): { scales: number[]; parameters: ConvolutionParameters }[] {
  const scaleOf = (tensor: number) => graph.tensors[tensor]!.quantization!.scale;
  return lower(graph).nodes.flatMap(({ parameters, op }, k) => {
    if (!["conv", "depthwise", "dense"].includes(op)) return [];
    const node = graph.nodes[k]!;
    const weights = scaleOf(node.inputs[1]!);
    const { channels } = parameters as ConvolutionParameters;
    const scales = Array.from({ length: channels }, (_, i) => {
      const own = weights[weights.length === 1 ? 0 : i]!;
      return (scaleOf(node.inputs[0]!)[0]! * own) / scaleOf(node.outputs[0]!)[0]!;
    });
    return [{ scales, parameters: parameters as ConvolutionParameters }];
  });
}

const REAL = ["vww_96_int8", "pretrainedResnet_large_int8"];

describe.skipIf(assetsDirectory === null).each(REAL)("the real scales of %s", (name) => {
  test("every multiplier is within 2^-31 of the largest scale, or its layer's error is below 2^-7", () => {
    const layers = weightedLayers(importGolden(GOLDEN_MODELS.find((model) => model.name === name)!));
    for (const { scales, parameters } of layers) {
      const { multiplier, shift, errorBound } = parameters.requantization;
      const largest = Math.max(...scales);
      scales.forEach((scale, i) => {
        const error = Math.abs(multiplier[i]! / 2 ** shift - scale);
        if (shift !== 32) expect(error / largest).toBeLessThanOrEqual(2 ** -31);
      });
      if (shift === 32) expect(errorBound).toBeLessThan(2 ** -7);
    }
    const living = layers.flatMap(({ scales }) => scales.filter((scale) => scale > 0));
    const biases = layers.flatMap(({ parameters }) => Array.from(parameters.bias, Math.abs));
    const bound = Math.max(...layers.map(({ parameters }) => parameters.requantization.errorBound));
    const free = layers.filter(({ parameters }) => parameters.requantization.shift === 32).length;
    const [low, high] = [Math.min(...living), Math.max(...living)].map((scale) =>
      Math.log2(scale).toFixed(1),
    );
    console.log(
      `${name}: ${layers.length} layers, ${free} without shift, scales 2^${low} to 2^${high}, ` +
        `biases to 2^${Math.log2(Math.max(...biases)).toFixed(2)}, error bound ${bound.toExponential(1)} codes`,
    );
    expect(bound).toBeLessThan(1 / 2);
    if (name === "vww_96_int8") {
      expect(Math.log2(Math.min(...living))).toBeLessThan(-35);
      expect(Math.max(...biases)).toBeGreaterThan(2 ** 29);
    }
  });
});
