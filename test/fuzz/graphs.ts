// 2,000 random graphs over the registry: scalar = SIMD = relaxed = the integer reference, every plan verified.
//   npm run test:graphs -- [--runs 2000] [--from 1] [--only SEED]
import { isMainThread } from "node:worker_threads";
import { OPS } from "../../src/ops/index.ts";
import { BANDS } from "../../src/plan/index.ts";
import { checkGraph } from "../cases/graph-check.ts";
import { Campaign, campaignOptions, takeRuns } from "./campaign.ts";

const GRAPHS = 2000;
const WIDTHS = [
  ...[8, 7, 6, 5, 4, 3, 2, 1].map((bits) => `weights of ${bits} bits`),
  ...[16, 8, 4, 2, 1].map((bits) => `activations of ${bits} bits`),
];

if (isMainThread) {
  const options = campaignOptions(GRAPHS, 1);
  const campaign = new Campaign(options, new URL(import.meta.url), 120_000);
  await campaign.run(options.seconds);
  const parts = [...OPS.map(({ name }) => name), BANDS, ...WIDTHS];
  for (const part of options.runs < GRAPHS ? [] : parts) {
    if (!campaign.outcomes.has(part)) campaign.find(`no graph has ${part}`);
  }
} else await takeRuns(checkGraph);
