import { expect, test } from "vitest";
import type { Graph } from "../../src/graph/graph.ts";
import { writeModel } from "../../src/model/writer.ts";
import { plan } from "../../src/plan/index.ts";
import { lower } from "../../src/quantize/lower.ts";
import { runReference } from "../../src/quantize/reference.ts";
import { GraphBuilder } from "../cases/builder.ts";
import { openModel, traceNodes, variants } from "../cases/engine.ts";
import { WEIGHT_CODES } from "../cases/graphs.ts";
import { Random } from "../cases/random.ts";

/** A wide layer, which sets the peak, then a 3x3 convolution with stride 1 behind it. */
function wideThenSquare(
  random: Random,
  depth: number,
  channels: number,
  size: [number, number],
  extreme: boolean,
  width: string,
): Graph {
  const builder = new GraphBuilder("wide");
  const affine = { scale: 0.05, zeroPoint: random.integer(-128, 128) };
  const weighted = (x: number, shape: readonly number[], padding: number, scale: number, own: string) => {
    const count = shape.reduce((a, b) => a * b, 1);
    const { bits, min, max } = WEIGHT_CODES[own]!;
    const least = own === "8" ? -128 : min;
    const codes = extreme ? new Int8Array(count).fill(least) : random.codes(count, least, max);
    const quantization = { scale: [(scale * 127) / max], zeroPoint: [0], axis: null, bits };
    const data = bits === 1 ? codes.map((code) => code || 1) : codes;
    const weights = builder.constant(data, shape, "int8", quantization);
    const attributes = {
      stride: [1, 1],
      dilation: [1, 1],
      padding: Array(4).fill(padding),
      activation: "none",
    };
    return builder.node("conv", [x, weights, -1], attributes, affine);
  };
  const input = builder.input([1, ...size, 160], affine);
  const narrow = weighted(input, [depth, 1, 1, 160], 0, 1 / 160 / 40, "8");
  builder.output(weighted(narrow, [channels, 3, 3, depth], random.integer(0, 2), 1 / depth / 200, width));
  return builder.build();
}

test("Winograd convolution gives the bits of the direct one, at the extremes of codes too", async () => {
  const random = new Random(11);
  let transformed = 0;
  for (const depth of [8, 16, 24, 40]) {
    for (const [channels, width] of [
      [1, "8"],
      [8, "8"],
      [13, "4"],
      [24, "8"],
      [8, "2"],
      [17, "1"],
    ] as const) {
      const size: [number, number] = [2 * random.integer(2, 9), 2 * random.integer(2, 9)];
      const source = wideThenSquare(random, depth, channels, size, channels === 8, width);
      const graph = lower(source);
      const layout = plan(graph);
      const scratch = layout.scratch[1]!.bytes;
      const inputs = [
        channels === 8
          ? new Int8Array(size[0] * size[1] * 160).fill(-128)
          : random.codes(size[0] * size[1] * 160),
      ];
      const expected = runReference(graph, inputs);
      for (const { name, open } of variants()) {
        const engine = await open();
        const room = openModel(engine, writeModel(graph, layout), graph);
        const traced = traceNodes(engine, graph, inputs, room);
        expect(traced[1], `${name}, ${depth} to ${channels}, ${width} bits`).toEqual(
          expected[graph.nodes[1]!.output],
        );
      }
      const unpacked = width === "8" ? 0 : 8 * 9 * depth;
      if (scratch >= unpacked + depth * 16 * 2 * 12 + 2048) transformed++;
      expect(layout.peakBytes).toBeLessThanOrEqual(layout.lowerBound + 64);
    }
  }
  // Where the arena has no such scratch to spare, the direct kernel runs.
  expect(transformed).toBeGreaterThanOrEqual(12);
});
