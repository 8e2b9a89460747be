// Seeded mutations of model files: every run is a number, and the same number is the same file everywhere.
//   npm run fuzz -- [--seconds 120] [--runs 100000] [--from 0] [--only N]
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { Random } from "../cases/random.ts";
import { mutated } from "./mutate.ts";
import { FORMATS, type Format, type Seed, seedsOf } from "./seeds.ts";
import { Target } from "./target.ts";

/** A run that takes longer hangs. */
const MOST_MS = 10_000;
const HEAP_MB = 1024;

/** What the threads share: the next run, the end, and by thread what it is at. */
interface Shared {
  readonly counters: Int32Array<SharedArrayBuffer>;
  readonly index: number;
}
const NEXT = 0;
const END = 1;
const DONE = 2;
const FIRST_THREAD = 3;

async function work({ counters, index }: Shared): Promise<void> {
  const seeds = new Map(FORMATS.map((format): [Format, Seed[]] => [format, seedsOf(format)]));
  const target = new Target();
  const { parentPort } = await import("node:worker_threads");
  for (;;) {
    const run = Atomics.add(counters, NEXT, 1);
    if (run >= Atomics.load(counters, END)) break;
    Atomics.store(counters, FIRST_THREAD + index, run);
    const format = FORMATS[run % FORMATS.length]!;
    let outcome: string;
    try {
      outcome = await target.judge(format, mutated(format, seeds.get(format)!, new Random(run)));
    } catch (error) {
      outcome = "FINDING";
      parentPort!.postMessage({ run, format, finding: error instanceof Error ? error.stack : `${error}` });
    }
    Atomics.add(counters, DONE, 1);
    parentPort!.postMessage({ run, format, outcome });
  }
  Atomics.store(counters, FIRST_THREAD + index, -1);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: "0" },
      runs: { type: "string", default: "100000" },
      from: { type: "string", default: "0" },
      only: { type: "string" },
      threads: { type: "string", default: `${Math.min(4, availableParallelism())}` },
    },
  });
  const from = Number(values.only ?? values.from);
  const end = values.only === undefined ? from + Number(values.runs) : from + 1;
  const counters = new Int32Array(new SharedArrayBuffer(4 * (FIRST_THREAD + 64)));
  counters.set([from, end, 0]);
  const campaign = new Campaign(counters, values.only === undefined ? Number(values.threads) : 1);
  const seconds = Number(values.seconds);
  const timer = seconds > 0 ? setTimeout(() => Atomics.store(counters, END, 0), 1000 * seconds) : undefined;
  const started = performance.now();
  await campaign.run();
  clearTimeout(timer);
  campaign.report((performance.now() - started) / 1000, Math.min(end, Atomics.load(counters, NEXT)));
}

class Campaign {
  private readonly counters: Int32Array<SharedArrayBuffer>;
  private readonly threads: number;
  private readonly outcomes = new Map<string, number>();
  /** By what they say, numbers left out: how often. */
  private readonly findings = new Map<string, number>();

  constructor(counters: Int32Array<SharedArrayBuffer>, threads: number) {
    this.counters = counters;
    this.threads = threads;
  }

  async run(): Promise<void> {
    await Promise.all(Array.from({ length: this.threads }, (_, index) => this.keepWorking(index)));
  }

  /** A thread that dies or hangs is a finding; another one goes on behind that run. */
  private async keepWorking(index: number): Promise<void> {
    while (Atomics.load(this.counters, NEXT) < Atomics.load(this.counters, END)) {
      const death = await this.oneThread(index);
      if (death === undefined) return;
      this.find(`run ${Atomics.load(this.counters, FIRST_THREAD + index)}: ${death}`);
    }
  }

  private oneThread(index: number): Promise<string | undefined> {
    const shared: Shared = { counters: this.counters, index };
    Atomics.store(this.counters, FIRST_THREAD + index, -1);
    const worker = new Worker(new URL(import.meta.url), {
      workerData: shared,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    let seen = -1;
    let since = performance.now();
    return new Promise((resolve) => {
      const watch = setInterval(() => {
        const now = Atomics.load(this.counters, FIRST_THREAD + index);
        if (now !== seen) [seen, since] = [now, performance.now()];
        else if (now >= 0 && performance.now() - since > MOST_MS) finish(`hangs for ${MOST_MS} ms`);
      }, 250);
      const finish = (death?: string) => {
        clearInterval(watch);
        void worker.terminate();
        resolve(death);
      };
      worker.on("message", ({ run, format, outcome, finding }) => {
        if (finding !== undefined) this.find(`run ${run}, ${format}: ${finding}`);
        else this.outcomes.set(`${format} ${outcome}`, (this.outcomes.get(`${format} ${outcome}`) ?? 0) + 1);
      });
      worker.on("error", (error) => finish(`the thread died: ${error.message}`));
      worker.on("exit", () => finish());
    });
  }

  private find(what: string): void {
    const kind = what
      .split("\n")[0]!
      .replace(/"[^"]*"/g, '""')
      .replace(/-?\d[\d.]*/g, "N");
    const count = (this.findings.get(kind) ?? 0) + 1;
    this.findings.set(kind, count);
    if (count === 1) console.log(`FINDING ${what}`);
  }

  report(seconds: number, next: number): void {
    const done = Atomics.load(this.counters, DONE);
    console.log(
      `${done} files in ${seconds.toFixed(0)} s on ${this.threads} threads; go on with --from ${next}`,
    );
    for (const [outcome, count] of [...this.outcomes].sort()) console.log(`  ${outcome.padEnd(28)} ${count}`);
    console.log(`${this.findings.size} kinds of findings`);
    for (const [kind, count] of this.findings) console.log(`  ${count} x ${kind}`);
    process.exitCode = this.findings.size > 0 ? 1 : 0;
  }
}

if (isMainThread) await main();
else await work(workerData as Shared);
