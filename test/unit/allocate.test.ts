import { describe, expect, test } from "vitest";
import { DyadicError } from "../../src/error.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { allocate } from "../../src/precision/allocate/allocate.ts";
import { boundCut } from "../../src/precision/allocate/arena-limit.ts";
import { frontierOf } from "../../src/precision/allocate/frontier.ts";
import type { Budget } from "../../src/precision/allocate/knapsack.ts";
import {
  candidatesOf,
  classSizes,
  lossesOf,
  policyOf,
  type Space,
  searchSpace,
  widthsOf,
} from "../../src/precision/allocate/space.ts";
import { arenaBound } from "../../src/precision/cost/arena.ts";
import { NetworkCost, type Widths } from "../../src/precision/cost/network.ts";
import { decide } from "../../src/precision/quantize.ts";
import { layersOf } from "../../src/quantize/layer.ts";
import { randomFloatGraph } from "../cases/floats.ts";
import { Random } from "../cases/random.ts";

const MOST_POLICIES = 81;
const MOST_GRAPHS = 12;
const WIDTHS = [8, 4, 2] as const;

/** Every choice of every class. */
function allChoices(sizes: readonly number[]): number[][] {
  return sizes.reduce<number[][]>(
    (found, size) => found.flatMap((own) => Array.from({ length: size }, (_, j) => [...own, j])),
    [[]],
  );
}

/** Graphs of random ops with few enough policies to try them all, some of them with narrow activations. */
function subjects(): { graph: Graph; space: Space; cost: NetworkCost; policies: number[][] }[] {
  return Array.from({ length: 40 }, (_, seed) => seed)
    .flatMap((seed) => {
      const graph = randomFloatGraph(seed);
      const space = searchSpace(graph, WIDTHS, [8, 4, 2]);
      const sizes = classSizes(space);
      const count = sizes.reduce((product, size) => product * size, 1);
      if (count < 3 || count > MOST_POLICIES) return [];
      return [{ graph, space, cost: new NetworkCost(graph), policies: allChoices(sizes) }];
    })
    .slice(0, MOST_GRAPHS);
}

/** Losses that rise as widths fall, from a fixed sequence. */
function randomLosses(space: Space, random: Random): number[][] {
  return classSizes(space).map((size) => {
    let loss = 0;
    return Array.from({ length: size }, (_, j) => {
      loss += j === 0 ? 0 : random.real();
      return loss;
    });
  });
}

describe("allocation", () => {
  const all = subjects();

  test("equals trying every policy with the planner, or states a bound that holds", async () => {
    const random = new Random(1);
    let [solved, refused, open] = [0, 0, 0];
    for (const { space, cost, policies } of all) {
      const losses = randomLosses(space, random);
      const measured = policies.map((choices) => {
        const widths = widthsOf(space, choices);
        const loss = choices.reduce((sum, j, i) => sum + losses[i]![j]!, 0);
        return {
          loss,
          widths,
          flash: cost.totalWeightBytes(widths),
          ram: cost.planned(widths).layout.peakBytes,
        };
      });
      const between = (key: "flash" | "ram") => {
        const values = measured.map((own) => own[key]);
        const [least, most] = [Math.min(...values), Math.max(...values)];
        return Math.floor(least + random.between(-0.1, 0.9) * (most - least));
      };
      const budget: Budget = { flash: between("flash"), ram: between("ram") };
      const plannedRam = (widths: Widths) => cost.planned(widths, budget.ram).layout.peakBytes;
      const fitting = measured.filter(
        ({ flash, widths }) => flash <= budget.flash! && plannedRam(widths) <= budget.ram!,
      );
      const best = Math.min(...fitting.map(({ loss }) => loss));
      const options = {
        fileBytes: (widths: Parameters<typeof cost.totalWeightBytes>[0]) => cost.totalWeightBytes(widths),
      };
      try {
        const { widths, certificate, peakBytes } = await allocate(space, cost, losses, budget, options);
        expect(cost.totalWeightBytes(widths)).toBeLessThanOrEqual(budget.flash!);
        expect(peakBytes).toBe(plannedRam(widths));
        expect(peakBytes).toBeLessThanOrEqual(budget.ram!);
        expect(certificate.loss).toBeGreaterThanOrEqual(best - 1e-9);
        expect(certificate.bound).toBeLessThanOrEqual(best + 1e-9);
        if (certificate.gap === 0) expect(certificate.loss).toBeCloseTo(best, 9);
        else open++;
        solved++;
      } catch (error) {
        if (!(error instanceof DyadicError)) throw error;
        expect(error.code).toBe("NO_POLICY");
        expect(error.place.found).toMatch(/flash|ram/);
        if (fitting.length > 0) open++;
        refused++;
      }
    }
    expect(solved).toBeGreaterThan(3);
    expect(refused).toBeGreaterThan(0);
    expect(open).toBeLessThanOrEqual(all.length / 6);
  }, 400_000);

  test("what a refusal says would do does, and less than its bound does not", {
    timeout: 400_000,
  }, async () => {
    const random = new Random(9);
    const named = { flash: 0, ram: 0 };
    for (const { space, cost, policies } of all) {
      const widths = policies.map((choices) => widthsOf(space, choices));
      // Like a file: a header beside the weights, longer the more widths are named.
      const fileBytes = (own: Widths) => cost.totalWeightBytes(own) + 100 + 20 * new Set(own.weights).size;
      const near = (values: readonly number[]) => {
        const least = Math.min(...values);
        return Math.floor(least + random.between(-0.1, 0.2) * (Math.max(...values) - least));
      };
      const losses = randomLosses(space, random);
      const budget = {
        flash: near(widths.map(fileBytes)),
        ram: near(widths.map((own) => cost.planned(own, 0).layout.peakBytes)),
      };
      const refusal = await allocate(space, cost, losses, budget, { fileBytes }).catch((error) => error);
      if (!(refusal instanceof DyadicError)) continue;
      const text = String(refusal.place.found);
      for (const [, name, value, bound] of text.matchAll(
        /(flash|ram) (\d+) would do, the other limits kept \(.*?(\d+)\)/g,
      )) {
        named[name as "flash" | "ram"]++;
        const enough = { ...budget, [name!]: Number(value) };
        const allocation = await allocate(space, cost, losses, enough, { fileBytes });
        expect(allocation.fileBytes).toBeLessThanOrEqual(enough.flash);
        expect(allocation.peakBytes).toBeLessThanOrEqual(enough.ram);
        const less = { ...budget, [name!]: Number(bound) - 1 };
        await expect(allocate(space, cost, losses, less, { fileBytes })).rejects.toThrow(DyadicError);
      }
    }
    expect(Math.min(named.flash, named.ram)).toBeGreaterThan(0);
  });

  test("the bound of the arena holds for the planner, and its cuts forbid only what is above", {
    timeout: 120_000,
  }, () => {
    const random = new Random(4);
    let cuts = 0;
    for (const { space, cost, policies } of all) {
      const some = Array.from({ length: 20 }, () => random.pick(policies));
      const bounds = policies.map((choices) => arenaBound(cost.at(widthsOf(space, choices))));
      for (const choices of some) {
        const least = cost.planned(widthsOf(space, choices), 0).layout.peakBytes;
        expect(arenaBound(cost.at(widthsOf(space, choices)))).toBeLessThanOrEqual(least);
        const ram = Math.floor(random.between(Math.min(...bounds), Math.max(...bounds)));
        const cut = boundCut(space, cost, ram, choices);
        if (cut === undefined) continue;
        cuts++;
        policies.forEach((other, i) => {
          const sum = other.reduce((total, j, own) => total + cut.costs[own]![j]!, 0);
          if (sum > cut.atMost) expect(bounds[i]!).toBeGreaterThan(ram);
        });
      }
    }
    expect(cuts).toBeGreaterThan(10);
  });

  test("a policy means the very widths that were chosen", () => {
    for (const { graph, space, policies } of all) {
      const random = new Random(3);
      for (let round = 0; round < 3; round++) {
        const widths = widthsOf(space, random.pick(policies));
        const { rows, widths: decided } = decide(graph, policyOf(space, widths));
        expect(rows.map(({ settings }) => settings.weightBits)).toEqual(widths.weights);
        for (const [tensor, bits] of widths.activations) expect(decided.bits.get(tensor)).toBe(bits);
      }
    }
  });

  test("losses of the candidates come back at their choices", () => {
    const { space } = all.find((own) => own.space.groups.length > 0 && own.space.layers.length > 1)!;
    const { weights, activations } = candidatesOf(space);
    const losses = lossesOf(
      space,
      weights.map(({ layer, width }) => 100 * layer + Number(width)),
      activations.map(({ bits }) => bits),
    );
    expect(losses.slice(0, 2)).toEqual([
      [8, 4, 2],
      [108, 104, 102],
    ]);
    const group = space.groups[0]!;
    const own = group.bits.map((bits) => (bits === 8 ? 0 : bits * group.sources.length));
    expect(losses[space.layers.length]).toEqual(own);
  });

  test("the frontier falls from few bytes to many, and holds what was chosen", {
    timeout: 60_000,
  }, async () => {
    const seeds = Array.from({ length: 40 }, (_, seed) => seed);
    const graph = seeds.map(randomFloatGraph).find((own) => layersOf(own).length > 2)!;
    const [space, cost] = [searchSpace(graph, WIDTHS, []), new NetworkCost(graph)];
    const losses = randomLosses(space, new Random(8));
    const sizes = WIDTHS.map((width) =>
      space.layers.reduce((sum, _, i) => sum + cost.weightBytes(i, width), 0),
    );
    const budget = { flash: Math.floor((sizes[0]! + sizes[2]!) / 2) };
    const fileBytes = (widths: Parameters<typeof cost.totalWeightBytes>[0]) => cost.totalWeightBytes(widths);
    const chosen = await allocate(space, cost, losses, budget, { fileBytes });
    const points = await frontierOf(space, cost, losses, budget, chosen, {});
    expect(points.filter((point) => point.chosen)).toHaveLength(1);
    points.slice(1).forEach((point, i) => {
      expect(point.bytes).toBeGreaterThan(points[i]!.bytes);
      expect(point.loss).toBeLessThan(points[i]!.loss);
    });
    expect(points.at(0)!.bytes).toBe(sizes[2]);
    expect(points.at(-1)!.bytes).toBe(sizes[0]);
  });
});
