// A process with one runtime and one model in it, and nothing of the benchmark: what it takes at its peak. Plain
// JavaScript, because stripping types takes memory too.
import { existsSync, readFileSync } from "node:fs";
import { noteMemories } from "./memories.mjs";

const [runtime, model, input, bundle, engine] = process.argv.slice(2);
const RUNS = 3;
let began = 0;
let startMs = 0;

/** The first run ends a start that began with the runtime's code imported, and everything else still bytes. */
async function runs(run) {
  for (let i = 0; i < RUNS; i++) {
    await run();
    startMs ||= performance.now() - began;
  }
}

const RUNTIMES = {
  blank: async () => {},
  async dyadic() {
    const { InferenceSession } = await import(bundle);
    const files = [engine, model].map((path) => readFileSync(path));
    began = performance.now();
    const module = await WebAssembly.compile(files[0]);
    const session = await InferenceSession.create(files[1], { module });
    const feeds = { [session.inputMetadata[0].name]: new Int8Array(readFileSync(input)) };
    if (session.inputMetadata[0].type === "uint8") {
      feeds[session.inputMetadata[0].name] = Uint8Array.from(readFileSync(input), (code) => code ^ 128);
    }
    await runs(() => session.runSync(feeds));
  },
  "onnxruntime-web": () => onnxRuntime("onnxruntime-web", ["wasm"]),
  "onnxruntime-node": () => onnxRuntime("onnxruntime-node", ["cpu"]),
};

async function onnxRuntime(name, executionProviders) {
  const ort = await import(name);
  ort.env.logLevel = "error";
  if (ort.env.wasm) ort.env.wasm.numThreads = 1;
  const options = { executionProviders, intraOpNumThreads: 1, interOpNumThreads: 1 };
  const file = readFileSync(model);
  began = performance.now();
  const session = await ort.InferenceSession.create(file, options);
  const { shape } = session.inputMetadata[0];
  const feed = new ort.Tensor(
    "uint8",
    Uint8Array.from(readFileSync(input), (code) => code ^ 128),
    shape,
  );
  await runs(() => session.run({ [session.inputNames[0]]: feed }));
}

noteMemories();
await RUNTIMES[runtime]();
/** Linux counts in maxRSS what the process was before it became this one: a copy of its parent. */
function peakOfProcess() {
  const path = "/proc/self/status";
  const own = existsSync(path) && /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(path, "utf8"));
  return own ? Number(own[1]) * 1024 : process.resourceUsage().maxRSS * 1024;
}

const peakRssBytes = peakOfProcess();
console.log(JSON.stringify({ peakRssBytes, startMs, wasmMemoryBytes: globalThis.wasmMemoryBytes() }));
