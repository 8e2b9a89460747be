// Cloudflare Workers: what the free tier allows, asserted on the real workerd; and who does not start there.
import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { assetsDirectory } from "../cases/assets.ts";
import { npyFile } from "../cases/files.ts";
import { asset } from "../cases/models.ts";
import { APPS, execute, install, PACKAGE } from "./tarball.ts";
import { type Deployment, deploy, type Served, serve } from "./workerd.ts";

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

/** Serves a deployment while `action` runs. */
async function serving<T>(
  deployment: Deployment,
  action: (worker: Served) => Promise<T>,
  inspected = false,
): Promise<T> {
  const worker = await serve(deployment, inspected);
  try {
    return await action(worker);
  } finally {
    worker.stop();
  }
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

/** Creates, runs and disposes 100 sessions a request. */
const SOAK = `import { InferenceSession } from "dyadic";
import model from "./model.dyad";
let first;
export default {
  async fetch() {
    let different = 0;
    for (let i = 0; i < 100; i++) {
      using session = await InferenceSession.create(model);
      const [{ name }] = session.inputMetadata;
      const answer = Object.values(session.runSync({ [name]: new Int8Array(490) }))[0].data.join();
      first ??= answer;
      if (answer !== first) different++;
    }
    return new Response(different);
  },
};
`;

/** What one way to deploy a classifier costs. */
interface Figures {
  readonly scriptBytes: number;
  readonly gzipBytes: number;
  readonly cpuMs: number;
  readonly readyMs: number;
  readonly answerMs: number;
  readonly engineBytes: number;
  readonly isolateBytes: number;
  readonly answers: readonly string[];
}

const zeros = new Int8Array(490);

/** Serves a deployment twice: once for times, once with an inspector for memory. */
async function measure(deployment: Deployment): Promise<Figures> {
  const began = performance.now();
  const answers: string[] = [];
  const times = await serving(deployment, async (worker) => {
    const ready = performance.now();
    answers.push(await post(worker, zeros));
    const answered = performance.now();
    for (let i = 0; i < 50; i++) await post(worker, zeros);
    const before = worker.cpuMs;
    for (let i = 0; i < REQUESTS; i++)
      answers.push(
        await post(
          worker,
          zeros.map(() => i % 100),
        ),
      );
    const cpuMs = (worker.cpuMs - before) / REQUESTS;
    return { cpuMs, readyMs: ready - began, answerMs: answered - ready };
  });
  const memory = await serving(
    deployment,
    async (worker) => {
      const { memoryBytes } = (await (await fetch(worker.url)).json()) as { memoryBytes: number };
      for (let i = 0; i < REQUESTS; i++) await post(worker, zeros);
      return { engineBytes: memoryBytes, isolateBytes: memoryBytes + (await worker.heapBytes()) };
    },
    true,
  );
  return { ...deployment, ...times, ...memory, answers };
}

/** The rows of docs/cloudflare-workers.md. */
function table(measured: readonly Figures[]): string {
  const row = (name: string, of: (figures: Figures) => string, limit: string) =>
    [name, ...measured.map(of), limit].map((cell, i) => cell.padEnd(i === 0 ? 24 : 20)).join(" | ");
  return [
    row("script with the model", (f) => `${(f.gzipBytes / 1024).toFixed(0)} KB gzipped`, "3 MB"),
    row("CPU a request, with HTTP", (f) => `${f.cpuMs.toFixed(2)} ms`, "10 ms"),
    row("first answer, cold", (f) => `${f.answerMs.toFixed(0)} ms`, "1 s of start"),
    row("with the process's start", (f) => `${(f.readyMs + f.answerMs).toFixed(0)} ms`, ""),
    row("isolate memory", (f) => `${(f.isolateBytes / 2 ** 20).toFixed(2)} MB`, "128 MB"),
    row("engine memory in it", (f) => `${f.engineBytes / 1024} KB`, ""),
  ].join("\n");
}

describe("keyword spotting on the free tier", { skip: noAssets }, () => {
  const measured: Figures[] = [];
  for (const [name, file, options, imports] of [
    ["kws-data", "model.dyad", [], `import { InferenceSession } from "dyadic";`],
    [
      "kws-wasm",
      "model.wasm",
      ["--target", "wasm-relaxed"],
      `import { InferenceSession } from "dyadic/core";`,
    ],
  ] as const) {
    test(name, async () => {
      keywordSpotting(name, file, ...options);
      const source = CLASSIFIER(`${imports}\nimport model from "./${file}";`, "model");
      const figures = await measure(deploy(name, { "worker.js": source }));
      measured.push(figures);
      assert.ok(figures.cpuMs < FREE.cpuMs);
      assert.ok(figures.gzipBytes < FREE.gzipBytes / 10, "a tenth of the limit is plenty");
      assert.ok(figures.engineBytes <= 64 * 1024);
      assert.ok(figures.isolateBytes < FREE.isolateBytes / 10);
      assert.ok(figures.answerMs < FREE.startUpMs);
    });
  }

  test("both give the same answers", () => {
    console.log(
      `${" ".repeat(24)} | model as data        | engine and model     | free tier\n${table(measured)}`,
    );
    assert.deepEqual(measured[0]?.answers, measured[1]?.answers);
    assert.ok(new Set(measured[0]?.answers).size > 10, "the answers differ from request to request");
  });

  test("1,000 requests at once, each with its own answer", () =>
    serving({ folder: join(APPS, "kws-data/out"), scriptBytes: 0, gzipBytes: 0 }, async (worker) => {
      const codes = Array.from({ length: 1000 }, (_, i) => zeros.map(() => i % 100));
      const answers = await Promise.all(codes.map((own) => post(worker, own)));
      answers.forEach((answer, i) => void assert.equal(answer, measured[0]?.answers[1 + (i % 100)]));
    }));
});

test("10,000 sessions created, run and disposed in workerd: every answer right, memory flat", {
  skip: noAssets,
}, () => {
  keywordSpotting("soak", "model.dyad");
  return serving(
    deploy("soak", { "worker.js": SOAK }),
    async (worker) => {
      const mebibytes: number[] = [];
      for (let i = 1; i <= 100; i++) {
        assert.equal(await (await fetch(worker.url)).text(), "0");
        if (i % 10 === 0) mebibytes.push((await worker.heapBytes()) / 2 ** 20);
      }
      console.log(`MiB every 1,000 sessions: ${mebibytes.map((value) => value.toFixed(1)).join(" ")}`);
      assert.ok(Math.max(...mebibytes) < 32); // garbage comes and goes; kept WebAssembly memories would have thrown
    },
    true,
  );
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
    await serving(deploy("ort-web", { "worker.js": app }), async (worker) => {
      const response = await fetch(worker.url);
      const text = await response.text();
      console.log(`onnxruntime-web: status ${response.status}: ${text}`);
      assert.equal(response.status, 500);
      assert.match(text, /no available backend found.*Wasm code generation disallowed by embedder/);
    });
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
    await serving(deploy("ort-dyadic", { "worker.js": ORT_APP("dyadic/ort") }), async (worker) => {
      const { dims, data } = (await (await fetch(worker.url)).json()) as { dims: number[]; data: number[] };
      console.log(`dyadic/ort: [${dims}] ${data.map((value) => value.toFixed(2)).join(" ")}`);
      assert.deepEqual(dims, [1, 10]);
      assert.ok(data.every(Number.isFinite));
      writeFileSync(join(place, "reference.mjs"), REFERENCE);
      assert.deepEqual(data, JSON.parse(execute(process.execPath, ["reference.mjs"], place)));
    });
  });
});
