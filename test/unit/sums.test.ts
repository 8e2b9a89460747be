import { expect, test } from "vitest";
import { MAX_SMALL_MULTIPLIER, MAX_SMALL_SHIFT } from "../../assembly/abi.ts";
import type { IntegerGraph } from "../../src/graph/integer.ts";
import { writeModel } from "../../src/model/writer.ts";
import { plan } from "../../src/plan/index.ts";
import { lower } from "../../src/quantize/lower.ts";
import { runReference } from "../../src/quantize/reference.ts";
import { GraphBuilder } from "../cases/builder.ts";
import { openModel, runModel, variants } from "../cases/engine.ts";
import { Random } from "../cases/random.ts";

const M = MAX_SMALL_MULTIPLIER;
/** Pairs of b: the largest sums, digits that are all ones or carry, and what a c of 17 or 18 makes of equal scales. */
const MULTIPLIERS = [
  [M, M],
  [M, -M],
  [-M, M - 1],
  [0x7fff, 0x8000],
  [-0x8001, 0x1_7fff],
  [1 << 17, 3 << 16],
  [1, 0],
] as const;

/** Every c with every clamp that has a form of its own, and b of the list or at random. */
function sums(random: Random): IntegerGraph {
  const builder = new GraphBuilder("sums");
  const operands = [-128, 5].map((zeroPoint) => builder.input([1, 256, 256, 1], { scale: 0.1, zeroPoint }));
  const parameters: object[] = [];
  for (let shift = 1; shift <= MAX_SMALL_SHIFT; shift++) {
    for (const [zeroPoint, min, max] of [
      [-128, -128, 127],
      [7, -128, 127],
      [-9, -100, 90],
    ] as const) {
      const listed = MULTIPLIERS[parameters.length % (2 * MULTIPLIERS.length)];
      const [multiplierA, multiplierB] = listed ?? [random.integer(-M, M), random.integer(-M, M)];
      parameters.push({ multiplierA, multiplierB, shift, min, max });
      builder.output(builder.node("add", operands, { activation: "none" }, { scale: 0.2, zeroPoint }));
    }
  }
  const graph = lower(builder.build());
  return { ...graph, nodes: graph.nodes.map((node, i) => ({ ...node, parameters: parameters[i]! })) };
}

test("equation (6) on every pair of codes, with every c and the most that b may be: every build equals the reference", async () => {
  const graph = sums(new Random(21));
  const pairs = [
    Int8Array.from({ length: 65536 }, (_, i) => i >> 8),
    Int8Array.from({ length: 65536 }, (_, i) => i),
  ];
  const codes = runReference(graph, pairs);
  const model = writeModel(graph, plan(graph));
  for (const { name, open } of variants()) {
    const engine = await open();
    openModel(engine, model, graph);
    runModel(engine, graph, pairs).forEach((found, i) => {
      const { output, parameters } = graph.nodes[i]!;
      const same = found.every((code, k) => code === codes[output]![k]);
      expect(same, `${name}, ${JSON.stringify(parameters)}`).toBe(true);
    });
  }
});
