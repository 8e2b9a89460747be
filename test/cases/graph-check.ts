// One random graph through every build: each must compute what the integer reference does, tensor by tensor.
import assert from "node:assert/strict";
import type { IntegerGraph } from "../../src/graph/integer.ts";
import { bitsOf } from "../../src/graph/integer.ts";
import { writeModel } from "../../src/model/writer.ts";
import type { Codes } from "../../src/numerics/pack.ts";
import { BANDS, type Group, plan, verifyLayout } from "../../src/plan/index.ts";
import { lower } from "../../src/quantize/lower.ts";
import { runReference } from "../../src/quantize/reference.ts";
import { planBanded } from "./bands.ts";
import { openModel, runModel, type TestExports, traceNodes, variants } from "./engine.ts";
import { randomGraph, randomInputs } from "./graphs.ts";
import { Random } from "./random.ts";

export interface GraphCase {
  readonly seed: number;
  readonly graph: IntegerGraph;
  readonly groups: readonly Group[];
  readonly model: Uint8Array;
  readonly inputs: readonly Int8Array[];
}

/** The graph of a seed, compiled, every other one with groups; its plan is checked by the verifier, which trusts nothing. */
export function compiledGraph(seed: number): GraphCase {
  const source = randomGraph(seed, seed % 2 === 0 ? [8] : [16, 16, 8, 8, 4, 4, 2, 1], { states: true });
  const lowered = lower(source);
  const random = new Random(seed);
  const whole = () => ({ graph: lowered, layout: plan(lowered) });
  const { graph, layout } = random.chance(0.5) ? planBanded(lowered, random) : whole();
  verifyLayout(graph, layout);
  const { groups } = layout;
  return { seed, graph, groups, model: writeModel(graph, layout), inputs: randomInputs(source, seed) };
}

/**
 * Every node's codes, then two whole runs: the first one starts from the arena and the states that the steps left, the
 * second one from states cleared.
 */
function compare(
  engine: TestExports,
  name: string,
  { graph, groups, model, inputs, seed }: GraphCase,
  expected: readonly Codes[],
  second: readonly Codes[],
): void {
  const room = openModel(engine, model, graph);
  const traced = traceNodes(engine, graph, inputs, room, groups);
  const same = (found: Codes, wanted: Codes, where: string) =>
    assert(
      Buffer.compare(bytesOf(found), bytesOf(wanted)) === 0,
      `seed ${seed}, ${name}, ${where} differs from the reference`,
    );
  graph.nodes.forEach((node, k) => {
    if (traced[k] !== undefined) same(traced[k], expected[node.output]!, `node ${k} (${node.op})`);
  });
  [second, expected].forEach((codes, repeat) => {
    if (repeat > 0) engine.reset();
    const outputs = runModel(engine, graph, inputs);
    graph.outputs.forEach((border, i) => {
      same(outputs[i]!, codes[border.tensor]!, `run ${repeat}, output ${i}`);
    });
  });
}

function bytesOf({ buffer, byteOffset, byteLength }: Codes): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Throws AssertionError naming seed, build and the first node that differs; otherwise says what the graph is made of. */
export async function checkGraph(seed: number): Promise<string[]> {
  const one = compiledGraph(seed);
  const expected = runReference(one.graph, one.inputs);
  const second = runReference(one.graph, one.inputs, expected);
  for (const { open, name } of variants()) compare(await open(), name, one, expected, second);
  return [...partsOf(one.graph), ...one.groups.map(() => BANDS)];
}

/** The ops of a graph, and the widths of its weights and activations. */
function partsOf({ nodes, tensors }: IntegerGraph): string[] {
  const weights = nodes.flatMap(({ parameters }) => {
    const { weightBits } = parameters as { weightBits?: number };
    return weightBits === undefined ? [] : [`weights of ${weightBits} bits`];
  });
  const activations = nodes.map(({ output }) => `activations of ${bitsOf(tensors[output]!)} bits`);
  return [...nodes.map(({ op }) => op), ...weights, ...activations];
}
