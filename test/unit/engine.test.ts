import { describe, expect, test } from "vitest";
import { DOT_NONE, DOT_PAIR_SATURATING, DOT_SIGNED, DOT_UNSIGNED } from "../../assembly/abi.ts";
import type { Codes } from "../../src/numerics/pack.ts";
import { runReference } from "../../src/quantize/reference.ts";
import { openEngine, openModel, runModel } from "../cases/engine.ts";
import { checkGraph, compiledGraph } from "../cases/graph-check.ts";

/** `npm run test:graphs` does 2,000. */
const GRAPHS = 200;
/** Graphs a test; so that a failure names a small range and the reporter shows progress. */
const BATCH = 50;

describe("every build computes what the integer reference does, tensor by tensor", () => {
  const starts = Array.from({ length: GRAPHS / BATCH }, (_, i) => 1 + i * BATCH);
  test.each(starts)(`${BATCH} random graphs from seed %i`, async (start) => {
    for (let seed = start; seed < start + BATCH; seed++) await checkGraph(seed);
  });
});

test("a changed class is adopted between runs, and states stay what they are", async () => {
  const classes = [
    DOT_UNSIGNED,
    DOT_PAIR_SATURATING,
    DOT_SIGNED,
    DOT_UNSIGNED,
    DOT_SIGNED,
    DOT_PAIR_SATURATING,
  ];
  let withStates = 0;
  for (let seed = 7; seed < 19; seed++) {
    const { graph, model, inputs } = compiledGraph(seed);
    withStates += Math.sign(graph.states.length);
    const engine = await openEngine("test-emulated");
    engine.emulate(DOT_UNSIGNED);
    openModel(engine, model, graph);
    let codes: Codes[] | undefined;
    const check = () => {
      codes = runReference(graph, inputs, codes);
      const expected = graph.outputs.map((border) => codes![border.tensor]!);
      expect(runModel(engine, graph, inputs), `seed ${seed}`).toEqual(expected);
    };
    for (const dotClass of classes) {
      engine.emulate(dotClass);
      expect(engine.self_test()).toBe(dotClass);
      check();
      engine.assume_class(DOT_NONE);
      check();
    }
  }
  expect(withStates).toBeGreaterThan(2);
});
