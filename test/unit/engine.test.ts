import { describe, expect, test } from "vitest";
import { DOT_NONE, DOT_PAIR_SATURATING, DOT_SIGNED, DOT_UNSIGNED } from "../../assembly/abi.ts";
import type { IntegerGraph } from "../../src/graph/integer.ts";
import { writeModel } from "../../src/model/writer.ts";
import type { Codes } from "../../src/numerics/pack.ts";
import { plan } from "../../src/plan/index.ts";
import { lower } from "../../src/quantize/lower.ts";
import { runReference } from "../../src/quantize/reference.ts";
import {
  type Build,
  hasRelaxed,
  openEngine,
  openModel,
  runModel,
  type TestExports,
  traceNodes,
} from "../cases/engine.ts";
import { randomGraph, randomInputs } from "../cases/graphs.ts";

const GRAPHS = 300;
/** Graphs a test; so that a failure names a small range and the reporter shows progress. */
const BATCH = 50;

/** A build, the class of the relaxed dot that it has, and the one that it is told to assume once it has loaded. */
interface Variant {
  readonly name: string;
  readonly build: Build;
  readonly hardware?: number;
  readonly assumed?: number;
}

/** Every build and every class of the relaxed dot, emulated where this machine has another. */
const VARIANTS: readonly Variant[] = [
  { name: "scalar", build: "engine-scalar" },
  { name: "simd", build: "engine" },
  { name: "emulated, class U", build: "test-emulated", hardware: DOT_UNSIGNED },
  { name: "emulated, class P", build: "test-emulated", hardware: DOT_PAIR_SATURATING },
  { name: "emulated, class S", build: "test-emulated", hardware: DOT_SIGNED },
  { name: "emulated, class none", build: "test-emulated", hardware: DOT_SIGNED, assumed: DOT_NONE },
  ...(hasRelaxed ? [{ name: "relaxed", build: "engine-relaxed" } as const] : []),
];

interface Case {
  readonly seed: number;
  readonly graph: IntegerGraph;
  readonly model: Uint8Array;
  readonly inputs: readonly Int8Array[];
}

function compiled(seed: number): Case {
  const source = randomGraph(seed, seed % 2 === 0 ? [8] : [16, 16, 8, 8, 4, 4, 2, 1], { states: true });
  const graph = lower(source);
  return { seed, graph, model: writeModel(graph, plan(graph)), inputs: randomInputs(source, seed) };
}

/** `expect` on whole arrays is slow where they are equal, which they are: asks it only about those that are not. */
function expectCodes(actual: Codes, expected: Codes, what: string): void {
  if (Buffer.compare(bytesOf(actual), bytesOf(expected)) !== 0) {
    expect(actual, what).toEqual(expected);
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Codes): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/**
 * Every node's codes, then three whole runs: the second one starts from the arena and the states that the first one
 * left, the third one from states cleared.
 */
function compare(
  engine: TestExports,
  { hardware, assumed, name }: Variant,
  { graph, model, inputs, seed }: Case,
  expected: readonly Codes[],
): void {
  const second = runReference(graph, inputs, expected);
  if (hardware !== undefined) engine.emulate(hardware);
  const room = openModel(engine, model, graph);
  if (assumed !== undefined) engine.assume_class(assumed);
  const place = `seed ${seed}, ${name}`;
  const traced = traceNodes(engine, graph, inputs, room);
  graph.nodes.forEach((node, k) => {
    expectCodes(traced[k]!, expected[node.output]!, `${place}, node ${k} ${node.op}`);
  });
  [second, expected].forEach((codes, repeat) => {
    if (repeat > 0) engine.reset();
    const outputs = runModel(engine, graph, inputs);
    graph.outputs.forEach((border, i) => {
      expectCodes(outputs[i]!, codes[border.tensor]!, `${place}, run ${repeat}, output ${i}`);
    });
  });
}

describe("every build computes what the integer reference does, tensor by tensor", () => {
  const starts = Array.from({ length: GRAPHS / BATCH }, (_, i) => 1 + i * BATCH);
  test.each(starts)(`${BATCH} random graphs from seed %i`, async (start) => {
    for (let seed = start; seed < start + BATCH; seed++) {
      const one = compiled(seed);
      const expected = runReference(one.graph, one.inputs);
      for (const variant of VARIANTS) {
        compare(await openEngine(variant.build), variant, one, expected);
      }
    }
  });
});

test("a changed class is adopted between runs", async () => {
  const { graph, model, inputs } = compiled(7);
  const engine = await openEngine("test-emulated");
  engine.emulate(DOT_UNSIGNED);
  openModel(engine, model, graph);
  expect(engine.self_test()).toBe(DOT_UNSIGNED);
  const expected = runModel(engine, graph, inputs);
  for (const dotClass of [DOT_PAIR_SATURATING, DOT_SIGNED, DOT_UNSIGNED, DOT_SIGNED, DOT_PAIR_SATURATING]) {
    engine.emulate(dotClass);
    expect(engine.self_test()).toBe(dotClass);
    engine.reset();
    expect(runModel(engine, graph, inputs)).toEqual(expected);
    engine.assume_class(DOT_NONE);
    engine.reset();
    expect(runModel(engine, graph, inputs)).toEqual(expected);
  }
});

test("a changed class keeps the states", async () => {
  let checked = 0;
  for (let seed = 1; checked < 5; seed++) {
    const { graph, model, inputs } = compiled(seed);
    if (graph.states.length === 0) continue;
    checked++;
    const engine = await openEngine("test-emulated");
    engine.emulate(DOT_UNSIGNED);
    openModel(engine, model, graph);
    let codes: Codes[] | undefined;
    for (const dotClass of [DOT_UNSIGNED, DOT_SIGNED, DOT_NONE, DOT_UNSIGNED]) {
      if (dotClass !== DOT_NONE) engine.emulate(dotClass);
      engine.assume_class(dotClass);
      codes = runReference(graph, inputs, codes);
      const expected = graph.outputs.map((border) => codes![border.tensor]!);
      expect(runModel(engine, graph, inputs)).toEqual(expected);
    }
  }
});
