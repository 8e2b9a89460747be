// Many numbered runs on several threads. A thread that hangs or dies is a finding, and another one goes on behind it.
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { parentPort, Worker, workerData } from "node:worker_threads";

const HEAP_MB = 1024;

/** What the threads share: the next run, the end, how many are done, and by thread what it is at. */
interface Shared {
  readonly counters: Int32Array<SharedArrayBuffer>;
  readonly index: number;
}
const NEXT = 0;
const END = 1;
const DONE = 2;
const FIRST_THREAD = 3;

interface Message {
  readonly run: number;
  readonly outcomes?: readonly string[];
  readonly finding?: string;
}

/** In a thread: takes runs until there are no more. `judge` says what became of one, or throws a finding. */
export async function takeRuns(judge: (run: number) => Promise<readonly string[]>): Promise<void> {
  const { counters, index } = workerData as Shared;
  for (;;) {
    const run = Atomics.add(counters, NEXT, 1);
    if (run >= Atomics.load(counters, END)) break;
    Atomics.store(counters, FIRST_THREAD + index, run);
    try {
      parentPort!.postMessage({ run, outcomes: await judge(run) });
    } catch (error) {
      parentPort!.postMessage({ run, finding: (error instanceof Error && error.stack) || `${error}` });
    }
    Atomics.add(counters, DONE, 1);
  }
  Atomics.store(counters, FIRST_THREAD + index, -1);
}

/** What the command line asks for. */
export interface CampaignOptions {
  readonly runs: number;
  readonly from: number;
  /** 0: no limit. */
  readonly seconds: number;
  readonly threads: number;
}

/** Reads --runs, --from, --seconds, --threads, and --only for one run. */
export function campaignOptions(runs: number, from: number): CampaignOptions {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: "0" },
      runs: { type: "string", default: `${runs}` },
      from: { type: "string", default: `${from}` },
      only: { type: "string" },
      threads: { type: "string", default: `${Math.min(4, availableParallelism())}` },
    },
  });
  const one = values.only !== undefined;
  return {
    runs: one ? 1 : Number(values.runs),
    from: Number(values.only ?? values.from),
    seconds: Number(values.seconds),
    threads: one ? 1 : Number(values.threads),
  };
}

/** Outcomes by how often they came up; findings are printed, and counted in the exit code. */
export class Campaign {
  readonly outcomes = new Map<string, number>();
  private readonly counters = new Int32Array(new SharedArrayBuffer(4 * (FIRST_THREAD + 64)));
  /** By what they say, numbers left out: how often. */
  private readonly findings = new Map<string, number>();
  private readonly threads: number;
  private readonly script: URL;

  private readonly mostMs: number;

  /** A run that takes longer than `mostMs` hangs. */
  constructor({ runs, from, threads }: CampaignOptions, script: URL, mostMs: number) {
    this.mostMs = mostMs;
    this.counters.set([from, from + runs, 0]);
    this.threads = threads;
    this.script = script;
  }

  async run(seconds: number): Promise<void> {
    const stop = () => Atomics.store(this.counters, END, 0);
    const timer = seconds > 0 ? setTimeout(stop, 1000 * seconds) : undefined;
    const started = performance.now();
    await Promise.all(Array.from({ length: this.threads }, (_, index) => this.keepWorking(index)));
    clearTimeout(timer);
    const next = Atomics.load(this.counters, END) || Atomics.load(this.counters, NEXT);
    this.report((performance.now() - started) / 1000, next);
  }

  find(what: string): void {
    const [first = ""] = what.split("\n");
    const kind = first.replace(/"[^"]*"/g, '""').replace(/-?\d[\d.]*/g, "N");
    const count = (this.findings.get(kind) ?? 0) + 1;
    this.findings.set(kind, count);
    if (count === 1) console.log(`FINDING ${what}`);
    process.exitCode = 1;
  }

  private async keepWorking(index: number): Promise<void> {
    while (Atomics.load(this.counters, NEXT) < Atomics.load(this.counters, END)) {
      const death = await this.oneThread(index);
      if (death === undefined) return;
      this.find(`run ${Atomics.load(this.counters, FIRST_THREAD + index)}: ${death}`);
    }
  }

  /** How the thread died; undefined where it came to the end. */
  private oneThread(index: number): Promise<string | undefined> {
    const shared: Shared = { counters: this.counters, index };
    Atomics.store(this.counters, FIRST_THREAD + index, -1);
    const limits = { maxOldGenerationSizeMb: HEAP_MB };
    const worker = new Worker(this.script, { workerData: shared, resourceLimits: limits });
    let seen = -1;
    let since = performance.now();
    return new Promise((resolve) => {
      const finish = (death?: string) => {
        clearInterval(watch);
        void worker.terminate();
        resolve(death);
      };
      const watch = setInterval(() => {
        const now = Atomics.load(this.counters, FIRST_THREAD + index);
        if (now !== seen) [seen, since] = [now, performance.now()];
        else if (now >= 0 && performance.now() - since > this.mostMs) finish(`hangs for ${this.mostMs} ms`);
      }, 250);
      worker.on("message", ({ run, outcomes = [], finding }: Message) => {
        if (finding !== undefined) this.find(`run ${run}: ${finding}`);
        for (const outcome of outcomes) this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
      });
      worker.on("error", (error) => finish(`the thread died: ${error.message}`));
      worker.on("exit", () => finish());
    });
  }

  private report(seconds: number, next: number): void {
    const done = Atomics.load(this.counters, DONE);
    console.log(
      `${done} runs in ${seconds.toFixed(0)} s on ${this.threads} threads; go on with --from ${next}`,
    );
    for (const [outcome, count] of [...this.outcomes].sort()) console.log(`  ${outcome.padEnd(28)} ${count}`);
    console.log(`${this.findings.size} kinds of findings`);
    for (const [kind, count] of this.findings) console.log(`  ${count} x ${kind}`);
  }
}
