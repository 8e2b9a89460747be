// What every width of weights loses. The whole table takes some 20 minutes: DYADIC_FULL=1 measures it and writes
// results/; `-t` measures a part of it again. Without it, 4 bits on the two smallest networks.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { assetsDirectory } from "../cases/assets.ts";
import { calibratorBytes } from "../cases/floats.ts";
import { Bench } from "../cases/measurement.ts";
import {
  CONFIGURATIONS,
  type Configuration,
  type Measurement,
  nameOf,
  passes,
  resultsPage,
} from "../cases/quantizer-table.ts";
import { calibrationOf, subjectNamed } from "../cases/subjects.ts";

const FULL = process.env.DYADIC_FULL === "1";
const RESULTS = new URL("results/quantizers.json", import.meta.url);
const PAGE = new URL("results/README.md", import.meta.url);
const MINUTES = 60_000;

const module = await WebAssembly.compile(calibratorBytes());

let bench: Bench | undefined;

async function measure(configuration: Configuration): Promise<Measurement> {
  if (bench?.subject.name !== configuration.subject) bench = await Bench.open(configuration.subject, module);
  const measurement = await bench.measure(configuration);
  console.log(nameOf(configuration), JSON.stringify({ ...measurement.losses, seconds: measurement.seconds }));
  return measurement;
}

/** Puts a measurement in its place among the stored ones, so that a part of the table can be measured again. */
function store(measurement: Measurement): void {
  const known = new Map(stored().map((row) => [nameOf(row), row]));
  known.set(nameOf(measurement), measurement);
  const rows = CONFIGURATIONS.flatMap((configuration) => known.get(nameOf(configuration)) ?? []);
  writeFileSync(RESULTS, `${JSON.stringify(rows, null, 2)}\n`);
  writeFileSync(PAGE, resultsPage(rows));
}

function stored(): Measurement[] {
  return existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, "utf8")) : [];
}

describe.skipIf(assetsDirectory === null)("quantizers", () => {
  const small = CONFIGURATIONS.filter(({ subject, width, seed, limit }) => {
    return ["resnet8", "kws"].includes(subject) && width === 4 && seed === 0 && limit.drop !== undefined;
  });
  test.each((FULL ? CONFIGURATIONS : small).map((one) => [nameOf(one), one] as const))(
    "%s",
    async (_, configuration) => {
      const measurement = await measure(configuration);
      if (FULL) store(measurement);
      expect(passes(measurement)).toBe(true);
    },
    20 * MINUTES,
  );

  test("calibration samples that are evaluated too are refused", () => {
    const subject = subjectNamed("resnet8");
    const leaking = { ...subject, calibration: () => subject.evaluation.select([7]) };
    expect(() => calibrationOf(leaking, 0)).toThrow(/1 calibration samples are evaluated too/);
    const [a, b] = [calibrationOf(subject, 0), calibrationOf(subject, 1)].map((set) => set.hashes());
    expect(a!.filter((hash) => b!.includes(hash))).toEqual([]);
  });
});

test("the page of results is that of the measurements", () => {
  const measurements = stored();
  expect(readFileSync(PAGE, "utf8")).toBe(resultsPage(measurements));
});
