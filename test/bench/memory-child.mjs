// A process with one runtime and one model in it, and nothing of the benchmark: what it takes at its peak. Plain
// JavaScript, because stripping types takes memory too.
import { readFileSync } from "node:fs";
import { noteMemories } from "./memories.mjs";

const [runtime, model, input, bundle, engine] = process.argv.slice(2);
const RUNS = 3;

const RUNTIMES = {
  blank: async () => {},
  async dyadic() {
    const { InferenceSession } = await import(bundle);
    const module = await WebAssembly.compile(readFileSync(engine));
    const session = await InferenceSession.create(readFileSync(model), { module });
    const feeds = { [session.inputMetadata[0].name]: new Int8Array(readFileSync(input)) };
    if (session.inputMetadata[0].type === "uint8") {
      feeds[session.inputMetadata[0].name] = Uint8Array.from(readFileSync(input), (code) => code ^ 128);
    }
    for (let i = 0; i < RUNS; i++) session.runSync(feeds);
  },
  "onnxruntime-web": () => onnxRuntime("onnxruntime-web", ["wasm"]),
  "onnxruntime-node": () => onnxRuntime("onnxruntime-node", ["cpu"]),
};

async function onnxRuntime(name, executionProviders) {
  const ort = await import(name);
  ort.env.logLevel = "error";
  if (ort.env.wasm) ort.env.wasm.numThreads = 1;
  const options = { executionProviders, intraOpNumThreads: 1, interOpNumThreads: 1 };
  const session = await ort.InferenceSession.create(readFileSync(model), options);
  const { shape } = session.inputMetadata[0];
  const feed = new ort.Tensor(
    "uint8",
    Uint8Array.from(readFileSync(input), (code) => code ^ 128),
    shape,
  );
  for (let i = 0; i < RUNS; i++) await session.run({ [session.inputNames[0]]: feed });
}

noteMemories();
await RUNTIMES[runtime]();
const peakRssBytes = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify({ peakRssBytes, wasmMemoryBytes: globalThis.wasmMemoryBytes() }));
