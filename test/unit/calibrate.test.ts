import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { calibrate } from "../../src/calibrate/calibrate.ts";
import { Calibration } from "../../src/calibrate/calibration.ts";
import { chooseRange, type RangeMethod } from "../../src/calibrate/ranges.ts";
import { Statistics } from "../../src/calibrate/statistics.ts";
import { FloatNetwork } from "../../src/float/network.ts";
import { logarithm } from "../../src/numerics/logarithm.ts";
import { rangeAffine } from "../../src/numerics/range.ts";
import { calibratorBytes, randomFloatGraph, randomSamples } from "../cases/floats.ts";
import { Random } from "../cases/random.ts";

const module = await WebAssembly.compile(calibratorBytes());
// Compiled, because a Node that strips no types cannot run src/calibrate/worker.ts as a thread.
const compiled = new URL("../../dist/src/calibrate/node.js", import.meta.url).pathname;
const { calibrate: calibrateOnThreads } = (await import(
  compiled
)) as typeof import("../../src/calibrate/node.ts");
const METHODS: readonly RangeMethod[] = ["minmax", "percentile", "movingAverage", "entropy", "mse"];

function observed(...samples: readonly (readonly number[])[]): Statistics {
  const seen = new Statistics();
  for (const sample of samples) expect(seen.observe(Float32Array.from(sample))).toBe(-1);
  return seen;
}

function merged(...states: readonly Statistics[]): Statistics {
  const all = new Statistics();
  for (const state of states) all.merge(state);
  return all;
}

/** Floats of all magnitudes, subnormals and -0 included. */
const floats = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 20 });

describe("Statistics", () => {
  it("merges to the same in any order and grouping", () => {
    fc.assert(
      fc.property(fc.array(floats, { minLength: 3, maxLength: 6 }), (samples) => {
        const [first, second, ...rest] = samples.map((sample) => observed(sample));
        const whole = observed(...samples).toJSON();
        expect(merged(first!, second!, ...rest).toJSON()).toEqual(whole);
        expect(merged(...rest, second!, first!).toJSON()).toEqual(whole);
        expect(merged(first!, merged(...rest, second!)).toJSON()).toEqual(whole);
        expect(observed(...samples.toReversed()).toJSON()).toEqual(whole);
      }),
    );
  });

  it("survives JSON", () => {
    fc.assert(
      fc.property(fc.array(floats, { minLength: 1, maxLength: 3 }), (samples) => {
        const state = observed(...samples);
        const read = Statistics.fromJSON(JSON.parse(JSON.stringify(state)));
        expect(read?.toJSON()).toEqual(state.toJSON());
        read!.merge(observed([1]));
        expect(read!.toJSON()).toEqual(merged(observed([1]), state).toJSON());
      }),
    );
  });

  it("counts every value in a bin that holds it", () => {
    const values = [-3, -0.001, -0, 0, 1e-30, 0.5, 7.25, 7.25];
    const seen = observed(values);
    for (const { index, count } of seen.bins()) {
      const [low, high] = [index * seen.binWidth, (index + 1) * seen.binWidth];
      expect(values.filter((value) => value >= low && value < high)).toHaveLength(count);
    }
    expect(seen.bins().reduce((sum, { count }) => sum + count, 0)).toBe(values.length);
    expect(seen.binWidth).toBe(2 ** -9);
  });

  it("refuses NaN and infinity, naming the place and keeping its state", () => {
    const seen = observed([1, 2]);
    const before = seen.toJSON();
    expect(seen.observe(Float32Array.of(0, NaN, 5))).toBe(1);
    expect(seen.observe(Float32Array.of(-Infinity))).toBe(0);
    expect(seen.toJSON()).toEqual(before);
  });

  it("reads nothing that is no state", () => {
    const good = observed([-1, 2]).toJSON();
    expect(Statistics.fromJSON({})).toBeUndefined();
    for (const [key, value] of [
      ["min", 3],
      ["max", NaN],
      ["samples", 0],
      ["samples", 1.5],
      ["sumMin", "1e5"],
      ["exponent", 0],
      ["first", -5000],
      ["counts", [1, -1]],
      ["counts", undefined],
    ] as const) {
      expect(Statistics.fromJSON({ ...good, [key]: value }), key).toBeUndefined();
    }
  });
});

describe("chooseRange", () => {
  const random = new Random(5);
  const bell = () => Array.from({ length: 6 }, () => random.between(-1, 1)).reduce((a, b) => a + b, 0);
  const values = Array.from({ length: 20_000 }, bell);

  it.each(METHODS)("%s stays inside what was seen, and takes most of it", (method) => {
    const seen = observed(values);
    const { min, max } = chooseRange(seen, { method });
    expect(min).toBeGreaterThanOrEqual(seen.min);
    expect(max).toBeLessThanOrEqual(seen.max);
    expect(values.filter((value) => value < min || value > max).length).toBeLessThan(200);
  });

  it.each(["percentile", "entropy", "mse"] as const)("%s clips a lone outlier", (method) => {
    const { max } = chooseRange(observed([...values, 60]), { method, bits: method === "mse" ? 4 : 8 });
    expect(max).toBeLessThan(method === "entropy" ? 31 : 8);
  });

  it.each(METHODS)("%s keeps the lower end of non-negative values at 0", (method) => {
    const { min, max } = chooseRange(observed(values.map((value) => Math.max(0, value))), { method });
    expect(min).toBe(0);
    expect(max).toBeGreaterThan(1);
  });

  it.each(METHODS)("%s has a range for a tensor of zeros and for a single value", (method) => {
    expect(chooseRange(observed([0, 0]), { method })).toEqual({ min: 0, max: 0 });
    const { min, max } = chooseRange(observed([3]), { method });
    expect(Math.max(min, max)).toBeGreaterThan(2.9);
  });

  it("movingAverage is the mean of every sample's extremes", () => {
    const range = chooseRange(observed([-1, 3], [-2, 6], [-3, 0]), { method: "movingAverage" });
    expect(range).toEqual({ min: -2, max: 3 });
  });

  it("mse loses less than minmax, in 4 bits by far", () => {
    const seen = observed(values);
    const error = (method: RangeMethod) => {
      const { scale, zeroPoint } = rangeAffine(chooseRange(seen, { method, bits: 4 }), 4);
      const code = (x: number) => Math.min(7, Math.max(-8, Math.round(x / scale) + zeroPoint));
      return values.reduce((sum, x) => sum + (x - scale * (code(x) - zeroPoint)) ** 2, 0);
    };
    expect(error("mse")).toBeLessThan(0.8 * error("minmax"));
  });
});

describe("rangeAffine", () => {
  it("has 0 as a code and reaches both ends within half a step", () => {
    fc.assert(
      fc.property(
        fc.float({ min: -1e6, max: 1e6, noNaN: true }),
        fc.float({ min: 0, max: 1e6, noNaN: true }),
        (min, width) => {
          const { scale, zeroPoint } = rangeAffine({ min, max: min + width });
          expect(zeroPoint).toSatisfy((z: number) => Number.isInteger(z) && z >= -128 && z <= 127);
          expect(scale).toBe(Math.fround(scale));
          expect(scale * (127 - zeroPoint)).toBeGreaterThanOrEqual((min + width) * (1 - 1e-6) - 0.51 * scale);
          expect(scale * (-128 - zeroPoint)).toBeLessThanOrEqual(min * (1 - 1e-6) + 0.51 * scale);
        },
      ),
    );
  });

  it("puts images at scale 1 and code x - 128", () => {
    expect(rangeAffine({ min: 0, max: 255 })).toEqual({ scale: 1, zeroPoint: -128 });
  });

  it("knows symmetric and unsigned forms, other widths, and tensors of zeros", () => {
    expect(rangeAffine({ min: -1, max: 127 }, 8, "symmetric")).toEqual({ scale: 1, zeroPoint: 0 });
    expect(rangeAffine({ min: -9, max: 255 }, 8, "unsigned")).toEqual({ scale: 1, zeroPoint: -128 });
    expect(rangeAffine({ min: 0, max: 15 }, 4)).toEqual({ scale: 1, zeroPoint: -8 });
    expect(rangeAffine({ min: 0, max: 0 })).toEqual({ scale: 1, zeroPoint: -128 });
  });
});

describe("calibrate", () => {
  const graph = randomFloatGraph(12);
  const samples = randomSamples(graph, 12, 6);

  it("sees every activation", async () => {
    const calibration = await calibrate(graph, samples, module);
    const activations = graph.tensors.flatMap(({ data }, i) => (data === undefined ? [i] : []));
    expect([...calibration.ranges({ method: "minmax" }).keys()].sort((a, b) => a - b)).toEqual(activations);
    expect(calibration.statistics.get(graph.inputs[0]!.tensor)!.samples).toBe(6);
  });

  it("gives the same, byte for byte, from shards and from the cache", async () => {
    const whole = JSON.stringify(await calibrate(graph, samples, module));
    const parts = [samples.slice(3), samples.slice(0, 1), samples.slice(1, 3)];
    const [a, b, c] = await Promise.all(parts.map((part) => calibrate(graph, part, module)));
    expect(JSON.stringify(a!.merge(b!).merge(c!))).toBe(whole);
    const cached = Calibration.parse(JSON.stringify(b!.merge(c!)), graph);
    expect(JSON.stringify(cached.merge(a!))).toBe(whole);
  });

  it("looks through a network's memory as through any numbers", async () => {
    const seen = await calibrate(graph, samples, module);
    const network = await FloatNetwork.create(graph, module);
    const plain = new Map<number, Statistics>();
    for (const sample of samples) {
      network.run(sample, (tensor, values) => {
        if (!plain.has(tensor)) plain.set(tensor, new Statistics());
        expect(plain.get(tensor)!.observe(values)).toBe(-1);
      });
    }
    expect(plain.size).toBeGreaterThan(2);
    for (const [tensor, own] of plain) expect(own.toJSON()).toEqual(seen.statistics.get(tensor)!.toJSON());
  });

  it("gives the same on one, two and three threads", async () => {
    const whole = JSON.stringify(await calibrate(graph, samples, module));
    for (const threads of [1, 2, 3]) {
      expect(JSON.stringify(await calibrateOnThreads(graph, samples, { threads }))).toBe(whole);
    }
  });

  it("names a bad sample from a thread, and stops", async () => {
    const spoilt = samples.map((sample, i) => (i === 4 ? sample.map((x) => x.map(() => NaN)) : sample));
    await expect(calibrateOnThreads(graph, spoilt, { threads: 2 })).rejects.toThrow(
      /^sample 4: a value is not a number\n.*\n {2}found: NaN at element 0 of input "input0"/,
    );
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(calibrateOnThreads(graph, samples, { threads: 2, signal })).rejects.toThrow("enough");
  });

  it("reports progress and stops when told", async () => {
    const seen: string[] = [];
    const onProgress = (done: number, total: number) => void seen.push(`${done}/${total}`);
    await calibrate(graph, samples, module, { onProgress });
    expect(seen).toEqual(["1/6", "2/6", "3/6", "4/6", "5/6", "6/6"]);
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(calibrate(graph, samples, module, { signal })).rejects.toThrow("enough");
  });

  it("refuses an empty set, NaN, infinity and wrong sizes, naming the sample", async () => {
    await expect(calibrate(graph, [], module)).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
    const spoil = (value: number) => [
      samples[0]!,
      samples[1]!.map((x) => x.map((y, i) => (i === 2 ? value : y))),
    ];
    await expect(calibrate(graph, spoil(NaN), module)).rejects.toThrow(
      /^sample 1: .*\n.*\n {2}found: NaN at element 2/,
    );
    await expect(calibrate(graph, spoil(Infinity), module)).rejects.toThrow(
      /^sample 1: .*\n.*\n {2}found: Infinity/,
    );
    await expect(calibrate(graph, [[new Float32Array(1)]], module)).rejects.toThrow(
      /^sample 0: .*wrong size/,
    );
  });

  it("refuses a cache of another graph, a damaged one, and a sample counted twice", async () => {
    const calibration = await calibrate(graph, samples, module);
    const text = JSON.stringify(calibration);
    expect(() => Calibration.parse(text, randomFloatGraph(13))).toThrow(/another model/);
    for (const bad of ["", "null", "[]", "{}", text.replace('"version":1', '"version":2')]) {
      expect(() => Calibration.parse(bad)).toThrow(/calibration/);
    }
    expect(() => Calibration.parse(text.replace('"samples":6', '"samples":-6'))).toThrow(/damaged/);
    expect(() => calibration.merge(calibration)).toThrow(/no sample in both/);
  });
});

describe("logarithm", () => {
  it("is Math.log to the last digits", () => {
    const random = new Random(3);
    for (let i = 0; i < 2000; i++) {
      const x = random.between(0.5, 2) * 2 ** random.integer(-300, 300);
      expect(Math.abs(logarithm(x) - Math.log(x))).toBeLessThan(1e-15 * Math.max(1, Math.abs(Math.log(x))));
    }
    expect(logarithm(1)).toBe(0);
  });
});
