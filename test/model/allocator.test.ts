// What allocation gains on real networks. All of it takes an hour: DYADIC_FULL=1 measures it and writes results/allocator;
// `-t` measures a part again. Without it, the smallest network at one budget.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { writeModel } from "../../src/model/writer.ts";
import type { ActivationBits } from "../../src/numerics/pack.ts";
import { allocate } from "../../src/precision/allocate/allocate.ts";
import type { NetworkCost, Widths } from "../../src/precision/cost/network.ts";
import { PROVIDERS } from "../../src/precision/sensitivity/index.ts";
import type { Pair } from "../../src/precision/solve/problem.ts";
import type { WeightWidth } from "../../src/quantize/rounding/index.ts";
import { allocationPage, type Order, type Results, type Row } from "../cases/allocation-page.ts";
import { kendall, type Measured, Study } from "../cases/allocation-study.ts";
import { assetsDirectory } from "../cases/assets.ts";
import { calibratorBytes } from "../cases/floats.ts";
import { Random } from "../cases/random.ts";

const FULL = process.env.DYADIC_FULL === "1";
const RESULTS = new URL("results/allocator/allocator.json", import.meta.url);
const PAGE = new URL("results/allocator/README.md", import.meta.url);
const MINUTES = 60_000;
const WIDTHS = { weights: [8, 6, 5, 4, 3, 2], activations: [8, 4, 2] } as const;
const module = await WebAssembly.compile(calibratorBytes());

function stored(): Results {
  return existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, "utf8")) : {};
}

/** Puts a part in its place among the stored ones, so that it can be measured again alone. */
function store(part: Results): void {
  const { budgets, joint, weights, activations, pairs }: Results = { ...stored(), ...part };
  const all = { budgets, joint, weights, activations, pairs };
  // Limits on one line, as the formatter wants them.
  const text = JSON.stringify(all, null, 2).replace(/\[\s+([\d.e-]+),\s+([\d.e-]+)\s+\]/g, "[$1, $2]");
  writeFileSync(RESULTS, `${text}\n`);
  writeFileSync(PAGE, allocationPage(all));
}

/** Bytes of codes alone, as shares of 8 bits are counted: biases and multipliers are the same for all widths. */
function codeBytes(cost: NetworkCost, weights: readonly WeightWidth[]): number {
  const side = (i: number) => 2 * cost.weightBytes(i, 4) - cost.weightBytes(i, 8);
  return weights.reduce<number>((sum, width, i) => sum + cost.weightBytes(i, width) - side(i), 0);
}

const shareOf = (cost: NetworkCost, weights: readonly WeightWidth[]) =>
  codeBytes(cost, weights) /
  codeBytes(
    cost,
    weights.map(() => 8),
  );

const all8 = ({ space }: Study): Widths => ({ weights: space.layers.map(() => 8), activations: new Map() });

function uniform({ space }: Study, width: WeightWidth): Widths {
  const { length } = space.layers;
  return {
    weights: space.layers.map((_, i) => (i === 0 || i === length - 1 ? 8 : width)),
    activations: new Map(),
  };
}

/** Activations by group, in the order of the space. */
function groupBits({ space }: Study, { activations }: Widths): ActivationBits[] {
  return space.groups.map(({ tensors }) => activations.get(tensors[0]!) ?? 8);
}

function withGroups(study: Study, widths: Widths, bits: readonly ActivationBits[]): Widths {
  const activations = study.space.groups.flatMap(({ tensors }, g) =>
    tensors.map((own) => [own, bits[g]!] as const),
  );
  return { ...widths, activations: new Map(activations) };
}

async function rowOf(
  study: Study,
  name: string,
  widths: Widths,
  limit?: Row["limit"],
  ram?: number,
): Promise<Row> {
  const { fileBytes, peakBytes, kl, top1, n }: Measured = await study.measure(widths, ram);
  const bits = groupBits(study, widths);
  const row: Row = {
    name,
    weights: widths.weights.join(" "),
    ...(bits.some((own) => own < 8) && { activations: bits.join(" ") }),
    share: shareOf(study.cost, widths.weights),
    ...{ fileBytes, peakBytes, kl, top1: top1!, n },
    ...(limit && { limit }),
  };
  console.log(JSON.stringify(row));
  return row;
}

/** Least predicted loss of weights within a share of the bytes that their codes have at 8 bits; activations at 8. */
async function atShare(
  { space, cost }: Study,
  losses: readonly (readonly number[])[],
  share: number,
  pairs: readonly Pair[] = [],
): Promise<Widths> {
  const wide: Widths = { weights: space.layers.map(() => 8), activations: new Map() };
  const codes = codeBytes(cost, wide.weights);
  const flash = cost.totalWeightBytes(wide) - codes + Math.floor(share * codes);
  const only = { ...space, groups: [] };
  const { widths, certificate } = await allocate(
    only,
    cost,
    losses.slice(0, space.layers.length),
    { flash },
    { pairs },
  );
  expect(certificate.gap).toBe(0);
  return widths;
}

describe.skipIf(assetsDirectory === null)("allocation on real networks", () => {
  test.runIf(!FULL)(
    "ResNet-8 at half of its bytes loses no more than uniform 4 bits",
    async () => {
      const sizes = { samples: 100, evaluated: 200 };
      const study = await Study.open("resnet8", sizes, { ...WIDTHS, activations: [] }, module);
      const four = uniform(study, 4);
      const losses = await study.losses(PROVIDERS.kl);
      const widths = await atShare(study, losses, shareOf(study.cost, four.weights));
      const [own, other] = [await study.measure(widths), await study.measure(four)];
      expect(own.fileBytes).toBeLessThanOrEqual(other.fileBytes);
      expect(own.kl).toBeLessThan(other.kl);
    },
    10 * MINUTES,
  );
});

describe.skipIf(assetsDirectory === null || !FULL)("resnet20 within budgets", () => {
  let study: Study;
  let losses: readonly (readonly number[])[];
  beforeAll(async () => {
    study = await Study.open("resnet20", { samples: 256, evaluated: 2000 }, WIDTHS, module);
    losses = await study.losses(PROVIDERS.kl);
  }, 60 * MINUTES);

  test(
    "weights and activations together: half of uniform W4A4's loss in its arena and a tenth more flash",
    async () => {
      const { space, cost } = study;
      const last = space.groups.length - 1;
      const four = withGroups(
        study,
        uniform(study, 4),
        space.groups.map((_, g) => (g === last ? 8 : 4)),
      );
      const uniform4 = await rowOf(study, "uniform W4A4", four);
      const [flash, ram] = [Math.floor(1.1 * uniform4.fileBytes), uniform4.peakBytes];
      const fileBytes = (own: Widths) => {
        const { graph, layout } = cost.planned(own, ram);
        return writeModel(graph, layout).length;
      };
      const { widths } = await allocate(space, cost, losses, { flash, ram }, { fileBytes });
      const own = await rowOf(study, "allocated", widths, [uniform4.kl / 2, uniform4.kl / 4], ram);
      store({ joint: [uniform4, own] });
      expect(own.fileBytes).toBeLessThanOrEqual(1.1 * uniform4.fileBytes);
      expect(own.peakBytes).toBeLessThanOrEqual(uniform4.peakBytes);
      expect(own.kl).toBeLessThanOrEqual(uniform4.kl / 2);
    },
    60 * MINUTES,
  );

  test(
    "60, 50, 40 and 30 % of the bytes: never worse than a uniform policy of as many or fewer",
    async () => {
      const uniforms: Row[] = [];
      for (const width of [5, 4, 3, 2] as const)
        uniforms.push(await rowOf(study, `uniform ${width}`, uniform(study, width)));
      const budgets: Row[] = [];
      for (const [share, ...limit] of [
        [0.6, 0.015, 0.01],
        [0.5, 0.02, 0.016],
        [0.4, 0.06, 0.04],
        [0.3, 0.14, 0.11],
      ] as const) {
        const widths = await atShare(study, losses, share);
        budgets.push(await rowOf(study, `${100 * share} %`, widths, limit));
      }
      // As many bytes as each uniform policy: what allocation gains by itself.
      const matched: Row[] = [];
      for (const { name, share, kl } of uniforms) {
        const widths = await atShare(study, losses, share);
        matched.push(await rowOf(study, `bytes of ${name}`, widths, [kl, kl]));
      }
      store({ budgets: [...budgets, ...uniforms, ...matched] });
      for (const { kl, share, limit } of [...budgets, ...matched]) {
        expect(kl).toBeLessThanOrEqual(limit![0]);
        for (const other of uniforms) if (other.share <= share) expect(kl).toBeLessThanOrEqual(other.kl);
      }
    },
    240 * MINUTES,
  );
});

describe.skipIf(assetsDirectory === null || !FULL)("pairwise terms on ResNet-8", () => {
  test(
    "are measured in minutes; what they gain at three budgets",
    async () => {
      const sizes = { samples: 500, evaluated: 2000 };
      const study = await Study.open("resnet8", sizes, { ...WIDTHS, activations: [] }, module);
      const single = await study.measured(PROVIDERS.kl);
      const start = performance.now();
      const double = await study.measured(PROVIDERS.clado);
      console.log(`pairs: ${((performance.now() - start) / 1000).toFixed(0)} s`);
      const pairs: Row[] = [];
      for (const share of [0.5, 0.4, 0.3]) {
        for (const [name, own] of [
          ["single", single],
          ["pairwise", double],
        ] as const) {
          const widths = await atShare(study, own.losses, share, own.pairs);
          pairs.push(await rowOf(study, `${100 * share} %, ${name}`, widths));
        }
      }
      store({ pairs });
    },
    60 * MINUTES,
  );
});

const ORDERED = [
  ["kl", PROVIDERS.kl, false],
  ["mse", PROVIDERS.mse, false],
  ["noise", PROVIDERS.noise, false],
  ["bytes", PROVIDERS.bytes, false],
  ["fisher, true labels", PROVIDERS.fisher, true],
  ["fisher, sampled labels", PROVIDERS.fisher, false],
  ["hawq, sampled labels", PROVIDERS.hawq, false],
] as const;

describe.skipIf(assetsDirectory === null || !FULL)("predicted losses order 30 random policies", () => {
  let study: Study;
  beforeAll(async () => {
    study = await Study.open("resnet20", { samples: 256, evaluated: 2000 }, WIDTHS, module);
  }, 60 * MINUTES);

  /** Choices of every class, and what they lose. */
  async function ordered(
    policies: readonly (readonly [string, Widths])[],
    limit: Order["limit"],
    measuring = study,
  ): Promise<Order> {
    const { space } = study;
    const choicesOf = (widths: Widths) => [
      ...widths.weights.map((width) => space.weightBits.indexOf(width)),
      ...groupBits(study, widths).map((bits, g) => space.groups[g]!.bits.indexOf(bits)),
    ];
    const measured: { bits: string; kl: number }[] = [];
    for (const [bits, widths] of policies) {
      const { kl, seconds } = await measuring.measure(widths);
      measured.push({ bits, kl });
      console.log(bits, kl.toFixed(4), seconds);
    }
    const tau: Record<string, number> = {};
    for (const [name, provider, isLabelled] of ORDERED) {
      const losses = await study.losses(provider, isLabelled);
      const predicted = policies.map(([, widths]) =>
        choicesOf(widths).reduce((sum, choice, i) => sum + losses[i]![choice]!, 0),
      );
      tau[name] = kendall(
        predicted,
        measured.map(({ kl }) => kl),
      );
      console.log(name, tau[name]!.toFixed(3));
    }
    return { policies: measured, tau, limit };
  }

  test(
    "of weights",
    async () => {
      const random = new Random(4);
      const { length } = study.space.layers;
      const policies = Array.from({ length: 30 }, () => {
        const weights = study.space.layers.map((_, i) =>
          i === 0 || i === length - 1 ? 8 : random.pick([8, 4, 2] as const),
        );
        return [weights.join(" "), { ...all8(study), weights }] as const;
      });
      const weights = await ordered(policies, [0.7, 0.85]);
      store({ weights });
      expect(Math.max(...Object.values(weights.tau))).toBeGreaterThanOrEqual(0.7);
    },
    240 * MINUTES,
  );

  test(
    "of activations",
    async () => {
      const random = new Random(5);
      const policies = Array.from({ length: 30 }, () => {
        const bits = study.space.groups.map(() => random.pick([8, 4] as const));
        return [bits.join(" "), withGroups(study, all8(study), bits)] as const;
      });
      // A hundred samples do for weights of 8 bits.
      const half = await Study.open("resnet20", { samples: 128, evaluated: 1000 }, WIDTHS, module);
      const activations = await ordered(policies, [0.5, 0.7], half);
      store({ activations });
      expect(Math.max(...Object.values(activations.tau))).toBeGreaterThanOrEqual(0.5);
    },
    240 * MINUTES,
  );
});

test("the page of results is that of the measurements", () => {
  expect(readFileSync(PAGE, "utf8")).toBe(allocationPage(stored()));
});
