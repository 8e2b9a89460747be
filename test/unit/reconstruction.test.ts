import { describe, expect, test } from "vitest";
import { calibrate } from "../../src/calibrate/calibrate.ts";
import { compile } from "../../src/compile.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { realsOf } from "../../src/graph/reals.ts";
import { quantizeValue } from "../../src/numerics/affine.ts";
import type { Policy } from "../../src/precision/policy.ts";
import { decide, quantizeByPolicy } from "../../src/precision/quantize.ts";
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
import { buildOnnx } from "../cases/onnx.ts";
import { wave } from "../cases/onnx-operators.ts";

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
    const tape = await Tape.create(module, graph, base, unit!);
    const reals = withConstants(graph, base);
    const input = samples[0]![0]!;
    const output = tape.run(input);
    const g = output.map((_, i) => Math.sin(i + 1));
    tape.back(g);
    const before = weighted(reals, input, g);
    for (const layer of tape.layers) {
      const { node: own, at, taps } = layer.layer;
      const node = reals.nodes.find(({ name }) => name === own.name)!;
      const { weights, bias } = layer.gradients();
      const change = (index: number, element: number): number => {
        const tensor = reals.tensors[node.inputs[index]!]!;
        const data = (tensor.data as Float32Array).slice();
        data[element]! += 1;
        const tensors = reals.tensors.with(node.inputs[index]!, { ...tensor, data });
        return weighted({ ...reals, tensors }, input, g) - before;
      };
      const scale = Math.max(...bias.map(Math.abs), ...weights.map(Math.abs));
      bias.forEach((own, c) => {
        expect(Math.abs(own - change(2, c)) / scale, `bias ${c} of ${node.name}`).toBeLessThan(ROUNDING);
      });
      weights.forEach((own, i) => {
        if (i % 11 !== 0) return;
        expect(
          Math.abs(own - change(1, at(Math.floor(i / taps), i % taps))) / scale,
          `weight ${i} of ${node.name}`,
        ).toBeLessThan(ROUNDING);
      });
    }
  });

  test("runs what the integers stand for", async () => {
    const graph = floatChain(RELU);
    const { samples, base } = await quantized(graph);
    const [unit] = unitsOf(graph, Number.POSITIVE_INFINITY);
    const tape = await Tape.create(module, graph, base, unit!);
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

  test("refuses an empty set, and several outputs", async () => {
    const graph = floatChain(RELU);
    const { base, samples } = await quantized(graph);
    await expect(reconstruct(graph, base, [], module)).rejects.toThrow(/calibration set is empty/);
    const two = { ...graph, outputs: [...graph.outputs, ...graph.outputs] };
    await expect(reconstruct(two, base, samples, module)).rejects.toThrow(/one input and one output/);
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

describe("a policy", () => {
  test("asks for re-estimation and reconstruction, beside a residual stream of 16 bits too", async () => {
    const graph = floatChain(RELU);
    const samples = randomSamples(graph, 5, 24);
    const seen = await calibrate(graph, samples, module);
    const make = async (policy: Policy) => {
      const { graph: own, decision } = await quantizeByPolicy(decide(graph, policy), {
        seen,
        samples,
        module: async () => module,
      });
      return { integer: lower(own), policy: decision.policy };
    };
    const plain: Policy = { version: 1, residualBits: 16, defaults: { weightBits: 2 } };
    const rounded = await make(plain);
    for (const option of ["reestimation", "reconstruction"] as const) {
      const refined = await make({ ...plain, [option]: true });
      expect(refined.policy[option]).toBe(true);
      expect(refined.integer).not.toEqual(rounded.integer);
      expect(refined.integer.tensors).toEqual(rounded.integer.tensors);
    }
    const { policy } = await make({ ...plain, biasAbsorption: true });
    expect(policy.biasAbsorption).toBe(true);
  });

  test("asks for equalisation and bias absorption, which change what is calibrated", async () => {
    const constant = (dims: number[], offset: number) => ({
      dims,
      data: wave(dims.reduce((a, b) => a * b, 1)).map((value) => value + offset),
    });
    const model = buildOnnx({
      inputs: [{ name: "x", shape: [1, 3, 8, 8] }],
      outputs: ["y"],
      initializers: {
        v: constant([6, 3, 1, 1], 0),
        a: constant([6], 9),
        w: constant([4, 6, 1, 1], 0),
        b: constant([4], 0),
      },
      nodes: [
        { op: "Conv", name: "first", inputs: ["x", "v", "a"], outputs: ["p"] },
        { op: "Relu", name: "relu", inputs: ["p"], outputs: ["q"] },
        { op: "Conv", name: "second", inputs: ["q", "w", "b"], outputs: ["y"] },
      ],
    });
    const samples = (own: Graph) => randomSamples(own, 3, 8);
    const scaleOf = async (policy: Policy) => {
      const { integer } = await compile(model, { samples, calibrator: module, policy });
      return integer.tensors.map(({ scale }) => scale);
    };
    const plain = await scaleOf({ version: 1 });
    const equal = await scaleOf({ version: 1, equalisation: true });
    const absorbed = await scaleOf({ version: 1, biasAbsorption: true });
    const last = plain.length - 1;
    expect(equal[1]).not.toBe(plain[1]);
    expect(absorbed[1]).toBeLessThan(0.7 * plain[1]!);
    for (const scales of [equal, absorbed]) expect(scales[last]! / plain[last]!).toBeCloseTo(1, 1);
    const ranges = { policy: { version: 1, biasAbsorption: true }, calibrator: module } as const;
    await expect(compile(model, { ...ranges, calibration: new Map() })).rejects.toThrow(/needs samples/);
  });
});
