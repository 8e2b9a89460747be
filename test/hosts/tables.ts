// `dyadic bench --table` in the hosts that are not Node: every step of the digit model is measured, in each.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import playwright from "playwright-core";
import { parseLatencyTable } from "../../src/precision/cost/latency-table.ts";
import { CHROMIUM } from "./browsers.ts";
import { WAZERO } from "./hosts.ts";
import { WORKERD } from "./workerd.ts";

const MAIN = resolve("../../dist/src/cli/main.js");
const MODEL = resolve("../../models/digits/digits.onnx");

/** A host of tables: how it is started, or why it is not here. */
interface TableHost {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  /** Opens the address that the command says. */
  readonly visit?: (url: string, done: Promise<unknown>) => Promise<void>;
}

const HOSTS: readonly TableHost[] = [
  { name: "workerd", program: WORKERD, args: ["--host", "workerd", "--host-command", resolve(WORKERD)] },
  { name: "Chromium", program: CHROMIUM, args: ["--host", "page"], visit: visitPage },
  {
    name: "wazero",
    program: WAZERO,
    args: ["--host", "wasi", "--host-command", `${resolve(WAZERO)} run -mount={directory}:/`],
  },
];

async function visitPage(url: string, done: Promise<unknown>): Promise<void> {
  const args = ["--no-sandbox", "--disable-gpu"];
  const browser = await playwright.chromium.launch({ executablePath: CHROMIUM, args });
  await (await browser.newPage()).goto(url);
  await done;
  await browser.close();
}

export interface TableOutcome {
  readonly name: string;
  /** Why the host was skipped, or what went wrong. */
  readonly missing?: string;
  readonly failure?: string;
  /** Steps with a time, of all. */
  readonly measured?: string;
}

export async function measureTables(): Promise<TableOutcome[]> {
  const outcomes: TableOutcome[] = [];
  for (const host of HOSTS) outcomes.push(await measureTable(host));
  return outcomes;
}

async function measureTable({ name, program, args, visit }: TableHost): Promise<TableOutcome> {
  if (!existsSync(program)) return { name, missing: `no ${program}: .ci/run installs it` };
  const directory = mkdtempSync(join(tmpdir(), "dyadic-table-"));
  const file = join(directory, "t.json");
  try {
    const own = ["bench", MODEL, "--table", file, "--bits", "8,4", "--rounds", "3", "--build", "simd"];
    const child = spawn(process.execPath, [MAIN, ...own, ...args], { stdio: ["ignore", "ignore", "pipe"] });
    const ended = new Promise<number | null>((done) => child.on("exit", done));
    const said = listen(child, (url) => visit?.(url, ended));
    const code = await ended;
    if (code !== 0) return { name, failure: `code ${code}: ${said()}` };
    const [build] = parseLatencyTable(readFileSync(file, "utf8")).builds;
    const layers = build!.steps.filter(({ macs }) => macs > 0);
    const timed = layers.filter(({ median }) => median > 0);
    const measured = `${timed.length} of ${layers.length} layers`;
    // On a busy machine the difference of two runs may vanish for a step of a microsecond.
    return 2 * timed.length > layers.length ? { name, measured } : { name, failure: measured };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Collects what a command says on stderr, and calls back with the address in it. */
function listen(child: ChildProcess, visit: (url: string) => void): () => string {
  let text = "";
  let visited = false;
  child.stderr!.on("data", (chunk: Buffer) => {
    text += chunk;
    const url = /http:\/\/\S+/.exec(text)?.[0];
    if (visited || url === undefined) return;
    visited = true;
    visit(url);
  });
  return () => text.trim();
}
