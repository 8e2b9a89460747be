// Cloudflare Workers: what the free tier allows, asserted on the real workerd; and who does not start there.
import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { assetsDirectory } from "../cases/assets.ts";
import { npyFile } from "../cases/files.ts";
import { asset } from "../cases/models.ts";
import { APPS, execute, install, PACKAGE } from "./tarball.ts";
import { deploy, type Served, serve } from "./workerd.ts";

/** Limits of the free tier as Cloudflare states them. */
const FREE = { cpuMs: 10, gzipBytes: 3 * 2 ** 20, isolateBytes: 128 * 2 ** 20, startUpMs: 1000 };
const REQUESTS = 300;
const noAssets = assetsDirectory === null ? "no assets: set DYADIC_ASSETS" : false;

before(() => {
  if (!existsSync(join(APPS, "node_modules/dyadic"))) install();
});

function folder(name: string): string {
  mkdirSync(join(APPS, name), { recursive: true });
  return join(APPS, name);
}

/** Compiles keyword spotting into an app's folder. */
function keywordSpotting(name: string, file: string, ...options: string[]): void {
  const model = join(assetsDirectory!, "mlperf_tiny/models/kws_ref_model.tflite");
  execute("npx", ["dyadic", "compile", model, "-o", join(folder(name), file), ...options], APPS);
}

const CLASSIFIER = (imports: string, source: string) => `${imports}
const session = await InferenceSession.create(${source});
const [{ name }] = session.inputMetadata;
export default {
  async fetch(request) {
    if (request.method === "GET") return Response.json({ memoryBytes: session.memoryBytes });
    const outputs = await session.run({ [name]: new Int8Array(await request.arrayBuffer()) });
    return new Response(Object.values(outputs)[0].data);
  },
};
`;

async function post(worker: Served, codes: Int8Array): Promise<string> {
  const response = await fetch(worker.url, { method: "POST", body: codes as Int8Array<ArrayBuffer> });
  assert.equal(response.status, 200);
  return Array.from(new Int8Array(await response.arrayBuffer())).join();
}

describe("keyword spotting on the free tier", { skip: noAssets }, () => {
  const answers = new Set<string>();
  for (const [name, file, options, imports, source] of [
    [
      "kws-data",
      "model.dyad",
      [],
      `import { InferenceSession } from "dyadic";\nimport model from "./model.dyad";`,
      "model",
    ],
    [
      "kws-wasm",
      "model.wasm",
      ["--target", "wasm-relaxed"],
      `import { InferenceSession } from "dyadic/core";\nimport model from "./model.wasm";`,
      "model",
    ],
  ] as const) {
    test(name, async () => {
      keywordSpotting(name, file, ...options);
      const deployment = deploy(name, { "worker.js": CLASSIFIER(imports, source) });
      const began = performance.now();
      const worker = await serve(deployment);
      try {
        const listening = performance.now();
        answers.add(await post(worker, new Int8Array(490)));
        const firstAnswer = performance.now();
        const { memoryBytes } = (await (await fetch(worker.url)).json()) as { memoryBytes: number };
        for (let i = 0; i < 50; i++) await post(worker, new Int8Array(490));
        const before = worker.cpuMs;
        for (let i = 0; i < REQUESTS; i++) await post(worker, new Int8Array(490).fill(i % 100));
        const cpu = (worker.cpuMs - before) / REQUESTS;
        const isolate = memoryBytes + deployment.scriptBytes; // what is loaded, and the modules it came from
        console.log(
          `${name}: script ${deployment.scriptBytes} bytes, ${deployment.gzipBytes} gzipped; engine memory ${memoryBytes}; ` +
            `process ready ${(listening - began).toFixed(0)} ms, first answer ${(firstAnswer - listening).toFixed(1)} ms; ` +
            `CPU ${cpu.toFixed(2)} ms a request, HTTP included; resident ${(worker.residentBytes / 2 ** 20).toFixed(0)} MiB`,
        );
        assert.ok(cpu < FREE.cpuMs);
        assert.ok(deployment.gzipBytes < FREE.gzipBytes / 10, "a tenth of the limit is plenty");
        assert.ok(isolate < FREE.isolateBytes / 100);
        assert.ok(firstAnswer - listening < FREE.startUpMs);
      } finally {
        worker.stop();
      }
    });
  }

  test("both give one answer", () => {
    assert.equal(answers.size, 1);
  });
});

/** One app; only the first line says on which runtime it runs. */
const ORT_APP = (runtime: string) => `import * as ort from "${runtime}";
import model from "./model.bin";
import wasm from "./ort-wasm.bin";
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmBinary = wasm;
export default {
  async fetch() {
    try {
      const session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
      const shape = [1, 3, 32, 32];
      const input = new ort.Tensor("float32", new Float32Array(3 * 32 * 32).fill(0.5), shape);
      const results = await session.run({ [session.inputNames[0]]: input });
      const { dims, data } = results[session.outputNames[0]];
      return Response.json({ dims, data: [...data] });
    } catch (error) {
      return new Response(String(error), { status: 500 });
    }
  },
};
`;

/** The same in Node. */
const REFERENCE = `import { readFileSync } from "node:fs";
import * as ort from "dyadic/ort";
const session = await ort.InferenceSession.create(readFileSync("model.bin"));
const input = new ort.Tensor("float32", new Float32Array(3 * 32 * 32).fill(0.5), [1, 3, 32, 32]);
const results = await session.run({ [session.inputNames[0]]: input });
console.log(JSON.stringify([...results[session.outputNames[0]].data]));
`;

describe("an app of onnxruntime-web in workerd", { skip: noAssets }, () => {
  const model = () => join(assetsDirectory!, "onnx/resnet20_cifar10.onnx");

  test("does not start on onnxruntime-web", async () => {
    const place = folder("ort-web");
    copyFileSync(model(), join(place, "model.bin"));
    const runtime = join(PACKAGE, "node_modules/onnxruntime-web/dist");
    copyFileSync(join(runtime, "ort-wasm-simd-threaded.wasm"), join(place, "ort-wasm.bin"));
    const app = ORT_APP(join(runtime, "ort.wasm.bundle.min.mjs"));
    const worker = await serve(deploy("ort-web", { "worker.js": app })).catch((error: Error) => error);
    if (worker instanceof Error) {
      console.log(`onnxruntime-web: ${worker.message}`);
      return;
    }
    try {
      const response = await fetch(worker.url);
      const text = await response.text();
      console.log(`onnxruntime-web: status ${response.status}: ${text}`);
      assert.equal(response.status, 500);
      assert.match(text, /no available backend found/);
    } finally {
      worker.stop();
    }
  });

  test("runs on dyadic/ort with one import changed", async () => {
    const place = folder("ort-dyadic");
    writeFileSync(join(place, "ort-wasm.bin"), "");
    // The app prepares its own numbers, in planes: so it calibrates with such.
    const samples = join(place, "samples.npy");
    const pixels = asset("cifar10/train_x.npy").data as Uint8Array;
    const prepared = Float32Array.from({ length: 32 * 3072 }, (_, i) => {
      const [image, plane, pixel] = [Math.floor(i / 3072), Math.floor((i % 3072) / 1024), i % 1024];
      return (pixels[3072 * image + 3 * pixel + plane]! / 255 - 0.45) / 0.225;
    });
    writeFileSync(samples, npyFile("<f4", [32, 3, 32, 32], prepared));
    const options = ["--calibrate", samples, "-o", join(place, "model.bin")];
    execute("npx", ["dyadic", "compile", model(), ...options], APPS);
    const worker = await serve(deploy("ort-dyadic", { "worker.js": ORT_APP("dyadic/ort") }));
    try {
      const { dims, data } = (await (await fetch(worker.url)).json()) as { dims: number[]; data: number[] };
      console.log(`dyadic/ort: [${dims}] ${data.map((value) => value.toFixed(2)).join(" ")}`);
      assert.deepEqual(dims, [1, 10]);
      assert.ok(data.every(Number.isFinite));
      writeFileSync(join(place, "reference.mjs"), REFERENCE);
      assert.deepEqual(data, JSON.parse(execute(process.execPath, ["reference.mjs"], place)));
    } finally {
      worker.stop();
    }
  });
});
