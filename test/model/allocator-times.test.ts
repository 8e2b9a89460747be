// How long allocating takes, on a quiet machine with two cores: DYADIC_FULL=1 npx vitest run test/model/allocator-times.test.ts
// prints the seconds and writes results/allocator/times.json.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { PROVIDERS, type ProviderName } from "../../src/precision/sensitivity/index.ts";
import { Study } from "../cases/allocation-study.ts";
import { assetsDirectory } from "../cases/assets.ts";
import { npyFile } from "../cases/files.ts";
import { calibratorBytes } from "../cases/floats.ts";
import { asset } from "../cases/models.ts";

const FULL = process.env.DYADIC_FULL === "1";
const RESULTS = new URL("results/allocator/times.json", import.meta.url);
const MAIN = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
const MINUTES = 60_000;
const THREADS = 2;
const WIDTHS = { weights: [8, 6, 5, 4, 3, 2], activations: [8, 4, 2] } as const;

const threads = new URL("../../dist/src/precision/sensitivity/threads.js", import.meta.url).pathname;
const { SPREADABLE, spreadProvider } = (await import(
  threads
)) as typeof import("../../src/precision/sensitivity/threads.ts");

function store(seconds: Readonly<Record<string, number>>): void {
  const known = existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, "utf8")) : {};
  writeFileSync(RESULTS, `${JSON.stringify({ ...known, ...seconds }, null, 1)}\n`);
  console.log(JSON.stringify(seconds));
}

const secondsSince = (start: number) => Math.round((performance.now() - start) / 100) / 10;

async function timed(study: Study, name: ProviderName): Promise<number> {
  const spread = SPREADABLE.find((own) => own === name);
  const start = performance.now();
  await study.measured(spread === undefined ? PROVIDERS[name] : spreadProvider(spread, THREADS), {
    keeps: false,
  });
  return secondsSince(start);
}

describe.skipIf(assetsDirectory === null || !FULL)("on two threads", () => {
  test(
    "all single-layer providers measure resnet20 in ten minutes in sum: 256 images, 30 vectors; rounding counted in each",
    async () => {
      const module = await WebAssembly.compile(calibratorBytes());
      const study = await Study.open("resnet20", { samples: 256, evaluated: 1 }, WIDTHS, module);
      const seconds: Record<string, number> = {};
      for (const name of ["kl", "mse", "noise", "bytes", "fisher", "hawq"] as const) {
        seconds[`resnet20 ${name}`] = await timed(study, name);
      }
      store(seconds);
      expect(Object.values(seconds).reduce((a, b) => a + b, 0)).toBeLessThan(600);
    },
    60 * MINUTES,
  );

  test(
    "pairs of ResNet-8 are measured in ten minutes",
    async () => {
      const module = await WebAssembly.compile(calibratorBytes());
      const widths = { ...WIDTHS, activations: [] };
      const study = await Study.open("resnet8", { samples: 500, evaluated: 1 }, widths, module);
      const seconds = await timed(study, "clado");
      store({ "ResNet-8 clado": seconds });
      expect(seconds).toBeLessThan(600);
    },
    60 * MINUTES,
  );

  test(
    "resnet20 from model to file within a budget, by the defaults of the command line, in three minutes",
    () => {
      const folder = mkdtempSync(join(tmpdir(), "dyadic-times-"));
      const { data } = asset("cifar10/train_x.npy");
      const samples = (data as Uint8Array).subarray(0, 500 * 3072);
      writeFileSync(join(folder, "x.npy"), npyFile("|u1", [500, 32, 32, 3], samples));
      const prepared = ["--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225"];
      const model = join(assetsDirectory!, "onnx/resnet20_cifar10.onnx");
      const args = [
        "compile",
        model,
        "--calibrate",
        "x.npy",
        ...prepared,
        "--flash",
        "150KiB",
        "-o",
        "m.dyad",
      ];
      const start = performance.now();
      const { status, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
        cwd: folder,
        encoding: "utf8",
      });
      const seconds = secondsSince(start);
      expect([status, stderr]).toEqual([0, ""]);
      expect(statSync(join(folder, "m.dyad")).size).toBeLessThanOrEqual(150 * 1024);
      rmSync(folder, { recursive: true });
      store({ "resnet20 --flash 150KiB": seconds });
      expect(seconds).toBeLessThan(180);
    },
    60 * MINUTES,
  );
});
