// `npm run kernels`: what kernels reach alone, on shapes that suit them: dense products against the roofline, narrow weights and
// bits against 8 bits, depthwise by columns against pairs of taps. One process, layers in turns.
import { parseArgs } from "node:util";
import { middle, PROTOCOL } from "../../src/cli/table/job.ts";
import { measureModels } from "../../src/cli/table/measure.ts";
import { ROOFLINE_MACS, rooflineModel } from "../../src/cli/table/roofline.ts";
import type { Build } from "../../src/runtime/builds.ts";
import { engineModule } from "../../src/runtime/node.ts";
import { table } from "./columns.ts";
import { KERNELS, kernelModel } from "./kernel-cases.ts";
import { saveIn } from "./report.ts";
import { beginRun, progress, RUN_OPTIONS, type Run, runHead } from "./run.ts";

const BUILDS: readonly Build[] = ["engine-relaxed", "engine"];
/** Long layers run seldom, and their code is compiled by how often it ran. */
const WARM_UP_MS = 1500;

/** One kernel on one build; rates in GMAC/s. */
interface KernelResult {
  readonly group: string;
  readonly title: string;
  readonly minimumNs: number;
  readonly medianNs: number;
  readonly rate: number;
  /** Of the group's base, or of the roofline where the kernel is a base. */
  readonly share: number;
  readonly of: string;
}

interface BuildKernels {
  readonly build: Build;
  readonly roofline: number;
  readonly kernels: readonly KernelResult[];
}

interface KernelResults extends Run {
  readonly builds: readonly BuildKernels[];
}

async function measure(build: Build, rounds: number): Promise<BuildKernels> {
  const files = [...KERNELS.map((kernel) => kernelModel(kernel).model), rooflineModel().model];
  const { models } = await measureModels(
    await engineModule(build),
    files,
    { ...PROTOCOL, warmUpMs: WARM_UP_MS, rounds },
    (what) => progress(`${build}: ${what}`),
  );
  progress("");
  const times = models.map(({ steps }) => steps.at(-2)!); // before the output
  const roofline = ROOFLINE_MACS / middle(times.at(-1)!);
  const rates = KERNELS.map(({ macs }, i) => macs / middle(times[i]!));
  const kernels = KERNELS.map(({ group, title }, i): KernelResult => {
    const base = KERNELS.findIndex((other) => other.group === group);
    return {
      group,
      title,
      minimumNs: Math.min(...times[i]!),
      medianNs: middle(times[i]!),
      rate: rates[i]!,
      share: rates[i]! / (base === i ? roofline : rates[base]!),
      of: base === i ? "roofline" : KERNELS[base]!.title,
    };
  });
  return { build, roofline, kernels };
}

const INTRODUCTION = `# Kernels

Written by \`npm run kernels -- --save\` in test/bench from the JSON files beside this page: do not edit.

Layers of random weights by themselves, all in one process and in turns; GMAC/s by the median (a
step's clock costs are taken off, which makes the minimum of a short one unsure). The first of a group is held
against the roofline (8x12 pixels of 2048 channels to 64), the others against the first: the same shape in 8 bits, or the same
depthwise layer by pairs of taps.
`;

function section({ builds, ...run }: KernelResults): string {
  const parts = builds.map(({ build, roofline, kernels }) => {
    const rows = kernels.map(({ group, title, minimumNs, medianNs, rate, share, of }) => [
      group,
      title,
      (minimumNs / 1000).toFixed(2),
      (medianNs / 1000).toFixed(2),
      rate.toFixed(1),
      `${share.toFixed(2)} of ${of}`,
    ]);
    const head = ["layer", "kernel", "min us", "median us", "GMAC/s", "share"];
    return `### ${build}\n\nRoofline ${roofline.toFixed(1)} GMAC/s.\n\n${table([head, ...rows])}\n`;
  });
  return `${runHead(run)}\n\n${parts.join("\n")}`;
}

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: `${PROTOCOL.rounds}` },
    ...RUN_OPTIONS,
  },
});
const endRun = beginRun(values);
const builds: BuildKernels[] = [];
for (const build of BUILDS) builds.push(await measure(build, Number(values.rounds)));
const results: KernelResults = {
  ...endRun(),
  builds,
};
console.log(section(results));
if (values.save) {
  const file = saveIn(new URL("results/kernels/", import.meta.url), results, INTRODUCTION, section);
  console.log(`results/kernels/${file} and README.md written`);
}
