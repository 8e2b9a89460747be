// What every width of weights loses. The whole table takes some 20 minutes: DYADIC_FULL=1 measures it and writes
// results/; `-t` measures a part of it again. Without it, one width of the smallest network.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { calibrate } from "../../src/calibrate/calibrate.ts";
import type { Ranges } from "../../src/numerics/range.ts";
import { quantizeSequentially, uniformChoice } from "../../src/quantize/sequential.ts";
import { assetsDirectory } from "../cases/assets.ts";
import { calibratorBytes } from "../cases/floats.ts";
import { engineLogits, floatLogits, lossesOf } from "../cases/losses.ts";
import {
  CONFIGURATIONS,
  type Configuration,
  type Measurement,
  nameOf,
  passes,
  resultsPage,
} from "../cases/quantizer-table.ts";
import { calibrationOf, type Pictures, type Subject, subjectNamed } from "../cases/subjects.ts";

const FULL = process.env.DYADIC_FULL === "1";
const RESULTS = new URL("results/quantizers.json", import.meta.url);
const PAGE = new URL("results/README.md", import.meta.url);
const MINUTES = 60_000;

const module = await WebAssembly.compile(calibratorBytes());

/** The subject that is being measured, with what its configurations share. */
interface Prepared {
  readonly subject: Subject;
  readonly float: Float32Array[];
  readonly sets: Map<number, { samples: Pictures; ranges: Ranges }>;
}

let prepared: Prepared | undefined;

async function prepare(name: Configuration["subject"]): Promise<Prepared> {
  if (prepared?.subject.name !== name) {
    const subject = subjectNamed(name);
    prepared = {
      subject,
      float: await floatLogits(subject.graph, subject.evaluation, module),
      sets: new Map(),
    };
  }
  return prepared;
}

/** The 8-bit ranges of a calibration set: the least squared error, but all of the input. */
async function calibrationSet({ subject, sets }: Prepared, seed: number) {
  const known = sets.get(seed);
  if (known !== undefined) return known;
  const samples = calibrationOf(subject, seed);
  const calibration = await calibrate(subject.graph, samples, module);
  const ranges = new Map(calibration.ranges({ method: "mse" }));
  const input = subject.graph.inputs[0]!.tensor;
  ranges.set(input, calibration.ranges({ method: "minmax" }).get(input)!);
  const set = { samples, ranges };
  sets.set(seed, set);
  return set;
}

async function measure(configuration: Configuration): Promise<Measurement> {
  const { subject: name, width, depthwise, method, damping, seed } = configuration;
  const subject = await prepare(name);
  const { samples, ranges } = await calibrationSet(subject, seed);
  const start = performance.now();
  const choose = uniformChoice(width, method, depthwise);
  const graph = await quantizeSequentially(subject.subject.graph, ranges, samples, module, {
    choose,
    ...(damping !== undefined && { damping }),
  });
  const seconds = (performance.now() - start) / 1000;
  const { logits, fileBytes } = await engineLogits(graph, subject.subject.evaluation);
  const losses = lossesOf(subject.float, logits, subject.subject.labels, fileBytes);
  console.log(nameOf(configuration), JSON.stringify({ ...losses, seconds }));
  return { ...configuration, losses, seconds };
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
    return subject === "resnet8" && width === 4 && seed === 0 && limit.drop !== undefined;
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
