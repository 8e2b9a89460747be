import { describe, expect, test } from "vitest";
import { calibrate } from "../../src/calibrate/calibrate.ts";
import { instantiateCalibrator } from "../../src/float/calibrator.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { realsOf } from "../../src/graph/reals.ts";
import { quantizeValue } from "../../src/numerics/affine.ts";
import { channelStatistics } from "../../src/quantize/channel-statistics.ts";
import { lower } from "../../src/quantize/lower.ts";
import { quantizePostTraining } from "../../src/quantize/post-training.ts";
import { reestimate } from "../../src/quantize/re-estimate.ts";
import { reconstruct } from "../../src/quantize/reconstruction/index.ts";
import { Tape } from "../../src/quantize/reconstruction/tape.ts";
import { unitsOf } from "../../src/quantize/reconstruction/unit.ts";
import { runReference } from "../../src/quantize/reference.ts";
import { quantizeSequentially, uniformChoice } from "../../src/quantize/sequential.ts";
import { type FloatLayer, floatChain } from "../cases/float-chain.ts";
import { calibratorBytes, randomSamples, relativeError, runDefinitions } from "../cases/floats.ts";

const module = await WebAssembly.compile(calibratorBytes());

/** Every kind of layer, strides, a residual sum; without activations, so that the network is linear in each layer. */
const LINEAR: readonly FloatLayer[] = [
  { op: "conv", name: "stem", channels: 5, kernel: 3, activation: "none" },
  { op: "residual", name: "sum", channels: 5, kernel: 3, activation: "none" },
  { op: "conv", name: "down", channels: 10, kernel: 3, stride: 2, activation: "none" },
  { op: "depthwise", name: "deep", channels: 10, kernel: 3, stride: 2, activation: "none" },
  { op: "conv", name: "point", channels: 7, kernel: 1, activation: "none" },
];
/** What 8-bit activations on the tape may take a gradient off, as a share of the largest one. */
const ROUNDING = 0.03;
const RELU = LINEAR.map((layer) => ({ ...layer, activation: "relu" }));

async function quantized(graph: Graph, width: 8 | 4 | 2 = 8) {
  const samples = randomSamples(graph, 5, 24);
  const ranges = new Map((await calibrate(graph, samples, module)).ranges({ method: "minmax" }));
  // Wide enough that no value comes to the end of its codes.
  for (const [tensor, { min, max }] of ranges) ranges.set(tensor, { min: 2 * min, max: 2 * max });
  const choose = uniformChoice(width, "coordinate-descent");
  return { samples, base: await quantizeSequentially(graph, ranges, samples, module, { choose }) };
}

/** sum of g * output, the network's constants being those of the quantized one. */
function weighted(graph: Graph, input: Float32Array, g: Float32Array): number {
  const values = runDefinitions(graph, [input]);
  return values[graph.outputs[0]!.tensor]!.reduce((sum, value, i) => sum + value * g[i]!, 0);
}

/** The float graph with the reals of the quantized one's constants. */
function withConstants(graph: Graph, base: Graph): Graph {
  const tensors = [...graph.tensors];
  const nodes = graph.nodes.map((node, i) => {
    const inputs = base.nodes[i]!.inputs.map((index, k) => {
      if (node.op === "add" || k === 0) return node.inputs[k]!;
      const { name, shape } = base.tensors[index]!;
      return tensors.push({ name, dtype: "float32", shape, data: realsOf(base.tensors[index]!) }) - 1;
    });
    return { ...node, inputs };
  });
  return { ...graph, tensors, nodes };
}

describe("the tape", () => {
  test("has the gradients of a linear network, which differences give exactly", async () => {
    const graph = floatChain(LINEAR);
    const { samples, base } = await quantized(graph);
    const [unit] = unitsOf(graph, Number.POSITIVE_INFINITY);
    const tape = Tape.create(await instantiateCalibrator(module), graph, base, unit!);
    const reals = withConstants(graph, base);
    const input = samples[0]![0]!;
    const output = tape.run(input);
    const g = output.map((_, i) => Math.sin(i + 1));
    tape.back(g);
    const before = weighted(reals, input, g);
    for (const layer of tape.layers) {
      const node = reals.nodes.find(({ name }) => name === layer.layer.node.name)!;
      const { weights, bias } = layer.take();
      const change = (index: number, element: number): number => {
        const tensor = reals.tensors[node.inputs[index]!]!;
        const data = (tensor.data as Float32Array).slice();
        data[element]! += 1;
        const tensors = reals.tensors.with(node.inputs[index]!, { ...tensor, data });
        return weighted({ ...reals, tensors }, input, g) - before;
      };
      const scale = Math.max(...bias.map(Math.abs), ...(weights ?? []).map(Math.abs));
      bias.forEach((own, c) => {
        expect(Math.abs(own - change(2, c)) / scale, `bias ${c} of ${node.name}`).toBeLessThan(ROUNDING);
      });
      weights?.forEach((own, i) => {
        if (i % 11 !== 0) return;
        expect(Math.abs(own - change(1, i)) / scale, `weight ${i} of ${node.name}`).toBeLessThan(ROUNDING);
      });
      expect(weights === undefined).toBe(node.op === "depthwise");
    }
  });

  test("runs what the integers stand for", async () => {
    const graph = floatChain(RELU);
    const { samples, base } = await quantized(graph);
    const [unit] = unitsOf(graph, Number.POSITIVE_INFINITY);
    const tape = Tape.create(await instantiateCalibrator(module), graph, base, unit!);
    const integer = lower(base);
    const input = samples[0]![0]!;
    const [from, to] = [integer.inputs[0]!, integer.outputs[0]!].map(
      ({ tensor }) => integer.tensors[tensor]!,
    );
    const codes = Int8Array.from(input, (x) => quantizeValue(x, from!.scale, from!.zeroPoint, -128, 127));
    const own = runReference(integer, [codes])[integer.outputs[0]!.tensor]!;
    const reals = Float32Array.from(own, (code) => to!.scale * (code - to!.zeroPoint));
    const rounded = Float32Array.from(codes, (code) => from!.scale * (code - from!.zeroPoint));
    expect(relativeError(tape.run(rounded), reals)).toBeLessThan(0.02);
  });
});

describe("reconstruction", () => {
  test("lowers the loss of every unit, keeps widths and ranges, and gives the same integers twice", async () => {
    const graph = floatChain(RELU);
    const { samples, base } = await quantized(graph, 2);
    const losses: (readonly [number, number])[] = [];
    const run = () =>
      reconstruct(graph, base, samples, module, {
        layers: 2,
        steps: 60,
        batch: 8,
        rates: { codes: 0.01, scales: 0.002, bias: 0.05 },
        onUnit: (_, before, after) => losses.push([before, after]),
      });
    const [first, second] = [await run(), await run()];
    expect(second).toEqual(first);
    expect(losses.length).toBe(2 * unitsOf(graph, 2).length);
    expect(losses.filter(([before, after]) => after < before).length).toBeGreaterThan(losses.length / 2);
    const activations = (own: Graph) =>
      graph.nodes.map(({ outputs }) => own.tensors[outputs[0]!]!.quantization);
    const bits = (own: Graph) => own.nodes.map(({ inputs }) => own.tensors[inputs[1]!]?.quantization?.bits);
    expect(activations(first)).toEqual(activations(base));
    expect(bits(first)).toEqual(bits(base));
    expect(() => lower(first)).not.toThrow();
  });

  test("leaves codes alone by default, and fits one unit to the softmax", async () => {
    const graph = floatChain(RELU);
    const { samples, base } = await quantized(graph, 2);
    const losses: number[] = [];
    const tuned = await reconstruct(graph, base, samples, module, {
      steps: 40,
      batch: 8,
      onUnit: (_, before, after) => losses.push(before, after),
    });
    expect(losses).toHaveLength(2);
    expect(losses[1]).toBeLessThan(losses[0]!);
    const codes = (own: Graph) => own.nodes.map(({ inputs }) => own.tensors[inputs[1]!]?.data);
    expect(codes(tuned)).toEqual(codes(base));
    expect(tuned).not.toEqual(base);
  });

  test("cuts a chain between layers, and never through a sum", () => {
    const graph = floatChain(RELU);
    const names = unitsOf(graph, 1).map(({ nodes }) => nodes.map(({ name }) => name));
    expect(names).toEqual([["stem"], ["sum/conv", "sum"], ["down"], ["deep"], ["point"]]);
    expect(unitsOf(graph, 3).map(({ nodes }) => nodes.length)).toEqual([4, 2]);
  });

  test("refuses an empty set and nodes without a gradient, naming them", async () => {
    const graph = floatChain(RELU);
    const { base, samples } = await quantized(graph);
    await expect(reconstruct(graph, base, [], module)).rejects.toThrow(/calibration set is empty/);
    const pooled = {
      ...graph,
      nodes: graph.nodes.map((node) => (node.op === "add" ? { ...node, op: "mul" } : node)),
    };
    await expect(reconstruct(pooled, base, samples, module)).rejects.toThrow(/"sum", mul: .*gradient/);
  });
});

test("re-estimation gives layers the means and deviations of the float network", async () => {
  const graph = floatChain(RELU);
  const samples = randomSamples(graph, 5, 24);
  const ranges = (await calibrate(graph, samples, module)).ranges({ method: "minmax" });
  const choose = uniformChoice(2, "nearest");
  const base = quantizePostTraining(graph, ranges, { choose });
  const distance = async (own: Graph) => {
    const wanted = await channelStatistics(graph, samples, module);
    const found = await channelStatistics(withConstants(graph, own), samples, module);
    let sum = 0;
    for (const [tensor, { mean, deviation }] of wanted) {
      const other = found.get(tensor)!;
      mean.forEach((value, c) => {
        const scale = deviation[c]! + 1e-9;
        sum +=
          Math.abs(value - other.mean[c]!) / scale + Math.abs(deviation[c]! - other.deviation[c]!) / scale;
      });
    }
    return sum;
  };
  const estimated = await reestimate(graph, base, samples, module);
  expect(await distance(estimated)).toBeLessThan(0.5 * (await distance(base)));
  const codes = (own: Graph) => own.nodes.map(({ inputs }) => own.tensors[inputs[1]!]?.data);
  expect(codes(estimated)).toEqual(codes(base));
  expect(() => lower(estimated)).not.toThrow();
});
