// The benchmark's command: see README.md.
import { parseArgs } from "node:util";
import type { Build } from "../../src/runtime/builds.ts";
import { measuredCommit } from "./commit.ts";
import type { BenchModel } from "./compiled.ts";
import { interleave, PROTOCOL, type Protocol } from "./interleave.ts";
import { layerTable } from "./layers.ts";
import { thisMachine, watchProcess } from "./machine.ts";
import { footprints, footprintTable } from "./memory.ts";
import { BENCH_MODELS, loadBenchModel, readModelFiles } from "./models.ts";
import { type ModelResult, modelTable, save } from "./report.ts";
import { progress, RUN_OPTIONS } from "./run.ts";
import { loadSubjects } from "./subjects/index.ts";
import type { Subject } from "./subjects/subject.ts";
import { type OpenSubject, verify } from "./verify.ts";
import { measureWidths, widthTable } from "./widths.ts";

const BUILDS: Readonly<Record<string, Build>> = {
  relaxed: "engine-relaxed",
  simd: "engine",
  scalar: "engine-scalar",
};

/** Opens, verifies, times, and verifies again: a compiler tier that came later must give the same bits too. */
async function measure(
  model: BenchModel,
  subjects: readonly Subject[],
  protocol: Protocol,
  classes: Record<string, string>,
): Promise<ModelResult> {
  const open: OpenSubject[] = [];
  for (const subject of subjects) open.push({ subject, opened: await subject.open(model) });
  await verify(open, model);
  const tasks = open.map(({ subject, opened }) => {
    let next = 0; // samples take turns: branches that depend on the data must not be learnt by heart
    return { name: subject.name, run: () => opened.run(next++ % model.samples.length) };
  });
  const timings = await interleave(tasks, protocol, watchProcess, (what) =>
    progress(`${model.name}: ${what}`),
  );
  progress("");
  const agreements = await verify(open, model);
  for (const { subject, opened } of open) {
    if (opened.selfTestClass) classes[subject.name] = opened.selfTestClass();
    await opened.close();
  }
  const results = open.map(({ subject: { name, kind } }, i) => {
    return { name, kind, agreement: agreements[i]!, ...timings[i]! };
  });
  return { name: model.name, macs: model.macs, subjects: results };
}

async function compareAll(
  models: readonly string[],
  options: { rounds: number; save: boolean; machine?: string },
) {
  const commit = options.save ? measuredCommit() : "";
  const subjects = await loadSubjects((peer) => console.error(`${peer} is not installed here: left out`));
  const protocol = { ...PROTOCOL, rounds: options.rounds };
  const selfTestClass: Record<string, string> = {};
  const results: ModelResult[] = [];
  for (const name of models) {
    const model = loadBenchModel(name);
    const result = {
      ...(await measure(model, subjects, protocol, selfTestClass)),
      footprints: await footprints(model),
      widths: await measureWidths(readModelFiles(name), subjects, protocol, (what) =>
        progress(`${name}: ${what}`),
      ),
    };
    progress("");
    results.push(result);
    console.log(`\n${name}, ${(result.macs / 1e6).toFixed(2)} MMAC\n\n${modelTable(result)}`);
    console.log(`\n${footprintTable(result.footprints)}\n\n${widthTable(result.widths)}`);
  }
  console.log(`\nself-test class: ${JSON.stringify(selfTestClass)}; Node ${process.version}`);
  if (!options.save) return;
  const versions: Record<string, string> = { Node: process.versions.node, V8: process.versions.v8 };
  for (const { name, version } of subjects) versions[name] = version;
  const file = save({
    schema: 1,
    date: new Date().toISOString().slice(0, 10),
    commit,
    machine: thisMachine(options.machine),
    versions,
    selfTestClass,
    protocol,
    models: results,
  });
  console.log(`results/${file} and results/README.md written`);
}

const { values } = parseArgs({
  options: {
    models: { type: "string", default: BENCH_MODELS.join(",") },
    rounds: { type: "string", default: `${PROTOCOL.rounds}` },
    layers: { type: "string" },
    ...RUN_OPTIONS,
  },
});
const names = values.models.split(",");
if (values.layers === undefined) {
  const machine = values.machine === undefined ? {} : { machine: values.machine };
  await compareAll(names, { rounds: Number(values.rounds), save: values.save, ...machine });
} else {
  const build = BUILDS[values.layers];
  if (build === undefined) throw new Error(`--layers takes ${Object.keys(BUILDS).join(", ")}`);
  for (const name of names) console.log(`${await layerTable(loadBenchModel(name), build)}\n`);
}
