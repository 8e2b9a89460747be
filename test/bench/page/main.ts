// `npm run bench:page`: all runtimes of the web in one page of Chromium, interleaved; and cold, each in a page of its own.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import playwright from "playwright-core";
import { measuredCommit } from "../commit.ts";
import { PROTOCOL, type Protocol } from "../interleave.ts";
import { load, thisMachine } from "../machine.ts";
import { BENCH_MODELS, type ModelFiles, readModelFiles } from "../models.ts";
import { type ModelResult, modelTable } from "../report.ts";
import { progress, RUN_OPTIONS } from "../run.ts";
import { agreementsOf } from "../verify.ts";
import { type Browser, openBrowser } from "./browser.ts";
import { type ColdResult, coldStarts } from "./cold.ts";
import { addModel } from "./model-files.ts";
import { AGAINST, coldTable, savePage } from "./report.ts";
import type { PageBench } from "./run.ts";
import { openSite, type Site } from "./server.ts";

const PEERS = [
  "@litertjs/core",
  "@tensorflow/tfjs-backend-wasm",
  "@tensorflow/tfjs-tflite",
  "onnxruntime-web",
] as const;
/** A page retries less than a process of its own core: there are more subjects, and the browser itself takes part. */
const PAGE_PROTOCOL: Protocol = { ...PROTOCOL, retries: 6, warmUpMs: [600, 2500] };

function versionsOfPeers(): Record<string, string> {
  return Object.fromEntries(
    PEERS.map((peer) => {
      const file = new URL(`../node_modules/${peer}/package.json`, import.meta.url);
      return [peer, (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version];
    }),
  );
}

/** What the driver calls in the page. */
type BenchGlobal = { readonly bench: PageBench };

/** One model in one page: opened, verified, timed, verified again. */
async function measure(
  { browser, site }: { browser: Browser; site: Site },
  { name, path }: ModelFiles,
  protocol: Protocol,
  versions: Record<string, string>,
): Promise<{ result: ModelResult; selfTestClass: Record<string, string> }> {
  const page = await browser.newPage(site.base);
  progress(`${name}: opening`);
  const opened = await page.evaluate(
    async ([base, ...model]) => {
      await import(`${base}/bundles/run.js`);
      return (globalThis as unknown as BenchGlobal).bench.open(...model);
    },
    [site.base, name, path, versions] as const,
  );
  site.answers.set("/waited", await browser.waitedMs());
  const verified = async () => {
    progress(`${name}: verifying`);
    const rows = await page.evaluate(() => (globalThis as unknown as BenchGlobal).bench.outputs());
    const all = opened.subjects.map((subject, i) => ({
      ...subject,
      rows: rows[i]!.map((row) => Int8Array.from(row.split(","), Number)),
    }));
    return agreementsOf(all, { name, classifies: opened.classifies });
  };
  await verified();
  progress(`${name}: timing`);
  const { timings, selfTestClass } = await page.evaluate(
    (given) => (globalThis as unknown as BenchGlobal).bench.time(given),
    protocol,
  );
  const agreements = await verified();
  await page.context().close();
  progress("");
  const subjects = opened.subjects.map((subject, i) => {
    const { name: own, kind } = subject;
    return { name: own, kind, agreement: agreements[i]!, ...timings[i]! };
  });
  return { result: { name, macs: opened.macs, subjects }, selfTestClass };
}

const { values } = parseArgs({
  options: {
    models: { type: "string", default: BENCH_MODELS.join(",") },
    rounds: { type: "string", default: `${PAGE_PROTOCOL.rounds}` },
    starts: { type: "string", default: "7" },
    cold: { type: "boolean", default: false }, // cold starts alone
    ...RUN_OPTIONS,
  },
});
const commit = values.save ? measuredCommit() : "";
const protocol = { ...PAGE_PROTOCOL, rounds: Number(values.rounds) };
const versions = versionsOfPeers();
const [site, browser] = [await openSite(), await openBrowser(playwright.chromium)];
const loads: Record<string, number> = {};
const models: ModelResult[] = [];
const cold: ColdResult[] = [];
let selfTestClass: Record<string, string> = {};
try {
  for (const name of values.models.split(",")) {
    const files = readModelFiles(name);
    const { unsigned } = addModel(site, files);
    if (!values.cold) {
      const measured = await measure({ browser, site }, files, protocol, versions);
      models.push(measured.result);
      selfTestClass = measured.selfTestClass;
      console.log(`\n${name}, load ${load()}\n\n${modelTable(measured.result, AGAINST)}`);
    }
    cold.push(await coldStarts(browser, site, { name, unsigned }, Number(values.starts)));
    console.log(`\n${name}, cold\n\n${coldTable(cold.at(-1)!)}`);
    loads[name] = load();
    if (values.save && !values.cold) store();
  }
} finally {
  await browser.close();
  site.close();
}

/** After every model, so that an interrupted run keeps what it has. */
function store(): void {
  const file = savePage({
    schema: 1,
    date: new Date().toISOString().slice(0, 10),
    commit,
    machine: thisMachine(values.machine),
    loads,
    versions: { Chromium: browser.version, ...versions },
    selfTestClass,
    protocol,
    models,
    cold,
  });
  console.log(`results/page/${file} and results/page/README.md written`);
}
