import { expect, it } from "vitest";
import { instantiateCalibrator } from "../../src/float/calibrator.ts";
import type { Graph, Node } from "../../src/graph/graph.ts";
import { opNamed } from "../../src/ops/index.ts";
import { type Layer, layerOf } from "../../src/quantize/layer.ts";
import { meansOf, tapSums } from "../../src/quantize/means.ts";
import {
  addSums,
  choosePlaces,
  MomentCollector,
  momentsOf,
  type Observations,
  targetPeaks,
  unitsOf,
} from "../../src/quantize/moments.ts";
import { calibratorBytes } from "../cases/floats.ts";
import { Random } from "../cases/random.ts";

const wasm = await instantiateCalibrator(await WebAssembly.compile(calibratorBytes()));

const WINDOW = { stride: [2, 1], dilation: [1, 2], padding: [1, 0, 1, 2], activation: "none" } as const;

/** One layer over a 7x6x6 input. */
const LAYERS: readonly { name: string; op: string; weights: number[]; attributes: object }[] = [
  { name: "conv", op: "conv", weights: [5, 3, 2, 6], attributes: WINDOW },
  { name: "grouped conv", op: "conv", weights: [4, 3, 2, 3], attributes: { ...WINDOW, groups: 2 } },
  { name: "depthwise", op: "depthwise", weights: [1, 3, 2, 6], attributes: WINDOW },
  { name: "dense", op: "dense", weights: [7, 6], attributes: { activation: "none" } },
];

function graphOf({ name, op, weights, attributes }: (typeof LAYERS)[0], random: Random): Graph {
  const input = op === "dense" ? [42, 6] : [1, 7, 6, 6];
  const shape = opNamed(op).shape([input, weights], attributes);
  const float = { dtype: "float32" as const };
  const data = Float32Array.from({ length: weights.reduce((a, b) => a * b) }, () => random.between(-1, 1));
  const node: Node = { name, op, inputs: [0, 1], outputs: [2], attributes };
  const tensors = [
    { ...float, name: "x", shape: input },
    { ...float, name: "w", shape: weights, data },
    { ...float, name: "y", shape },
  ];
  return { name, tensors, nodes: [node], inputs: [], outputs: [] };
}

/** Moments over at most so many windows, of two parts of the samples summed apart. */
function collect(layer: Layer, seen: Observations, columns: number) {
  const collector = new MomentCollector(wasm);
  const places = choosePlaces(layer, seen.codes.length, { columns });
  const units = unitsOf(targetPeaks(layer, seen, places));
  const part = (own: typeof places) => collector.collect(layer, seen, own, units);
  const [sums, more] = [0, 1].map((odd) => part(places.filter(({ sample }) => sample % 2 === odd)));
  return sums!.map((own, group) => {
    addSums(own, more![group]!);
    const { scale } = seen.affine;
    const { rows } = layer;
    return momentsOf(layer, own, places.length, scale, units.subarray(group * rows, (group + 1) * rows));
  });
}

it.each(LAYERS)("$name: outputs and moments follow from one another", (spec) => {
  const random = new Random(9);
  const graph = graphOf(spec, random);
  const layer = layerOf(graph.nodes[0]!, graph);
  const affine = { scale: 0.25, zeroPoint: -7 };
  const codes = Array.from({ length: 3 }, () =>
    Int8Array.from({ length: 252 }, () => random.integer(-128, 127)),
  );
  const targets = codes.map((own) => {
    const data = Float32Array.from(own, (code) => affine.scale * (code - affine.zeroPoint));
    const [x, w] = graph.tensors;
    const operands = [
      { shape: x!.shape, data },
      { shape: w!.shape, data: w!.data as Float32Array },
    ];
    return opNamed(spec.op).float(operands, spec.attributes).data;
  });
  const moments = collect(layer, { codes, affine, targets }, 1e6);
  expect(moments).toHaveLength(layer.groups);
  const outputs = targets.map((values) => {
    const sums = new Float64Array(layer.output[2]);
    values.forEach((value, i) => {
      sums[i % sums.length]! += value;
    });
    return sums;
  });
  const parts = [0, 1].map((part) => ({
    taps: tapSums(layer, part === 0 ? codes.slice(0, 1) : codes.slice(1), affine.zeroPoint),
    outputs: part === 0 ? outputs.slice(0, 1) : outputs.slice(1),
  }));
  const means = meansOf(layer, parts, affine.scale);
  moments.forEach(({ inputMean, outputMean, second, cross }, group) => {
    for (let n = 0; n < layer.rows; n++) {
      const at = (group * layer.rows + n) * layer.taps;
      const own = layer.weights.subarray(at, at + layer.taps);
      // y = w x, hence E[y] = w E[x] and E[y x'] = w H: all of it up to the 15 bits that outputs are kept in.
      expect(own.reduce((sum, w, k) => sum + w * inputMean[k]!, 0)).toBeCloseTo(outputMean[n]!, 2);
      const { inputMean: read, outputMean: written } = means[group]!;
      expect(own.reduce((sum, w, k) => sum + w * read[k]!, 0)).toBeCloseTo(written[n]!, 5);
      expect(written[n]).toBeCloseTo(outputMean[n]!, 2);
      for (let k = 0; k < layer.taps; k++) {
        const product = own.reduce((sum, w, j) => sum + w * second[j * layer.taps + k]!, 0);
        expect(Math.abs(product - cross[n * layer.taps + k]!)).toBeLessThan(0.05);
      }
    }
  });
});

it("takes as many windows as asked for, and gives the same for any order of the samples", () => {
  const random = new Random(2);
  const graph = graphOf(LAYERS[0]!, random);
  const layer = layerOf(graph.nodes[0]!, graph);
  const affine = { scale: 1, zeroPoint: 0 };
  const values = <T>(make: () => T) => Array.from({ length: 4 }, make);
  const codes = values(() => Int8Array.from({ length: 252 }, () => random.integer(-128, 127)));
  const size = layer.output[0] * layer.output[1] * layer.output[2];
  const targets = values(() => Float32Array.from({ length: size }, () => random.between(-3, 3)));
  const whole = collect(layer, { codes, affine, targets }, 1e6);
  const turned = { codes: codes.toReversed(), affine, targets: targets.toReversed() };
  expect(collect(layer, turned, 1e6)).toEqual(whole);
  const part = collect(layer, { codes, affine, targets }, 40);
  expect(part).not.toEqual(whole);
  expect(part[0]!.second[0]! / whole[0]!.second[0]!).toBeGreaterThan(0.3);
});
