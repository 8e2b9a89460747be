// Real models on small devices, from the command line to the accuracy. All of it takes an hour: DYADIC_FULL=1 measures and
// writes results/; without it, the smallest model.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { assetsDirectory } from "../cases/assets.ts";
import {
  BUDGETS,
  type BudgetMeasurement,
  budgetsPage,
  compileArguments,
  type DeviceBudget,
  fits,
  measureBudget,
  nameOf,
} from "../cases/budgets.ts";
import { calibratorBytes } from "../cases/floats.ts";

const FULL = process.env.DYADIC_FULL === "1";
const RESULTS = new URL("results/budgets.json", import.meta.url);
const PAGE = new URL("results/budgets.md", import.meta.url);
const MAIN = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
const MINUTES = 60_000;
/** What is measured for one budget serves the next; kept between runs where a folder is named. */
const folder = process.env.DYADIC_BUDGETS ?? mkdtempSync(join(tmpdir(), "dyadic-budgets-"));
afterAll(() => {
  if (process.env.DYADIC_BUDGETS === undefined) rmSync(folder, { recursive: true });
});

const module = await WebAssembly.compile(calibratorBytes());

function stored(): BudgetMeasurement[] {
  return existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, "utf8")) : [];
}

function store(measurement: BudgetMeasurement): void {
  const known = new Map(stored().map((row) => [nameOf(row), row]));
  known.set(nameOf(measurement), measurement);
  const rows = BUDGETS.flatMap((budget) => known.get(nameOf(budget)) ?? []);
  writeFileSync(RESULTS, `${JSON.stringify(rows, null, 2)}\n`);
  writeFileSync(PAGE, budgetsPage(rows));
}

async function measured(budget: DeviceBudget): Promise<BudgetMeasurement> {
  const start = performance.now();
  const output = join(folder, `${nameOf(budget).replaceAll(" ", "-")}.dyad`);
  const args = [...compileArguments(budget, folder), "-o", output, "--json"];
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: "utf8" });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const seconds = (performance.now() - start) / 1000;
  return measureBudget(budget, JSON.parse(stdout), seconds, module);
}

describe.skipIf(assetsDirectory === null)("real models on small devices", () => {
  const some = BUDGETS.filter(({ subject }) => FULL || subject === "kws");
  test.each(some.map((budget) => [nameOf(budget), budget] as const))(
    "%s",
    async (_, budget) => {
      const measurement = await measured(budget);
      console.log(JSON.stringify(measurement));
      if (FULL) store(measurement);
      expect(measurement.fileBytes).toBeLessThanOrEqual(sizeOf(budget.flash));
      expect(measurement.arenaBytes).toBeLessThanOrEqual(sizeOf(budget.ram));
      if (!budget.isAim) expect(fits(budget, measurement)).toBe(true);
    },
    120 * MINUTES,
  );
});

function sizeOf(text: string): number {
  const [, number, unit] = /^([\d.]+)(KiB|MiB)$/.exec(text)!;
  return Math.floor(Number(number) * (unit === "KiB" ? 1024 : 1024 ** 2));
}

test("the page of results is that of the measurements", () => {
  expect(readFileSync(PAGE, "utf8")).toBe(budgetsPage(stored()));
});
