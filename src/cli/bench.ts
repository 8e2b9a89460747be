import { Bench } from "tinybench";
import { describe } from "../report/describe.ts";
import type { Build } from "../runtime/builds.ts";
import { type EngineExports, instantiate, loadModel as loadIntoEngine } from "../runtime/engine.ts";
import { engineModule } from "../runtime/node.ts";
import { CLASSES } from "./engines.ts";
import { loadForSize } from "./model.ts";
import { print, progress, table } from "./output.ts";
import { type TableFlags, tableCommand } from "./table/index.ts";
import { hostBuilds } from "./table/node.ts";

/** Builds take turns, so that a change of the machine's speed meets all of them. */
const ROUNDS = 5;
const WARM_UP_MS = 300;

interface Subject {
  readonly build: Build;
  readonly engine: EngineExports;
  readonly selfTestClass: string;
  readonly latencies: number[];
}

/**
 * `dyadic bench`: minimum and median of one run, interleaved over the builds that this host takes; with --table or
 * --kernels that of every step.
 */
export async function bench(path: string, options: TableFlags & { seconds: number }): Promise<void> {
  if (options.table !== undefined || options.kernels) return tableCommand(path, options);
  const { bytes } = await loadForSize(path, options);
  const { macs } = describe(bytes, path);
  const subjects = await Promise.all(hostBuilds().map((build) => open(build, bytes, path)));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const subject of subjects) {
      progress(`${subject.build} ${round}/${ROUNDS}`);
      const time = round === 0 ? WARM_UP_MS : (options.seconds * 1000) / ROUNDS;
      const samples = measure(subject.engine, time);
      if (round > 0) subject.latencies.push(...samples); // round 0 warms up past the tiers of the compiler
    }
  }
  progress("");
  const results = subjects.map(({ build, selfTestClass, latencies }) => {
    latencies.sort((a, b) => a - b);
    const [minimum, median] = [latencies[0]!, latencies[latencies.length >> 1]!];
    const gmacs = macs / minimum / 1e6;
    return {
      build,
      selfTestClass,
      runs: latencies.length,
      minimumMs: minimum,
      medianMs: median,
      gmacsPerSecond: gmacs,
    };
  });
  print(options.json === true, { model: path, macs, node: process.version, results }, () =>
    table([
      ["build", "class", "runs", "min ms", "median ms", "GMAC/s"],
      ...results.map((row) => [
        row.build,
        row.selfTestClass,
        row.runs,
        row.minimumMs.toFixed(4),
        row.medianMs.toFixed(4),
        row.gmacsPerSecond.toFixed(1),
      ]),
    ]),
  );
}

async function open(build: Build, bytes: Uint8Array, path: string): Promise<Subject> {
  const engine = await instantiate(await engineModule(build));
  loadIntoEngine(engine, bytes, path);
  const dotClass = engine.self_test() as keyof typeof CLASSES;
  return { build, engine, selfTestClass: CLASSES[dotClass], latencies: [] };
}

/** Latencies in milliseconds of as many runs as fit into `time`; each run returns to JavaScript, so tiers can change. */
function measure(engine: EngineExports, time: number): readonly number[] {
  const task = new Bench({ time, warmup: false, retainSamples: true }).add("run", () => void engine.run());
  const [result] = task.runSync();
  if (result?.result.state !== "completed") throw result?.result;
  return result.result.latency.samples ?? [];
}
