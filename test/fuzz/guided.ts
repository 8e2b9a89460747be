// A search for files that reach new branches: what does joins the corpus, from which the next ones are made.
//   npm run guided --prefix test/fuzz -- [--minutes 10] [--seed 1] [--format onnx]
//   npm run guided --prefix test/fuzz -- --only FILE --format onnx
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import * as engine from "engine-in-javascript";
import { DyadicError } from "../../src/error.ts";
import { type EngineExports, loadModel } from "../../src/runtime/engine.ts";
import { Random } from "../cases/random.ts";
import { damaged, edited, mutated } from "./mutate.ts";
import { FORMATS, type Format, seedsOf } from "./seeds.ts";
import { Target } from "./target.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Set up by the banner of guided.mjs: how often every edge was taken since the last restart. */
declare const __coverage: { readonly map: Uint8Array; restart(): void };

/** Counts fall into 8 classes, as AFL has them: a loop that runs once more is nothing new, twice as often is. */
const CLASS = Uint8Array.from({ length: 256 }, (_, count) =>
  count <= 3
    ? [0, 1, 2, 4][count]!
    : count < 8
      ? 8
      : count < 16
        ? 16
        : count < 32
          ? 32
          : count < 128
            ? 64
            : 128,
);
/** Also with every branch counted, a small file must not take longer. */
const SLOW_MS = 1000;
/** Files that only grow would slow the search down, and a long one may take its time. */
const MOST_BYTES = 2 ** 16;
const REPORT_MS = 30_000;

/** What one format has been seen to do. */
class Corpus {
  readonly files: Bytes[] = [];
  readonly seen = new Uint8Array(65_536);
  runs = 0;

  get edges(): number {
    return this.seen.reduce((count, classes) => count + (classes === 0 ? 0 : 1), 0);
  }

  /** Whether the last run took an edge that none took before, or far more often. */
  isNew(): boolean {
    const { map } = __coverage;
    let isNew = false;
    for (let i = 0; i < map.length; i++) {
      const found = CLASS[map[i]!]!;
      if ((this.seen[i]! | found) === this.seen[i]!) continue;
      this.seen[i]! |= found;
      isNew = true;
    }
    return isNew;
  }
}

/** The engine's own checks, in JavaScript that counts its branches: what it refuses, the released builds refuse too. */
function loadCounted(bytes: Bytes): void {
  try {
    loadModel(engine as unknown as EngineExports, bytes, "fuzzed-file", {
      memoryLimit: 2 ** 22,
      maxMacs: 2e7,
    });
  } catch (error) {
    if (!(error instanceof DyadicError)) throw error;
  }
}

function next(format: Format, corpus: Corpus, seeds: ReturnType<typeof seedsOf>, random: Random): Bytes {
  if (random.chance(0.1)) return mutated(format, seeds, random);
  const late = Math.max(0, corpus.files.length - 50);
  const bytes = random.chance(0.5)
    ? random.pick(corpus.files)
    : corpus.files[random.integer(late, corpus.files.length - 1)]!;
  const known = format === "dyad" && random.chance(0.6) ? damaged(bytes, random) : undefined;
  return known ?? edited(bytes, random, random.pick(corpus.files), format);
}

const { values } = parseArgs({
  options: {
    branches: { type: "string", default: "0" },
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: "1" },
    format: { type: "string" },
    only: { type: "string" },
  },
});
const formats = FORMATS.filter((format) => values.format === undefined || format === values.format);
const random = new Random(Number(values.seed));
const target = new Target();
const findings = new Map<string, number>();
const parts = formats.map((format) => ({ format, seeds: seedsOf(format), corpus: new Corpus() }));

/** Where the file lies that is being judged: what aborts the process, as an exhausted heap does, leaves it there. */
function running(format: Format): string {
  return join(import.meta.dirname, `guided-${values.seed}.${format}`);
}

async function run(format: Format, corpus: Corpus, bytes: Bytes): Promise<void> {
  writeFileSync(running(format), bytes);
  __coverage.restart();
  const started = performance.now();
  try {
    if (format === "dyad") loadCounted(bytes);
    await target.judge(format, bytes);
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : `${error}`;
    const kind = text.split("\n").slice(0, 2).join(" ").replace(/\d+/g, "N");
    const count = (findings.get(kind) ?? 0) + 1;
    findings.set(kind, count);
    if (count === 1)
      console.log(`FINDING ${format}, base64 ${Buffer.from(bytes).toString("base64")}\n${text}`);
  }
  const ms = performance.now() - started;
  if (ms > SLOW_MS)
    console.log(`SLOW ${format}, ${ms.toFixed(0)} ms, base64 ${Buffer.from(bytes).toString("base64")}`);
  corpus.runs++;
  if (corpus.isNew() && bytes.length <= MOST_BYTES) corpus.files.push(bytes);
}

function report(seconds: number): void {
  const line = parts.map(
    ({ format, corpus }) =>
      `${format}: ${corpus.runs} runs, corpus ${corpus.files.length}, ${corpus.edges} edges`,
  );
  console.log(`${seconds.toFixed(0)} s; ${line.join("; ")}; ${findings.size} kinds of findings`);
}

async function search(minutes: number): Promise<void> {
  const started = performance.now();
  const end = started + 60_000 * minutes;
  for (const { format, seeds, corpus } of parts) {
    for (const { bytes } of seeds) await run(format, corpus, new Uint8Array(bytes));
  }
  let reported = started;
  report(0);
  while (performance.now() < end) {
    for (const { format, seeds, corpus } of parts) {
      await run(format, corpus, next(format, corpus, seeds, random));
    }
    if (performance.now() - reported < REPORT_MS) continue;
    reported = performance.now();
    report((reported - started) / 1000);
  }
  report((performance.now() - started) / 1000);
}

console.log(`${values.branches} branches are counted`);
if (values.only === undefined) await search(Number(values.minutes));
else
  for (const { format, corpus } of parts)
    await run(format, corpus, new Uint8Array(readFileSync(values.only)));
process.exitCode = findings.size > 0 ? 1 : 0;
