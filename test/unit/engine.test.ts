import { describe, expect, test } from "vitest";
import { DOT_NONE, DOT_PAIR_SATURATING, DOT_SIGNED, DOT_UNSIGNED } from "../../assembly/abi.ts";
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

test("a changed class is adopted between runs", async () => {
  const { graph, model, inputs } = compiledGraph(7);
  const engine = await openEngine("test-emulated");
  engine.emulate(DOT_UNSIGNED);
  openModel(engine, model, graph);
  expect(engine.self_test()).toBe(DOT_UNSIGNED);
  const runAgain = () => {
    engine.reset();
    return runModel(engine, graph, inputs);
  };
  const expected = runAgain();
  for (const dotClass of [DOT_PAIR_SATURATING, DOT_SIGNED, DOT_UNSIGNED, DOT_SIGNED, DOT_PAIR_SATURATING]) {
    engine.emulate(dotClass);
    expect(engine.self_test()).toBe(dotClass);
    expect(runAgain()).toEqual(expected);
    engine.assume_class(DOT_NONE);
    expect(runAgain()).toEqual(expected);
  }
});
