// `npm run growth`: does time follow work? MobileNetV2 over widths and inputs, and every layer of the benchmark's networks
// against what its kernel reaches on a shape that suits it.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { middle, PROTOCOL } from "../../src/cli/table/job.ts";
import { measureModels } from "../../src/cli/table/measure.ts";
import { compileGraph } from "../../src/compile.ts";
import { describe } from "../../src/report/describe.ts";
import type { Build } from "../../src/runtime/builds.ts";
import { engineModule } from "../../src/runtime/node.ts";
import { mobileNetV2 } from "../cases/networks.ts";
import { table } from "./columns.ts";
import { growthPlot, type Point } from "./growth-plot.ts";
import {
  exceptionsOf,
  type LayerRate,
  layerRates,
  type Rates,
  REFERENCES,
  referenceModels,
} from "./layer-rates.ts";
import { BENCH_MODELS, loadBenchModel } from "./models.ts";
import { saveIn } from "./report.ts";
import { beginRun, progress, RUN_OPTIONS, type Run, runHead } from "./run.ts";

const BUILDS: readonly Build[] = ["engine-relaxed", "engine"];
const WIDTHS = [0.25, 0.35, 0.5, 0.75, 1];
const INPUTS = [96, 128, 160, 192, 224];

interface BuildGrowth {
  readonly build: Build;
  readonly points: readonly Point[];
  /** Nanoseconds of a multiply-add of the largest network, and the least and most of all. */
  readonly rates: Rates;
  readonly layers: readonly LayerRate[];
}

export interface GrowthResults extends Run {
  readonly builds: readonly BuildGrowth[];
}

const FAMILY = WIDTHS.flatMap((width) => INPUTS.map((size) => ({ width, size })));

async function measure(build: Build, rounds: number): Promise<BuildGrowth> {
  const family = FAMILY.map(({ width, size }) => compileGraph(mobileNetV2(size, width)).model);
  const networks = BENCH_MODELS.map(loadBenchModel);
  const references = referenceModels();
  const files = [...family, ...networks.map(({ dyad }) => dyad), ...references];
  const { models } = await measureModels(await engineModule(build), files, { ...PROTOCOL, rounds }, (what) =>
    progress(`${build}: ${what}`),
  );
  progress("");
  const points = FAMILY.map(({ width, size }, i): Point => {
    const { macs } = describe(family[i]!, `${width}-${size}`);
    return { width, size, macs, milliseconds: Math.min(...models[i]!.whole) / 1e6 };
  });
  const rates = Object.fromEntries(
    REFERENCES.map(({ kind, macs }, i) => {
      const [, own] = models[family.length + networks.length + i]!.steps; // behind the input
      return [kind, macs / middle(own!)];
    }),
  ) as unknown as Rates;
  const layers = networks.flatMap(({ name, dyad }, i) =>
    layerRates(name, dyad, models[family.length + i]!.steps.map(middle), rates),
  );
  return { build, points, rates, layers };
}

const INTRODUCTION = `# Growth

Written by \`npm run growth -- --save\` in test/bench from the JSON files beside this page: do not edit.

MobileNetV2 of random weights, widths ${WIDTHS.join(", ")}, inputs of ${INPUTS.join(", ")} pixels: the least of the rounds, all networks in one
process and in turns. Below, every layer with weights of the benchmark's networks, timed where it is in whole runs, against
what its kernel reaches on a shape that suits it: ${REFERENCES.map(({ kind, text }) => `${kind}: ${text}`).join("; ")}. Listed is what stays below
half of that.
`;

function section({ builds, ...run }: GrowthResults): string {
  const parts = builds.map(({ build, points, rates, layers }) => {
    const per = points.map(({ macs, milliseconds }) => macs / milliseconds / 1e6);
    const reached = Object.entries(rates).map(([kind, rate]) => `${kind} ${rate.toFixed(1)}`);
    const rows = WIDTHS.map((width) => [
      `${width}`,
      ...points
        .filter((point) => point.width === width)
        .map(({ milliseconds, macs }) => {
          return `${milliseconds.toPrecision(3)} (${(macs / milliseconds / 1e6).toFixed(0)})`;
        }),
    ]);
    const found = exceptionsOf(layers);
    const head = ["layer", "output", "products a sum", "us", "GMAC/s", "of its kernel", "why"];
    return `### ${build}

GMAC/s from ${Math.min(...per).toFixed(1)} to ${Math.max(...per).toFixed(1)}. Milliseconds of a run (GMAC/s) by width and input:

${table([["width", ...INPUTS.map((size) => `${size}`)], ...rows])}

Kernels on shapes that suit them, GMAC/s: ${reached.join(", ")}. ${layers.length - found.length} of ${layers.length} layers reach half of that; the others:

${table([head, ...found])}
`;
  });
  const plot = `![Milliseconds against multiply-adds](${run.date}-${run.machine.name}.svg)`;
  return `${runHead(run)}\n\n${plot}\n\n${parts.join("\n")}`;
}

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: `${PROTOCOL.rounds}` },
    ...RUN_OPTIONS,
  },
});
const endRun = beginRun(values);
const builds: BuildGrowth[] = [];
for (const build of BUILDS) builds.push(await measure(build, Number(values.rounds)));
const results: GrowthResults = {
  ...endRun(),
  builds,
};
console.log(section(results));
if (values.save) {
  const directory = new URL("results/growth/", import.meta.url);
  const file = saveIn(directory, results, INTRODUCTION, section);
  writeFileSync(new URL(file.replace(/json$/, "svg"), directory), growthPlot(builds));
  console.log(`results/growth/${file}, its plot and README.md written`);
}
