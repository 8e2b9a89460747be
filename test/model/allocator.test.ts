// What allocation gains on a real network. All of it takes an hour on a quiet machine: DYADIC_FULL=1 measures and writes
// results/allocation.json. Without it, the smallest network at one budget.
import { writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { calibrate } from "../../src/calibrate/calibrate.ts";
import { allocate } from "../../src/precision/allocate/allocate.ts";
import { candidatesOf, lossesOf, type Space, searchSpace } from "../../src/precision/allocate/space.ts";
import { NetworkCost } from "../../src/precision/cost/network.ts";
import { PROVIDERS } from "../../src/precision/sensitivity/index.ts";
import { perturbWeights } from "../../src/precision/sensitivity/perturbations.ts";
import type { WeightWidth } from "../../src/quantize/rounding/index.ts";
import { quantizeSequentially } from "../../src/quantize/sequential.ts";
import { assetsDirectory } from "../cases/assets.ts";
import { calibratorBytes } from "../cases/floats.ts";
import { engineLogits, floatLogits, lossesOf as measured } from "../cases/losses.ts";
import { Random } from "../cases/random.ts";
import { calibrationOf, subjectNamed } from "../cases/subjects.ts";

const FULL = process.env.DYADIC_FULL === "1";
const RESULTS = new URL("results/allocation.json", import.meta.url);
const MINUTES = 60_000;
const WIDTHS = [8, 6, 5, 4, 3, 2] as const satisfies WeightWidth[];
const NAMES = ["kl", "mse", "noise", "bytes"] as const;
const module = await WebAssembly.compile(calibratorBytes());

/** A subject with the losses of every layer at every width, by provider. */
async function prepare(name: "resnet20" | "resnet8", samples: number, perturbed: number, evaluated: number) {
  const subject = subjectNamed(name);
  const { graph } = subject;
  const first = (count: number, of: typeof subject.evaluation) =>
    of.select(Array.from({ length: Math.min(count, of.length) }, (_, i) => i));
  const set = first(samples, calibrationOf(subject, 0));
  const evaluation = first(evaluated, subject.evaluation);
  const seen = await calibrate(graph, set, module);
  const space = searchSpace(graph, WIDTHS, []);
  const { weights } = candidatesOf(space);
  const perturbations = await perturbWeights(graph, seen, set, module, weights, {});
  const evidence = { graph, samples: first(perturbed, set), module: async () => module };
  const losses = new Map<string, number[][]>();
  for (const own of FULL ? NAMES : (["kl"] as const)) {
    losses.set(own, lossesOf(space, await PROVIDERS[own].measure(evidence, perturbations), []));
  }
  const float = await floatLogits(graph, evaluation, module);
  /** Measured divergence of the network with these widths. */
  const kl = async (widths: readonly WeightWidth[]) => {
    const quantized = await quantizeSequentially(graph, seen.ranges({}), set, module, {
      choose: ({ index }) => {
        const width = widths[index]!;
        return { width, method: width === 8 ? "nearest" : "coordinate-descent" };
      },
    });
    const { logits, fileBytes } = await engineLogits(quantized, evaluation);
    return measured(float, logits, fileBytes, subject.labels).kl;
  };
  return { space, cost: new NetworkCost(graph), losses, kl };
}

/** Bytes of codes alone, as shares of 8 bits are counted: biases and multipliers are the same for all widths. */
function codeBytes(cost: NetworkCost, widths: readonly WeightWidth[]): number {
  const side = widths.reduce<number>(
    (sum, _, i) => sum + 2 * cost.weightBytes(i, 4) - cost.weightBytes(i, 8),
    0,
  );
  return widths.reduce<number>((sum, width, i) => sum + cost.weightBytes(i, width), 0) - side;
}

async function atShare(
  space: Space,
  cost: NetworkCost,
  losses: readonly (readonly number[])[],
  share: number,
) {
  const all = space.layers.map(() => 8 as const);
  const side = cost.totalWeightBytes({ weights: all, activations: new Map() }) - codeBytes(cost, all);
  const flash = Math.floor(share * codeBytes(cost, all)) + side;
  return allocate(space, cost, losses, { flash });
}

function uniform({ layers }: Space, width: WeightWidth): WeightWidth[] {
  return layers.map((_, i) => (i === 0 || i === layers.length - 1 ? 8 : width));
}

/** Kendall's tau: concordant less discordant pairs, as a share of all. */
function kendall(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) {
    for (let j = 0; j < i; j++) sum += Math.sign(a[i]! - a[j]!) * Math.sign(b[i]! - b[j]!);
  }
  return sum / ((a.length * (a.length - 1)) / 2);
}

describe.skipIf(assetsDirectory === null)("allocation on real networks", () => {
  test.runIf(!FULL)(
    "ResNet-8 at half of its bytes loses no more than uniform 4 bits",
    { timeout: 10 * MINUTES },
    async () => {
      const { space, cost, losses, kl } = await prepare("resnet8", 100, 40, 200);
      const four = uniform(space, 4);
      const share = codeBytes(cost, four) / codeBytes(cost, uniform(space, 8));
      const { widths, certificate } = await atShare(space, cost, losses.get("kl")!, share);
      expect(certificate.gap).toBe(0);
      expect(codeBytes(cost, widths.weights)).toBeLessThanOrEqual(codeBytes(cost, four));
      expect(await kl(widths.weights)).toBeLessThan(await kl(four));
    },
  );

  test.runIf(FULL)(
    "resnet20: budgets, uniform policies, and how predicted losses order policies",
    { timeout: 240 * MINUTES },
    async () => {
      const { space, cost, losses, kl } = await prepare("resnet20", 500, 256, 2000);
      const all8 = codeBytes(cost, uniform(space, 8));
      const share = (widths: readonly WeightWidth[]) => codeBytes(cost, widths) / all8;
      const row = async (name: string, widths: readonly WeightWidth[]) => {
        const own = { name, bits: widths.join(" "), share: share(widths), kl: await kl(widths) };
        console.log(JSON.stringify(own));
        return own;
      };
      const uniforms = [];
      for (const width of [5, 4, 3, 2] as const)
        uniforms.push(await row(`uniform ${width}`, uniform(space, width)));
      const budgets = [];
      for (const [part, most] of [
        [0.6, 0.015],
        [0.5, 0.02],
        [0.4, 0.06],
        [0.3, 0.14],
      ] as const) {
        const { widths } = await atShare(space, cost, losses.get("kl")!, part);
        const own = await row(`${100 * part} %`, widths.weights);
        budgets.push(own);
        expect(own.kl).toBeLessThanOrEqual(most);
        for (const other of uniforms)
          if (other.share <= own.share) expect(own.kl).toBeLessThanOrEqual(other.kl);
      }
      const random = new Random(4);
      const policies: { readonly widths: readonly WeightWidth[]; readonly kl: number }[] = [];
      for (let i = 0; i < 30; i++) {
        const widths = uniform(space, 8).map((width, layer) =>
          layer === 0 || layer === space.layers.length - 1 ? width : random.pick([8, 4, 2] as const),
        );
        policies.push({ widths, ...(await row("random", widths)) });
      }
      const tau = Object.fromEntries(
        [...losses].map(([name, own]) => {
          const predicted = policies.map(({ widths }) =>
            widths.reduce<number>(
              (sum, width, i) => sum + own[i]![WIDTHS.indexOf(width as (typeof WIDTHS)[number])]!,
              0,
            ),
          );
          return [
            name,
            kendall(
              predicted,
              policies.map((policy) => policy.kl),
            ),
          ];
        }),
      );
      writeFileSync(RESULTS, `${JSON.stringify({ n: 2000, uniforms, budgets, tau }, null, 1)}\n`);
      expect(Math.max(...Object.values(tau))).toBeGreaterThanOrEqual(0.7);
    },
  );
});
