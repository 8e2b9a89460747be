// What fewer bits save: flash of weights with their scales and biases, RAM of activations. Sizes depend on no sample.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { type Compiled, compile } from "../../src/compile.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { readPlan } from "../../src/model/plan-reader.ts";
import { readModel } from "../../src/model/reader.ts";
import { extentBytes } from "../../src/plan/layout.ts";
import { type Policy, presetPolicy } from "../../src/precision/policy.ts";
import { assetsDirectory } from "../cases/assets.ts";

const DIGITS = fileURLToPath(new URL("../../models/digits/digits.onnx", import.meta.url));
const ASSETS = assetsDirectory ?? "";
/** What the presets leave at 8 bits: the first and the last layer. In some networks most weights are there. */
const NETWORKS = [
  { name: "digits", path: DIGITS, mostlyBorder: true, scratchy: true },
  { name: "resnet20", path: `${ASSETS}/onnx/resnet20_cifar10.onnx` },
  { name: "ResNet-8", path: `${ASSETS}/mlperf_tiny/models/pretrainedResnet.tflite` },
  { name: "MobileNetV2", path: `${ASSETS}/onnx/mobilenet_v2_1.0_224_float.onnx`, mostlyBorder: true },
];
const present = NETWORKS.filter(({ path }) => existsSync(path));
if (present.length < NETWORKS.length) console.log("skipped: networks of the assets, which are not here");

function sized(path: string, policy: Policy): Promise<Compiled> {
  const calibration = (graph: Graph) => new Map(graph.tensors.map((_, i) => [i, { min: -1, max: 1 }]));
  return compile(new Uint8Array(readFileSync(path)), { file: path, policy, calibration, draft: true });
}

const weightBytes = ({ model }: Compiled) => readPlan(readModel(model)).weightBytes;

describe.each(present)("$name", ({ name, path, mostlyBorder, scratchy }) => {
  test("weights of 4 bits take at most 0.56 of the weight section of 8, scales and biases counted", async () => {
    const half: Policy = mostlyBorder ? { version: 1, defaults: { weightBits: 4 } } : presetPolicy("4");
    const [from, to] = [await sized(path, presetPolicy("8")), await sized(path, half)].map(weightBytes);
    console.log(`${name}: weight section ${(to! / from!).toFixed(3)} of ${from} bytes`);
    expect(to! / from!).toBeLessThanOrEqual(0.56);
  }, 300_000);

  test("activations of 4 bits take at most 0.51 of their bytes, the arena 0.56 where tensors are its peak", async () => {
    const policy = presetPolicy("4");
    const narrow = { ...policy, defaults: { ...policy.defaults, activationBits: 4 as const } };
    const [bytes, packed] = [await sized(path, policy), await sized(path, narrow)];
    const shares = packed.integer.tensors.flatMap(({ name, shape, bits }, i) => {
      if (bits === undefined) return [];
      const [from, to] = [bytes, packed].map(({ layout }) => extentBytes(shape, layout.placements[i]!));
      return [{ name, share: to! / from! }];
    });
    const arena = packed.layout.peakBytes / bytes.layout.peakBytes;
    const wide = packed.adjusted.map(({ tensor }) => tensor);
    console.log(
      `${name}: ${shares.length} packed, arena ${arena.toFixed(3)}; at 8: ${wide.join(", ") || "none"}`,
    );
    expect(shares.filter(({ share }) => share > 0.51)).toEqual([]);
    const borders = packed.integer.inputs.length + packed.integer.outputs.length;
    expect(shares.length).toBeGreaterThanOrEqual(packed.integer.tensors.length - borders - wide.length - 1);
    // Of the smallest network the peak is scratch, of resnet20 what a slice reads in bytes.
    if (!scratchy) expect(arena).toBeLessThanOrEqual(wide.length === 0 ? 0.56 : 0.7);
  }, 300_000);
});
