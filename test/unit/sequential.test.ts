import { describe, expect, it } from "vitest";
import { calibrate } from "../../src/calibrate/calibrate.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { opNamed } from "../../src/ops/index.ts";
import type { LayerWeights } from "../../src/quantize/layer-weights.ts";
import { lower } from "../../src/quantize/lower.ts";
import {
  quantizeSequentially,
  type SequentialOptions,
  uniformChoice,
} from "../../src/quantize/sequential.ts";
import { calibratorBytes, randomFloatGraph, randomSamples } from "../cases/floats.ts";
import { WIDTHS } from "../cases/roundings.ts";

// Compiled, because a Node that strips no types cannot run src/quantize/worker.ts as a thread.
const compiled = new URL("../../dist/src/quantize/node.js", import.meta.url).pathname;
const { onThreads } = (await import(compiled)) as typeof import("../../src/quantize/node.ts");

const module = await WebAssembly.compile(calibratorBytes());

async function quantize(graph: Graph, options: SequentialOptions = {}): Promise<Graph> {
  const samples = randomSamples(graph, 1, 4);
  const ranges = (await calibrate(graph, samples, module)).ranges({ method: "minmax" });
  return quantizeSequentially(graph, ranges, samples, module, options);
}

function weightTensors(graph: Graph) {
  return graph.nodes
    .filter(({ op }) => opNamed(op).weightAxis !== undefined)
    .map(({ inputs }) => graph.tensors[inputs[1]!]!);
}

/** Seeds whose graphs have layers with weights. */
const SEEDS = Array.from({ length: 24 }, (_, seed) => seed).filter(
  (seed) => weightTensors(randomFloatGraph(seed)).length > 2,
);

describe("quantizeSequentially", () => {
  it("makes graphs that lower, with codes of the width asked for", async () => {
    for (const [i, seed] of SEEDS.entries()) {
      const width = WIDTHS[i % WIDTHS.length]!;
      const graph = await quantize(randomFloatGraph(seed), { choose: uniformChoice(width) });
      lower(graph);
      const tensors = weightTensors(graph);
      tensors.forEach(({ quantization, data }, index) => {
        const border = index === 0 || index === tensors.length - 1;
        const bits = border || width === 8 ? undefined : width === "ternary" ? 2 : width;
        expect(quantization!.bits).toBe(bits);
        const largest = (data as Int8Array).reduce((most, code) => Math.max(most, Math.abs(code)), 0);
        expect(largest).toBeLessThanOrEqual(2 ** ((bits ?? 8) - 1));
      });
    }
  });

  it("is the same every time, and from the layers of a run that was stopped", async () => {
    const graph = randomFloatGraph(SEEDS[0]!);
    const layers = new Map<number, LayerWeights>();
    const onLayer = (index: number, weights: LayerWeights) => void layers.set(index, weights);
    const whole = await quantize(graph, { choose: uniformChoice(4), onLayer });
    expect(await quantize(graph, { choose: uniformChoice(4) })).toEqual(whole);
    const finished = new Map([...layers].slice(0, 2));
    const again: number[] = [];
    const resumed = { finished, onLayer: (index: number) => void again.push(index) };
    expect(await quantize(graph, { choose: uniformChoice(4), ...resumed })).toEqual(whole);
    expect(again).toEqual([...layers.keys()].slice(2));
    const ranges = (await calibrate(graph, randomSamples(graph, 1, 4), module)).ranges({ method: "minmax" });
    expect(await quantizeSequentially(graph, ranges, [], module, { finished: layers })).toEqual(whole);
  });

  it("is the same on one, two and three threads, by every method", async () => {
    for (const method of ["nearest", "coordinate-descent"] as const) {
      for (const seed of SEEDS.slice(2, 4)) {
        const graph = randomFloatGraph(seed);
        const choose = uniformChoice(method === "nearest" ? 8 : 3, method);
        const whole = await quantize(graph, { choose });
        for (const threads of [2, 3]) {
          expect(await quantize(graph, { choose, shards: onThreads(threads) })).toEqual(whole);
        }
      }
    }
  });

  it("ends its threads when told, and on a sample of the wrong size", async () => {
    const graph = randomFloatGraph(SEEDS[1]!);
    const controller = new AbortController();
    const onProgress = () => controller.abort(new Error("enough"));
    const shards = onThreads(2);
    const stopped = quantize(graph, { onProgress, signal: controller.signal, shards });
    await expect(stopped).rejects.toThrow("enough");
    const ranges = (await calibrate(graph, randomSamples(graph, 1, 2), module)).ranges();
    const wrong = [...randomSamples(graph, 1, 1), [new Float32Array(1)]];
    const refused = quantizeSequentially(graph, ranges, wrong, module, { shards });
    await expect(refused).rejects.toThrow(/sample 1.*wrong size/);
  });

  it("reports progress and stops when told", async () => {
    const graph = randomFloatGraph(SEEDS[1]!);
    const controller = new AbortController();
    const seen: number[] = [];
    const onProgress = (done: number, total: number) => {
      expect(total).toBe(graph.nodes.length);
      seen.push(done);
      if (done === 2) controller.abort(new Error("enough"));
    };
    await expect(quantize(graph, { onProgress, signal: controller.signal })).rejects.toThrow("enough");
    expect(seen).toEqual([1, 2]);
  });

  it("refuses an empty calibration set and samples of the wrong size", async () => {
    const graph = randomFloatGraph(SEEDS[0]!);
    const ranges = (await calibrate(graph, randomSamples(graph, 1, 2), module)).ranges();
    await expect(quantizeSequentially(graph, ranges, [], module)).rejects.toThrow(/set is empty/);
    const wrong = [[new Float32Array(1)]];
    await expect(quantizeSequentially(graph, ranges, wrong, module)).rejects.toThrow(/sample 0.*wrong size/);
  });
});
