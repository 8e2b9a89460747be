// In any Node: run-compile.mjs compiles digits.onnx at 4 bits by every method, on one and on two threads, and prints the
// SHA-256 of every model file. The compiler is the package's own, from dist.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Policy } from "../../src/precision/policy.ts";
import { ROUNDINGS } from "../../src/precision/schema.ts";
import { Random } from "../cases/random.ts";

const ROOT = "../../../";
const load = (path: string) => import(new URL(`${ROOT}dist/src/${path}`, import.meta.url).href);
const { compile }: typeof import("../../src/compile.ts") = await load("compile.js");
const { calibrate }: typeof import("../../src/calibrate/node.ts") = await load("calibrate/node.js");
const { onThreads }: typeof import("../../src/quantize/node.ts") = await load("quantize/node.js");
const { calibratorModule }: typeof import("../../src/float/node.ts") = await load("float/node.js");

const random = new Random(28);
const samples = Array.from({ length: 24 }, () => [
  Float32Array.from({ length: 784 }, () => (random.chance(0.7) ? 0 : random.integer(1, 255) / 255)),
]);
const bytes = new Uint8Array(readFileSync(new URL(`${ROOT}models/digits/digits.onnx`, import.meta.url)));

const defaults = { weightBits: 4, activationBits: 4 } as const;
const POLICIES: readonly (readonly [string, Policy])[] = [
  ...ROUNDINGS.map((rounding) => [rounding, { version: 1, defaults: { weightBits: 4, rounding } }] as const),
  ["one scale", { version: 1, defaults: { weightBits: 4, granularity: "tensor" } }],
  ["W4A4", { version: 1, defaults }],
  ["ternary", { version: 1, defaults: { weightBits: "ternary" }, equalisation: true }],
  ["reconstructed", { version: 1, defaults: { weightBits: 2 }, reconstruction: true }],
];

const hashes: Record<string, string> = {};
for (const [name, policy] of POLICIES) {
  for (const threads of [1, 2]) {
    const { model } = await compile(bytes, {
      file: "digits.onnx",
      samples,
      policy,
      pixels: { scale: 255 },
      calibrator: {
        module: calibratorModule,
        calibrate: (graph, set, progress) => calibrate(graph, set, { ...progress, threads }),
        shards: onThreads(threads),
      },
    });
    hashes[`${name}, ${threads} threads`] = createHash("sha256").update(model).digest("hex");
  }
}
console.log(JSON.stringify(hashes));
