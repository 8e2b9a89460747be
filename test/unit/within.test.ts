import { describe, expect, test } from "vitest";
import type { IntegerGraph } from "../../src/graph/integer.ts";
import { writeModel } from "../../src/model/writer.ts";
import { type Layout, plan, planWithin, verifyLayout } from "../../src/plan/index.ts";
import { arenaBound } from "../../src/precision/cost/arena.ts";
import { lower } from "../../src/quantize/lower.ts";
import { runReference } from "../../src/quantize/reference.ts";
import { openModel, runModel, variants } from "../cases/engine.ts";
import { randomGraph, randomInputs } from "../cases/graphs.ts";
import { mobileNetV1, mobileNetV2, resNet } from "../cases/networks.ts";
import { Random } from "../cases/random.ts";

const MINUTES = 60_000;

/** The outputs of every build, twice, against the reference of the graph as it was given. */
async function runsAlike(
  graph: IntegerGraph,
  planned: { readonly graph: IntegerGraph; readonly layout: Layout },
  inputs: readonly Int8Array[],
): Promise<void> {
  const model = writeModel(planned.graph, planned.layout);
  const first = runReference(graph, inputs);
  const second = runReference(graph, inputs, first);
  for (const { open, name } of variants()) {
    const engine = await open();
    openModel(engine, model, planned.graph);
    for (const expected of [first, second]) {
      const outputs = runModel(engine, planned.graph, inputs);
      graph.outputs.forEach(({ tensor }, i) => {
        const same =
          Buffer.compare(Buffer.from(outputs[i]!.buffer), Buffer.from(expected[tensor]!.buffer)) === 0;
        expect(same, `${graph.name}, ${name}, output ${i}`).toBe(true);
      });
    }
  }
}

describe("a plan within an arena", () => {
  test("is the plain one where that fits", () => {
    const graph = lower(mobileNetV1(96, 0.25));
    const layout = plan(graph);
    const planned = planWithin(graph, layout.peakBytes);
    expect(planned).toEqual({ graph, layout, overhead: 0 });
  });

  test("computes the same bits in every build, in any arena", { timeout: 10 * MINUTES }, async () => {
    let [groups, copies] = [0, 0];
    for (let seed = 0; seed < 120; seed++) {
      const source = randomGraph(seed, seed % 3 > 0 ? [8] : [16, 8, 8, 4, 2, 1], { states: true });
      const graph = lower(source);
      const most = plan(graph).peakBytes;
      const planned = planWithin(graph, Math.floor(most * new Random(seed).pick([0, 0.6, 0.8])));
      verifyLayout(planned.graph, planned.layout);
      expect(planned.layout.peakBytes).toBeLessThanOrEqual(most);
      expect(planned.layout.peakBytes).toBeGreaterThanOrEqual(arenaBound(graph));
      groups += planned.layout.groups.length;
      copies += planned.graph.nodes.length - graph.nodes.length;
      if (planned.layout.groups.length > 0) await runsAlike(graph, planned, randomInputs(source, seed));
    }
    expect(groups).toBeGreaterThan(40);
    expect(copies).toBeGreaterThan(5);
  });

  test("fits networks of known shape into far less", { timeout: 10 * MINUTES }, async () => {
    const shares: [ReturnType<typeof resNet>, number][] = [
      [resNet(1), 0.55],
      [mobileNetV1(32, 0.25), 0.65],
      [mobileNetV1(96, 0.25), 0.6],
      [mobileNetV2(32), 0.45],
    ];
    for (const [network, share] of shares) {
      const graph = lower(network);
      const most = plan(graph).peakBytes;
      for (const arena of [0, share * most]) {
        const planned = planWithin(graph, arena);
        verifyLayout(planned.graph, planned.layout);
        expect(planned.layout.peakBytes).toBeLessThanOrEqual(share * most);
        await runsAlike(graph, planned, randomInputs(network, 1));
      }
    }
  });
});
