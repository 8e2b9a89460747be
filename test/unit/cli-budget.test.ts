import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { parseSize, widthSet } from "../../src/cli/budget.ts";
import { parseLatencyTable } from "../../src/precision/cost/latency-table.ts";
import { npyFile } from "../cases/files.ts";
import { attributes, buildOnnx, float } from "../cases/onnx.ts";
import { Random } from "../cases/random.ts";

const MAIN = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "dyadic-budget-"));
afterAll(() => rmSync(folder, { recursive: true }));
const TIMEOUT = 120_000;

function dyadic(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    cwd: folder,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

/** Three convolutions and ten logits. */
function network(): Uint8Array {
  const random = new Random(2);
  const values = (shape: number[]) => {
    const length = shape.reduce((a, b) => a * b, 1);
    return float(
      shape,
      Array.from({ length }, () => Math.fround(random.between(-0.5, 0.5))),
    );
  };
  const padded = attributes({ pads: [1, 1, 1, 1], kernel_shape: [3, 3] });
  return buildOnnx({
    inputs: [{ name: "image", shape: [1, 3, 12, 12] }],
    outputs: ["logits"],
    initializers: {
      w: values([16, 3, 3, 3]),
      v: values([16, 16, 3, 3]),
      u: values([24, 16, 3, 3]),
      m: values([10, 24]),
    },
    nodes: [
      { op: "Conv", name: "stem", inputs: ["image", "w"], outputs: ["a"], attributes: padded },
      { op: "Relu", name: "r0", inputs: ["a"], outputs: ["b"] },
      { op: "Conv", name: "middle", inputs: ["b", "v"], outputs: ["c"], attributes: padded },
      { op: "Relu", name: "r1", inputs: ["c"], outputs: ["d"] },
      { op: "Conv", name: "body", inputs: ["d", "u"], outputs: ["e"], attributes: padded },
      { op: "GlobalAveragePool", name: "pool", inputs: ["e"], outputs: ["f"] },
      { op: "Flatten", name: "flat", inputs: ["f"], outputs: ["g"] },
      {
        op: "Gemm",
        name: "head",
        inputs: ["g", "m"],
        outputs: ["logits"],
        attributes: attributes({ transB: 1 }),
      },
    ],
  });
}

const random = new Random(5);
writeFileSync(join(folder, "m.onnx"), network());
const pixels = Float32Array.from({ length: 12 * 3 * 12 * 12 }, () => random.between(-1, 1));
writeFileSync(join(folder, "x.npy"), npyFile("<f4", [12, 3, 12, 12], new Uint8Array(pixels.buffer)));
const table = (...args: string[]) => dyadic("bench", "m.onnx", "--table", "t.json", "--rounds", "1", ...args);
const compile = (...args: string[]) => dyadic("compile", "m.onnx", "--calibrate", "x.npy", ...args);

describe("compile within a budget", () => {
  test(
    "keeps it to the byte, explains itself, and writes the same file again from its cache",
    () => {
      const args = [
        "--flash",
        "6400B",
        "--ram",
        "6KiB",
        "--cache",
        "seen.json",
        "--frontier",
        "f.json",
        "-o",
        "a.dyad",
      ];
      const { status, stdout, stderr } = compile(...args, "--explain", "--json");
      expect(stderr).toBe("");
      expect(status).toBe(0);
      const { flashBytes, plan, allocation, policy } = JSON.parse(stdout);
      expect(flashBytes).toBe(statSync(join(folder, "a.dyad")).size);
      expect(flashBytes).toBeLessThanOrEqual(6400);
      expect(plan.peakBytes).toBeLessThanOrEqual(6 * 1024);
      expect(allocation).toMatchObject({
        sensitivity: "kl",
        solver: "branch-and-bound",
        peakBytes: plan.peakBytes,
      });
      expect(allocation.gap).toBe(allocation.loss - allocation.bound);
      const [flash, ram] = allocation.limits;
      expect(flash).toMatchObject({ name: "flash", atMost: 6400, used: flashBytes });
      expect(ram).toMatchObject({ name: "ram", used: plan.peakBytes });
      expect(policy.overrides.length).toBeGreaterThan(0);

      const { points } = JSON.parse(readFileSync(join(folder, "f.json"), "utf8"));
      const chosen = points.filter((point: { chosen: boolean }) => point.chosen);
      expect(chosen).toMatchObject([{ bytes: flashBytes, loss: allocation.loss }]);

      const inspected = JSON.parse(dyadic("inspect", "a.dyad", "--json").stdout);
      expect(inspected.policy).toEqual(policy);

      const first = readFileSync(join(folder, "a.dyad"));
      const losses = readFileSync(join(folder, "seen.json.losses"), "utf8");
      const again = compile(...args.slice(0, -1), "b.dyad", "--explain");
      expect(again.status).toBe(0);
      expect(again.stdout).toMatch(/proven least|above the least/);
      expect(again.stdout).toMatch(/loss saved/);
      expect(again.stdout).toMatch(/the next bytes go to \w+: \d bits take \d+ more and save/);
      expect(readFileSync(join(folder, "b.dyad")).equals(first)).toBe(true);
      expect(readFileSync(join(folder, "seen.json.losses"), "utf8")).toBe(losses);
    },
    TIMEOUT,
  );

  test(
    "what cannot fit ends with 3, the smallest that would, and no file",
    () => {
      const { status, stdout, stderr } = compile(
        "--flash",
        "1KiB",
        "--cache",
        "seen.json",
        "-o",
        "none.dyad",
      );
      expect(status).toBe(3);
      expect(stdout).toBe("");
      const [, least] = /flash (\d+) would do \(proven: no policy takes less than \d+\)/.exec(stderr) ?? [];
      expect(Number(least)).toBeGreaterThan(1024);
      expect(existsSync(join(folder, "none.dyad"))).toBe(false);
      const enough = compile("--flash", `${least}`, "--cache", "seen.json", "-o", "least.dyad");
      expect(enough.stderr).toBe("");
      expect(enough.status).toBe(0);
    },
    TIMEOUT,
  );

  test(
    "of latency goes by the table that bench measured, and by the scratch that the planner grants",
    () => {
      expect(table("--build", "simd,scalar", "--bits", "8,4").stderr).toBe("");
      const measured = parseLatencyTable(readFileSync(join(folder, "t.json"), "utf8"));
      expect(measured.builds.map(({ build }) => build)).toEqual(["engine", "engine-scalar"]);
      expect(measured.host).toMatchObject({ kind: "node", version: /Node/ });

      // Times by hand: 8 bits take ten times as long as 4.
      const timed = (step: string) => (step.endsWith(" w8") ? 10_000 : step.endsWith(" w4") ? 1000 : 10);
      const builds = measured.builds.map((times) => ({
        ...times,
        overhead: 7,
        steps: times.steps.map((time) => ({ ...time, median: timed(time.step) })),
      }));
      writeFileSync(join(folder, "hand.json"), JSON.stringify({ ...measured, builds }));
      const within = (latency: string, ...args: string[]) => {
        const budget = ["--latency", latency, "--latency-table", "hand.json", "--activation-bits", "8"];
        return compile(...budget, "--bits", "8,4", "--cache", "seen.json", "-o", "fast.dyad", ...args);
      };
      const { status, stdout, stderr } = within("15us", "--json");
      expect(stderr).toBe("");
      expect(status).toBe(0);
      const { allocation, layers } = JSON.parse(stdout);
      const wide = layers.filter(({ weightBits }: { weightBits: number }) => weightBits === 8).length;
      expect(wide).toBe(1);
      const others = ["input", "mean", "reshape", "output"];
      expect(allocation.latency).toBe(10_000 + 3 * 1000 + 10 * others.length + 7);
      expect(allocation.limits[0]).toMatchObject({ name: "latency", used: allocation.latency });
      expect(allocation.estimated).toEqual([]);
      expect(within("15us", "--latency-build", "scalar").stdout).toMatch(
        /a run takes 0.0130 ms by the table/,
      );
      expect(within("15us", "--latency-build", "relaxed").stderr).toMatch(/no times of this engine build/);
      const short = within("3us");
      expect(short.status).toBe(3);
      expect(short.stderr).toMatch(/latency 40\d\d would do/);
    },
    TIMEOUT,
  );

  test(
    "a table grows, shows its kernels, and is of one host",
    () => {
      const { status, stdout } = table("--build", "simd", "--bits", "2", "--kernels");
      expect(status).toBe(0);
      expect(stdout).toMatch(/conv_a8w2__simd/);
      const steps = parseLatencyTable(readFileSync(join(folder, "t.json"), "utf8")).builds[0]!.steps;
      const widths = steps.map(({ step }) => / w\d$/.exec(step)?.[0]);
      expect([...new Set(widths)].sort()).toEqual([" w2", " w4", " w8", undefined]);
      const read = dyadic("bench", "m.onnx", "--table", "t.json", "--read", "--bits", "4", "--json");
      const { host, models } = JSON.parse(read.stdout);
      expect(host.kind).toBe("node");
      const builds = models[0].builds.map(({ build }: { build: string }) => build);
      expect(builds).toEqual(["engine", "engine-scalar"]);
      expect(models[0].rows[1].nanoseconds[0]).toBe(
        steps.find(({ step }) => /^conv 12x12x3a8 .* w4$/.test(step))!.median,
      );
      expect(table("--build", "fast").stderr).toMatch(/--build names a build/);
      expect(dyadic("bench", "a.dyad", "--table", "t.json").stderr).toMatch(/a table is made from the model/);
      const wasi = table("--host", "wasi", "--build", "simd");
      expect(wasi.stderr).toMatch(/the table is of another host/);
      expect(wasi.status).toBe(1);
      const other = dyadic(
        "bench",
        "m.onnx",
        "--kernels",
        "--host",
        "wasi",
        "--build",
        "simd",
        "--rounds",
        "1",
      );
      expect(other.stderr).toBe("");
      expect(other.stdout).toMatch(/wasi, node:wasi[\s\S]*conv_a8w8__simd/);
    },
    TIMEOUT,
  );

  test.each([
    [["--flash", "lots"], /--flash is no size/],
    [["--flash", "64KiB", "--bits", "4"], /a budget and --bits of one width/],
    [["--flash", "64KiB", "--bits", "4,9"], /no set of widths/],
    [["--bits", "8,4"], /only within a budget/],
    [["--explain"], /nothing to explain/],
    [["--latency", "20ms"], /latency needs times/],
  ])(
    "%j is refused",
    (args, message) => {
      const { status, stderr } = compile(...args, "--cache", "seen.json", "-o", "bad.dyad");
      expect(stderr).toMatch(message);
      expect(status).toBe(1);
      expect(existsSync(join(folder, "bad.dyad"))).toBe(false);
    },
    TIMEOUT,
  );
});

test.skipIf(spawnSync("taskset", ["-V"]).status !== 0)(
  "one thread writes the file that two write",
  () => {
    const args = ["compile", "m.onnx", "--calibrate", "x.npy", "--flash", "6400B"];
    expect(dyadic(...args, "-o", "two.dyad").status).toBe(0);
    const alone = spawnSync("taskset", ["-c", "0", process.execPath, MAIN, ...args, "-o", "one.dyad"], {
      cwd: folder,
    });
    expect(alone.status).toBe(0);
    expect(readFileSync(join(folder, "one.dyad")).equals(readFileSync(join(folder, "two.dyad")))).toBe(true);
  },
  TIMEOUT,
);

describe("the smallest file that keeps an accuracy", () => {
  const evaluated = Float32Array.from({ length: 60 * 3 * 12 * 12 }, () => random.between(-1, 1));
  writeFileSync(join(folder, "e.npy"), npyFile("<f4", [60, 3, 12, 12], new Uint8Array(evaluated.buffer)));
  writeFileSync(
    join(folder, "y.npy"),
    npyFile("<i4", [60], new Uint8Array(new Int32Array(60).fill(99).buffer)),
  );
  const least = (...args: string[]) =>
    compile(
      "--cache",
      "seen.json",
      "--inputs",
      "e.npy",
      "-o",
      "least.dyad",
      "--json",
      "--min-accuracy",
      ...args,
    );

  test(
    "is measured, as is a smaller one that does not",
    () => {
      const { status, stdout, stderr } = least("90%", "--frontier", "least.json");
      expect([status, stderr]).toEqual([0, ""]);
      const { flashBytes, accuracy } = JSON.parse(stdout);
      expect(accuracy).toMatchObject({ metric: "agreement", n: 60, least: 0.9 });
      const [first, ...others] = accuracy.trials as { fileBytes: number; accuracy: number }[];
      expect(flashBytes).toBe(statSync(join(folder, "least.dyad")).size);
      expect(flashBytes).toBeLessThan(first!.fileBytes);
      expect(accuracy.value).toBeGreaterThanOrEqual(0.9);
      expect(others).toContainEqual(
        expect.objectContaining({ fileBytes: flashBytes, accuracy: accuracy.value }),
      );
      const { points } = JSON.parse(readFileSync(join(folder, "least.json"), "utf8"));
      const chosen = points.filter((point: { chosen: boolean }) => point.chosen);
      expect(chosen).toMatchObject([{ bytes: flashBytes, accuracy: accuracy.value }]);
      for (const own of others) {
        if (own.accuracy < 0.9) expect(own.fileBytes).toBeLessThan(flashBytes);
        else expect(own.fileBytes).toBeGreaterThanOrEqual(flashBytes);
      }
    },
    TIMEOUT,
  );

  test(
    "ends with 3, what was reached and no file where nothing keeps it",
    () => {
      rmSync(join(folder, "least.dyad"), { force: true });
      const { status, stdout, stderr } = least("0.5", "--labels", "y.npy");
      expect([status, stdout, existsSync(join(folder, "least.dyad"))]).toEqual([3, "", false]);
      expect(stderr).toMatch(
        /no policy keeps the accuracy\s+expected: top-1 on 60 samples: 0.5 or more\s+found: 0.0000 with the least predicted loss/,
      );
    },
    TIMEOUT,
  );

  test.each([
    [["90"], /--min-accuracy is no share/],
    [["90%", "--inputs", "x.npy"], /have been calibrated with/],
    [["90%", "--labels", "a.txt", "--labels", "b.txt"], /are of no use/],
  ])("%j is refused", (args, message) => {
    const { status, stderr } = least(...args);
    expect([status, stderr]).toEqual([1, expect.stringMatching(message)]);
  });
});

test("sizes and sets of widths", () => {
  expect(parseSize("--ram", "64KiB")).toBe(65536);
  expect(parseSize("--ram", "2.3MiB")).toBe(2411724);
  expect(parseSize("--ram", "900")).toBe(900);
  expect(() => parseSize("--ram", "-1")).toThrow(/--ram/);
  expect(widthSet("mixed")).toEqual([8, 6, 5, 4, 3, 2]);
  expect(widthSet("8,ternary,4")).toEqual([8, "ternary", 4]);
  expect(widthSet("hawq-v3")).toBeUndefined();
});
