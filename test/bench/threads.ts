// `npm run threads`: what threads gain, network by network: the build for one thread, and that for threads on one and more of
// them, in turns in this process, which may use every core.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { LEAST_WORK } from "../../src/runtime/threads/session.ts";
import { openShared } from "../cases/threads.ts";
import { milliseconds, table } from "./columns.ts";
import { interleave, PROTOCOL, type Timing, type Watch } from "./interleave.ts";
import { watchProcess } from "./machine.ts";
import { BENCH_MODELS, loadBenchModel } from "./models.ts";
import { saveIn } from "./report.ts";
import { beginRun, progress, RUN_OPTIONS, type Run, runHead } from "./run.ts";
import { dyadicSubjects, openEngine } from "./subjects/dyadic.ts";
import type { Subject } from "./subjects/subject.ts";
import { type OpenSubject, verify } from "./verify.ts";

interface ThreadsTiming extends Timing {
  /** 0: the build for one thread. */
  readonly threads: number;
}

interface ModelThreads {
  readonly model: string;
  readonly timings: readonly ThreadsTiming[];
}

interface ThreadsResults extends Run {
  readonly models: readonly ModelThreads[];
}

/** A batch has as many cores as it has threads; helpers may sleep for a little of it. */
const UNDISTURBED = 0.95;

const build = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../../assembly/build/${name}.wasm`, import.meta.url)));
const module = await WebAssembly.compile(build("engine-threads"));

function threadsSubject(threads: number): Subject {
  return {
    name: threadsTitle(threads),
    version: "",
    kind: "dyadic",
    open: async (model) => {
      const { engine, close } = await openShared(threads, threads - 1, { module, leastWork: LEAST_WORK });
      return { ...openEngine(engine, model), close };
    },
  };
}

function threadsTitle(threads: number): string {
  return threads === 0 ? "engine-relaxed" : `${threads} thread${threads > 1 ? "s" : ""}`;
}

async function measure(name: string, counts: readonly number[], rounds: number): Promise<ModelThreads> {
  const model = loadBenchModel(name);
  const [relaxed, , scalar] = await dyadicSubjects(build);
  const subjects = [relaxed!, ...counts.map(threadsSubject)];
  const open: OpenSubject[] = [];
  for (const subject of subjects) open.push({ subject, opened: await subject.open(model) });
  const truth = { subject: scalar!, opened: await scalar!.open(model) };
  await verify([truth, ...open], model);
  let threads = 1; // of the batch that runs
  const tasks = open.map(({ subject, opened }, i) => {
    let next = 0; // samples take turns: branches that depend on the data must not be learnt by heart
    const run = () => {
      threads = counts[i - 1] ?? 1;
      return opened.run(next++ % model.samples.length);
    };
    return { name: subject.name, run };
  });
  const watch: Watch = async () => {
    const share = await watchProcess();
    return async (elapsed) => (await share(elapsed)) / threads;
  };
  const protocol = { ...PROTOCOL, rounds, undisturbed: UNDISTURBED };
  const timings = await interleave(tasks, protocol, watch, (what) => progress(`${name}: ${what}`));
  progress("");
  await verify([truth, ...open], model);
  for (const { opened } of open) await opened.close();
  return { model: name, timings: timings.map((timing, i) => ({ ...timing, threads: counts[i - 1] ?? 0 })) };
}

const times = (ratio: number) => `${ratio.toFixed(2)}x`;

function summary(models: readonly ModelThreads[]): string {
  const head = models[0]!.timings.flatMap(({ threads }, i) => {
    const title = `${threadsTitle(threads)}, ms`;
    return i === 0 ? [title] : [title, "least", "median"];
  });
  const rows = models.map(({ model, timings }) => {
    const [one, ...others] = timings as [ThreadsTiming, ...ThreadsTiming[]];
    const cells = others.flatMap(({ minimumMs, medianMs }) => [
      milliseconds(minimumMs),
      times(one.minimumMs / minimumMs),
      times(one.medianMs / medianMs),
    ]);
    return [model, milliseconds(one.minimumMs), ...cells];
  });
  return table([["model", ...head], ...rows]);
}

const INTRODUCTION = `# Threads

Written by \`npm run threads -- --save\` in test/bench from the JSON files beside this page: do not edit.

The build for threads on one and more of them, against the relaxed build for one thread, all in turns in one process that is not
pinned: milliseconds of the least round, and how many times as fast as that build, by least and by median rounds. Outputs of all
inputs equal those of the scalar build bit for bit, before and after. Steps that one thread computes in some two microseconds are
not shared.
`;

function section(results: ThreadsResults): string {
  return `${runHead(results)}\n\n${summary(results.models)}\n`;
}

const { values } = parseArgs({
  options: {
    models: { type: "string", default: BENCH_MODELS.join(",") },
    threads: { type: "string", default: "1,2" },
    rounds: { type: "string", default: `${PROTOCOL.rounds}` },
    ...RUN_OPTIONS,
  },
});
const endRun = beginRun(values);
const counts = values.threads.split(",").map(Number);
const models: ModelThreads[] = [];
for (const name of values.models.split(",")) models.push(await measure(name, counts, Number(values.rounds)));
console.log(summary(models));
if (values.save) {
  const results: ThreadsResults = { ...endRun(), models };
  const file = saveIn(new URL("results/threads/", import.meta.url), results, INTRODUCTION, section);
  console.log(`results/threads/${file} and results/threads/README.md written`);
}
