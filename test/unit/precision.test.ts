// A policy's widths and methods, from the policy to the bits that the engine computes.
import { describe, expect, it, test } from "vitest";
import { calibrate } from "../../src/calibrate/calibrate.ts";
import { compileGraph } from "../../src/compile.ts";
import type { Graph, Tensor } from "../../src/graph/graph.ts";
import { opNamed } from "../../src/ops/index.ts";
import { type Policy, PRESETS, presetPolicy } from "../../src/precision/policy.ts";
import { decide, forSize, quantizeByPolicy } from "../../src/precision/quantize.ts";
import { ACTIVATION_WIDTHS, GRANULARITIES, ROUNDINGS, WEIGHT_WIDTHS } from "../../src/precision/schema.ts";
import { onGrid } from "../../src/quantize/reconstruction/grid.ts";
import { runReference } from "../../src/quantize/reference.ts";
import { openEngine, openModel, runModel } from "../cases/engine.ts";
import { calibratorBytes, randomFloatGraph, randomSamples } from "../cases/floats.ts";
import { resNet } from "../cases/networks.ts";
import { Random } from "../cases/random.ts";

const module = await WebAssembly.compile(calibratorBytes());
const engine = await openEngine("engine");

async function quantized(graph: Graph, policy: Policy) {
  const samples = randomSamples(graph, 1, 4);
  const decision = decide(graph, policy);
  const evidence = { seen: await calibrate(graph, samples, module), samples, module: async () => module };
  return quantizeByPolicy(decision, evidence);
}

/** Seeds whose graphs have inner layers with weights. */
const SEEDS = Array.from({ length: 40 }, (_, seed) => seed).filter((seed) => {
  const { nodes } = randomFloatGraph(seed);
  return nodes.filter(({ op }) => opNamed(op).weightAxis !== undefined).length > 2;
});

test("every width, method and granularity runs: engine and reference agree to the bit", async () => {
  const random = new Random(5);
  let narrow = 0;
  for (const [i, seed] of SEEDS.entries()) {
    const policy: Policy = {
      version: 1,
      biasCorrection: random.chance(0.5),
      ...(random.chance(0.3) && { residualBits: random.pick([8, 16] as const) }),
      defaults: {
        weightBits: WEIGHT_WIDTHS[i % WEIGHT_WIDTHS.length]!,
        activationBits: random.pick(ACTIVATION_WIDTHS.filter((bits) => bits <= 8)),
        rounding: ROUNDINGS[i % ROUNDINGS.length]!,
        granularity: random.pick(GRANULARITIES),
      },
    };
    const { graph } = await quantized(randomFloatGraph(seed), policy);
    const { model, integer } = compileGraph(graph);
    narrow += integer.tensors.filter(({ bits }) => bits !== undefined).length;
    openModel(engine, model, integer);
    const inputs = integer.inputs.map(({ tensor }) => {
      const [height, width, channels] = integer.tensors[tensor]!.shape;
      return random.codes(height * width * channels, -128, 127);
    });
    const expected = runReference(integer, inputs);
    const outputs = runModel(engine, integer, inputs);
    expect(outputs).toEqual(integer.outputs.map(({ tensor }) => expected[tensor]));
  }
  expect(SEEDS.length).toBeGreaterThan(12);
  expect(narrow).toBeGreaterThan(15);
});

describe("widths of activations", () => {
  const graph = resNet(1);
  /** Of every node that writes an activation, by op. */
  function widths(policy: Omit<Policy, "version">) {
    const { bits, adjusted } = decide(graph, { version: 1, ...policy }).widths;
    const of = (op: string) =>
      graph.nodes.filter((node) => node.op === op).map(({ outputs }) => bits.get(outputs[0]!));
    return { of, adjusted };
  }

  it("are those of the layers, passed on by what has no weights; softmax writes bytes", () => {
    const { of, adjusted } = widths({ defaults: { activationBits: 4 } });
    expect([of("conv"), of("add"), of("mean"), of("dense"), of("softmax")]).toEqual([
      Array(9).fill(4),
      [4, 4, 4],
      [4],
      [4],
      [8],
    ]);
    expect(adjusted).toEqual([]);
  });

  it("of the residual stream are what the policy says: of all that additions read and write", () => {
    const { of } = widths({ residualBits: 8, defaults: { activationBits: 4 } });
    expect(of("conv")).toEqual([8, 4, 8, 4, 8, 8, 4, 8, 8]);
    expect([of("add"), of("mean")]).toEqual([[8, 8, 8], [8]]);
  });

  it("may be given to other nodes by name or op", () => {
    const { of } = widths({
      defaults: { activationBits: 4 },
      overrides: [
        { op: "add", activationBits: 2 },
        { layers: "mean*", activationBits: 8 },
      ],
    });
    expect([of("add"), of("mean"), of("dense")]).toEqual([[2, 2, 2], [8], [4]]);
  });

  it("are the widest wanted where codes are moved as they are, and 8 where an op takes bytes alone", () => {
    const moving = randomFloatGraph(SEEDS.find((seed) => moves(randomFloatGraph(seed)))!);
    const { bits, adjusted } = decide(moving, { version: 1, defaults: { activationBits: 2 } }).widths;
    for (const { op, inputs, outputs } of moving.nodes) {
      const { keepsScale, packed } = opNamed(op);
      if (keepsScale) expect(bits.get(inputs[0]!)).toBe(bits.get(outputs[0]!));
      if (!packed) expect([bits.get(inputs[0]!), bits.get(outputs[0]!)]).toEqual([8, 8]);
    }
    expect(adjusted.some(({ because }) => because.endsWith("takes bytes alone"))).toBe(true);
  });
});

describe("a residual stream of 16 bits", () => {
  const policy = presetPolicy("hawq-v3");

  it("is what additions read and write; layers read it through requantize nodes, of as many bits as they write", () => {
    const { streamed, widths } = decide(resNet(1), policy);
    const { nodes } = streamed.graph;
    const bits = (tensor: number) => widths.bits.get(tensor);
    for (const { inputs, outputs } of nodes.filter(({ op }) => op === "add")) {
      expect([...inputs, ...outputs].map(bits)).toEqual([16, 16, 16]);
    }
    const layers = nodes.filter(({ op }) => opNamed(op).weightAxis !== undefined);
    expect(layers.map(({ inputs }) => bits(inputs[0]!))).toEqual([8, ...Array(8).fill(4), 8]);
    // Of the first layer's output and of every sum but the last, which the mean reads: once for both of its layers.
    expect(nodes.filter(({ op }) => op === "requantize").length).toBe(3);
    expect(widths.adjusted).toEqual([]);
  });

  it("costs the float network nothing: the nodes that were added are no part of it", () => {
    const graph = resNet(1);
    expect(decide(graph, policy).streamed.graph.nodes.filter(({ op }) => op !== "requantize").length).toBe(
      graph.nodes.length,
    );
    expect(decide(graph, presetPolicy("4")).streamed.graph).toBe(graph);
  });
});

test("bytes with a zero point by channel are on a grid of their own", () => {
  const quantization = { scale: [1], zeroPoint: [-24, 76], axis: 3 };
  const input: Tensor = { name: "x", dtype: "int8", shape: [1, 1, 2, 2], quantization };
  const values = Float32Array.of(-104, -204, 151, 51); // bytes 0 and 255 of both channels
  expect(onGrid(values, input)).toEqual(values);
});

/** Whether a layer's output goes into an op that takes bytes alone. */
function moves({ nodes }: Graph): boolean {
  const layers = nodes.filter(({ op }) => opNamed(op).weightAxis !== undefined);
  return nodes.some(
    ({ op, inputs }) => !opNamed(op).packed && layers.some(({ outputs }) => inputs.includes(outputs[0]!)),
  );
}

test("every preset and its draft decide a policy that decides itself", () => {
  const graph = resNet(2);
  for (const preset of PRESETS) {
    const { policy, rows } = decide(graph, presetPolicy(preset));
    const again = decide(graph, policy);
    expect([again.policy, again.rows]).toEqual([policy, rows]);
    expect(decide(graph, forSize(policy)).rows.every((row) => row.settings.rounding === "nearest")).toBe(
      true,
    );
  }
});
