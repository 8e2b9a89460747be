import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { compileGraph } from "../../src/compile.ts";
import { runReference } from "../../src/quantize/reference.ts";
import { npyFile } from "../cases/files.ts";
import { randomInputs } from "../cases/graphs.ts";
import { mobileNetV1 } from "../cases/networks.ts";

const MAIN = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "dyadic-cli-"));
afterAll(() => rmSync(folder, { recursive: true }));

function dyadic(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    cwd: folder,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

const graph = mobileNetV1(32, 0.25);
const { model, integer } = compileGraph(graph, { file: "small.tflite" });
const [codes] = randomInputs(graph, 1);
const [output] = integer.outputs;
const expected = runReference(integer, [codes!])[output!.tensor]!;
writeFileSync(join(folder, "small.dyad"), model);
writeFileSync(join(folder, "input.raw"), codes!);

test("run: JSON holds the codes, text the best classes", () => {
  const { status, stdout } = dyadic("run", "small.dyad", "--input", "input.raw", "--json");
  expect(status).toBe(0);
  const { outputs } = JSON.parse(stdout);
  expect(outputs[0]).toMatchObject({ name: output!.name, data: Array.from(expected) });
  const best = expected.indexOf(Math.max(...expected));
  expect(outputs[0].top[0].index).toBe(best);
  const lines = dyadic("run", "small.dyad", "--input", "input.raw", "-k", "2").stdout.trimEnd().split("\n");
  expect(lines).toHaveLength(2);
  expect(lines[0]).toContain(` ${best}`);
});

test("run: every engine gives the same bytes", () => {
  const results = ["auto", "simd", "scalar"].map(
    (engine) => dyadic("run", "small.dyad", "-i", "input.raw", "--json", "--engine", engine).stdout,
  );
  expect(new Set(results).size).toBe(1);
});

test("eval: top-1 as JSON", () => {
  const right = expected.indexOf(Math.max(...expected));
  writeFileSync(
    join(folder, "x.npy"),
    npyFile("|i1", [2, ...graph.inputs[0]!.shape.slice(1)], Int8Array.of(...codes!, ...codes!)),
  );
  writeFileSync(join(folder, "y.npy"), npyFile("<i4", [2], Int32Array.of(right, right + 1)));
  const { stdout } = dyadic("eval", "small.dyad", "--inputs", "x.npy", "--labels", "y.npy", "--json");
  expect(JSON.parse(stdout)).toEqual({ metric: "top1", value: 0.5, n: 2 });
});

test("inspect and check: sizes, plan and header", () => {
  const inspected = JSON.parse(dyadic("inspect", "small.dyad", "--json").stdout);
  expect(inspected.flashBytes).toBe(model.length);
  expect(inspected.plan.peakBytes).toBeGreaterThanOrEqual(inspected.plan.lowerBound);
  expect(inspected.plan.steps).toHaveLength(integer.nodes.length + 2);
  expect(inspected.header.sourceFile).toBe("small.tflite");
  const checked = JSON.parse(dyadic("check", "small.dyad", "--json").stdout);
  expect(checked).toMatchObject({ supported: true, macs: inspected.macs });
});

test("bench: one row a build", () => {
  const { results } = JSON.parse(dyadic("bench", "small.dyad", "--seconds", "0.2", "--json").stdout);
  expect(results.map(({ build }: { build: string }) => build)).toContain("engine-scalar");
  for (const { minimumMs, medianMs } of results) expect(medianMs).toBeGreaterThanOrEqual(minimumMs);
});

describe("errors", () => {
  test.each([
    [["run", "missing.dyad", "--input", "input.raw"], "missing.dyad"],
    [["run", "small.dyad", "--input", "missing.png"], "missing.png"],
    [["run", "small.dyad", "--input", "input.raw", "--input", "input.raw"], "one file for each input"],
    [["compile", "small.dyad", "-o", "again.dyad"], "compiled already"],
    [["inspect", "small.dyad", "--stage", "plan"], "--stage"],
    [["eval", "small.dyad", "--inputs", "input.raw", "--labels", "input.raw"], "input.raw"],
    [["run", "small.dyad"], "--input"],
    [["nonsense"], "nonsense"],
  ])("%j exits with 1 and names what is wrong", (args, text) => {
    const { status, stderr, stdout } = dyadic(...args);
    expect(status).toBe(1);
    expect(stderr).toContain(text);
    expect(stdout).toBe("");
  });

  test("a model of a newer format exits with 2", () => {
    const newer = model.slice();
    newer[4]! += 1;
    writeFileSync(join(folder, "newer.dyad"), newer);
    expect(dyadic("run", "newer.dyad", "-i", "input.raw").status).toBe(2);
  });

  test("a failed write leaves nothing behind", () => {
    writeFileSync(join(folder, "bad.tflite"), model.subarray(0, 50));
    const before = readdirSync(folder);
    expect(dyadic("compile", "bad.tflite", "-o", "out.dyad").status).toBe(1);
    expect(existsSync(join(folder, "out.dyad"))).toBe(false);
    expect(readdirSync(folder)).toEqual(before);
  });
});

test("help names every command", () => {
  const { stdout } = dyadic("--help");
  for (const command of ["check", "compile", "run", "eval", "inspect", "bench"])
    expect(stdout).toContain(command);
  expect(dyadic("--version").stdout.trim()).toBe(
    JSON.parse(readFileSync(join(MAIN, "../../../../package.json"), "utf8")).version,
  );
});
