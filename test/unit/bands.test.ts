import { expect, test } from "vitest";
import type { IntegerGraph } from "../../src/graph/integer.ts";
import { writeModel } from "../../src/model/writer.ts";
import type { Group, Layout } from "../../src/plan/index.ts";
import { verifyLayout } from "../../src/plan/index.ts";
import { lower } from "../../src/quantize/lower.ts";
import { runReference } from "../../src/quantize/reference.ts";
import { type BandedGraph, planBanded } from "../cases/bands.ts";
import { openModel, run, runModel, setInputs, type TestExports, variants } from "../cases/engine.ts";
import { randomGraph, randomInputs } from "../cases/graphs.ts";
import { Random } from "../cases/random.ts";

const WIDTHS = [8, 8, 8, 16, 4, 2, 1] as const;

interface Case extends BandedGraph {
  readonly inputs: readonly Int8Array[];
  readonly random: Random;
}

/** Graphs of which some nodes run in groups. */
function* bandedGraphs(count: number, from = 1): Generator<Case> {
  for (let seed = from; count > 0; seed++) {
    const source = randomGraph(seed, seed % 3 === 0 ? WIDTHS : [8]);
    const random = new Random(seed);
    const planned = planBanded(lower(source), random);
    if (planned.layout.groups.length === 0) continue;
    count--;
    yield { ...planned, inputs: randomInputs(source, seed), random };
  }
}

function expectedOf({ graph, inputs }: Case) {
  const values = runReference(graph, inputs);
  return graph.outputs.map(({ tensor }) => values[tensor]!);
}

/** Whether the verifier finds the plan safe; that its figures are exact is another matter. */
function isSafe(graph: IntegerGraph, layout: Layout): boolean {
  try {
    verifyLayout(graph, layout);
    return true;
  } catch (error) {
    return / not exact/.test((error as Error).message);
  }
}

function loads(engine: TestExports, graph: IntegerGraph, layout: Layout): boolean {
  try {
    openModel(engine, writeModel(graph, layout), graph);
    return true;
  } catch (error) {
    expect((error as Error).message).toMatch(/shares bytes|record is damaged/);
    return false;
  }
}

/** One figure of a group or of what it touches changed a little. */
function disturb({ graph, layout, random }: Case): Layout {
  const group = random.pick(layout.groups);
  const place = random.integer(0, group.members.length - 1);
  const { inputs, output } = graph.nodes[group.first + place]!;
  const changed = (edit: Partial<Group>) => ({
    ...layout,
    groups: layout.groups.map((other) => (other === group ? { ...group, ...edit } : other)),
  });
  const member = (edit: (own: Group["members"][number]) => Group["members"][number]) =>
    changed({ members: group.members.with(place, edit(group.members[place]!)) });
  const placed = (
    tensor: number,
    edit: (own: Layout["placements"][number]) => Layout["placements"][number],
  ) => ({
    ...layout,
    placements: layout.placements.with(tensor, edit(layout.placements[tensor]!)),
  });
  const by = random.pick([-2, -1, 1, 2]);
  return random.pick([
    () => changed({ bands: Math.max(1, group.bands + by) }),
    () => member(({ perBand, lead }) => ({ perBand: Math.max(1, perBand + by), lead })),
    () => member(({ perBand, lead }) => ({ perBand, lead: lead + by })),
    () => placed(output, (own) => (own.window ? { ...own, window: Math.max(1, own.window + by) } : own)),
    () => placed(output, (own) => ({ ...own, offset: own.offset + 16 * random.integer(-40, 40) })),
    () => placed(random.pick([...inputs, output]), (own) => ({ ...own, offset: own.offset + 16 * by })),
    () => ({
      ...layout,
      scratch: layout.scratch.map((own, k) =>
        k === group.first + place && own.bytes > 0
          ? { ...own, offset: Math.max(0, own.offset + 16 * by) }
          : own,
      ),
    }),
  ])();
}

test("groups give the bits of the whole graph in every build, whole runs and step by step", async () => {
  let windows = 0;
  for (const one of bandedGraphs(60)) {
    const { graph, layout, inputs } = one;
    verifyLayout(graph, layout);
    windows += layout.placements.filter(({ window }) => window !== undefined).length;
    const model = writeModel(graph, layout);
    const expected = expectedOf(one);
    for (const { name, open } of variants()) {
      const engine = await open();
      const room = openModel(engine, model, graph);
      for (let repeat = 0; repeat < 2; repeat++) {
        expect(runModel(engine, graph, inputs), `${graph.name}, ${name}`).toEqual(expected);
      }
      // A window shows nothing, and a member runs with its group.
      layout.placements.forEach(({ window }, tensor) => {
        expect(engine.read_tensor(tensor, room)).toBe(window === undefined ? 1 : 0);
      });
      setInputs(engine, inputs);
      for (let step = 0; step < engine.step_count(); step++) run(engine, step, step + 1);
      graph.outputs.forEach((border, i) => {
        const [height, width, channels] = graph.tensors[border.tensor]!.shape;
        const at = engine.output_ptr(graph.inputs.length + i) >>> 0;
        const found = new Int8Array(engine.memory.buffer, at, height * width * channels);
        expect(found, `${graph.name}, ${name}, step by step`).toEqual(expected[i]);
      });
    }
  }
  expect(windows).toBeGreaterThan(40);
});

test("the engine's proof and the verifier's agree on disturbed plans, and what both accept is right", async () => {
  const engines = await Promise.all(
    variants()
      .filter(({ name }) => /scalar|simd|class U/.test(name))
      .map(({ open }) => open()),
  );
  let [safe, unsafe] = [0, 0];
  for (const one of bandedGraphs(150, 1000)) {
    const expected = expectedOf(one);
    for (let round = 0; round < 12; round++) {
      const disturbed = disturb(one);
      // Room for what was moved up.
      const layout = { ...disturbed, peakBytes: disturbed.peakBytes + 1024 };
      const accepted = isSafe(one.graph, layout);
      if (accepted) safe++;
      else unsafe++;
      const where = `${one.graph.name}, round ${round}`;
      for (const engine of engines) {
        expect(loads(engine, one.graph, layout), where).toBe(accepted);
        if (accepted) expect(runModel(engine, one.graph, one.inputs), where).toEqual(expected);
      }
    }
  }
  expect(Math.min(safe, unsafe)).toBeGreaterThan(300);
});
