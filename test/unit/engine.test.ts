import { describe, expect, test } from "vitest";
import { DOT_NONE, DOT_PAIR_SATURATING, DOT_SIGNED, DOT_UNSIGNED } from "../../assembly/abi.ts";
import type { IntegerGraph } from "../../src/graph/integer.ts";
import { writeModel } from "../../src/model/writer.ts";
import { plan } from "../../src/plan/index.ts";
import { lower } from "../../src/quantize/lower.ts";
import { runReference } from "../../src/quantize/reference.ts";
import {
  hasRelaxed,
  openEngine,
  openModel,
  runModel,
  type TestExports,
  traceNodes,
} from "../cases/engine.ts";
import { randomGraph, randomInputs } from "../cases/graphs.ts";

const GRAPHS = 300;

interface Variant {
  readonly name: string;
  open(): Promise<TestExports>;
}

async function emulated(hardware: number, assumed = hardware): Promise<TestExports> {
  const engine = await openEngine("test-emulated");
  engine.emulate(hardware);
  engine.assume_class(assumed);
  return engine;
}

/** Every build and every class of the relaxed dot, emulated where this machine has another. */
const VARIANTS: readonly Variant[] = [
  { name: "scalar", open: () => openEngine("engine-scalar") },
  { name: "simd", open: () => openEngine("engine") },
  { name: "emulated, class U", open: () => emulated(DOT_UNSIGNED) },
  { name: "emulated, class P", open: () => emulated(DOT_PAIR_SATURATING) },
  { name: "emulated, class S", open: () => emulated(DOT_SIGNED) },
  { name: "emulated, class none", open: () => emulated(DOT_SIGNED, DOT_NONE) },
  ...(hasRelaxed ? [{ name: "relaxed", open: () => openEngine("engine-relaxed") }] : []),
];

function compiled(seed: number): { graph: IntegerGraph; model: Uint8Array; inputs: Int8Array[] } {
  const source = randomGraph(seed);
  const graph = lower(source);
  return { graph, model: writeModel(graph, plan(graph)), inputs: randomInputs(source, seed) };
}

describe.each(VARIANTS)("$name", ({ open }) => {
  test(`computes what the integer reference does, tensor by tensor, on ${GRAPHS} random graphs`, async () => {
    for (let seed = 1; seed <= GRAPHS; seed++) {
      const { graph, model, inputs } = compiled(seed);
      const expected = runReference(graph, inputs);
      const engine = await open();
      const room = openModel(engine, model, graph);
      const traced = traceNodes(engine, graph, inputs, room);
      graph.nodes.forEach((node, k) => {
        expect(traced[k], `seed ${seed}, node ${k} ${node.op}`).toEqual(expected[node.output]);
      });
      // Twice: the second run starts from the arena that the first one left.
      for (let repeat = 0; repeat < 2; repeat++) {
        const outputs = runModel(engine, graph, inputs);
        graph.outputs.forEach((border, i) => {
          expect(outputs[i], `seed ${seed}, output ${i}`).toEqual(expected[border.tensor]);
        });
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
    expect(runModel(engine, graph, inputs)).toEqual(expected);
    engine.assume_class(DOT_NONE);
    expect(runModel(engine, graph, inputs)).toEqual(expected);
  }
});
