// Real apps over the packed tarball: every bundler, every runtime, every entry gives the same answer.
import assert from "node:assert/strict";
import { copyFileSync, cpSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { build as esbuild } from "esbuild";
import { build as vite } from "vite";
import webpack from "webpack";
import { calibrationNpy } from "../../models/digits/samples.ts";
import { assetsDirectory } from "../cases/assets.ts";
import { Browsers } from "./browser.ts";
import { APPS, app, BUN, DENO, execute, install, NODE_20, PACKAGE, ROOT } from "./tarball.ts";

const TFLITE = "mlperf_tiny/models/kws_ref_model.tflite";
const MODEL = join(ROOT, "models/digits/digits.dyad");

/** Runs the digit model on a fixed pattern; what it prints must be the same everywhere. */
const CLASSIFY = `
export async function classify(InferenceSession, source, options) {
  const session = await InferenceSession.create(source, options);
  const image = Uint8Array.from({ length: 784 }, (_, i) => (i * 7) % 256);
  const { probabilities } = await session.run({ image });
  return [...probabilities.data].join(",");
}
`;
const PAGE = `<!doctype html><html lang="en"><title>wait</title><script type="module" src="/app.js"></script></html>`;

const page = (imports: string, options = "undefined") => `
${imports}
import { classify } from "./classify.js";
classify(InferenceSession, new URL("/digits.dyad", location.href), ${options}).then(
  (answer) => { document.title = "done " + answer; },
  (error) => { document.title = "error " + error; },
);
`;

let expected = "";
let browsers: Browsers;
after(() => browsers.close());
before(async () => {
  install();
  browsers = await Browsers.open();
  if (assetsDirectory !== null) copyFileSync(join(assetsDirectory, TFLITE), join(APPS, "model.tflite"));
  copyFileSync(MODEL, join(APPS, "digits.dyad"));
  copyFileSync(join(ROOT, "models/digits/digits.onnx"), join(APPS, "digits.onnx"));
  writeFileSync(join(APPS, "samples.npy"), calibrationNpy());
  app(".", { "classify.js": CLASSIFY });
  app(".", {
    "run.mjs": `import { InferenceSession } from "dyadic";
import { readFileSync } from "node:fs";
import { classify } from "./classify.js";
console.log(await classify(InferenceSession, new Uint8Array(readFileSync("digits.dyad"))));
`,
  });
  expected = execute(process.execPath, ["run.mjs"], APPS).trim();
  assert.match(expected, /^-?\d+(,-?\d+){9}$/);
});

async function expectPage(folder: string): Promise<void> {
  copyFileSync(MODEL, join(folder, "digits.dyad"));
  const answer = `done ${expected}`;
  assert.deepEqual(await browsers.titles(folder), { chromium: answer, firefox: answer });
}

describe("bundlers, in Chromium and Firefox under default-src 'self'; script-src 'self' 'wasm-unsafe-eval'", () => {
  const source = page(`import { InferenceSession } from "dyadic";`);

  test("Vite", async () => {
    const root = app("vite", { "app.js": source, "classify.js": CLASSIFY, "index.html": PAGE });
    await vite({ root, logLevel: "error", configFile: false });
    await expectPage(join(root, "dist"));
  });

  test("webpack", async () => {
    const root = app("webpack", { "app.js": source, "classify.js": CLASSIFY, "dist/index.html": PAGE });
    await new Promise<void>((resolve, reject) => {
      webpack(
        {
          mode: "production",
          context: root,
          entry: "./app.js",
          output: { path: join(root, "dist"), filename: "app.js" },
        },
        (error, stats) =>
          error || stats?.hasErrors() ? reject(error ?? new Error(stats?.toString())) : resolve(),
      );
    });
    await expectPage(join(root, "dist"));
  });

  test("esbuild, the engines inline", async () => {
    const inline = page(`import { InferenceSession } from "dyadic/inline";`);
    const root = app("esbuild-inline", {
      "app.js": inline,
      "classify.js": CLASSIFY,
      "dist/index.html": PAGE,
    });
    await bundle(root, {});
    assert.deepEqual(readdirSync(join(root, "dist")).sort(), ["app.js", "index.html"]);
    await expectPage(join(root, "dist"));
  });

  test("esbuild, the engine as a file of its own", async () => {
    const imports = `import { InferenceSession } from "dyadic/core";
import engine from "dyadic/engine.wasm";
import { fetched } from "./fetched.js";`;
    const text = page(imports, "{ module: await WebAssembly.compileStreaming(fetch(engine)) }").replace(
      'new URL("/digits.dyad", location.href)',
      "await fetched()",
    );
    const fetched = `export const fetched = async () => (await fetch("/digits.dyad")).arrayBuffer();`;
    const root = app("esbuild-file", {
      "app.js": text,
      "fetched.js": fetched,
      "classify.js": CLASSIFY,
      "dist/index.html": PAGE,
    });
    await bundle(root, { ".wasm": "file" });
    await expectPage(join(root, "dist"));
  });

  test("no bundler: the package's own files and an import map", async () => {
    const root = app("plain", {
      "app.js": source.replace('"dyadic"', '"./dyadic/dist/src/runtime/browser.js"'),
    });
    app("plain", { "classify.js": CLASSIFY, "index.html": PAGE });
    mkdirSync(join(root, "dyadic"), { recursive: true });
    cpSync(join(APPS, "node_modules/dyadic/dist"), join(root, "dyadic/dist"), { recursive: true });
    await expectPage(root);
  });
});

/** Every kind of picture, wider than the input: the middle of each must give the same answer. */
const PICTURES = `
import { InferenceSession } from "dyadic/inline";
async function compare() {
  const session = await InferenceSession.create(new URL("/digits.dyad", location.href));
  const canvas = new OffscreenCanvas(112, 56);
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(50, 8, 12, 40);
  const element = Object.assign(document.createElement("canvas"), { width: 112, height: 56 });
  element.getContext("2d").drawImage(canvas, 0, 0);
  const pixels = context.getImageData(0, 0, 112, 56);
  const [bitmap, frame] = [await createImageBitmap(canvas), new VideoFrame(canvas, { timestamp: 0 })];
  const answers = [canvas, element, pixels, bitmap, frame].map((image) => session.runSync({ image }).probabilities.data);
  frame.close();
  const far = answers.map((codes) => Math.max(...codes.map((code, i) => Math.abs(code - answers[0][i]))));
  return far.every((distance) => distance <= 2) && answers[0][1] > 100 ? "same" : JSON.stringify(answers.map(String));
}
compare().then((answer) => { document.title = "done " + answer; }, (error) => { document.title = "error " + error; });
`;

test("ImageData, ImageBitmap, VideoFrame and canvases are inputs, in Chromium and Firefox", async () => {
  const root = app("pictures", { "app.js": PICTURES, "dist/index.html": PAGE });
  await bundle(root, {});
  copyFileSync(MODEL, join(root, "dist/digits.dyad"));
  assert.deepEqual(await browsers.titles(join(root, "dist")), {
    chromium: "done same",
    firefox: "done same",
  });
});

async function bundle(root: string, loader: Record<string, "file">): Promise<void> {
  await esbuild({
    entryPoints: [join(root, "app.js")],
    outdir: join(root, "dist"),
    bundle: true,
    minify: true,
    format: "esm",
    loader,
    logLevel: "silent",
  });
}

describe("runtimes", () => {
  const strict = "--disallow-code-generation-from-strings";
  for (const [name, program, args] of [
    ["Node 20", NODE_20, [strict]],
    ["Node 24", process.execPath, [strict]],
    ["Deno", DENO, ["run", "-A", "--no-lock"]],
    ["Bun", BUN, ["run"]],
  ] as const) {
    test(`${name} runs the installed package`, () => {
      assert.equal(execute(program, [...args, "run.mjs"], APPS).trim(), expected);
    });

    test(`${name} imports every entry, and compiles a model`, () => {
      app(".", { "entries.mjs": ENTRIES });
      assert.equal(execute(program, [...args, "entries.mjs"], APPS).trim(), "done");
    });
  }
});

/** Every JavaScript entry; the compiler makes again what the command line made. */
const ENTRIES = `
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { InferenceSession } from "dyadic";
import * as core from "dyadic/core";
import * as inline from "dyadic/inline";
import * as ort from "dyadic/ort";
import * as threads from "dyadic/threads";
import { signModel, verifiedModel } from "dyadic/signed";
import { compile } from "dyadic/compiler";
import { importOnnx } from "dyadic/onnx";
import { importTflite } from "dyadic/tflite";
import { layerNames, readModel } from "dyadic/inspect";
import { pageOf, reportOf } from "dyadic/report";
import { arraySource, sampleOptions } from "dyadic/samples";

const model = new Uint8Array(readFileSync("digits.dyad"));
const session = await inline.InferenceSession.create(model);
assert.equal(layerNames(model).length, session.profile({ image: new Uint8Array(784) }).steps.length);
assert.equal(readModel(model).io.length, 2);
assert.ok(core.InferenceSession && (session instanceof core.InferenceSession));
const classifier = await ort.InferenceSession.create(model);
const { probabilities } = await classifier.run({ image: new ort.Tensor("float32", new Float32Array(784), classifier.inputMetadata[0].shape) });
assert.deepEqual(probabilities.dims, [1, 10]);
const { privateKey, publicKey } = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
await verifiedModel(model, await signModel(model, privateKey), publicKey);
await assert.rejects(threads.InferenceSession.create(model, { threads: 0 }), { code: "BAD_ARGUMENT" });
assert.throws(() => importOnnx(new Uint8Array(8)), { code: "BAD_FILE" });
assert.throws(() => importTflite(new Uint8Array(8)), { code: "BAD_FILE" });
await assert.rejects(compile(new Uint8Array(8)), { code: "BAD_FILE" });
const calibrator = await WebAssembly.compile(readFileSync(new URL(import.meta.resolve("dyadic/calibrator.wasm"))));
const source = arraySource(new Uint8Array(readFileSync("samples.npy")), { scale: 255 });
const digits = await compile(new Uint8Array(readFileSync("digits.onnx")), {
  file: "digits.onnx",
  labels: [..."0123456789"],
  calibrator,
  ...sampleOptions(source, { scale: 255 }),
});
assert.deepEqual(digits.model, model);
assert.match(pageOf(reportOf(digits.model, "digits.dyad", { count: 0 })), /The arena over time/);
if (existsSync("model.tflite")) {
  const bytes = new Uint8Array(readFileSync("model.tflite"));
  const compiled = await compile(bytes, { file: "model.tflite" });
  execFileSync("npx", ["dyadic", "compile", "model.tflite", "-o", "model.dyad"]);
  assert.deepEqual(Buffer.from(compiled.model), readFileSync("model.dyad"));
  await InferenceSession.create(compiled.model);
}
console.log("done");
`;

const TYPED_OPTIONS = {
  compilerOptions: {
    strict: true,
    noEmit: true,
    target: "ES2022",
    lib: ["ES2023", "DOM", "ESNext.Disposable"],
    module: "ESNext",
    moduleResolution: "bundler",
    types: [],
  },
};

const TYPED = `
import { InferenceSession, type Feeds, type Profile, type Tensor } from "dyadic";
import { InferenceSession as Core } from "dyadic/core";
import { compile, type CompileOptions, spending } from "dyadic/compiler";
import engine from "dyadic/engine.wasm";
import { layerNames } from "dyadic/inspect";
import * as ort from "dyadic/ort";
import { bodyOf, reportOf } from "dyadic/report";
import { arraySource, sampleOptions } from "dyadic/samples";
import { verifiedModel } from "dyadic/signed";
import { InferenceSession as Threaded } from "dyadic/threads";

export async function main(feeds: Feeds, bytes: Uint8Array, options: CompileOptions): Promise<Tensor[]> {
  using session = await InferenceSession.create("model.dyad", { signal: AbortSignal.timeout(10) });
  const profile: Profile = session.profile(feeds);
  JSON.stringify(profile.chromeTrace(layerNames(bytes)));
  const other = await Core.create(await verifiedModel(bytes, bytes, bytes), { module: engine });
  using threaded: Core = await Threaded.create(bytes, { threads: 2 });
  threaded.runSync(feeds);
  const classifier: ort.InferenceSession = await ort.InferenceSession.create(bytes);
  const input: ort.Tensor = new ort.Tensor("float32", [1, 2], [1, 2]);
  await classifier.run({ input });
  await other.run(feeds, { signal: AbortSignal.timeout(1) });
  const samples = sampleOptions(arraySource(bytes, {}), {});
  const { model } = await compile(bytes, { ...options, ...samples, allocation: spending({ flash: 1 }) });
  bodyOf(reportOf(model, "model.dyad", { count: 0 })) satisfies string;
  return Object.values(session.runSync(feeds));
}
`;

describe("the package itself", () => {
  test("publint has nothing to say", () => {
    const text = execute("node_modules/.bin/publint", ["--strict", join(APPS, "node_modules/dyadic")]);
    assert.match(text, /All good!/);
  });

  test("a strict TypeScript app compiles against every entry", () => {
    const root = app("typescript", { "app.ts": TYPED, "tsconfig.json": JSON.stringify(TYPED_OPTIONS) });
    execute(join(ROOT, "node_modules/.bin/tsc"), ["-p", root]);
  });

  test("are the types wrong? No.", () => {
    execute("node_modules/.bin/attw", ["--profile", "esm-only", join(PACKAGE, "build/dyadic.tgz")]); // else exit code 1
  });
});
