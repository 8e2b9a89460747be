// Seeded mutations of model files: every run is a number, and the same number is the same file everywhere.
//   npm run fuzz -- [--seconds 120] [--runs 100000] [--from 0] [--only N]
import { isMainThread } from "node:worker_threads";
import { Random } from "../cases/random.ts";
import { Campaign, campaignOptions, takeRuns } from "./campaign.ts";
import { mutated } from "./mutate.ts";
import { FORMATS, type Format, type Seed, seedsOf } from "./seeds.ts";
import { Target } from "./target.ts";

if (isMainThread) {
  const options = campaignOptions(100_000, 0);
  await new Campaign(options, new URL(import.meta.url), 10_000).run(options.seconds);
} else {
  const seeds = new Map(FORMATS.map((format): [Format, Seed[]] => [format, seedsOf(format)]));
  const target = new Target();
  await takeRuns(async (run) => {
    const format = FORMATS[run % FORMATS.length]!;
    return [`${format} ${await target.judge(format, mutated(format, seeds.get(format)!, new Random(run)))}`];
  });
}
