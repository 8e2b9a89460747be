import { describe, expect, it } from "vitest";
import { DyadicError } from "../../src/error.ts";
import type { IntegerGraph } from "../../src/graph/integer.ts";
import { chains, haloNeeds, possibleTakeovers } from "../../src/plan/in-place.ts";
import { dumpLayout, type Layout, plan, verifyLayout } from "../../src/plan/index.ts";
import { extentBytes, pitches, tensorLifetimes } from "../../src/plan/layout.ts";
import { type Item, largestSum, pack } from "../../src/plan/pack.ts";
import { lower } from "../../src/quantize/lower.ts";
import { GraphBuilder } from "../cases/builder.ts";
import { randomGraph } from "../cases/graphs.ts";
import { mobileNetV1, mobileNetV2, resNet } from "../cases/networks.ts";
import { Random } from "../cases/random.ts";

const ALIGNMENT = 16;
const SEEDS = Array.from({ length: 100 }, (_, seed) => seed);

function permutations(values: readonly number[]): number[][] {
  if (values.length <= 1) return [[...values]];
  return values.flatMap((value) =>
    permutations(values.filter((other) => other !== value)).map((rest) => [value, ...rest]),
  );
}

/** The least peak over every order of stacking: some order stacks the items of an optimal arrangement. */
function optimum(items: readonly Item[]): number {
  return permutations(items.map((_, i) => i)).reduce((best, order) => {
    const ends = new Map<number, number>();
    for (const i of order) {
      const below = [...ends].filter(
        ([j]) => items[i]!.from <= items[j]!.to && items[j]!.from <= items[i]!.to,
      );
      const floor = below.reduce((most, [, end]) => Math.max(most, end), 0);
      ends.set(i, Math.ceil(floor / ALIGNMENT) * ALIGNMENT + items[i]!.bytes);
    }
    return Math.min(best, Math.max(...ends.values()));
  }, Infinity);
}

function randomItems(random: Random, count: number): Item[] {
  return Array.from({ length: count }, () => {
    const from = random.integer(0, 6);
    return { bytes: random.integer(1, 20) * random.pick([1, 16, 16]), from, to: from + random.integer(0, 4) };
  });
}

describe("pack", () => {
  it("finds the optimum of small problems", () => {
    const random = new Random(11);
    for (let i = 0; i < 150; i++) {
      const items = randomItems(random, random.integer(1, 6));
      expect(pack(items).peakBytes).toBe(optimum(items));
    }
  });

  it("keeps what lives together apart, and stays at or above the largest sum", () => {
    const random = new Random(12);
    for (let i = 0; i < 20; i++) {
      const items = randomItems(random, 40);
      const { offsets, peakBytes } = pack(items);
      items.forEach((a, j) => {
        expect(offsets[j]! % ALIGNMENT).toBe(0);
        items.slice(j + 1).forEach((b, k) => {
          if (a.from > b.to || b.from > a.to) return;
          const other = offsets[j + 1 + k]!;
          expect(offsets[j]! + a.bytes <= other || other + b.bytes <= offsets[j]!).toBe(true);
        });
      });
      expect(peakBytes).toBeGreaterThanOrEqual(largestSum(items));
    }
  });
});

describe("plan", () => {
  it("passes the verifier on random graphs, close to the lower bound", () => {
    for (const seed of SEEDS) {
      const graph = lower(randomGraph(seed, seed % 2 === 0 ? [8] : [8, 8, 4, 2, 1], { states: true }));
      const layout = plan(graph);
      verifyLayout(graph, layout);
      expect(layout.peakBytes).toBeGreaterThanOrEqual(layout.lowerBound);
      expect(layout.lowerBound).toBeGreaterThanOrEqual(layout.lowerBoundWithoutHalos);
      // Alignment may cost up to 15 bytes for every tensor that is alive at the peak.
      expect(layout.peakBytes).toBeLessThanOrEqual(1.05 * layout.lowerBound + 15 * graph.tensors.length);
      expect(plan(graph)).toEqual(layout);
    }
  });

  it("decides as well as trying every set of in-place outputs", () => {
    for (const seed of SEEDS.slice(0, 60)) {
      const graph = lower(randomGraph(seed));
      const possible = possibleTakeovers(graph, tensorLifetimes(graph));
      if (possible.length > 5) continue;
      const layout = plan(graph);
      const bounds = Array.from({ length: 2 ** possible.length }, (_, set) => {
        const chosen = possible.filter((_, i) => ((set >> i) & 1) === 1);
        const nodes = new Set(chosen.map(({ node }) => node));
        return nodes.size < chosen.length ? Infinity : boundOf(graph, layout, chosen);
      });
      expect(layout.lowerBound).toBe(Math.min(...bounds));
    }
  });

  it("packs networks of known shape within 5 % of the lower bound", () => {
    const networks = [mobileNetV1(96, 0.25), mobileNetV1(128, 0.25), mobileNetV2(224), resNet(1), resNet(9)];
    for (const network of networks) {
      const graph = lower(network);
      const layout = plan(graph);
      verifyLayout(graph, layout);
      expect(layout.peakBytes / layout.lowerBound).toBeLessThanOrEqual(1.05);
    }
  });

  it("lets an add take over an operand that dies", () => {
    const graph = lower(resNet(1));
    const { placements } = plan(graph);
    const adds = graph.nodes.filter((node) => node.op === "add");
    const taken = adds.filter((node) =>
      node.inputs.some((input) => placements[input]!.offset === placements[node.output]!.offset),
    );
    expect(taken.length).toBe(adds.length);
  });

  it("draws the arena, one line a step", () => {
    const graph = lower(branch());
    expect(dumpLayout(graph, plan(graph))).toMatchInlineSnapshot(`
      "arena 1,320 bytes, lower bound 1,320 (1,152 without halos)
         0 |·············AAAAAAAAA··········································|         171  input input0
         1 |#############AAAAAAAAA···················BBBBBBBBBBBBBBBBBBBBBBB|         915  conv conv0
         2 |###########################CCCCCCCCCCCCCCBBBBBBBBBBBBBBBBBBBBBBB|       1,320  conv conv1
         3 |···························DDDDDDDDDDDDDDBBBBBBBBBBBBBBBBBBBBBBB|         744  add add2
         4 |···························DDDDDDDDDDDDDD·······················|         288  output add2
      "
    `);
  });
});

function boundOf(
  graph: IntegerGraph,
  { scratch }: Layout,
  chosen: ReturnType<typeof possibleTakeovers>,
): number {
  const found = chains(haloNeeds(graph), tensorLifetimes(graph), chosen);
  const buffers = found.map(({ tensors, halo, from, to }) => {
    const { shape } = graph.tensors[tensors[0]!]!;
    return { bytes: extentBytes(shape, { ...pitches(shape, halo), halo }), from, to };
  });
  const steps = scratch.map(({ bytes }, k) => ({
    bytes,
    from: graph.inputs.length + k,
    to: graph.inputs.length + k,
  }));
  return largestSum([...buffers, ...steps]);
}

/** input -> conv with a halo -> conv -> add with the first conv -> output: one of each kind of region. */
function branch() {
  const builder = new GraphBuilder("branch");
  const affine = { scale: 0.1, zeroPoint: 3 };
  const conv = (x: number, channels: number) => {
    const depth = builder.shape(x)[3]!;
    const quantization = { scale: [0.01], zeroPoint: [0], axis: null };
    const data = new Int8Array(channels * 9 * depth).fill(1);
    const weights = builder.constant(data, [channels, 3, 3, depth], "int8", quantization);
    const attributes = { stride: [1, 1], dilation: [1, 1], padding: [1, 1, 1, 1], activation: "none" };
    return builder.node("conv", [x, weights, -1], attributes, affine);
  };
  const first = conv(builder.input([1, 6, 6, 3], affine), 8);
  const sum = builder.node("add", [first, conv(first, 8)], { activation: "none" }, affine);
  builder.output(sum);
  return builder.build();
}

describe("verifyLayout", () => {
  const graph = lower(branch());
  const good = plan(graph);
  const moved = (tensor: number, change: Partial<Layout["placements"][number]>): Layout => ({
    ...good,
    placements: good.placements.map((placement, i) =>
      i === tensor ? { ...placement, ...change } : placement,
    ),
  });
  const rejects = (layout: Layout, words: RegExp) => {
    try {
      verifyLayout(graph, layout);
    } catch (error) {
      expect(error).toBeInstanceOf(DyadicError);
      expect((error as DyadicError).code).toBe("INTERNAL");
      expect((error as DyadicError).message).toMatch(words);
      return;
    }
    expect.unreachable();
  };

  it("accepts the planner's own layout", () => verifyLayout(graph, good));

  it("rejects an overlap, naming both tensors", () => {
    const [input, first] = good.placements;
    rejects(
      moved(1, { offset: input!.offset - input!.rowPitch - 3 + first!.rowPitch + 8 }),
      /"input0".*"conv0".*overlap/,
    );
  });

  it("rejects a missing halo", () => {
    const dense = { halo: [0, 0, 0, 0], rowPitch: 6 * 8 } as const;
    rejects(moved(1, dense), /halo of "conv0" is too narrow for "conv1"/);
  });

  it("rejects pitches in which pixels share bytes", () =>
    rejects(moved(1, { rowPitch: 6 * 8 }), /pitches of "conv0"/));
  it("rejects a wrong peak", () => {
    rejects({ ...good, peakBytes: good.peakBytes - 1 }, /outside the arena/);
    rejects({ ...good, peakBytes: good.peakBytes + 1 }, /peak is not exact/);
  });
  it("rejects a misaligned tensor", () =>
    rejects(moved(0, { offset: good.placements[0]!.offset + 1 }), /not aligned/));
  it("rejects a negative offset", () => rejects(moved(0, { offset: -16 }), /natural numbers/));
  it("rejects a scratch that is too small or overlaps", () => {
    const scratch = good.scratch.map((place, i) => (i === 0 ? { ...place, bytes: place.bytes - 1 } : place));
    rejects({ ...good, scratch }, /scratch of "conv0" has the wrong size/);
    const onInput = good.scratch.map((place) => ({ ...place, offset: good.placements[2]!.offset }));
    rejects({ ...good, scratch: onInput }, /overlap/);
  });
  it("rejects a false lower bound", () =>
    rejects({ ...good, lowerBound: good.lowerBound - 1 }, /lower bound/));
  it("rejects the layout of another graph", () => rejects({ ...good, placements: [] }, /another graph/));

  it("rejects an output on an operand that lives on", () => {
    const builder = new GraphBuilder("kept");
    const x = builder.input([1, 4], { scale: 1, zeroPoint: 0 });
    const y = builder.node("requantize", [x], { activation: "relu" }, { scale: 1, zeroPoint: 0 });
    builder.output(y);
    builder.output(x);
    const kept = lower(builder.build());
    const layout = plan(kept);
    const shared = { ...layout, placements: layout.placements.map(() => layout.placements[0]!) };
    expect(() => verifyLayout(kept, shared)).toThrow(/overlap/);
  });
});
