import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { FloatNetwork } from "../../src/float/network.ts";
import { importModel } from "../../src/import/index.ts";
import { simplify } from "../../src/passes/index.ts";
import { assetsDirectory, readAsset } from "../cases/assets.ts";
import { npyFile } from "../cases/files.ts";
import { calibratorBytes } from "../cases/floats.ts";
import { argmax, asset } from "../cases/models.ts";

const MAIN = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "dyadic-float-model-"));
afterAll(() => rmSync(folder, { recursive: true }));

const EVALUATED = 500;
const CALIBRATED = 200;
const SIZE = 32 * 32 * 3;
const MEAN = [0.485, 0.456, 0.406];
const STD = [0.229, 0.224, 0.225];

/** Float models of CIFAR-10, what bytes are to them, and the options that say so. */
const MODELS = [
  {
    path: "mlperf_tiny/models/pretrainedResnet.tflite",
    options: [],
    real: (u8: number) => u8,
  },
  {
    path: "onnx/resnet20_cifar10.onnx",
    options: ["--mean", MEAN.join(), "--std", STD.join()],
    real: (u8: number, at: number) => (u8 / 255 - MEAN[at % 3]!) / STD[at % 3]!,
  },
] as const;

function json(...args: string[]) {
  const { stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args, "--json"], { encoding: "utf8" });
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}

/** The first images of an asset as a file. */
function head(path: string, count: number): string {
  const file = join(folder, `${count}-${path.replaceAll("/", "-")}`);
  writeFileSync(file, npyFile("|u1", [count, 32, 32, 3], pixels(path, count)));
  return file;
}

function pixels(path: string, count: number): Uint8Array {
  return (asset(path).data as Uint8Array).subarray(0, count * SIZE);
}

describe.skipIf(assetsDirectory === null).each(MODELS)("$path", ({ path, options, real }) => {
  test(`compile and eval: within a point of float on ${EVALUATED} images`, async () => {
    const labels = (asset("cifar10/test_y.npy").data as Int32Array).subarray(0, EVALUATED);
    const network = await FloatNetwork.create(
      simplify(importModel(readAsset(path))),
      await WebAssembly.compile(calibratorBytes()),
    );
    const images = pixels("cifar10/test_x.npy", EVALUATED);
    const right = labels.filter((label, i) => {
      const image = Float32Array.from(images.subarray(i * SIZE, (i + 1) * SIZE), real);
      return argmax(network.run([image])[0]!) === label;
    });
    const model = join(folder, "model.dyad");
    const calibration = head("cifar10/train_x.npy", CALIBRATED);
    const source = join(assetsDirectory!, path);
    json("compile", source, "--calibrate", calibration, ...options, "-o", model);
    const inputs = head("cifar10/test_x.npy", EVALUATED);
    const file = join(folder, "labels.npy");
    writeFileSync(file, npyFile("<i4", [EVALUATED], labels));
    const result = json("eval", model, "--inputs", inputs, "--labels", file, ...options);
    console.log(`${path}: float ${right.length / EVALUATED}, int8 ${result.value}`);
    expect(result.n).toBe(EVALUATED);
    expect(result.value).toBeGreaterThanOrEqual(right.length / EVALUATED - 0.01);
  });
});
